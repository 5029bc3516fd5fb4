"""The model card of a classifier, Markdown (M. Mitchell et al., "Model cards for model reporting", 2019)."""

from collections.abc import Iterator

from tapetum.bundle import Provenance
from tapetum.inference.contract import ModelSpec
from tapetum.inference.labels import PLACEHOLDER
from tapetum_trainer.card import FEW, made_of, plain, written
from tapetum_trainer.crops.figures import Figures
from tapetum_trainer.crops.words import matrix, rows
from tapetum_trainer.evaluate.moved import Loss
from tapetum_trainer.quantize import Report


def card(spec: ModelSpec, provenance: Provenance, report: Report, found: tuple[Figures, Figures], lost: Loss) -> str:
    """Return the card. found: of the float model, and of int8, on crops not trained with."""
    parts = (
        _beginning(spec, provenance, report),
        made_of(provenance),
        _figures(found, lost),
        _thresholds(spec),
        _limits(found[1]),
    )
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _beginning(spec: ModelSpec, provenance: Provenance, report: Report) -> Iterator[str]:
    known = [plain(label) for label in spec.labels if label != PLACEHOLDER]
    yield f"# {plain(spec.name)}"
    yield ""
    yield f"Says whether a crop shows {', '.join(known)}{', or none of them' if len(known) < len(spec.labels) else ''}."
    yield "It does not say where: a device asks it about what it follows, one track at a time."
    yield ""
    shape = " x ".join(map(str, report.input.shape[1:]))
    floats = f", {len(report.in_float)} operators in float" if report.in_float else ""
    yield f"* input {shape}, {report.input.dtype}; {report.bytes_after} bytes, all int8{floats}"
    yield f"* quantized from {report.bytes_before} bytes, calibrated on {report.pictures} crops"
    yield f"* licence: {plain(provenance.licence)}"
    yield f"* made by {plain(', '.join(filter(None, (provenance.made_by, provenance.made_at))))}"


def _figures(found: tuple[Figures, Figures], lost: Loss) -> Iterator[str]:
    before, after = found
    yield "## How good it is"
    yield ""
    yield f"On {after.crops} crops that it was not trained with. Precision: of those that it says it of, how many show"
    yield "it; recall: of those that show it, of how many it says so; balanced: the mean of the recalls."
    yield ""
    yield from written(rows(before, after))
    yield ""
    yield f"int8 loses {lost.points:.1f} +- {lost.error:.1f} points of the balanced one, the mean of several views of"
    yield "each crop. What int8 takes for what, a row for each class that is shown:"
    yield ""
    yield from written(matrix(after))


def _thresholds(spec: ModelSpec) -> Iterator[str]:
    yield "## From which score on"
    yield ""
    yield from written([("label", "min_score"), *((label, f"{one:.3f}") for label, one in spec.min_score.items())])


def _limits(found: Figures) -> Iterator[str]:
    yield "## What to keep in mind"
    yield ""
    for one in found.classes:
        if one.crops < FEW:
            yield f"* The figures of {plain(one.label)} rest on {one.crops} crops."
    yield "* It names the thing that a crop is about; who stands in front of a car may be taken for the car."
    yield "* It finds nothing by itself: who stands still when the camera is switched on is found by a detector alone."
    yield "* Scores and figures are those of pictures like the ones that it was judged on; another camera may differ."
    yield "* It tells what is seen, not who: it is not made to recognise persons, and nothing of safety may rest on it."
