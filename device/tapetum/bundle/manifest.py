"""What stands in a bundle's `manifest.json`: the types are the schema, as those of the configuration are."""

import json
import re
from collections import Counter
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from tapetum import __version__
from tapetum.bundle.archive import LARGEST_FILE, LONGEST_PATH, MOST_FILES, PATH
from tapetum.config_errors import explained
from tapetum.errors import Unreadable, Unsuitable
from tapetum.inference.contract import Contract
from tapetum.settings import Fraction, Settings
from tapetum.text import plain

FILE = "manifest.json"
"""The manifest's path, first in the archive."""
SCHEMA = 1
"""The version of the manifest that is read and written."""
LARGEST = 1 << 20
"""Bytes of a manifest."""
_TOLD = 1000  # characters of what stands in it that are repeated

Path = Annotated[str, Meta(pattern=PATH, max_length=LONGEST_PATH)]
Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}\Z")]
Line = Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+\Z", max_length=100)]
"""A text of one line that cannot tell a terminal what to do."""
Text = Annotated[str, Meta(max_length=1000)]


class FileEntry(Settings, frozen=True, kw_only=True):
    """One file of the bundle."""

    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
    bytes: Annotated[int, Meta(ge=1, le=LARGEST_FILE)]


class ExpectedDetection(Settings, frozen=True, kw_only=True):
    """One detection that a probe's answer must hold."""

    label: Line
    score: Fraction
    box: tuple[Fraction, Fraction, Fraction, Fraction]  # left, top, right, bottom, fractions of the input


class ProbeEntry(Settings, frozen=True, kw_only=True):
    """A picture whose answer is known: the device asks the model before it trusts it."""

    pixels: Path  # the file of its pixels: rows of the input's width, a byte for each channel, nothing else
    expected: Annotated[tuple[ExpectedDetection, ...], Meta(max_length=100)]  # []: nothing may be found
    score_tolerance: Fraction = 0.1
    iou: Fraction = 0.7  # a box found overlaps the one expected by so much at least


class Source(Settings, frozen=True, kw_only=True):
    """A set of data, or a model, of which this one was made."""

    name: Line
    licence: Line
    address: Text = ""


class Provenance(Settings, frozen=True, kw_only=True):
    """Where a model comes from."""

    licence: Line  # of the model, as SPDX writes it: Apache-2.0
    made_by: Text = ""  # the program and its version
    made_at: Annotated[str, Meta(pattern=r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)?\Z")] = ""  # UTC, RFC 3339
    recipe: Text = ""  # how it was made
    sources: Annotated[tuple[Source, ...], Meta(max_length=100)] = ()


class Manifest(Contract, frozen=True, kw_only=True):
    """All that a bundle says of its model."""

    schema: Literal[1]
    name: Name
    version: Annotated[int, Meta(ge=1, le=2**31 - 1)]  # only rises
    requires: Annotated[str, Meta(pattern=r"^\d{1,4}\.\d{1,4}\.\d{1,4}\Z")]  # the least version of Tapetum
    labels: Annotated[tuple[Line, ...], Meta(min_length=1, max_length=10_000)]  # in the order of classes; ???: none
    min_score: Annotated[dict[Line, Fraction], Meta(max_length=10_000)] = msgspec.field(default_factory=dict)
    model: Path  # the file of the model
    twins: Annotated[dict[Name, Path], Meta(max_length=8)] = msgspec.field(default_factory=dict)  # accelerator -> file
    card: Path | None = None  # the file of its model card, Markdown
    files: Annotated[dict[Path, FileEntry], Meta(min_length=1, max_length=MOST_FILES - 1)]  # all but the manifest
    metrics: Annotated[dict[Line, float], Meta(max_length=1000)] = msgspec.field(default_factory=dict)
    provenance: Provenance
    probes: Annotated[tuple[ProbeEntry, ...], Meta(max_length=32)] = ()


T = TypeVar("T")


class _Head(msgspec.Struct):
    """What every version of the manifest has."""

    schema: int
    requires: str = ""
    task: str = ""  # of a model that does not say what is seen


def parse(text: bytes) -> Manifest:
    """Return the manifest that stands in `text`.

    Raises Unreadable, with the field that is wrong, and Unsuitable when it asks for a later Tapetum.
    """
    if len(text) > LARGEST:
        raise Unreadable(f"{FILE}: it has {len(text)} bytes; up to {LARGEST} are taken")
    _check_head(_decoded(text, _Head))
    found = _decoded(text, Manifest)
    json.loads(text, object_pairs_hook=_check_twice)
    return found


def _decoded(text: bytes, kind: type[T]) -> T:
    """Return `text` as a `kind`; the errors of msgspec are told with the field."""
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.ValidationError as error:
        told = explained(str(error), kind, None, "").removeprefix(": ")
        raise Unreadable(f"{FILE}: {plain(told, _TOLD)}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(f"{FILE}: it is no JSON: {error}") from None


def _check_head(head: _Head) -> None:
    """Raise Unsuitable when the manifest is of a later version, asks for one of Tapetum, or is of another task."""
    if head.schema > SCHEMA:
        raise Unsuitable(f"{FILE}: schema: it is {head.schema}; this Tapetum {__version__} reads {SCHEMA}: update it")
    if _numbers(head.requires) > _numbers(__version__):
        raise Unsuitable(
            f"{FILE}: requires: it is {plain(head.requires, 20)}, and this is Tapetum {__version__}: update it"
        )
    if head.task:
        raise Unsuitable(
            f"{FILE}: task: it is {plain(head.task, 20)}; Tapetum {__version__} runs models that say what is seen, and "
            "this one does not"
        )


def _numbers(version: str) -> list[int]:
    """Return the numbers of a version by which it is earlier or later than another."""
    return [int(number[:9]) for number in re.findall("[0-9]+", version[:100])[:3]]


def _check_twice(pairs: list[tuple[str, Any]]) -> None:
    """Raise Unreadable where a key stands twice: readers differ in which they believe."""
    for key, count in Counter(key for key, _ in pairs).items():
        if count > 1:
            raise Unreadable(f"{FILE}: {plain(key, _TOLD)}: it stands there {count} times, in one table")
