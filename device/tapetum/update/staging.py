"""A file that comes in chunks, goes on where it was cut off, and has its name only when it is whole and on the disk."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from tapetum import durable
from tapetum.errors import Untrusted
from tapetum.update.repository import CHUNK

Chunks = Callable[[int], Iterator[bytes]]
"""Takes the number of the first chunk, and yields the bytes from there on."""


def staged(path: Path, size: int, chunks: Chunks, check: Callable[[BinaryIO], None]) -> None:
    """Have the file `path`, of `size` bytes for which `check` raises nothing; what of it is there is not fetched again.

    What `chunks` raises leaves what has come, to go on from; what comes in whole and is wrong is removed. Where some of
    it was there before, which a power cut may have damaged, all of it is fetched once more first.

    Raises Untrusted when more than `size` bytes come or `check` raises it, OSError, and what `chunks` raises.
    """
    part = path.with_name(path.name + durable.PART)
    with _opened(part) as file:
        while _is_wrong(file, check, kept=_fill(file, size, chunks, part), part=part):
            file.truncate(0)
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)
    durable.flush(path.parent)


def _opened(part: Path) -> BinaryIO:
    """Return the file `part` as it is, or a new one; a link in its place is not followed."""
    part.parent.mkdir(parents=True, exist_ok=True)
    if part.is_symlink():
        part.unlink()
    return os.fdopen(os.open(part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644), "r+b")


def _is_wrong(file: BinaryIO, check: Callable[[BinaryIO], None], kept: int, part: Path) -> bool:
    """Return whether what is there fails, and can be fetched once more; raises Untrusted where it has just been."""
    file.seek(0)
    try:
        check(file)
    except Untrusted:
        if not kept:
            part.unlink()
            raise
        return True
    return False


def _fill(file: BinaryIO, size: int, chunks: Chunks, part: Path) -> int:
    """Have all chunks there; return how many of them were before."""
    kept = min(file.seek(0, os.SEEK_END), size) // CHUNK
    place = kept * CHUNK
    file.truncate(place)
    file.seek(place)
    if place == size:
        return kept
    for chunk in chunks(kept):
        place += len(chunk)
        if place > size:
            part.unlink()
            raise Untrusted(f"more than the {size} bytes come that are signed")
        file.write(chunk)
    return kept
