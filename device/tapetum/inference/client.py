"""The daemon's side of inference: cameras offer crops, one batch at a time goes to the worker, answers come back.

A worker that dies, hangs or talks nonsense is replaced. A crop that did that to it twice is not offered again, and a
model that goes on doing it is left alone for a minute, in which motion alone counts.
"""

import contextlib
import hashlib
import logging
import statistics
import threading
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tapetum.errors import BundleError, ConfigError, InferenceError
from tapetum.inference import labels as label_files
from tapetum.inference.decode import Floats
from tapetum.inference.model import Answer, Crop
from tapetum.inference.process import Contract, Process
from tapetum.inference.settings import Inference
from tapetum.scene import Box, Detection
from tapetum.settings import located

_log = logging.getLogger(__name__)
_GIVE_UP = 5  # replacements in a row without one answer between them
_PAUSE_S = 60.0  # before a model given up is tried again
_TWICE = 2
_NAMELESS = ("", label_files.PLACEHOLDER)
_REMEMBERED = 256  # crops under which a worker failed


@dataclass(frozen=True, slots=True)
class InferenceState:
    """What health tells of inference. mode: "off", "cpu", or "motion-only" while the model is given up."""

    mode: str
    model: str
    asked: int
    answered: int
    refused: int
    restarts: int
    quarantined: int
    median_ms: float
    last_error: str


class Worker:
    """The supervised worker: `run` is the body of its thread, `port` a camera's way to it."""

    def __init__(self, settings: Inference) -> None:
        """Read the model and its labels, and have a worker load it.

        Raises ConfigError, naming key and file, when either cannot be used.
        """
        self._settings = settings
        self._content, self._labels = _read(settings)
        self.model = f"{Path(settings.model).stem}@0" if settings.model else ""
        self._process: Process | None = None
        self._asked_by: Port | None = None
        self._crops: list[Crop] = []
        self._work = threading.Condition()
        self._stopping = False
        self._alive = False
        self._culprits: Counter[str] = Counter()
        self._failures = 0
        self._counts: Counter[str] = Counter()
        self._ms: deque[float] = deque(maxlen=100)
        self._last_error = ""
        self._size = self._first() if settings.model else None
        self._alive = self._size is not None

    def port(self, camera: str) -> "Port":
        """Return the way for the camera called `camera` to ask."""
        return Port(self, camera)

    @property
    def input_size(self) -> tuple[int, int] | None:
        """(width, height) of the crops taken; None while motion alone counts."""
        return self._size if self._alive else None

    @property
    def pid(self) -> int | None:
        """The worker's process id."""
        return self._process.pid if self._process else None

    def state(self) -> InferenceState:
        """Return the figures for health."""
        return InferenceState(
            mode="off" if not self.model else "cpu" if self._alive else "motion-only",
            model=self.model,
            asked=self._counts["asked"],
            answered=self._counts["answered"],
            refused=self._counts["refused"],
            restarts=self._counts["restarts"],
            quarantined=sum(count >= _TWICE for count in list(self._culprits.values())),
            median_ms=round(statistics.median(self._ms), 2) if self._ms else 0.0,
            last_error=self._last_error,
        )

    def run(self, stop: threading.Event) -> None:
        """Ask the worker what is offered, until `stop` is set and `close` was called."""
        try:
            while not (stop.is_set() or self._stopping):
                with self._work:
                    self._work.wait_for(lambda: bool(self._crops) or self._stopping)
                    port, crops = self._asked_by, self._crops
                if port is not None and crops and not self._stopping:
                    self._serve(port, crops)
                self._let_go()
        finally:
            self._alive = False
            self._let_go()
            self._kill()

    def close(self) -> None:
        """Let `run` end; a question under way is broken off."""
        with self._work:
            self._stopping = True
            self._work.notify_all()
        self._kill()

    def settle(self) -> None:
        """Wait until nothing is in flight: for replays, never for a camera."""
        with self._work:
            self._work.wait_for(lambda: not self._crops or self._stopping)

    def take(self, port: "Port", crops: Sequence[Crop]) -> bool:
        """Take a batch if none is in flight, the worker lives, and no crop of it is in quarantine."""
        with self._work:
            busy = bool(self._crops) or not self._alive or self._stopping
            if busy or any(self._culprits[_fingerprint(crop)] >= _TWICE for crop in crops if self._culprits):
                self._counts["refused"] += 1
                return False
            self._asked_by, self._crops = port, list(crops)
            self._counts["asked"] += 1
            self._work.notify_all()
            return True

    def _let_go(self) -> None:
        """Nothing is in flight any more."""
        with self._work:
            self._crops = []
            self._work.notify_all()

    def _serve(self, port: "Port", crops: list[Crop]) -> None:
        if self._process is None:
            return
        try:
            found, taken_ms = self._process.ask(crops)
        except InferenceError as error:
            self._blame(crops)
            self._replace(str(error))
            return
        self._failures = 0
        self._counts["answered"] += 1
        self._ms.append(taken_ms)
        port.deliver([self._answer(crop, rows) for crop, rows in zip(crops, found, strict=True)])

    def _blame(self, crops: list[Crop]) -> None:
        with self._work:
            self._culprits.update({_fingerprint(crop) for crop in crops})
            while len(self._culprits) > _REMEMBERED:
                del self._culprits[next(iter(self._culprits))]

    def _answer(self, crop: Crop, rows: Floats) -> Answer:
        """Return the rows as detections in fractions of the frame; classes that have no label are left out."""
        known = self._labels
        named = [row for row in rows.tolist() if row[0] < len(known) and known[int(row[0])] not in _NAMELESS]
        found = (Detection(known[int(row[0])], row[1], _within(crop.box, row[2:])) for row in named)
        return Answer(crop.track, crop.box, tuple(found), self.model)

    def _replace(self, reason: str) -> None:
        """Put a new worker in the place of one that failed; after too many failures, rest first."""
        while not self._stopping:
            self._last_error = reason
            self._counts["restarts"] += 1
            self._failures += 1
            _log.warning("inference worker replaced: %s", reason)
            self._kill()
            if self._failures >= _GIVE_UP:
                self._rest()
            try:
                self._begin()
            except (InferenceError, BundleError) as error:
                reason = str(error)
                continue
            self._alive = True
            return

    def _rest(self) -> None:
        """Leave the model alone for a while, in which motion alone counts."""
        _log.error("model %s failed %d times in a row: motion alone for %g s", self.model, _GIVE_UP, _PAUSE_S)
        self._alive = False
        self._let_go()
        with self._work:
            self._work.wait_for(lambda: self._stopping, _PAUSE_S)
        self._failures = 0

    def _begin(self) -> Contract:
        """Start a worker and let it load the model; from its first moment on, `close` ends it."""
        self._process = process = Process(self._settings)
        if self._stopping:
            process.kill()
        return process.load(self._content)

    def _first(self) -> tuple[int, int]:
        """Have the first worker load the model; return the size of the crops it takes."""
        settings = self._settings
        with contextlib.ExitStack() as undo:
            undo.callback(self._kill)
            try:
                contract = self._begin()
            except (BundleError, InferenceError) as error:
                raise ConfigError(f"inference.model: {settings.model}: {error}") from None
            try:
                label_files.check_count(self._labels, contract.classes, settings.model)
            except BundleError as error:
                raise ConfigError(": ".join(filter(None, ("inference.labels", settings.labels, str(error))))) from None
            undo.pop_all()
        return contract.input_size

    def _kill(self) -> None:
        if self._process:
            self._process.kill()


