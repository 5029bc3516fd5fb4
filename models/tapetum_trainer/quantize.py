"""From a float model to one of whole numbers: the last step for every source.

Full static quantization by ai-edge-quantizer: weights int8 with a scale for each channel, activations int8 with a
scale for each tensor, found by running the float model on pictures for calibration (`tapetum_trainer.ranges`). Those
should be as varied as what the cameras will see, dark ones and some full of things among them: what goes beyond all
of them is cut off. The float model's weights are put on int8's steps before (`tapetum_trainer.fitted`): the library,
which takes each to the nearest, then finds nothing left to round.

The scale of the input is not left to the pictures. It is set so that what is stored is the pixel minus 128, wherever
the float model normalises all channels alike: the device then fills the input by flipping one bit. For a model that
takes (x - 127.5) / 127.5 that is half a level off, (x - 128) / 127.5, since no whole number stands for 127.5;
calibration is fed with exactly what the int8 model will see. With a mean for each channel one scale serves all three,
and the device looks each level up.

B. Jacob et al., "Quantization and training of neural networks for efficient integer-arithmetic-only inference", CVPR
2018; the numbers' meaning: https://ai.google.dev/edge/litert/conversion/tensorflow/quantization/quantization_spec
"""

import contextlib
import io
import itertools
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from tapetum.bundle.tflite import describe
from tapetum.errors import Unreadable
from tapetum.inference.contract import Contract, Input
from tapetum.inference.decode import BlazeFace
from tapetum.inference.preprocess import Preprocessor, table
from tapetum.inference.tensors import TensorSpec
from tapetum.inference.tflite import Detector
from tapetum.settings import Settings
from tapetum_trainer import graph, ranges
from tapetum_trainer.errors import ModelError
from tapetum_trainer.fitted import fitted
from tapetum_trainer.pairs import in_pairs

Pixels = NDArray[np.uint8]
Weights = Literal["fitted", "nearest"]
_LOWEST = -128  # of int8


class Quantization(Settings, frozen=True, kw_only=True):
    """How a model is quantized."""

    input: Literal["int8", "uint8"] = "int8"  # uint8 costs one operator; a camera's bytes then go in as they are
    pictures: Annotated[int, Meta(ge=1, le=10_000)] = 200  # for calibration, the first of those that are given
    weights: Weights = "fitted"  # so that their errors cancel on those pictures; nearest: each by itself, in less time
    edge_tpu: bool = False  # rewrite what its compiler refuses, where the answers stay the same to the bit


@dataclass(frozen=True, slots=True)
class Report:
    """What quantizing came to.

    pictures: how many it was calibrated on. in_float: operators left in float32. exact: what is
    stored of a pixel is the pixel less 128, or the pixel.
    """

    bytes_before: int
    bytes_after: int
    pictures: int
    tensors: int
    in_float: tuple[str, ...]
    input: TensorSpec
    outputs: tuple[TensorSpec, ...]
    exact: bool


@dataclass(frozen=True, slots=True)
class Quantized:
    """A model of whole numbers, and how it is asked."""

    content: bytes
    contract: Contract
    report: Report


@dataclass(frozen=True, slots=True)
class Whole:
    """A model of whole numbers, whatever its outputs mean, and what it takes."""

    content: bytes
    input: Input
    report: Report


def quantize(
    content: bytes, contract: Contract, pictures: Iterable[Pixels], settings: Quantization | None = None
) -> Quantized:
    """Return the float model `content`, that takes pictures as `contract` says, in whole numbers.

    pictures: (h, w, 3) RGB of any size. Raises ModelError when it is no float model or there are no pictures.
    """
    decoder = contract.decoder
    logits = (decoder.scores,) if isinstance(decoder, BlazeFace) else ()
    found = whole(content, contract.input, pictures, settings, logits)
    return _tried(Quantized(found.content, msgspec.structs.replace(contract, input=found.input), found.report))


