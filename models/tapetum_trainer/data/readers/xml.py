"""XML of labels, which may be anybody's: no document type, so no entities that grow, and no files that it names."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

from tapetum_trainer.data.readers.source import text
from tapetum_trainer.errors import DataError

_DECLARES = re.compile(r"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)


def parsed(path: Path, root: str) -> ET.Element:
    """Return the root of the file, an element `root`; raises DataError when it is none."""
    content = text(path)
    if _DECLARES.search(content):
        raise DataError(f"{path}: it declares a document type, which labels need not")
    try:
        found = ET.fromstring(content)  # noqa: S314  without declarations there is nothing to expand
    except (ET.ParseError, ValueError) as error:
        raise DataError(f"{path}: this is no XML: {error}") from None
    if found.tag != root:
        raise DataError(f"{path}: <{found.tag}> is its root; <{root}> is wanted")
    return found


def word(element: ET.Element, name: str, where: str) -> str:
    """Return the text of the child `name`; raises DataError when there is none."""
    found = (element.findtext(name) or "").strip()
    if not found:
        raise DataError(f"{where}: <{element.tag}> has no <{name}>")
    return found


def number(value: str | None, name: str, where: str) -> float:
    """Return the number that `value` says; raises DataError when it is none."""
    try:
        return float(value or "")
    except ValueError:
        raise DataError(f"{where}: {name} is {value!r}; a number is wanted") from None
