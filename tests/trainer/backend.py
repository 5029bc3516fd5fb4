"""Trainings as a process of its own, under the backend that KERAS_BACKEND names: prints the loss of each step.

`python -m tests.trainer.backend FOLDER STEPS detectors`: of one as usual, and of one with the steps of int8 in its way;
`classifiers`: of one of those.
Random numbers of the same seed differ from backend to backend, so the weights that it begins with are drawn by NumPy.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tapetum_trainer.aware.network import observed, rounded
from tapetum_trainer.checkpoints import Checkpoints
from tapetum_trainer.crops.settings import Fit as ClassifierFit
from tapetum_trainer.crops.settings import Weights
from tapetum_trainer.fit import fit
from tapetum_trainer.networks.classifier import ClassifierArchitecture, classifier
from tapetum_trainer.networks.detector import detector
from tapetum_trainer.scaling import real
from tapetum_trainer.schedule import Fit, Rates, Schedule
from tests.trainer.learnable import ARCHITECTURE, CLASSES, SIDE, TINY, Feed, Lesson, picture


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


def of_detector(epochs: int) -> Fit:
    return Fit(epochs=epochs, average=0.9, rates=Rates(peak=1e-3))


def of_classifier(epochs: int) -> ClassifierFit:
    return ClassifierFit(
        epochs=epochs, average=0.9, rates=Rates(peak=1e-3), weights=Weights(classes={"a": 2.0, "b": 1.0})
    )


class OneThing(Feed):
    """The same pictures, in which now one thing counts and now the other."""

    def batches(self, epoch: int, start: int = 0) -> Iterator[Lesson]:
        for lesson in super().batches(epoch, start):
            kept = (
                replace(truth, ignored=np.arange(CLASSES) != place % CLASSES)
                for place, truth in enumerate(lesson.truths)
            )
            yield Lesson(lesson.pixels, tuple(kept))


def losses(network: Any, folder: Path, settings: Schedule, feed: type[Feed] = Feed) -> list[float]:
    """Return the loss of each step; an epoch is one, since the journal tells an epoch's mean."""
    fit(network, feed(1), settings, Checkpoints(folder))
    records = [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]
    return [record["loss"] for record in records if record["kind"] == "train"]


def of_detectors(place: Path, count: int) -> list[list[float]]:
    """Return the losses of a training as usual, and of one that rounds as int8 does."""
    plain = detector(ARCHITECTURE, CLASSES)
    begin(plain)
    networks = {"plain": plain, "aware": aware()}
    return [losses(network, place / name, of_detector(count)) for name, network in networks.items()]


def of_classifiers(place: Path, count: int) -> list[list[float]]:
    network = classifier(ClassifierArchitecture(TINY, SIDE), CLASSES)
    begin(network)
    return [losses(network, place, of_classifier(count), OneThing)]


if __name__ == "__main__":
    made = {"detectors": of_detectors, "classifiers": of_classifiers}[sys.argv[3]]
    print(json.dumps(made(Path(sys.argv[1]), int(sys.argv[2]))))
