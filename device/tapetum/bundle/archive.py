"""The files in a bundle: a zip archive of the plainest form, and nothing else.

What a zip file holds is told twice, before each file and in a directory at the end, and readers differ in which they
believe. Here both must say the same, the files must lie one behind the other from the first byte to the directory, and
all that a bundle has no use for is refused: compression, encryption, folders, links, comments, extra fields, zip64. So
every reader sees the same files in it, and no byte is in it that no file holds.

PKWARE, ".ZIP File Format Specification" 6.3.10: 4.3.7 local file header, 4.3.12 central directory, 4.3.16 its end.
"""

import re
import stat
import struct
import zlib
from collections.abc import Mapping
from typing import NamedTuple

from tapetum.errors import Unreadable

LARGEST = 256 << 20
"""Bytes of a bundle."""
LARGEST_FILE = 128 << 20
"""Bytes of a file in it: a detector for such a device has a tenth of it."""
MOST_FILES = 64
"""Files in a bundle."""
LONGEST_PATH = 100
"""Characters of a file's path."""
PATH = r"^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*\Z"
"""A file's path: no part begins with a dot, so none leads upwards."""

_LOCAL, _ENTRY, _END = struct.Struct("<4s5H3I2H"), struct.Struct("<4s6H3I5H2I"), struct.Struct("<4s4H2IH")
_LOCAL_SIGN, _ENTRY_SIGN, _END_SIGN = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_UNIX = 3  # the upper byte of "version made by", where the attributes are those of a Unix file
_FOLDER = 0x10  # of the MS-DOS attributes


class _Entry(NamedTuple):
    """One file as the directory tells of it. same: what the header before the file must say too."""

    name: str
    same: tuple[int, ...]
    crc: int
    size: int
    start: int


def is_archive(content: bytes) -> bool:
    """Return whether `content` begins as a bundle does."""
    return content[:4] == _LOCAL_SIGN


def files(content: bytes) -> Mapping[str, memoryview]:
    """Return the files of the archive `content` by their paths, in their order.

    Raises Unreadable when it is not an archive of the form above.
    """
    if len(content) > LARGEST:
        raise Unreadable(f"it has {len(content)} bytes; up to {LARGEST >> 20} MiB are taken")
    count, start = _end(content)
    found: dict[str, memoryview] = {}
    behind = 0
    for entry in _directory(content, count, start):
        found[entry.name] = _file(content, entry, behind)
        behind = entry.start + _LOCAL.size + len(entry.name) + entry.size
    if behind != start:
        raise Unreadable(f"{start - behind} bytes lie between its last file and its directory; none are wanted")
    _check_names(found, count)
    return found


def _end(content: bytes) -> tuple[int, int]:
    """Return how many files there are, and where the directory begins."""
    place = len(content) - _END.size
    if place < 0 or content[place : place + 4] != _END_SIGN:
        raise Unreadable("it is no bundle: a zip archive must end with its directory, without a comment")
    _, disk, first_disk, here, count, size, start, comment = _END.unpack_from(content, place)
    if disk or first_disk or here != count or comment:
        raise Unreadable("its directory tells of other parts or a comment; one whole archive is wanted")
    if not 0 < count <= MOST_FILES:
        raise Unreadable(f"it holds {count} files; 1 to {MOST_FILES} are taken")
    if start + size != place:
        raise Unreadable("its directory does not lie where it is said to; nothing may stand before or behind it")
    return count, start


def _directory(content: bytes, count: int, place: int) -> list[_Entry]:
    """Return the entries of the directory that begins at `place` and fills all up to the end."""
    entries = []
    end = len(content) - _END.size
    for _ in range(count):
        if place + _ENTRY.size > end:
            raise Unreadable("its directory ends before its last file is named")
        fields = _ENTRY.unpack_from(content, place)
        name = content[place + _ENTRY.size : place + _ENTRY.size + fields[10]]
        entries.append(_entry(fields, _path(name)))
        place += _ENTRY.size + len(name)
    if place != end:
        raise Unreadable("its directory has more in it than its files")
    return entries


def _path(name: bytes) -> str:
    path = name.decode("ascii", errors="replace")
    if len(path) > LONGEST_PATH or not re.match(PATH, path):
        raise Unreadable(f"a file in it is called {path[:LONGEST_PATH]!r}; letters, digits, . _ - and / are wanted")
    return path


def _entry(fields: tuple[int, ...], name: str) -> _Entry:
    """Return an entry of the directory; raises Unreadable when it is more than a stored file."""
    _, made_by, needed, flags, method, time, date, crc, packed, size, _, extra, comment, disk, _, mode, start = fields
    if flags or method or packed != size:
        raise Unreadable(f"{name}: it is compressed or encrypted, or its length stands behind it; store it as it is")
    if extra or comment or disk:
        raise Unreadable(f"{name}: it has extra fields or a comment; none are wanted")
    kind = stat.S_IFMT(mode >> 16) if made_by >> 8 == _UNIX else stat.S_IFREG
    if kind not in (0, stat.S_IFREG) or mode & _FOLDER:
        raise Unreadable(f"{name}: it is a folder, a link or a device; a file is wanted")
    if size > LARGEST_FILE:
        raise Unreadable(f"{name}: it has {size} bytes; up to {LARGEST_FILE >> 20} MiB are taken")
    return _Entry(name, (needed, flags, method, time, date, crc, packed, size, len(name), 0), crc, size, start)


def _file(content: bytes, entry: _Entry, place: int) -> memoryview:
    """Return the bytes of the file, which must lie at `place` behind a header that says what the directory says."""
    if entry.start != place or place + _LOCAL.size > len(content):
        raise Unreadable(f"{entry.name}: it does not lie right behind the file before it")
    sign, *told = _LOCAL.unpack_from(content, place)
    data = place + _LOCAL.size + len(entry.name)
    name = content[place + _LOCAL.size : data]
    if (sign, tuple(told), name) != (_LOCAL_SIGN, entry.same, entry.name.encode()):
        raise Unreadable(f"{entry.name}: the header before it does not say what the directory says")
    found = memoryview(content)[data : data + entry.size]
    if len(found) != entry.size or zlib.crc32(found) != entry.crc:
        raise Unreadable(f"{entry.name}: its bytes are not those that were packed: the archive is damaged")
    return found


def _check_names(found: Mapping[str, object], count: int) -> None:
    """Raise Unreadable when two files would be one, on this machine or on another, or one would be a folder too."""
    folded = {name.casefold() for name in found}
    if len(folded) != count:
        raise Unreadable("two files in it have the same name, but for capitals at most")
    folders = {name.rsplit("/", depth)[0] for name in folded for depth in range(1, name.count("/") + 1)}
    if folders & folded:
        raise Unreadable(f"{min(folders & folded)}: it is both a file and a folder")
