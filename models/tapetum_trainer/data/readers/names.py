"""Names of classes out of a file: one a line, or `names:` of a `data.yaml`.

Of YAML only what tools write there is read: a list or a map, in one line, over several within brackets, or one entry a
line. All else is refused, so that nothing is ever guessed; a parser of all of YAML would be one more package.
"""

import re
from pathlib import Path

from tapetum_trainer.data.readers.source import text
from tapetum_trainer.errors import DataError

_SCALAR = r"""'(?:[^'\n]|'')*'|"[^"\\\n]*"|(?![-?]\s)[^\s,:'"\[\]{}#&*!|>%@`][^,:'"\[\]{}#\n]*"""
_KEY = r"(?P<key>\d+)\s*:\s+"
_ENTRIES = {
    "[": re.compile(rf"\s*(?P<key>)(?P<name>{_SCALAR})\s*"),
    "{": re.compile(rf"\s*{_KEY}(?P<name>{_SCALAR})\s*"),
}
_LINE = re.compile(rf"\s*(?:-\s+|{_KEY})(?P<name>{_SCALAR})\s*(?:\s#.*)?")
_HEAD = re.compile(r"names\s*:(?P<rest>.*)")
_BLANK = re.compile(r"\s*(?:#.*)?")
_Named = tuple[str | None, str]
"""The number of a class, where it is given, and its name."""

_WANTED = "names: [a, b], or {0: a, 1: b}, or one a line (- a, or 0: a), is wanted"


def names_in(path: Path) -> tuple[str, ...]:
    """Return the names in the order of their numbers; raises DataError, naming file and line."""
    lines = text(path).splitlines()
    yaml = path.suffix.lower() in (".yaml", ".yml")
    found: list[_Named] = _of_yaml(lines, path) if yaml else [(None, line.strip()) for line in lines if line.strip()]
    if not found:
        raise DataError("there are no names of classes in it", path)
    return _ordered(found, path)


def _of_yaml(lines: list[str], path: Path) -> list[_Named]:
    heads = [(at, match["rest"].strip()) for at, line in enumerate(lines) if (match := _HEAD.match(line))]
    if len(heads) != 1:
        raise DataError(f"`names:` is in it {len(heads)} times; once is wanted", path)
    ((at, rest),) = heads
    if rest[:1] in ("[", "{"):
        return _flow("\n".join([rest, *lines[at + 1 :]]), f"{path}, line {at + 1}")
    if not _BLANK.fullmatch(rest):
        raise DataError(_WANTED, f"{path}, line {at + 1}")
    return _block(lines, at + 1, path)


def _flow(content: str, where: str) -> list[_Named]:
    """Return the entries between the brackets that `content` begins with."""
    end, entry = {"[": "]", "{": "}"}[content[0]], _ENTRIES[content[0]]
    place, found = 1, []
    while match := entry.match(content, place):
        found.append((match["key"] or None, _plain(match["name"])))
        place = match.end()
        if content[place : place + 1] != ",":
            break
        place += 1
    rest = content[place:].lstrip()
    if rest[:1] != end or not _BLANK.fullmatch(rest[1:].partition("\n")[0]):
        raise DataError(_WANTED, where)
    return found


def _block(lines: list[str], start: int, path: Path) -> list[_Named]:
    """Return the entries of the lines from `start` on, to the next key."""
    found = []
    for at, line in enumerate(lines[start:], start=start + 1):
        if _BLANK.fullmatch(line):
            continue
        match = _LINE.fullmatch(line)
        if not match:
            if line[:1].isspace() or line[:1] == "-":
                raise DataError(_WANTED, f"{path}, line {at}")
            break
        found.append((match["key"], _plain(match["name"])))
    return found


def _plain(name: str) -> str:
    if name[0] == "'":
        return name[1:-1].replace("''", "'")
    return name[1:-1] if name[0] == '"' else name.strip()


def _ordered(found: list[_Named], path: Path) -> tuple[str, ...]:
    """Return the names by their numbers, or as they stand where none has one."""
    keys = [key for key, _ in found if key is not None]
    if keys and sorted(int(key) for key in keys if len(key) < 9) != list(range(len(found))):
        raise DataError(f"the numbers of its names are not 0 to {len(found) - 1}, each once", path)
    if keys:
        found = sorted(found, key=lambda one: int(one[0] or 0))
    if not all(name for _, name in found):
        raise DataError("a name of a class is empty", path)
    return tuple(name for _, name in found)
