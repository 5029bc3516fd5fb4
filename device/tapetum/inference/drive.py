"""The worker's way to an accelerator: its library is loaded while the worker may still open files."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tapetum.errors import InferenceError
from tapetum.inference.accelerators import Accelerator, Cpu, Delegate, EdgeTpu, Gpu
from tapetum.inference.compiled import CompiledDetector, look_for_gpu
from tapetum.inference.contract import Contract
from tapetum.inference.tflite import Detector, runtime

_ONE_OPERATOR = base64.b64decode(
    "GAAAAFRGTDMAAA4AFAAQAAwACAAAAAQADgAAABAAAAAcAAAAtAAAAAMAAAABAAAACAAAAAQABAAEAAAAAQAAABAAAAAMABQAEAAMAAgABAAMAAAA"
    "EAAAADwAAABAAAAARAAAAAEAAAAQAAAAAAAKAAwAAAAIAAQACgAAAAgAAAAMAAAAAQAAAAEAAAABAAAAAAAAAAEAAAABAAAAAQAAAAAAAAACAAAA"
    "IAAAAAQAAADu////BAAAAAEAAAABAAAAAAAGAAgABAAGAAAABAAAAAEAAAABAAAAAQAAABAAAAAMAAwACwAAAAAABAAMAAAAEwAAAAAAABM="
)
"""A model of one RELU over one float: with it XNNPACK finds out what the processor can do, for which it opens files."""


@dataclass(frozen=True, slots=True)
class Drive:
    """What runs a model. driving: it talks to a device later; files: what it may still open; compiled: for a GPU."""

    threads: int = 1
    delegates: tuple[Any, ...] = ()
    driving: bool = False
    files: tuple[str, ...] = ()
    compiled: bool = False

    def detector(self, content: bytes, contract: Contract | None) -> Detector:
        """Return the model, loaded; raises Unreadable or Unsuitable."""
        if self.compiled:
            return CompiledDetector(content, contract)
        return Detector(content, self.threads, contract, self.delegates)


def warm_up() -> None:
    """Let the runtime open what it opens once; raises InferenceError when there is none."""
    runtime().Interpreter(model_content=_ONE_OPERATOR, num_threads=1).allocate_tensors()


def begin(accelerator: Accelerator) -> Drive:
    """Return what runs a model on `accelerator`; raises InferenceError when that is not there, or refuses."""
    match accelerator:
        case Cpu():
            return Drive(accelerator.threads)
        case EdgeTpu():
            options = {"device": accelerator.device} if accelerator.device else {}
            return Drive(delegates=(_delegate(accelerator.library, options),), driving=True)
        case Gpu():
            look_for_gpu(_ONE_OPERATOR)
            return Drive(driving=True, files=accelerator.files, compiled=True)
        case Delegate():
            delegate = _delegate(accelerator.library, accelerator.options)
            return Drive(delegates=(delegate,), driving=True, files=accelerator.files)


def _delegate(library: str, options: Mapping[str, str]) -> Any:
    try:
        return runtime().load_delegate(library, dict(options))
    except (ValueError, RuntimeError, OSError) as error:
        said = " ".join(str(error).split())
        raise InferenceError(f"{library} cannot be used: {said or type(error).__name__}") from None
