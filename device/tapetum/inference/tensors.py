"""What a model's tensors are, as the runtime tells it, and what the numbers in them mean."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One input or output. real = scale * (stored - zero_point); scale 0: the numbers stand for themselves."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float = 0.0
    zero_point: int = 0

    @classmethod
    def of(cls, details: dict[str, Any]) -> "TensorSpec":
        """Return the spec of one entry of the interpreter's `get_input_details` or `get_output_details`."""
        scale, zero_point = details["quantization"]
        shape = tuple(map(int, details["shape"]))
        return cls(str(details["name"]), shape, np.dtype(details["dtype"]).name, float(scale), int(zero_point))


@dataclass(frozen=True, slots=True)
class Tensor:
    """An output's numbers, as stored: nothing is made of them that nobody asks for."""

    spec: TensorSpec
    values: NDArray[Any]

    def floats(self) -> Floats:
        """Return the real numbers, float32, of the same shape."""
        if self.values.dtype == np.float32 or not self.spec.scale:
            return np.asarray(self.values, np.float32)
        return np.asarray((self.values.astype(np.float32) - self.spec.zero_point) * self.spec.scale, np.float32)
