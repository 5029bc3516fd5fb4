"""A model card in Markdown: what a model is for, what it was made of, how good it is, and where it is not.

M. Mitchell et al., "Model cards for model reporting", FAT* 2019.
"""

from collections.abc import Iterator, Mapping, Sequence

from tapetum.bundle import Provenance
from tapetum_trainer.evaluate import Result, Scores
from tapetum_trainer.evaluate.words import head, overall, rows
from tapetum_trainer.licences import remarks
from tapetum_trainer.quantize import Report

FEW = 50
"""Things of a label below which its figures are said to rest on little."""


def card(
    name: str,
    provenance: Provenance,
    result: Result,
    report: Report,
    min_score: Mapping[str, float],
    chosen: str,
) -> str:
    """Return the card. name: `name@version`; result: on pictures not trained with; chosen: how `min_score` was."""
    parts = (
        _beginning(name, provenance, report, min_score),
        made_of(provenance),
        _figures(result),
        _thresholds(min_score, chosen),
        _limits(result.scores),
    )
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _beginning(name: str, provenance: Provenance, report: Report, min_score: Mapping[str, float]) -> Iterator[str]:
    yield f"# {plain(name)}"
    yield ""
    yield f"Finds {', '.join(map(plain, min_score))} in pictures of a camera."
    yield ""
    shape = " x ".join(map(str, report.input.shape[1:]))
    floats = f", {len(report.in_float)} operators in float" if report.in_float else ""
    yield f"* input {shape}, {report.input.dtype}; {report.bytes_after} bytes, all int8{floats}"
    if report.pictures:
        yield f"* quantized from {report.bytes_before} bytes, calibrated on {report.pictures} pictures"
    else:
        yield "* as the version before it, but for its scores, which were calibrated anew"
    yield f"* licence: {plain(provenance.licence)}"
    made = [text for text in (provenance.made_by, provenance.made_at) if text]
    if made:
        yield f"* made by {plain(', '.join(made))}"


def made_of(provenance: Provenance) -> Iterator[str]:
    """Yield the lines that say of which data and models it was made."""
    yield "## Made of"
    yield ""
    if provenance.recipe:
        yield f"{plain(provenance.recipe)}"
        yield ""
    lines = [(source.name, source.licence, source.address) for source in provenance.sources]
    yield from written([("source", "licence", "address"), *lines], 3) if lines else ("No source is named.",)
    if told := [plain(one) for one in remarks(provenance.sources)]:
        yield ""
        yield "Who sells it, or passes it on, is to know of what it was made of:"
        yield ""
        yield from (f"* {one}" for one in told)


def _figures(result: Result) -> Iterator[str]:
    scores = result.scores
    yield "## How good it is"
    yield ""
    yield f"On {scores.pictures} pictures with {scores.truths} things that it was not trained with. AP is COCO's mean"
    yield "over IoU 0.50 to 0.95; small is below 32 x 32 in a picture of 640 pixels, large from 96 x 96; recall is what"
    yield "is found with so many wrong answers (FP) for each picture, the mean."
    yield ""
    yield from written([head(scores), *rows(scores)])
    for title, parts in (("condition", result.conditions), ("camera", result.groups)):
        if parts:
            yield ""
            names = (title, *head(scores)[1:7])
            yield from written([names, *(overall(name, one) for name, one in parts.items())])
    if result.latency:
        yield ""
        lines = [(one.name, f"{one.cpu_ms:.2f}", f"{one.ratio:.2f}") for one in result.latency]
        yield from written([("1 thread, the machine that made it", "CPU ms", "ratio"), *lines])


def _thresholds(min_score: Mapping[str, float], chosen: str) -> Iterator[str]:
    yield "## From which score on"
    yield ""
    yield f"Chosen {chosen}."
    yield ""
    yield from written([("label", "min_score"), *((label, f"{least:.3f}") for label, least in min_score.items())])


def _limits(scores: Scores) -> Iterator[str]:
    yield "## What to keep in mind"
    yield ""
    for one in scores.classes:
        if one.truths < FEW:
            yield f"* The figures of {plain(one.label)} rest on {one.truths} things."
    small, large = scores.sizes.small, scores.sizes.large
    if small is not None and large is not None and small < large / 2:
        yield f"* Small things are found much less well than large ones: AP {small:.3f} against {large:.3f}."
    yield "* Scores and figures are those of pictures like the ones that it was judged on; another camera may differ."
    yield "* It tells what is seen, not who: it is not made to recognise persons, and nothing of safety may rest on it."


def written(lines: Sequence[Sequence[str]], words: int = 1) -> Iterator[str]:
    """Yield a table; the first `words` columns to the left, the others to the right."""
    first, *others = ([plain(cell) for cell in line] for line in lines)
    yield f"| {' | '.join(first)} |"
    yield "|" + "|".join("---" if column < words else "---:" for column in range(len(first))) + "|"
    yield from (f"| {' | '.join(line)} |" for line in others)


def plain(text: str) -> str:
    """Return a text that means nothing in Markdown or HTML, in one line."""
    marked = "".join(f"\\{one}" if one in "\\`*_[]<>|#" else one for one in text)
    return " ".join(marked.split())