class Port:
    """One camera's way to the worker; see `inference.model.Model`."""

    def __init__(self, worker: Worker, camera: str) -> None:
        self._worker = worker
        self.camera = camera
        self._answers: deque[Answer] = deque()

    @property
    def input_size(self) -> tuple[int, int] | None:
        """As of `Model.input_size`."""
        return self._worker.input_size

    def offer(self, crops: Sequence[Crop]) -> bool:
        """As of `Model.offer`."""
        return self._worker.take(self, crops)

    def collect(self) -> list[Answer]:
        """As of `Model.collect`."""
        return [self._answers.popleft() for _ in range(len(self._answers))]

    def deliver(self, answers: Sequence[Answer]) -> None:
        """Let `answers` be collected."""
        self._answers.extend(answers)


def _read(settings: Inference) -> tuple[bytes, tuple[str, ...]]:
    if not settings.model:
        return b"", ()
    path = located(settings.model)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"inference.model: {path}: {error.strerror}; it must name a .tflite file") from None
    return content, label_files.find(path, settings.labels)


def _fingerprint(crop: Crop) -> str:
    return hashlib.blake2b(crop.pixels.tobytes(), digest_size=16).hexdigest()


def _within(box: Box, edges: Sequence[float]) -> Box:
    """Return the box with `edges` (left, top, right, bottom) in fractions of `box` in fractions of the frame."""
    across = [box.left + edge * box.width for edge in edges[::2]]
    down = [box.top + edge * box.height for edge in edges[1::2]]
    return Box(across[0], down[0], across[1], down[1])
