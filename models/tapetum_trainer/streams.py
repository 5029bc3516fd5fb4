"""What flows between the blocks of a backbone: where a narrower network is to become what the wide one is.

Pruned blocks (`tapetum_trainer.pruning`) take and give as many channels as before, so what the wide network has behind
each of them is wanted there of the narrow one too, channel by channel. That says far more than its answers: of every
place, what leads to them.

A. Romero et al., "FitNets: hints for thin deep nets", ICLR 2015, with all blocks in the place of one, and without the
layer that brings one width to the other.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from tapetum_trainer.scaling import real
from tapetum_trainer.sharing import summed

STREAM = "stream/"
"""Begins the name of what is wanted behind a block."""
_PROJECT = re.compile(r"(s\d+b\d+)_project")
_TINY = 1e-6


@dataclass(frozen=True, slots=True)
class Streams:
    """A network of which it is asked what flows in it."""

    network: Any

    def __call__(self, pixels: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        """Return (B, h, w, channels) behind each block for pictures (B, h, w, 3) RGB."""
        said = self.network(real(pixels), training=False)
        found = {name: values for name, values in said.items() if name.startswith(STREAM)}
        return {name: np.asarray(ops.convert_to_numpy(values), np.float32) for name, values in found.items()}


def with_streams(network: Any) -> Any:
    """Return the detector `network`, which says behind each block what flows there too."""
    return keras.Model(network.input, {**network.output, **dict(_ends(network))})


def missed(wanted: dict[str, Any], said: dict[str, Any]) -> Any:
    """Return the share of the variance of a channel that is missed, the mean over channels and blocks.

    wanted, said: (B, h, w, channels) by their names. Where workers share a batch, what they return adds up to that.
    """
    return sum(_missed(values, said[name]) for name, values in wanted.items()) / len(wanted)


def _missed(wanted: Any, said: Any) -> Any:
    axes = (0, 1, 2)
    places = summed(ops.sum(ops.ones_like(wanted[..., :1])))
    mean = summed(ops.sum(wanted, axis=axes)) / places
    variance = summed(ops.sum(ops.square(wanted - mean), axis=axes)) / places
    return ops.mean(ops.sum(ops.square(wanted - said), axis=axes) / places / (variance + _TINY))


def _ends(network: Any) -> Iterator[tuple[str, Any]]:
    """Yield name and tensor of what flows behind each block."""
    layers = {layer.name: layer for layer in network.layers}
    for found in filter(None, map(_PROJECT.fullmatch, layers)):
        last = next(filter(None, map(layers.get, (f"{found[1]}_add", f"{found[0]}_norm", found[0]))))
        yield f"{STREAM}{found[1]}", last.output
