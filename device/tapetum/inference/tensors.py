"""What a model's tensors are, as the runtime tells it, and what the numbers in them mean."""

from dataclasses import dataclass
from functools import lru_cache
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

    @property
    def quantized(self) -> bool:
        """Whether integers stand for real numbers."""
        return bool(self.scale) and np.dtype(self.dtype).kind in "iu"

    def lowest(self) -> float:
        """Return the smallest real number that can be stored; of floats, -infinity."""
        return float(_levels(self)[0]) if self.quantized else float("-inf")

    def highest(self) -> float:
        """Return the largest real number that can be stored; of floats, infinity."""
        return float(_levels(self)[-1]) if self.quantized else float("inf")

    def real(self, values: NDArray[Any]) -> Floats:
        """Return what `values`, as stored, stand for: float32, of the same shape."""
        if not self.quantized:
            return np.asarray(values, np.float32)
        return np.asarray((values.astype(np.float32) - self.zero_point) * self.scale, np.float32)

    def least(self, real: float) -> float:
        """Return the smallest number that can be stored and stands for `real` or more.

        So a threshold costs one comparison of the numbers as they are stored, and is met by exactly those whose real
        number, as of `real`, meets it.
        """
        if not self.quantized:
            return float(np.float32(real))
        lowest = int(np.iinfo(self.dtype).min)
        return lowest + int(np.searchsorted(_levels(self), np.float32(real)))


@lru_cache(maxsize=64)
def _levels(spec: TensorSpec) -> Floats:
    """Return the real numbers of all that can be stored in 8 or 16 bits, rising."""
    bounds = np.iinfo(spec.dtype)
    return spec.real(np.arange(bounds.min, bounds.max + 1, dtype=np.int32))


@dataclass(frozen=True, slots=True)
class Tensor:
    """An output's numbers, as stored: nothing is made of them that nobody asks for."""

    spec: TensorSpec
    values: NDArray[Any]

    def floats(self) -> Floats:
        """Return the real numbers, float32, of the same shape."""
        return self.spec.real(self.values)
