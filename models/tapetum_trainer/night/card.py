"""The model card of a curve network, Markdown (M. Mitchell et al., "Model cards for model reporting", 2019)."""

from collections.abc import Iterator, Mapping, Sequence

from tapetum.bundle import Provenance
from tapetum_trainer.card import made_of, plain, written
from tapetum_trainer.night.dark import Pair
from tapetum_trainer.night.judge import Figures, means, rows
from tapetum_trainer.quantize import Report

_FEW = 10  # pairs that are listed one by one

Sets = Sequence[tuple[str, Sequence[Pair], Mapping[str, Sequence[Figures]]]]


def card(name: str, provenance: Provenance, report: Report, sets: Sets) -> str:
    """Return the card. name: `name@version`. sets: pictures not trained with, and the figures of each way on them."""
    parts = (_beginning(name, provenance, report), made_of(provenance), _figures(sets), _limits())
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _beginning(name: str, provenance: Provenance, report: Report) -> Iterator[str]:
    yield f"# {plain(name)}"
    yield ""
    yield "Tells by which curve each part of a dark picture is to be raised. It does not say what is seen, and no"
    yield "device uses it: one that is given it refuses it."
    yield ""
    (_, height, width, channels), (_, rows_, columns, curves) = report.input.shape, report.outputs[0].shape
    yield f"* input {height} x {width} x {channels}, {report.input.dtype}; {report.bytes_after} bytes, all int8"
    yield f"* output {rows_} x {columns} x {curves}: a of x + a x (1 - x), applied eight times"
    yield f"* quantized from {report.bytes_before} bytes, calibrated on {report.pictures} pictures"
    yield f"* licence: {plain(provenance.licence)}"
    yield f"* made by {plain(', '.join(filter(None, (provenance.made_by, provenance.made_at))))}"


def _figures(sets: Sets) -> Iterator[str]:
    yield "## How good it is"
    yield ""
    yield "How near pictures with too little light are brought to the same ones with enough; none was trained with."
    yield "Gamma is what the device does without a network."
    for title, pairs, figures in sets:
        yield ""
        yield f"{plain(title)}, {len(pairs)} pictures:"
        yield ""
        if len(pairs) <= _FEW:
            yield from written(rows(pairs, figures))
        else:
            lines = [(way, f"{mean.psnr:.2f}", f"{mean.ssim:.3f}") for way, mean in means(figures).items()]
            yield from written([("", "PSNR dB", "SSIM"), *lines])


def _limits() -> Iterator[str]:
    yield "## What to keep in mind"
    yield ""
    yield "* Noise is raised with what it lies on: the curve adds no information."
    yield "* A scene that is dark by nature is raised as one that lacks light."
    yield "* It was trained without bright pictures to compare with; nothing tells it which colours a thing had."
