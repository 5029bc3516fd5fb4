"""Pictures decoded and reduced once, in one file that is mapped into memory: as fast as the machine, bounded by no RAM.

The file: eight bytes that say what it is, the length of the index, the index (msgpack), and the pixels of one picture
after another. It is written beside its place, flushed, and renamed, so that it is whole or not there; its name is made
of what it was made from, so that another set never finds it.
"""

import hashlib
import os
import struct
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import cv2
import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from tapetum.progress import Progress
from tapetum_trainer.data.pictures import pixels
from tapetum_trainer.data.sample import Labelled, Outline, Thing
from tapetum_trainer.errors import DataError

_MAGIC = b"tapPACK1"
_HEAD = struct.Struct("<8sQ")
_THREADS = 4  # that decode; OpenCV lets go of the interpreter meanwhile
_AHEAD = 32  # pictures decoded and not yet written, at most

Size = Annotated[int, Meta(ge=1, le=1 << 16)]


class _Entry(msgspec.Struct, frozen=True, array_like=True):
    """One picture: where it lies, what is in it. boxes: left, top, right, bottom, fractions."""

    offset: int
    width: Size
    height: Size
    boxes: tuple[tuple[float, float, float, float], ...]
    classes: tuple[int, ...]
    ignored: tuple[bool, ...]
    known: tuple[bool, ...]
    origin: str
    group: str
    outlines: tuple[Outline, ...] = ()  # of each box; (): of none of them


class _Index(msgspec.Struct, frozen=True):
    labels: tuple[str, ...]
    key: str
    entries: tuple[_Entry, ...]


class Packed:
    """Labelled pictures in a file; what it gives are views of that."""

    def __init__(self, path: Path) -> None:
        """Open `path`; raises DataError when it is no such file, or not whole."""
        try:
            with path.open("rb") as file:
                magic, length = _HEAD.unpack(file.read(_HEAD.size))
                index = msgspec.msgpack.decode(file.read(length), type=_Index)
            self._bytes = np.memmap(path, np.uint8, "r", _HEAD.size + length)
        except (OSError, ValueError, struct.error, msgspec.DecodeError, OverflowError, MemoryError) as error:
            raise DataError(f"{path}: no packed pictures: {error}; delete it, and it is made again") from None
        self.path, self.labels, self.key = path, index.labels, index.key
        self._entries = index.entries
        ends = [entry.offset + 3 * entry.width * entry.height for entry in index.entries]
        if magic != _MAGIC or max(ends, default=0) != len(self._bytes):
            raise DataError(f"{path}: the packed pictures are not whole; delete it, and it is made again")

    def __len__(self) -> int:
        """Return how many pictures there are."""
        return len(self._entries)

    def picture(self, index: int) -> NDArray[np.uint8]:
        """Return (h, w, 3) RGB uint8, a read-only view of the file."""
        entry = self._entries[index]
        shape = entry.height, entry.width, 3
        return self._bytes[entry.offset : entry.offset + entry.height * entry.width * 3].reshape(shape)

    def boxes(self, index: int) -> NDArray[np.float32]:
        """Return (k, 4): left, top, right, bottom, fractions of the picture."""
        return np.array(self._entries[index].boxes, np.float32).reshape(-1, 4)

    def classes(self, index: int) -> NDArray[np.int32]:
        """Return (k,): index into `labels`."""
        return np.array(self._entries[index].classes, np.int32)

    def ignored(self, index: int) -> NDArray[np.bool_]:
        """Return (k,): what is neither wanted nor punished."""
        return np.array(self._entries[index].ignored, np.bool_)

    def known(self, index: int) -> NDArray[np.bool_]:
        """Return (labels,): of which classes each thing in the picture has its box."""
        return np.array(self._entries[index].known, np.bool_)

    def origin(self, index: int) -> str:
        """Return where it came from, for reports."""
        return self._entries[index].origin

    def outlines(self, index: int) -> tuple[Outline, ...]:
        """Return for each box what its thing covers, as far as somebody drew it."""
        entry = self._entries[index]
        return entry.outlines or ((),) * len(entry.boxes)

    def group(self, index: int) -> str:
        """Return the camera or clip that it is of; "": none."""
        return self._entries[index].group


