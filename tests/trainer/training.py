"""A training as a process of its own, to be killed: `python -m tests.trainer.training FOLDER EPOCHS`."""

import sys
from pathlib import Path
from typing import Any

import keras

from tapetum_trainer.checkpoints import Checkpoints
from tapetum_trainer.fit import Outcome, Until, Validate, fit
from tapetum_trainer.networks.detector import detector
from tapetum_trainer.schedule import Fit, Rates
from tests.trainer.learnable import ARCHITECTURE, CLASSES, Feed


def network() -> Any:
    keras.utils.set_random_seed(3)
    return detector(ARCHITECTURE, CLASSES)


def train(
    folder: Path,
    epochs: int,
    steps: int = 6,
    validate: Validate | None = None,
    until: Until = lambda: False,
    **others: Any,
) -> tuple[Any, Outcome]:
    model = network()
    settings = Fit(epochs=epochs, checkpoint_every_s=0.2, average=0.9, rates=Rates(peak=3e-3), **others)
    recipe = f"{epochs} epochs of {steps}"
    return model, fit(model, Feed(steps), settings, Checkpoints(folder, recipe), validate, until)


if __name__ == "__main__":
    train(Path(sys.argv[1]), int(sys.argv[2]))
