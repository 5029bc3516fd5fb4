"""Trainings as a process of its own, under the backend that KERAS_BACKEND names: prints the loss of each step.

`python -m tests.trainer.backend FOLDER STEPS`: of a training as usual, and of one with the steps of int8 in its way.
Random numbers of the same seed differ from backend to backend, so the weights that it begins with are drawn by NumPy.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from tapetum_trainer.aware.network import observed, rounded
from tapetum_trainer.checkpoints import Checkpoints
from tapetum_trainer.fit import fit
from tapetum_trainer.networks.detector import detector
from tapetum_trainer.scaling import real
from tapetum_trainer.schedule import Fit, Rates
from tests.trainer.learnable import ARCHITECTURE, CLASSES, Feed, picture


def begin(network: Any) -> None:
    """Draw the kernels from a normal distribution (He et al., "Delving deep into rectifiers", 2015)."""
    random = np.random.default_rng(5)
    for variable in network.trainable_variables:
        if variable.path.endswith("kernel"):
            inputs = np.prod(variable.shape[:2] if "depthwise" in variable.path else variable.shape[:-1])
            variable.assign(random.normal(0, np.sqrt(2 / inputs), variable.shape).astype(np.float32))


def aware() -> Any:
    """Return a network that rounds as int8 does."""
    network = detector(ARCHITECTURE, CLASSES, norm=False)
    begin(network)
    return rounded(network, observed(network, (real(picture(seed)[0])[None] for seed in range(4))))


def losses(network: Any, folder: Path, steps: int) -> list[float]:
    """Return the loss of each step; an epoch is one, since the journal tells an epoch's mean."""
    fit(network, Feed(1), Fit(epochs=steps, average=0.9, rates=Rates(peak=1e-3)), Checkpoints(folder))
    records = [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]
    return [record["loss"] for record in records if record["kind"] == "train"]


if __name__ == "__main__":
    place, count = Path(sys.argv[1]), int(sys.argv[2])
    plain = detector(ARCHITECTURE, CLASSES)
    begin(plain)
    print(json.dumps([losses(plain, place / "plain", count), losses(aware(), place / "aware", count)]))