def whole(
    content: bytes,
    picture: Input,
    pictures: Iterable[Pixels],
    settings: Quantization | None = None,
    logits: Sequence[int] = (),
) -> Whole:
    """Return the float model `content`, that takes a `picture`, in whole numbers; nothing is known of its outputs.

    logits: which outputs are to go through a sigmoid that is not in the model. Raises as `quantize`.
    """
    settings = settings or Quantization()
    taken = list(itertools.islice(pictures, settings.pictures))
    if not taken:
        raise ModelError("calibration: there are no pictures; a few dozen like those of the cameras are wanted")
    main = graph.read(prepared(content, picture))
    model = graph.read(_quantized(main, _Asked(picture, tuple(logits)), taken, settings.weights))
    model = graph.with_resizes_legal(model)[0] if settings.edge_tpu else in_pairs(model)
    if settings.input == "uint8":
        model = graph.with_input_as_bytes(model)
    done = graph.written(model)
    described = describe(done)
    after = _input(picture, described.inputs[0])
    report = Report(
        bytes_before=len(content),
        bytes_after=len(done),
        pictures=len(taken),
        tensors=len(model.subgraphs[0].tensors),
        in_float=tuple(_in_float(model)),
        input=described.inputs[0],
        outputs=described.outputs,
        exact=_is_exact(after),
    )
    return Whole(done, after, report)


def _tried(made: Quantized) -> Quantized:
    """Return `made` if the runtime can load it; raises ModelError where not."""
    try:
        Detector(made.content, 1, made.contract)
    except Unreadable as error:
        hint = "do the pictures for calibration show anything?"
        raise ModelError(f"quantize: what came out cannot be used: {error}; {hint}") from None
    return made


