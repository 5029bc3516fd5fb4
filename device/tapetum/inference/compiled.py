"""A model on a graphics processor: LiteRT's compiled model, by its WebGPU accelerator (Vulkan).

It holds the interpreter's lock of Python while it runs, which is no matter in a process of its own.
"""

import importlib
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tapetum.errors import InferenceError, Unreadable
from tapetum.inference.contract import Contract
from tapetum.inference.tflite import Detector


class Compiled:
    """A compiled model with an interpreter's methods; `interpreter` has loaded the same one, and says what it is."""

    def __init__(self, content: bytes, interpreter: Any, hardware: str) -> None:
        """Compile it for `hardware`, "GPU" or "CPU"; raises RuntimeError where that is not there, or cannot run it."""
        self._interpreter = interpreter
        self._model = compiled(content, hardware)
        names = self._model.get_signature_by_index(0)
        found = self._model.get_output_tensor_details(names["key"])  # before there are buffers, else theirs are empty
        _check_sizes(interpreter.get_output_details(), [found[name]["shape"] for name in names["outputs"]])
        self._inputs, self._outputs = self._model.create_input_buffers(0), self._model.create_output_buffers(0)
        given = interpreter.get_input_details()
        self._taken = {details["index"]: np.zeros(details["shape"], details["dtype"]) for details in given}
        self._writes = _places(given, names["inputs"])
        self._reads = _places(interpreter.get_output_details(), names["outputs"])
        self._details = {details["index"]: details for details in interpreter.get_output_details()}

    def tensor(self, index: int) -> Callable[[], NDArray[Any]]:
        """As of the interpreter, of an input."""
        return lambda: self._taken[index]

    def invoke(self) -> None:
        """As of the interpreter."""
        for index, taken in self._taken.items():
            self._inputs[self._writes[index]].write(taken)
        self._model.run_by_index(0, self._inputs, self._outputs)

    def get_tensor(self, index: int) -> NDArray[Any]:
        """As of the interpreter."""
        shape, dtype = self._details[index]["shape"], self._details[index]["dtype"]
        read = self._outputs[self._reads[index]].read(int(np.prod(shape)), dtype)
        return np.asarray(read, dtype).reshape(shape)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._interpreter, name)


class CompiledDetector(Detector):
    """A detector whose pictures go through a compiled model."""

    def __init__(self, content: bytes, contract: Contract | None = None, hardware: str = "GPU") -> None:
        """Load it; raises as `Detector`."""
        super().__init__(content, 1, contract)
        try:
            self._interpreter = Compiled(content, self._interpreter, hardware)
        except RuntimeError as error:
            raise Unreadable(f"the {hardware} cannot run it: {_short(error)}") from None


def compiled(content: bytes, hardware: str) -> Any:
    """Return the runtime's compiled model; raises InferenceError where the runtime has none."""
    try:
        models = importlib.import_module("ai_edge_litert.compiled_model")
        kinds = importlib.import_module("ai_edge_litert.hardware_accelerator").HardwareAccelerator
    except ImportError as error:
        raise InferenceError(f"this runtime compiles no models for a GPU: {error}") from None
    return models.CompiledModel.from_buffer(content, hardware_accel=kinds[hardware])


def look_for_gpu(model: bytes) -> None:
    """Let the driver open what it opens, with a `model` that is ours; raises InferenceError where there is no GPU."""
    try:
        compiled(model, "GPU")
    except RuntimeError:  # its text names lines of LiteRT's source alone
        raise InferenceError("there is no GPU that LiteRT can use, by WebGPU and Vulkan") from None


def _check_sizes(details: list[Mapping[str, Any]], shapes: list[list[int]]) -> None:
    """Raise RuntimeError where the outputs are of another size than the interpreter's: LiteRT writes past their end."""
    wanted, found = sorted(int(np.prod(one["shape"])) for one in details), sorted(map(math.prod, shapes))
    if wanted != found:
        raise RuntimeError(f"its outputs have no fixed size: {found} numbers, and {wanted} are wanted")


def _places(details: list[Mapping[str, Any]], names: list[str]) -> dict[int, int]:
    """Return for each tensor of the interpreter its place among the model's: by name, else in the same order."""
    known = all(str(one["name"]) in names for one in details)
    return {one["index"]: names.index(one["name"]) if known else place for place, one in enumerate(details)}


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
