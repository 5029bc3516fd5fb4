"""The report of a recipe's pictures in words, for a terminal."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from tapetum_trainer.data.report import Finding, Report
from tapetum_trainer.data.split import SPLITS, Split
from tapetum_trainer.evaluate.words import table

_FINDINGS = 50  # that are told one by one
_LABELS = 20


def text(report: Report, root: Path) -> str:
    """Return what there is, and what is wrong with it. root: the folder of the data, by which files are told."""
    return "\n".join([*_counts(report), "", *_words(report), *_findings(report, root)]) + "\n"


def short(told: str, root: Path) -> str:
    """Return what is told with files by their places in the folder of the data."""
    return f" {told}".replace(f" {root}/", " ")[1:]


def _counts(report: Report) -> list[str]:
    rows = [(split, str(sum(one.split == split for one in report.shown)), *_things(report, split)) for split in SPLITS]
    return table([("split", "pictures", *report.classes), *rows])


def _things(report: Report, split: Split) -> Iterator[str]:
    return (str(report.things(label, split)) for label in report.classes)


def _words(report: Report) -> list[str]:
    left_out = ", ".join(f"{label} {count}" for label, count in islice(report.left_out.items(), _LABELS))
    return [
        f"{sum(one.empty for one in report.shown)} pictures show no object.",
        f"{report.moved} pictures look like one of a split that is kept more strictly, and went there.",
        f"Labels that mean no class: {left_out or 'none'}",
        f"Mistakes, which stop a training: {report.mistakes}; doubts: {len(report.findings) - report.mistakes}",
    ]


def _findings(report: Report, root: Path) -> list[str]:
    more = len(report.findings) - _FINDINGS
    lines = [_finding(one, root) for one in report.findings[:_FINDINGS]]
    return [*lines, f"and {more} more; --html FILE tells more of them"] if more > 0 else lines


def _finding(one: Finding, root: Path) -> str:
    kind = "mistake" if one.stops else "doubt"
    return f"{kind}: {short(one.where, root)}: {short(one.what, root)}" if one.where else f"{kind}: {one.what}"
