"""Mixed precision: what a layer computes is rounded to bfloat16, what it learns stays float32.

bfloat16 has float32's range in half of the memory (S. Wang and P. Kanwar, "BFloat16: the secret to high performance on
Cloud TPUs", 2019), so no loss need be scaled, as float16 wants it. It is faster where the processor multiplies such
numbers: GPUs from NVIDIA's Ampere on, TPUs, processors with AMX; elsewhere it is slower than float32.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

Precision = Literal["float32", "bfloat16"]

_EXACT = ("logits", "scores", "heatmap", "size", "offset")  # ends of layers' names: what the losses are taken of


@contextmanager
def computing(network: Any, precision: Precision) -> Iterator[None]:
    """Let the layers of `network` compute in `precision`, and at the end in float32 again, in which it is exported.

    The ends of the branches compute in float32 throughout.
    """
    policy = "float32" if precision == "float32" else f"mixed_{precision}"
    layers = [layer for layer in network.layers if not layer.name.endswith(_EXACT)]
    try:
        for layer in layers:
            layer.dtype_policy = policy
        yield
    finally:
        for layer in layers:
            layer.dtype_policy = "float32"