def packed(pictures: Sequence[Labelled], labels: Sequence[str], side: int, folder: Path, root: Path) -> Packed:
    """Return `pictures`, in our classes, packed in `folder`; made where that has not been done before.

    side: pixels, the longest that a picture keeps. root: folder of the data, by which origins are told.
    Raises DataError when a picture cannot be read.
    """
    key = _key(pictures, labels, side, root)
    path = folder / f"{key[:24]}.packed"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _write(path, _Index(tuple(labels), key, tuple(_entries(pictures, labels, side, root))), pictures)
    return Packed(path)


def _key(pictures: Sequence[Labelled], labels: Sequence[str], side: int, root: Path) -> str:
    """Return the hash of all that the file is made from: pixels, boxes, classes."""
    found = hashlib.sha256(msgspec.json.encode([list(labels), side]))
    contents: dict[Path, str] = {}
    for picture in pictures:
        things = [_said(thing) for thing in picture.things]
        if picture.path not in contents:  # several may be cut out of one file
            contents[picture.path] = hashlib.sha256(picture.path.read_bytes()).hexdigest()
        known = None if picture.known is None else sorted(picture.known)
        cut = [] if picture.cut is None else [astuple(picture.cut)]
        found.update(
            msgspec.json.encode([_origin(picture, root), contents[picture.path], things, known, picture.group, *cut])
        )
    return found.hexdigest()


def _said(thing: Thing) -> tuple[Any, ...]:
    drawn = (thing.outline,) if thing.outline else ()
    return thing.label, astuple(thing.box), thing.crowd, *drawn


def astuple(box: Any) -> tuple[float, float, float, float]:
    """Return left, top, right, bottom of a Box."""
    return box.left, box.top, box.right, box.bottom


def _origin(picture: Labelled, root: Path) -> str:
    return picture.path.relative_to(root).as_posix() if picture.path.is_relative_to(root) else picture.path.name


def _entries(pictures: Sequence[Labelled], labels: Sequence[str], side: int, root: Path) -> Iterator[_Entry]:
    offset = 0
    for picture in pictures:
        scale = min(1.0, side / max(picture.width, picture.height))
        width, height = (max(1, round(length * scale)) for length in (picture.width, picture.height))
        yield _Entry(
            offset,
            width,
            height,
            tuple(astuple(thing.box) for thing in picture.things),
            tuple(labels.index(thing.label) for thing in picture.things),
            tuple(thing.crowd for thing in picture.things),
            tuple(picture.known is None or label in picture.known for label in labels),
            _origin(picture, root),
            picture.group,
            tuple(thing.outline for thing in picture.things) if any(one.outline for one in picture.things) else (),
        )
        offset += 3 * width * height


def _write(path: Path, index: _Index, pictures: Sequence[Labelled]) -> None:
    part = path.with_suffix(f".part{os.getpid()}")
    packed_index = msgspec.msgpack.encode(index)
    try:
        with part.open("wb") as file, ThreadPoolExecutor(_THREADS) as pool, Progress("pack", len(pictures)) as bar:
            file.write(_HEAD.pack(_MAGIC, len(packed_index)) + packed_index)
            waiting = iter(zip(pictures, index.entries, strict=True))
            coming = [pool.submit(_reduced, *one) for one in islice(waiting, _AHEAD)]
            while coming:
                file.write(coming.pop(0).result().data)
                coming += [pool.submit(_reduced, *one) for one in islice(waiting, 1)]
                bar.step()
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
    finally:
        part.unlink(missing_ok=True)


def _reduced(picture: Labelled, entry: _Entry) -> NDArray[np.uint8]:
    """Return its pixels, of the size of its entry, by areas."""
    found = pixels(picture.path)
    if picture.cut is not None:
        found = found[picture.cut.slices(found)]
    if found.shape[1::-1] != (picture.width, picture.height):
        told, seen = f"{picture.width} x {picture.height}", f"{found.shape[1]} x {found.shape[0]}"
        raise DataError(f"{picture.path}: it is {seen}, its labels say {told}")
    if found.shape[1::-1] != (entry.width, entry.height):
        found = np.asarray(cv2.resize(found, (entry.width, entry.height), interpolation=cv2.INTER_AREA), np.uint8)
    return np.ascontiguousarray(found)
