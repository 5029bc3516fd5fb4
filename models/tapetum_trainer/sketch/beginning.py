"""The bundle that a training goes on from: which network it is of, so that a recipe may say the same."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tapetum import bundle
from tapetum.errors import BundleError
from tapetum.inference.contract import ModelSpec
from tapetum.inference.labels import PLACEHOLDER
from tapetum_trainer.errors import ModelError
from tapetum_trainer.sides import COARSEST, Sides, size_of


@dataclass(frozen=True, slots=True)
class Beginning:
    """What it is called and tells apart, whether it says where things are, and its network as a recipe names it."""

    name: str
    labels: tuple[str, ...]
    detector: bool
    network: Mapping[str, Any]


def opened(model: Path) -> bundle.ModelBundle:
    """Return the bundle that a command names: a file, or `shipped`; raises ModelError when it is none."""
    path = bundle.named(str(model)) if str(model) == bundle.SHIPPED else model
    try:
        return bundle.open(path)
    except BundleError as error:
        raise ModelError(f"{path}: {error}") from None


def beginning(model: Path) -> Beginning:
    """Return what the bundle `model` is; raises ModelError when it was not made here."""
    from tapetum_trainer.folded import weights_of  # noqa: PLC0415  Keras takes seconds

    spec = opened(model).spec()
    side = _side(spec)
    weights = {name: [value.shape for value in values] for name, values in weights_of(spec.content).items()}
    for detector in (True, False):
        for size, network in _networks(side, len(spec.labels), detector=detector):
            if weights == {
                one.name: [tuple(each.shape) for each in one.weights] for one in network.layers if one.weights
            }:
                labels = tuple(label for label in spec.labels if label != PLACEHOLDER)
                return Beginning(spec.name, labels, detector, {"size": size, "side": side})
    raise ModelError(f"{model}: it is of no network that is trained here; one made by tapetum-trainer is wanted")


def _side(spec: ModelSpec) -> Sides:
    """Return the pixels of what the model takes, as a recipe says them."""
    width, height = spec.contract.input.size if spec.contract else (0, 0)
    return width if width == height else (width, height)


def _networks(side: Sides, classes: int, *, detector: bool) -> Iterator[tuple[str, Any]]:
    """Yield each size's name and the network of it, as a bundle keeps it: without batch normalisation."""
    from tapetum_trainer.networks.classifier import classifier  # noqa: PLC0415  the same
    from tapetum_trainer.networks.classifiers import CLASSIFIERS  # noqa: PLC0415
    from tapetum_trainer.networks.detector import detector as of_detector  # noqa: PLC0415
    from tapetum_trainer.networks.sizes import SIZES  # noqa: PLC0415

    if detector and any(one % COARSEST for one in size_of(side)):
        return  # nothing that is trained here takes it
    if detector:
        yield from ((name, of_detector(one.architecture(side), classes, norm=False)) for name, one in SIZES.items())
    elif isinstance(side, int):
        made = CLASSIFIERS.items()
        yield from ((name, classifier(one.architecture(side), classes, norm=False)) for name, one in made)
