"""A TFLite model in this process: `ai_edge_litert` where it is installed, the older `tflite_runtime` else."""

import importlib
from collections.abc import Sequence
from types import ModuleType
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from tapetum.errors import InferenceError, Unreadable
from tapetum.inference.contract import Contract
from tapetum.inference.decode import Floats
from tapetum.inference.preprocess import Quantizer
from tapetum.inference.tensors import Tensor, TensorSpec

_TOO_NEW = "Didn't find op for builtin opcode"


def runtime() -> ModuleType:
    """Return the interpreter module of the runtime; raises InferenceError when none can be loaded."""
    broken = ""
    for name in ("ai_edge_litert", "tflite_runtime"):
        try:
            return importlib.import_module(f"{name}.interpreter")  # only the worker loads a runtime
        except ModuleNotFoundError:
            continue
        except (ImportError, OSError) as error:
            broken = broken or f"{name} cannot be loaded: {error}"
    raise InferenceError(broken or "no TFLite runtime: pip install ai-edge-litert")


class Detector:
    """A loaded model: pictures in, detections out."""

    def __init__(
        self, content: bytes, threads: int, contract: Contract | None = None, delegates: Sequence[Any] = ()
    ) -> None:
        """Load the model, on the accelerators behind `delegates`; without a `contract` it is recognised.

        Raises Unreadable when it cannot be loaded, Unsuitable when it is none for pictures or not that of its contract.
        """
        self._interpreter = _loaded(content, threads, delegates)
        self.inputs, self._places = _specs(self._interpreter, "input")
        self.outputs, self._results = _specs(self._interpreter, "output")
        if contract is None:
            contract = Contract.recognised(self.inputs, self.outputs)
        else:
            contract.check(self.inputs, self.outputs)
        self.contract = contract
        self.width, self.height = contract.input.width, contract.input.height
        self._quantizer = Quantizer(contract.input)

    @property
    def classes(self) -> int:
        """How many classes it tells apart, the background not counted; 0 where the model does not say."""
        told = self.contract.decoder.told_apart(self.outputs)
        return told or _of_anchors([tuple(found["shape"]) for found in self._interpreter.get_tensor_details()])

    def detect(self, pixels: NDArray[np.uint8], min_score: float) -> Floats:
        """Return (k, 6) as of `decode` for a picture (height, width, 3) RGB uint8; for a gray model (h, w, 1) too."""
        return self.contract.decoder.decode(self.said(pixels), min_score)

    def said(self, pixels: NDArray[np.uint8]) -> list[Tensor]:
        """Return the outputs for such a picture, as the model gives them."""
        if pixels.shape[2] > self.contract.input.channels:
            pixels = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)[:, :, None]
        self._quantizer.into(pixels, self._interpreter.tensor(self._places[0])()[0])
        try:
            self._interpreter.invoke()
        except (RuntimeError, ValueError) as error:
            raise InferenceError(f"the model fails: {_short(error)}") from None
        values = (self._interpreter.get_tensor(place) for place in self._results)
        return [Tensor(spec, array) for spec, array in zip(self.outputs, values, strict=True)]


def _loaded(content: bytes, threads: int, delegates: Sequence[Any]) -> Any:
    try:
        interpreter = runtime().Interpreter(
            model_content=content, num_threads=threads, experimental_delegates=list(delegates) or None
        )
        interpreter.allocate_tensors()
    except (RuntimeError, ValueError, TypeError) as error:
        text = _short(error)
        hint = "; the model is newer than the runtime: update ai-edge-litert" if _TOO_NEW in text else ""
        raise Unreadable(f"the runtime cannot load it: {text}{hint}") from None
    return interpreter


def _specs(interpreter: Any, side: Literal["input", "output"]) -> tuple[tuple[TensorSpec, ...], tuple[int, ...]]:
    """Return the specs of all inputs or outputs and where they are; under the signature's names, where it has them."""
    found = interpreter.get_input_details() if side == "input" else interpreter.get_output_details()
    names: dict[int, str] = {}
    signatures = interpreter.get_signature_list()
    if len(signatures) == 1:
        runner = interpreter.get_signature_runner(next(iter(signatures)))
        details = runner.get_input_details() if side == "input" else runner.get_output_details()
        names = {details[name]["index"]: name for name in details}
    specs = tuple(TensorSpec.of({**one, "name": names.get(one["index"], one["name"])}) for one in found)
    return specs, tuple(int(one["index"]) for one in found)


def _of_anchors(shapes: Sequence[tuple[int, ...]]) -> int:
    """Return how many classes a detector with post-processing has, by the shapes of what goes into that; or 0."""
    anchors = {shape[1] for shape in shapes if len(shape) == 3 and shape[2] == 4 and shape[1] > 100}
    widths = {shape[2] for shape in shapes if len(shape) == 3 and shape[1] in anchors and shape[2] not in (1, 4)}
    return int(widths.pop()) - 1 if len(widths) == 1 else 0


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