def points_lost(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """Return by how many points, hundredths, each metric that both have fell; what rose is below 0.

    before, after: metrics of 0..1 by name, of the float and of the int8 model, on the same pictures.
    """
    return {name: 100 * (before[name] - after[name]) for name in before if name in after}


def mixed(pictures: Iterable[Pixels], ways: Iterable[Any]) -> Iterator[Pixels]:
    """Yield the pictures, in turn as they are and through each of `ways` (callables from a picture to a picture)."""
    turns = itertools.cycle([lambda picture: picture, *ways])
    return (way(picture) for picture, way in zip(pictures, turns, strict=False))


def prepared(content: bytes, picture: Input) -> bytes:
    """Return the float model with all that the quantizer wants; raises ModelError where it is none."""
    model = graph.read(content)
    inputs = [model.subgraphs[0].tensors[index] for index in model.subgraphs[0].inputs]
    if picture.dtype != "float32" or [one.type for one in inputs] != [graph.schema().TensorType.FLOAT32]:
        raise ModelError("quantize: a float model with one input of float32 is wanted; this one is quantized already")
    return graph.written(graph.with_signature(graph.with_halves_folded(graph.with_kinds_told(model))))


# --- the input


def _range(picture: Input) -> tuple[float, float]:
    """Return what of the real numbers the input must hold: those of all 256 levels of all channels."""
    real = table(picture).astype(np.float64)
    return float(real.min()), float(real.max())


def _plan(picture: Input) -> tuple[float, int]:
    """Return scale and zero point of the int8 input."""
    lowest, highest = _range(picture)
    scale = (highest - lowest) / 255
    return scale, int(np.clip(np.floor(_LOWEST - lowest / scale + 0.5), -128, 127))


def _input(old: Input, tensor: TensorSpec) -> Input:
    """Return how the quantized `tensor` is filled: by the pixel as it lies where the channels are alike."""
    fields = {"dtype": tensor.dtype, "scale": tensor.scale, "zero_point": tensor.zero_point}
    if _alike(old):
        first = 0 if tensor.dtype == "uint8" else _LOWEST
        fields |= {"mean": (float(tensor.zero_point - first),) * 3, "std": (1 / tensor.scale,) * 3}
    return msgspec.structs.replace(old, **fields)


def _alike(picture: Input) -> bool:
    return len(set(picture.mean[: picture.channels])) == len(set(picture.std[: picture.channels])) == 1


def _is_exact(picture: Input) -> bool:
    levels = table(picture).astype(np.int16)
    return bool((levels - levels[:1] == np.arange(256)[:, None]).all())


def as_stored(picture: Input, scale: float, zero_point: int) -> NDArray[np.float32]:
    """Return (256, channels): the real number that the int8 input holds for each level of a pixel."""
    alike = _alike(picture)
    levels = np.arange(256.0)[:, None] + _LOWEST if alike else np.rint(table(picture) / scale + zero_point)
    real = (levels.clip(-128, 127) - zero_point) * scale
    return np.asarray(np.broadcast_to(real, (256, picture.channels)), np.float32)


def questions(picture: Input, name: str, pictures: Iterable[Pixels]) -> Iterator[dict[str, NDArray[np.float32]]]:
    """Yield what the float model is asked, with what the int8 one will see of each picture."""
    maker, levels = Preprocessor(picture), as_stored(picture, *_plan(picture))
    channels = np.arange(picture.channels)
    for pixels in pictures:
        yield {name: np.asarray(levels[maker.picture(pixels)[0], channels][None], np.float32)}


# --- by the library


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a model takes, and which of its outputs are logits."""

    picture: Input
    logits: tuple[int, ...]


def _quantized(model: Any, contract: _Asked, pictures: list[Pixels], weights: Weights) -> bytes:
    from ai_edge_quantizer import calibrator, quantizer, recipe, recipe_manager  # noqa: PLC0415  it takes a second

    content = graph.written(model)
    key, name = graph.name_of_input(model)
    plan = recipe_manager.RecipeManager()
    plan.load_quantization_recipe(recipe.static_wi8_ai8())
    with _told(), warnings.catch_warnings(action="ignore"), contextlib.redirect_stderr(io.StringIO()):
        seen = calibrator.Calibrator(bytearray(content), num_threads=1, qsv_update_func=ranges.collected)
        asked = list(questions(contract.picture, name, pictures))
        seen.calibrate({key: asked}, plan)
        found = _settled(seen.get_model_qsvs(), model, contract)
        work = quantizer.Quantizer(bytearray(fitted(content, found, asked if weights == "fitted" else ())))
        work.load_quantization_recipe(recipe.static_wi8_ai8())
        done = work.quantize(found, enable_progress_bar=False, enable_progress_report=False)
    return bytes(done.quantized_model or b"")


def _settled(seen: dict[str, Any], model: Any, contract: _Asked) -> dict[str, Any]:
    """Return the range of each tensor; the input's is that of all levels of a pixel, whatever pictures were seen."""
    main = model.subgraphs[0]
    logits = {graph.name_of(part.tensors[one.inputs[0]]) for part, one in graph.operators(model, "LOGISTIC")}
    logits |= {graph.name_of(main.tensors[main.outputs[index]]) for index in contract.logits}
    found = {name: ranges.settled(one, into_sigmoid=name in logits) for name, one in seen.items()}
    picture = graph.name_of(main.tensors[main.inputs[0]])
    scale, zero_point = _plan(contract.picture)
    found[picture] = ranges.set_to(found[picture], (_LOWEST - zero_point) * scale, (127 - zero_point) * scale)
    return found


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Raise ModelError for what the quantizer, or the runtime that it asks, cannot do."""
    try:
        yield
    except (ValueError, RuntimeError, KeyError, NotImplementedError) as error:
        raise ModelError(f"quantize: the model cannot be quantized: {' '.join(str(error).split())[:300]}") from None


def _in_float(model: Any) -> Iterator[str]:
    """Yield the operators that work on float32, each with the name of what it gives."""
    real = graph.schema().TensorType.FLOAT32
    floats = {graph.name_of(one) for part in model.subgraphs for one in part.tensors if one.type == real}
    yield from (f"{kind} {name}" for name, kind in graph.given(model).items() if name in floats)
