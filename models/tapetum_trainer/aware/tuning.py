"""A trained detector goes on for a few epochs as the int8 model that it will be, and comes back as a float network."""

import hashlib
from collections.abc import Iterable
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from tapetum_trainer.aware.network import observed, rounded, take_weights
from tapetum_trainer.checkpoints import Checkpoints
from tapetum_trainer.export import exported, float_contract
from tapetum_trainer.fit import fit
from tapetum_trainer.folded import put_folded, weights_of
from tapetum_trainer.networks.detector import detector
from tapetum_trainer.networks.sizes import SIZES
from tapetum_trainer.quantize import questions
from tapetum_trainer.training import Training


def tuned(training: Training, pictures: Iterable[NDArray[np.uint8]]) -> Any:
    """Return the best network of `training`, its weights such that int8's rounding costs less; it rounds as int8 does.

    pictures: for calibration. Killed, it goes on where it stood; what was trained with is trained with again.
    """
    recipe = training.recipe
    content = exported(training.best())
    network = _empty(training)
    put_folded(network, weights_of(content))
    contract = float_contract(recipe.network.side)
    ends = observed(network, (one["picture"] for one in questions(contract.input, "picture", pictures)))
    network = rounded(network, ends)
    schedule = recipe.quantization.aware.schedule(recipe.fit)
    fit(network, training.feed(flowing=False), schedule, _checkpoints(training, content), training.validation())
    return network


def plain(training: Training, network: Any) -> Any:
    """Return `network`, that rounds, as one that does not."""
    found = _empty(training)
    take_weights(found, network)
    return found


def _empty(training: Training) -> Any:
    settings = training.recipe.network
    return detector(SIZES[settings.size].architecture(settings.side), len(training.recipe.classes), norm=False)


def _checkpoints(training: Training, content: bytes) -> Checkpoints:
    """Return where it stands: a folder for each way, beside that of the training."""
    told = msgspec.json.encode(training.recipe.quantization) + content
    begun = f"{training.checkpoints.recipe} {hashlib.sha256(told).hexdigest()}"
    return Checkpoints(training.folder / f"aware-{hashlib.sha256(begun.encode()).hexdigest()[:8]}", begun)
