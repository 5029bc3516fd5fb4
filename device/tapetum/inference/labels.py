"""The names of a model's classes."""

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

from tapetum.errors import ConfigError, Unsuitable
from tapetum.inference.contract import MOST_CLASSES
from tapetum.settings import located

_LARGEST = 1 << 20  # bytes of a list of labels
_TAIL = 4 << 20  # bytes: behind a model lie a few small texts, and a directory of more is not looked at
_NUMBERED = re.compile(r"^(?P<number>\d+)[\s:,]+(?P<name>\S.*)$", re.ASCII)
_TABLE = re.compile(r"""["']names["']: *\{(?P<names>[^{}]*)\}""")  # as the YOLO exporters of Ultralytics pack it
_ROW = re.compile(r"""["']?(?P<number>\d{1,9})["']?: *(?:'(?P<name>[^'\\]*)'|"(?P<quoted>[^"\\]*)")""", re.ASCII)
PLACEHOLDER = "???"
"""The name of a class that has none."""
NAMELESS = ("", PLACEHOLDER)
"""What a class is called that is never told."""


def find(model: Path, labels: str, own: Sequence[str] | None = None) -> tuple[str, ...]:
    """Return the labels of the model file `model`: those in the file `labels`, else its own, else those beside it.

    A first line `???` stands for the background class that detectors do not report, and is left out. own: the names of
    the texts in the model that its metadata call labels; None: it has no metadata, and any text will do.

    Raises ConfigError when `labels` names no readable text, or when there are none at all.
    """
    if labels:
        return parse(_text(located(labels), "inference.labels"))
    packed = _inside(model, own)
    if packed is not None:
        return parse(packed)
    for beside in (model.with_suffix(".txt"), model.with_name("labelmap.txt"), model.with_name("labels.txt")):
        if beside.is_file():
            return parse(_text(beside, "inference.labels"))
    raise ConfigError(f"inference.labels: {model.name} brings no labels; name a file with one label a line")


def parse(text: str) -> tuple[str, ...]:
    """Return the labels of `text`, one a line; where all are numbered, the numbers tell which class is whose.

    Or those of a table `names` in it, as YOLO exporters write one.
    """
    if text.lstrip().startswith("{") and (found := _TABLE.search(text)):
        rows = list(_ROW.finditer(found["names"]))
        return (
            tuple(_in_places({int(row["number"]): row["name"] or row["quoted"] or "" for row in rows})) if rows else ()
        )
    lines = [line.strip() for line in text.splitlines()]
    while lines and not lines[-1]:
        lines.pop()
    numbered = [_NUMBERED.match(line) for line in lines]
    if lines and all(numbered):
        lines = _in_places({int(found["number"]): found["name"] for found in numbered if found})
    return tuple(lines[1:] if lines and lines[0] == PLACEHOLDER else lines)


def _in_places(names: dict[int, str]) -> list[str]:
    """Return the names by number, from the smallest on, with the placeholder where a number has none."""
    first, last = min(names), max(names)
    if last - first > MOST_CLASSES:
        raise ConfigError(f"inference.labels: a label has the number {last}; numbers name classes, from 0 or 1 on")
    return [names.get(number, PLACEHOLDER) for number in range(first, last + 1)]


def check_count(labels: tuple[str, ...], classes: int, model: str) -> None:
    """Raise Unsuitable when a model that tells `classes` apart does not fit `labels`; 0: it does not say how many."""
    if classes and len(labels) != classes:
        raise Unsuitable(
            f"{len(labels)} labels are given, and {model} tells {classes} classes apart; one each is wanted"
        )


def _text(path: Path, key: str) -> str:
    try:
        if path.stat().st_size > _LARGEST:
            raise ConfigError(f"{key}: {path} is larger than any list of labels")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{key}: {path}: {error.strerror}; it must name a text with one label a line") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{key}: {path} is no text in UTF-8") from None


def _inside(model: Path, own: Sequence[str] | None) -> str | None:
    """Return the label file packed behind the model, as TFLite metadata does, or None."""
    try:
        with model.open("rb") as file:
            file.seek(max(0, model.stat().st_size - _TAIL))
            return _first_text(file.read(), own)
    except OSError:
        return None


def _first_text(tail: bytes, own: Sequence[str] | None) -> str | None:
    """Return the first text that is called labels in the archive at the end of a file, or None."""
    try:
        with zipfile.ZipFile(io.BytesIO(tail)) as archive:
            kept = {entry.filename: entry for entry in archive.infolist() if _is_small(entry)}
            names = [name for name in (kept if own is None else own) if name in kept]
            texts = names if own is not None else [name for name in names if name.endswith((".txt", "metadata.json"))]
            return archive.read(texts[0]).decode("utf-8", errors="replace") if texts else None
    except (OSError, zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, RuntimeError):
        return None  # NotImplementedError, for what nobody packs so, is a RuntimeError


def _is_small(entry: zipfile.ZipInfo) -> bool:
    """Return whether the entry is packed as we can read it, and no larger than a list of labels."""
    return entry.file_size <= _LARGEST and entry.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
