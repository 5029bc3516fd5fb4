"""The scores of a bundle calibrated anew, on pictures that it was not trained with; nothing else of it changes.

The logits of an int8 model are whole numbers with one scale. What `tapetum_trainer.centred` does to a network is done
here to that scale and to the bias: to stretch by 2 is to say that each step is twice as long. No answer changes its
place among the others; those that are hardly ever right fall under the least score that int8 tells from nothing.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np

from tapetum.bundle import ModelBundle
from tapetum.inference.contract import Contract
from tapetum.inference.tflite import Detector
from tapetum_trainer import graph
from tapetum_trainer.bundling import Bundled, Bundling, bundled
from tapetum_trainer.centred import Calibration, calibration, logits_of
from tapetum_trainer.errors import ModelError
from tapetum_trainer.evaluate import Pictures, answers, evaluate, of_spec
from tapetum_trainer.evaluate.scores import matched
from tapetum_trainer.export import kernels
from tapetum_trainer.folded import HEATMAP
from tapetum_trainer.quantize import Quantized, Report
from tapetum_trainer.thresholds import Rule


@dataclass(frozen=True, slots=True)
class Calibrated:
    """The next version of a bundle, and what was done to its scores."""

    bundle: Bundled
    calibration: Calibration


def calibrated(old: ModelBundle, valid: Pictures, judging: Pictures, rule: Rule) -> Calibrated:
    """Return the next version of `old`, its scores calibrated on `valid`, judged on `judging`.

    Its probes ask about the pictures of the old one's. Raises ModelError when its model was not made here,
    or has other classes than the pictures.
    """
    spec = old.spec()
    if tuple(valid.labels) != spec.labels:
        told = f"its classes are {', '.join(spec.labels)}, in this order, and the recipe's {', '.join(valid.labels)}"
        raise ModelError(f"{old.name}: {told}")
    found = calibration(matched(answers(of_spec(spec), valid), valid), rule)
    new = replace(spec, name=f"{old.manifest.name}@{old.manifest.version + 1}", content=moved(spec.content, found))
    contract = Contract(input=old.manifest.input, decoder=old.manifest.decoder)
    made = Quantized(new.content, contract, _report(new.content))
    bundling = Bundling(
        name=old.manifest.name,
        version=old.manifest.version + 1,
        thresholds=rule,
        probes=len(spec.probes),
        apart=judging is not valid,
    )
    at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    provenance = msgspec.structs.replace(old.manifest.provenance, made_at=at)
    questions = [probe.pixels for probe in spec.probes]
    result = evaluate(of_spec(new), judging)
    return Calibrated(bundled(made, valid, provenance, bundling, questions=questions, result=result), found)


def moved(content: bytes, found: Calibration) -> bytes:
    """Return the int8 model with its heatmap's logits moved and stretched; raises ModelError when it has none."""
    model = graph.read(content)
    for subgraph, operator in kernels(model):
        kernel, bias = (subgraph.tensors[place] for place in operator.inputs[1:3])
        if graph.name_of(kernel) == HEATMAP and kernel.quantization is not None and bias.quantization is not None:
            _move(model, operator, bias, found)
            for tensor in (kernel, subgraph.tensors[operator.inputs[2]], subgraph.tensors[operator.outputs[0]]):
                scales = np.array(tensor.quantization.scale, np.float32)
                tensor.quantization.scale = np.asarray(found.stretch * scales, np.float32)
            return graph.written(model)
    raise ModelError(f"it has no int8 layer {HEATMAP}: it is no detector that was made here")


def _move(model: Any, operator: Any, bias: Any, found: Calibration) -> None:
    """Take the logits of the middles off the bias, in its whole numbers."""
    numbers = graph.constant(model, bias, "<i4")
    if numbers is None or numbers.shape != found.middles.shape:
        raise ModelError(f"layer {HEATMAP} has other classes than the {len(found.middles)} of the pictures")
    steps = logits_of(found.middles) / np.array(bias.quantization.scale, np.float64)
    graph.put(model, operator, 2, np.asarray(numbers - np.rint(steps), np.int32))


def _report(content: bytes) -> Report:
    detector = Detector(content, 1)
    kinds = sum(len(one.tensors) for one in graph.read(content).subgraphs)
    return Report(
        bytes_before=len(content),
        bytes_after=len(content),
        pictures=0,
        tensors=kinds,
        in_float=(),
        input=detector.inputs[0],
        outputs=detector.outputs,
        exact=True,
    )
