"""A worker whose models are read from the slots and answer at once: where what is tried is what goes on around it."""

import time
from types import SimpleNamespace

from tapetum.errors import Unsuitable
from tapetum.inference.contract import ModelSpec
from tapetum.inference.probes import Trial

BAD_AT_PROBES, BAD_ON_TRIAL = "bad-at-probes@1", "bad-on-trial@1"


class QuickCandidate:
    held = None
    trial = Trial("cpu", 1, 5.0)

    def __init__(self, spec: ModelSpec) -> None:
        self.spec = spec


class QuickWorker:
    """As `inference.client.Worker`: what an installing asks of it."""

    def __init__(self, spec: ModelSpec | None) -> None:
        self.model = spec.name if spec else ""
        self.since_s = time.monotonic()

    def prepare(self, spec: ModelSpec) -> QuickCandidate:
        if spec.name == BAD_AT_PROBES:
            raise Unsuitable("probe 1 of 1 on cpu: person of 0.92 is expected, and not found: nothing is")
        return QuickCandidate(spec)

    def promote(self, candidate: QuickCandidate | None) -> None:
        self.model, self.since_s = candidate.spec.name if candidate else "", time.monotonic()

    def discard(self, candidate: QuickCandidate) -> None:
        assert candidate.spec.name != self.model

    def show(self, _: object) -> None:
        return

    def state(self) -> SimpleNamespace:
        bad = self.model == BAD_ON_TRIAL and time.monotonic() - self.since_s > 0.05
        return SimpleNamespace(mode="cpu", median_ms=5.0, restarts=int(bad), last_error="the worker died (SIGSEGV)")
