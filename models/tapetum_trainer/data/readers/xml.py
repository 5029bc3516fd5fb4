"""XML of labels, which may be anybody's: no document type, so no entities that grow, and no files that it names.

The parser is the standard library's expat. It is stopped where a document type begins, before any entity is declared;
there is then nothing to expand or to fetch. That is the whole of what defusedxml does by it, in one handler and without
one more package.
"""

from pathlib import Path
from typing import NoReturn
from xml.etree import ElementTree as ET
from xml.parsers import expat

from tapetum_trainer.data.readers.source import text
from tapetum_trainer.errors import DataError


class _Declared(Exception):
    """The file has a document type."""


def parsed(path: Path, root: str) -> ET.Element:
    """Return the root of the file, an element `root`; raises DataError when it is none."""
    content = text(path)
    try:
        _refuse_declarations(content)
        found = ET.fromstring(content)  # noqa: S314  without declarations there is nothing to expand
    except _Declared:
        raise DataError("it declares a document type, which labels need not", path) from None
    except (ET.ParseError, expat.ExpatError, ValueError) as error:
        raise DataError(f"this is no XML: {error}", path) from None
    if found.tag != root:
        raise DataError(f"<{found.tag}> is its root; <{root}> is wanted", path)
    return found


def _refuse_declarations(content: str) -> None:
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _declared
    parser.Parse(content, True)


def _declared(*_: object) -> NoReturn:
    raise _Declared


def word(element: ET.Element, name: str, where: str) -> str:
    """Return the text of the child `name`; raises DataError when there is none."""
    found = (element.findtext(name) or "").strip()
    if not found:
        raise DataError(f"<{element.tag}> has no <{name}>", where)
    return found


def attribute(element: ET.Element, name: str, where: str) -> str:
    """Return the attribute `name`; raises DataError when there is none."""
    found = element.get(name, "").strip()
    if not found:
        raise DataError(f"<{element.tag}> has no {name}", where)
    return found
