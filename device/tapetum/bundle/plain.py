"""A plain `.tflite` without a bundle: what is known of it is what it says of itself.

Its metadata say how pixels become numbers. Where there are none, a model of uint8 or int8 takes the pixels as they lie
in memory, shifted for int8, whatever scale it gives them: so the runtime's own examples ask it. A model of float32 gets
-1..1.
"""

import math
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from tapetum.bundle.tflite import Description, Metadata, describe
from tapetum.errors import Unreadable, Unsuitable
from tapetum.inference import labels as label_files
from tapetum.inference.contract import Contract, Input, ModelSpec
from tapetum.inference.decode import recognise
from tapetum.inference.tensors import TensorSpec

LARGEST = 128 << 20
"""Bytes of a model: a detector for such a device has a tenth of it."""

_WANTED = "a .tflite, a bundle (.tapetum) or `shipped` is wanted"
_MIDDLE = 127.5  # mean and std of a float32 model that says nothing
_OUTSIDE = 4  # levels by which pixels may miss a tensor's range, through rounding


def of_tflite(path: Path, labels: str = "") -> ModelSpec:
    """Return the model in the file `path`, of version 0, with its labels: see `inference.labels.find`.

    Raises Unreadable or Unsuitable, and ConfigError when there are no labels.
    """
    content = read(path, LARGEST)
    found = describe(content)
    contract = contract_of(found)
    return ModelSpec(f"{path.stem}@0", content, labels_of(path, found, labels), contract)


def read(path: Path, most: int) -> bytes:
    """Return what is in the file, up to `most` bytes; raises Unreadable when there is none, or more."""
    try:
        if not path.is_file():
            raise Unreadable(f"{'it is no file' if path.exists() else 'there is no such file'}; {_WANTED}")
        with path.open("rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        raise Unreadable(f"it cannot be read: {error.strerror}") from None
    if not content:
        raise Unreadable(f"the file is empty; {_WANTED}")
    if len(content) > most:
        raise Unreadable(f"it has more than {most >> 20} MiB, the most that is taken")
    return content


def labels_of(path: Path, found: Description, labels: str) -> tuple[str, ...]:
    """Return the labels of the model in the file `path`; raises ConfigError when there are none."""
    return label_files.find(path, labels, found.metadata.label_files if found.metadata else None)


def contract_of(found: Description) -> Contract | None:
    """Return how the model is asked and answers, or None where only a runtime can tell what its outputs are."""
    taken = input_of(found)
    if any(not output.shape for output in found.outputs):
        return None
    decoder = recognise(found.inputs, found.outputs)
    taken = msgspec.structs.replace(taken, fit=decoder.FIT, pad=decoder.PAD)
    if taken.dtype == "float32" and not (found.metadata and found.metadata.mean):
        mean, std = decoder.MEAN_STD
        taken = msgspec.structs.replace(taken, mean=(mean,) * 3, std=(std,) * 3)
    return Contract(input=taken, decoder=decoder)


def input_of(found: Description) -> Input:
    """Return the picture that the model takes; raises Unsuitable when it is not one picture."""
    tensor = picture_of(found)
    scale, zero_point = _stored(tensor)
    mean, std = _normalization(tensor, found.metadata or Metadata())
    _, height, width, channels = tensor.shape
    fields = {
        "width": width, "height": height, "channels": channels, "dtype": tensor.dtype,
        "scale": scale, "zero_point": zero_point, "mean": mean, "std": std,
    }  # fmt: skip
    try:
        return msgspec.convert(fields, Input)
    except msgspec.ValidationError as error:
        raise Unsuitable(f"its input cannot be served: {error}") from None


def picture_of(found: Description) -> TensorSpec:
    """Return the only input, which is a picture; raises Unsuitable when it is not."""
    shapes = [tensor.shape for tensor in found.inputs]
    if len(shapes) != 1 or len(shapes[0]) != 4 or shapes[0][0] != 1 or shapes[0][3] not in (1, 3):
        told = ", ".join(map(str, shapes)) or "none"
        raise Unsuitable(f"its inputs are {told}; one picture (1, height, width, 3 or 1) is wanted")
    if found.inputs[0].dtype not in ("uint8", "int8", "float32"):
        raise Unsuitable(f"its input is {found.inputs[0].dtype}; uint8, int8 or float32 is wanted")
    return found.inputs[0]


def _stored(tensor: TensorSpec) -> tuple[float, int]:
    """Return scale and zero point; a whole number without a scale stands for itself."""
    return (0.0, 0) if tensor.dtype == "float32" else (tensor.scale or 1.0, tensor.zero_point)


def _lowest(tensor: TensorSpec) -> int:
    return int(np.iinfo(tensor.dtype).min)


def _normalization(tensor: TensorSpec, metadata: Metadata) -> tuple[Any, Any]:
    """Return mean and std for each of three channels."""
    mean, std = _each(metadata.mean, "mean"), _each(metadata.std, "std")
    if tensor.dtype == "float32":
        return (mean, std) if mean and std else ((_MIDDLE,) * 3, (_MIDDLE,) * 3)
    if not (mean and std) or _tells_nothing(tensor, mean, std):
        scale, zero_point = _stored(tensor)
        return (float(zero_point - _lowest(tensor)),) * 3, (1 / scale,) * 3
    return mean, std


def _each(told: tuple[float, ...], name: str) -> tuple[float, ...]:
    """Return what the metadata tell, for each of three channels."""
    if len(told) not in (0, 1, 3) or not all(math.isfinite(number) for number in told):
        raise Unreadable(f"its metadata have the {name} {told[:4]}; one number, or one for each channel, is wanted")
    return told * 3 if len(told) == 1 else told


def _tells_nothing(tensor: TensorSpec, mean: tuple[float, ...], std: tuple[float, ...]) -> bool:
    """Return whether pixels of a quantized model are not to be normalised so, since they miss the tensor's range.

    Many bring the mean and std of the float model that they were made of, or 0 and 1, and were never asked by them: for
    a quantized input, TFLite's own Task library passes them over. Nor are they where they change no pixel by more than
    one level: to store it as it lies costs nothing.
    """
    scale, zero_point = _stored(tensor)
    channels = [pair for pair in zip(mean, std, strict=True) if pair[1]]
    ends = [[(pixel - one) / by / scale + zero_point - _lowest(tensor) for one, by in channels] for pixel in (0, 255)]
    same = all(abs(level) <= 1 for level in ends[0]) and all(abs(level - 255) <= 1 for level in ends[1])
    return same or not all(-_OUTSIDE <= level <= 255 + _OUTSIDE for level in ends[0] + ends[1])
