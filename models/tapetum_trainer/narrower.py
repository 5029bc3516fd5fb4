"""What a narrower network begins with: the weights of the model that it goes on from, pruned once for a training."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from tapetum.inference.contract import Input, ModelSpec
from tapetum.inference.preprocess import Preprocessor
from tapetum_trainer.checkpoints import read, write
from tapetum_trainer.errors import ModelError, RecipeError
from tapetum_trainer.export import exported, float_contract
from tapetum_trainer.folded import Folded, Start, put_folded, weights_of
from tapetum_trainer.networks.backbones import Backbone
from tapetum_trainer.networks.detector import Architecture, detector
from tapetum_trainer.networks.sizes import SIZES
from tapetum_trainer.pruning import pruned
from tapetum_trainer.resizing import resized
from tapetum_trainer.scaling import real
from tapetum_trainer.sides import Sides, size_of
from tapetum_trainer.streams import Streams, with_streams

_PICTURES = 400  # of 256 pixels, by which it is found what may go; of larger ones fewer, all of them are kept at once
_BLOCK = re.compile(r"(s\d+b\d+)_depthwise")


@dataclass(frozen=True, slots=True)
class Narrower:
    """The way from a model to a narrower network.

    wide: the model's own architecture; wanted: the network's; classes: the model's; path: where what comes of it is
    kept.
    """

    wide: Architecture
    wanted: Architecture
    classes: int
    path: Path

    def weights(self, weights: Folded, pictures: Callable[[], Iterable[NDArray[np.uint8]]]) -> Folded:
        """Return what of `weights` the narrower network has; pictures: (h, w, 3) RGB, of any size."""
        if not self.path.exists():
            wide, narrowing = self._network(weights), self._network(weights)
            height, width, _ = self.wide.shape
            maker = Preprocessor(Input(width=width, height=height))
            shown = np.stack([real(maker.picture(picture)[0]).astype(np.float16) for picture in pictures()])  # exact
            found = pruned(wide, narrowing, self.wanted.backbone.middles(), shown)
            write(self.path, {f"{name}/{index}": one for name, pair in found.items() for index, one in enumerate(pair)})
        kept = read(self.path)
        return {name: (kept[f"{name}/0"], kept[f"{name}/1"]) for name in {key.split("/")[0] for key in kept}}

    def _network(self, weights: Folded) -> Any:
        network = detector(self.wide, self.classes, norm=False)
        put_folded(network, weights)
        return network


def streams_of(spec: ModelSpec, wanted: Architecture) -> Streams:
    """Return the detector `spec`, asked what flows between its blocks, for a network `wanted` whose are as wide.

    Raises RecipeError where it is of another network.
    """
    weights = weights_of(spec.content)
    network = detector(wider(weights, wanted) or wanted, len(spec.labels), norm=False)
    try:
        put_folded(network, weights)
    except ModelError as error:
        raise RecipeError(f"fit.weights.streams: {spec.name} has other blocks than the network: {error}") from None
    network.trainable = False
    return Streams(with_streams(network))


def reshaped(start: Start, wanted: Architecture) -> ModelSpec | None:
    """Return the model that a training goes on from, as it would be for the pixels of `wanted`.

    Raises RecipeError where its pixels are others and it is of no size that is known, or another backend trains.
    """
    if start.spec is None or size_of(start.side or wanted.side) == size_of(wanted.side):
        return start.spec
    if keras.backend.backend() != "tensorflow":
        raise RecipeError(
            'teacher.model: "start" is made anew for network.side, which needs Keras on TensorFlow:'
            f" KERAS_BACKEND=tensorflow, not {keras.backend.backend()}"
        )
    weights = weights_of(start.content)
    sizes = (size.architecture(wanted.side) for size in SIZES.values())
    own = next((one for one in sizes if one.backbone.middles() == _middles(weights)), wanted)
    network = detector(own, len(start.labels), norm=False)
    if weights.keys() != {layer.name for layer in network.layers if layer.weights}:
        raise RecipeError(f'teacher.model: "start", {start.spec.name}, is of no size that can be made for network.side')
    put_folded(network, weights)
    resized(network, start.side or wanted.side, wanted.side)
    return ModelSpec(start.spec.name, exported(network), start.labels, float_contract(wanted.side))


def enough(side: Sides) -> int:
    """Return how many pictures of so many pixels prune a network."""
    width, height = size_of(side)
    return min(_PICTURES, max(1, _PICTURES * 256**2 // (width * height)))


def wider(weights: Folded, wanted: Architecture) -> Architecture | None:
    """Return the architecture that the model of `weights` has, if it is `wanted` with wider blocks; else None."""
    own, aim = _middles(weights), wanted.backbone.middles()
    if own.keys() != aim.keys() or own == aim or any(own[name] < middle for name, middle in aim.items()):
        return None
    return next((_like(wanted, size.backbone) for size in SIZES.values() if size.backbone.middles() == own), None)


def _middles(weights: Folded) -> dict[str, int]:
    """Return the name of each block that there are weights of, and how wide its middle is."""
    found = [_BLOCK.fullmatch(name) for name in weights]
    return {match[1]: len(weights[match[0]][1]) for match in found if match}


def _like(wanted: Architecture, backbone: Backbone) -> Architecture:
    return Architecture(backbone, wanted.side, wanted.neck, wanted.depth)
