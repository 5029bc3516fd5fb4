"""A trained network made narrower: of the middle of each block those channels go that are missed least.

Block after block, from the picture on: what the narrower network should give to come to where the wide one is, is
fitted to what its middle says, by least squares over pictures; then channels are taken out one at a time, each time the
one whose loss the others can make up for best, and they do. What went wrong in the blocks before is in the fit, so
errors do not add up. The streams between the blocks keep their width. What comes of it is to be trained further.

Fitting what is left to what was: Y. He, X. Zhang, J. Sun, "Channel pruning for accelerating very deep neural networks",
ICCV 2017. Which goes next, and how the others make up for it: B. Hassibi, D. Stork, "Second order derivatives for
network pruning: optimal brain surgeon", NIPS 1992, with a channel, all of its weights, in the place of a weight.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from tapetum.progress import Progress
from tapetum_trainer.folded import Array, Folded

Doubles = NDArray[np.float64]
Halves = NDArray[np.float16]
_BATCH = 16
_DAMPING = 1e-3  # of the mean variance of a channel: what the pictures do not tell stays as it was


def pruned(wide: Any, narrowing: Any, middles: Mapping[str, int], pictures: Array | Halves) -> Folded:
    """Return the weights of `wide`, its blocks `middles` wide, by their names.

    wide, narrowing: twice the same Keras network without batch normalisation, with the same weights; those of the
    second change. middles: of all blocks in their order. pictures: (n, h, w, 3), as the network takes them.
    """
    found = {layer.name: tuple(layer.get_weights()) for layer in wide.layers if layer.weights}
    block = _Block(wide, narrowing, next(iter(middles)))
    first = keras.Model(wide.input, block.begins(wide))
    streams = _Streams(*2 * [_kept(first, pictures)])
    with Progress("prune", len(middles)) as bar:
        for name, count in middles.items():
            block = _Block(wide, narrowing, name)
            streams.wide = _kept(block.upto(wide, block.end), came := streams.wide)
            if count < block.width or came is not streams.narrow:
                kept, kernel, bias = _chosen(_fit(block.seen(streams), block.kernel), count)
                block.put(kept, kernel, bias)
                found |= block.narrowed(kept)
            same = came is streams.narrow and count == block.width
            streams.narrow = streams.wide if same else _kept(block.upto(narrowing, block.end), streams.narrow)
            bar.step()
    return found


@dataclass(slots=True)
class _Streams:
    """What all pictures are in the two networks, (n, h, w, channels): wide behind a block, narrow before it."""

    wide: Halves
    narrow: Halves


def _kept(network: Any, arrays: Any) -> Halves:
    """Return what `network` makes of `arrays`, in half precision: it is only compared."""
    found = np.empty((len(arrays), *network.output_shape[1:]), np.float16)
    for start in range(0, len(arrays), _BATCH):
        found[start : start + _BATCH] = _said(network, arrays[start : start + _BATCH])
    return found


def _said(network: Any, batch: Any) -> Array:
    return np.asarray(keras.ops.convert_to_numpy(network(batch.astype(np.float32), training=False)), np.float32)


@dataclass(frozen=True, slots=True)
class _Block:
    """One block in both networks."""

    wide: Any
    narrowing: Any
    name: str

    @property
    def kernel(self) -> Array:
        """(middle, channels): what makes of the middle what the block gives."""
        return np.asarray(self._weights("project")[0][0, 0])

    @property
    def width(self) -> int:
        """How wide its middle is."""
        return len(self.kernel)

    @property
    def adds(self) -> bool:
        """Whether what it gives is added to what came."""
        return f"{self.name}_add" in {layer.name for layer in self.wide.layers}

    @property
    def end(self) -> str:
        """The layer that gives the stream behind it."""
        return f"{self.name}_add" if self.adds else f"{self.name}_project"

    def begins(self, network: Any) -> Any:
        """Return the tensor that is the stream before it."""
        layers = {layer.name: layer for layer in network.layers}
        return (layers.get(f"{self.name}_expand") or layers[f"{self.name}_depthwise"]).input

    def upto(self, network: Any, layer: str) -> Any:
        """Return what makes of the stream before it what `layer` gives."""
        return keras.Model(self.begins(network), network.get_layer(layer).output)

    def seen(self, streams: _Streams) -> Iterator[tuple[Array, Array]]:
        """Yield for each batch what the middle says (k, middle), and what is to come of it (k, channels)."""
        said = self.upto(self.narrowing, f"{self.name}_depthwise_relu")
        for start in range(0, len(streams.wide), _BATCH):
            goal, came = (one[start : start + _BATCH].astype(np.float32) for one in (streams.wide, streams.narrow))
            middle, goal = _said(said, came), goal - came if self.adds else goal
            yield middle.reshape(-1, middle.shape[-1]), goal.reshape(-1, goal.shape[-1])

    def put(self, kept: NDArray[np.intp], kernel: Array, bias: Array) -> None:
        """Let the narrowing network give what it will with the channels `kept` alone."""
        whole = np.zeros_like(self.kernel)
        whole[kept] = kernel
        self.narrowing.get_layer(f"{self.name}_project").set_weights([whole[None, None], bias])

    def narrowed(self, kept: NDArray[np.intp]) -> Folded:
        """Return the layers of the block with the channels `kept` alone."""
        project, bias = self._weights("project")
        found = {f"{self.name}_project": (project[:, :, kept], bias)}
        kernel, bias = self._weights("depthwise")
        found[f"{self.name}_depthwise"] = (kernel[:, :, kept], bias[kept])
        before = self._before
        kernel, bias = self.narrowing.get_layer(before).get_weights()
        return found | {before: (kernel[..., kept], bias[kept])}

    @property
    def _before(self) -> str:
        """The layer that gives the channels of the middle: of a block that widens nothing, the stem."""
        own = f"{self.name}_expand"
        return own if own in {layer.name for layer in self.wide.layers} else "stem"

    def _weights(self, part: str) -> tuple[Array, Array]:
        kernel, bias = self.narrowing.get_layer(f"{self.name}_{part}").get_weights()
        return kernel, bias


@dataclass(slots=True)
class _Fit:
    """The least squares of a block. inverse: (n, n), of the covariance of its middle. kernel: (n, channels)."""

    inverse: Doubles
    kernel: Doubles
    middle: Doubles  # (n,), the means
    goal: Doubles  # (channels,), the means


def _fit(seen: Iterator[tuple[Array, Array]], before: Array) -> _Fit:
    """Return the fit to what was seen; `before`, (n, channels), is the kernel that it was."""
    squares, crossed = (np.zeros((len(before), width)) for width in before.shape)
    middles, goals, count = np.zeros(before.shape[0]), np.zeros(before.shape[1]), 0
    for middle, goal in ((one.astype(np.float64), other.astype(np.float64)) for one, other in seen):
        squares += middle.T @ middle
        crossed += middle.T @ goal
        middles += middle.sum(axis=0)
        goals += goal.sum(axis=0)
        count += len(middle)
    middles, goals = middles / count, goals / count
    covariance = squares / count - np.outer(middles, middles)
    crossed = crossed / count - np.outer(middles, goals)
    floor = max(_DAMPING * float(np.trace(covariance)) / len(before), float(np.finfo(np.float32).tiny))
    inverse = np.asarray(np.linalg.inv(covariance + floor * np.eye(len(before))), np.float64)
    kernel: Doubles = inverse @ (crossed + floor * before.astype(np.float64))
    return _Fit(inverse, kernel, middles, goals)


def _chosen(fit: _Fit, count: int) -> tuple[NDArray[np.intp], Array, Array]:
    """Return which `count` channels stay, rising, and kernel and bias with these alone."""
    inverse, kernel = fit.inverse, fit.kernel
    there = np.ones(len(kernel), bool)
    for _ in range(len(kernel) - count):
        lost = np.where(there, np.square(kernel).sum(axis=1) / np.diagonal(inverse), np.inf)
        goes = int(lost.argmin())
        share = inverse[:, goes] / inverse[goes, goes]
        kernel = kernel - np.outer(share, kernel[goes])
        inverse = inverse - np.outer(share, inverse[goes])
        inverse[goes, goes] = 1.0  # it is out: a division by 0 is kept away
        there[goes] = False
    kept = np.flatnonzero(there)
    kernel = kernel[kept]
    bias = fit.goal - fit.middle[kept] @ kernel
    return kept, kernel.astype(np.float32), bias.astype(np.float32)
