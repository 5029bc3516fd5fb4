"""Where a model loses accuracy when it is quantized: its activations, float against int8, operator by operator.

The signal-to-quantization-noise ratio of a tensor, SQNR = 10 log10(power of the float numbers / power of the
difference), as the mean over pictures. 8 bits that are used well give 35 to 50 dB; what falls below 20 dB, and what
comes behind it, is where to look: an activation with few large values among many small ones, an operator left in a
range that no picture for calibration reached. Errors add up from layer to layer, so the step down counts, not the
level.
"""

import contextlib
import io
import math
import warnings
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tapetum.inference.contract import Contract
from tapetum_trainer import graph
from tapetum_trainer.pairs import of_pixels
from tapetum_trainer.quantize import prepared, questions

_MOST_DB = 100.0  # what is the same to the bit


@dataclass(frozen=True, slots=True)
class LayerError:
    """What quantizing did to an operator's output. kind: of the operator; name: of the output, in the float model."""

    kind: str
    name: str
    sqnr_db: float


def layer_errors(
    content: bytes, contract: Contract, quantized: bytes, pictures: Iterable[NDArray[np.uint8]]
) -> tuple[LayerError, ...]:
    """Return the error of each operator of the float model `content` that `quantized` has too, in order of execution.

    contract: of the float model. pictures: (h, w, 3) RGB of any size; eight are enough. Raises ModelError when
    `content` is no float model.
    """
    from ai_edge_quantizer import model_validator  # noqa: PLC0415  it takes a second
    from ai_edge_quantizer.utils.validation_utils import ValidationErrorMetric  # noqa: PLC0415

    before = prepared(content, contract.input)
    key, name = graph.name_of_input(graph.read(before))
    asked = {key: questions(contract.input, name, pictures)}
    ratio = ValidationErrorMetric.SNR
    parted = graph.written(of_pixels(graph.read(quantized)))  # tensor by tensor, kernels among them
    with warnings.catch_warnings(action="ignore"), contextlib.redirect_stderr(io.StringIO()):
        found = model_validator.compare_model(before, parted, asked, [ratio], [_decibels], num_threads=1)
    told = found.get_signature_comparison_result(key)
    values = told.intermediate_tensors | told.output_tensors
    kinds = graph.given(graph.read(before))
    return tuple(
        LayerError(kind, name, round(values[name][ratio.value], 1)) for name, kind in kinds.items() if name in values
    )


def _decibels(noisy: NDArray[np.float32], signal: NDArray[np.float32]) -> float:
    """Return the ratio of two tensors of the same shape, at most 100 dB."""
    power, noise = (float(np.square(one, dtype=np.float64).mean()) for one in (signal, signal - noisy))
    if noise == 0:
        return _MOST_DB
    return min(_MOST_DB, 10 * math.log10(power / noise)) if power else 0.0
