"""A TFLite model in this process: `ai_edge_litert` where it is installed, the older `tflite_runtime` else."""

import importlib
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tapetum.errors import InferenceError, Unreadable, Unsuitable
from tapetum.inference.decode import Floats, recognise
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
    """A loaded detector: pictures in, detections out."""

    def __init__(self, content: bytes, threads: int) -> None:
        """Load the model.

        Raises Unreadable when it cannot be loaded, Unsuitable when it is no detector of RGB pictures.
        """
        self._interpreter = _loaded(content, threads)
        inputs, self._outputs = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        if len(inputs) != 1:
            raise Unsuitable(f"it takes {len(inputs)} inputs; one picture is wanted")
        self._input = inputs[0]
        shape = tuple(map(int, self._input["shape"]))
        if len(shape) != 4 or shape[0] != 1 or shape[3] != 3 or min(shape) < 1:
            raise Unsuitable(f"its input is {shape}; one RGB picture (1, height, width, 3) is wanted")
        self.height, self.width = shape[1:3]
        self._quantize = _quantizer(self._input)
        self._specs = [TensorSpec.of(output) for output in self._outputs]
        self._decoder = recognise(self._specs)

    @property
    def classes(self) -> int:
        """How many classes it tells apart, the background not counted; 0 where the model does not say."""
        shapes = [tuple(map(int, tensor["shape"])) for tensor in self._interpreter.get_tensor_details()]
        anchors = {shape[1] for shape in shapes if len(shape) == 3 and shape[2] == 4 and shape[1] > 100}
        widths = {shape[2] for shape in shapes if len(shape) == 3 and shape[1] in anchors and shape[2] not in (1, 4)}
        return widths.pop() - 1 if len(widths) == 1 else 0

    def detect(self, pixels: NDArray[np.uint8], min_score: float) -> Floats:
        """Return (k, 6) as of `decode.Ssd.decode` for a picture (height, width, 3) RGB uint8."""
        self._interpreter.set_tensor(self._input["index"], self._quantize(pixels)[None])
        try:
            self._interpreter.invoke()
        except (RuntimeError, ValueError) as error:
            raise InferenceError(f"the model fails: {_short(error)}") from None
        values = (self._interpreter.get_tensor(output["index"]) for output in self._outputs)
        outputs = [Tensor(spec, found) for spec, found in zip(self._specs, values, strict=True)]
        return self._decoder.decode(outputs, min_score)


def _loaded(content: bytes, threads: int) -> Any:
    try:
        interpreter = runtime().Interpreter(model_content=content, num_threads=threads)
        interpreter.allocate_tensors()
    except (RuntimeError, ValueError, TypeError) as error:
        text = _short(error)
        hint = "; the model is newer than the runtime: update ai-edge-litert" if _TOO_NEW in text else ""
        raise Unreadable(f"the runtime cannot load it: {text}{hint}") from None
    return interpreter


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


def _quantizer(details: dict[str, Any]) -> Any:
    """Return what makes RGB uint8 into the tensor's type: as it is, shifted to int8, or scaled to -1..1."""
    dtype = np.dtype(details["dtype"])
    if dtype == np.uint8:
        return lambda pixels: pixels
    if dtype == np.int8:
        return lambda pixels: (pixels ^ 0x80).view(np.int8)
    if dtype == np.float32:
        return lambda pixels: pixels.astype(np.float32) / 127.5 - 1
    raise Unsuitable(f"its input is {dtype}; uint8, int8 or float32 is wanted")
