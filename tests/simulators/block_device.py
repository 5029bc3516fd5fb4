"""A disk that remembers: every write and every flush of a file system on it, so that any power cut can be made of them.

A file in FUSE, served by a process of its own (`python -m tests.simulators.block_device FOLDER SIZE LOG`), lies under
a loop device, and ext4 on that. What a drive promises: what was written before a flush is there after it; of what
was written since, any part, sector by sector, in any order.

It needs root, /dev/fuse, loop devices, libfuse and e2fsprogs; `missing` says which is not there.
"""

import contextlib
import ctypes.util
import os
import random
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SECTOR = 512
_LEAST = 8 << 20
_FORMAT = ["mkfs.ext4", "-q", "-b", "4096", "-O", "^resize_inode", "-E", "lazy_itable_init=0,lazy_journal_init=0"]
_ENTRY = struct.Struct("<qI")  # offset, or -1 for a flush, and length of what was written
_LOOK_S, _PATIENCE_S = 0.02, 10.0


class UnavailableError(Exception):
    """This machine does not let us."""


def missing() -> str:
    """Return what such a disk needs and this machine does not have; "" where it can be."""
    if os.geteuid() != 0:
        return "only root can mount"
    for path in ("/dev/fuse", "/dev/loop-control"):
        if not Path(path).exists():
            return f"there is no {path}"
    if not ctypes.util.find_library("fuse") and not ctypes.util.find_library("fuse3"):
        return "there is no libfuse"
    lacking = [name for name in ("mkfs.ext4", "losetup", "mount", "umount") if not shutil.which(name)]
    return f"there is no {', '.join(lacking)}" if lacking else ""


def forbidden(work: Path) -> str:
    """Return why this machine does not let us have one, though all is there, "" where it does: one is made."""
    try:
        with mounted(work, _LEAST):
            return ""
    except (subprocess.CalledProcessError, UnavailableError) as error:
        return str(getattr(error, "stderr", "") or error).strip()


@dataclass(frozen=True)
class Written:
    """One entry of the log. content: None for a flush."""

    offset: int
    content: bytes | None


class Disk:
    """What was written to one disk, in its order."""

    def __init__(self, base: bytes, log: list[Written]) -> None:
        """base: what was on it before the first entry of `log`."""
        self.base = base
        self.log = log

    def after(self, cut: int, seed: int, image: Path) -> None:
        """Make in the file `image` what a power cut before entry `cut` may leave."""
        chance = random.Random(seed)
        flushed = max((number for number, one in enumerate(self.log[:cut]) if one.content is None), default=0)
        content = bytearray(self.base)
        for number, one in enumerate(self.log[:cut]):
            if one.content is not None and number < flushed:
                content[one.offset : one.offset + len(one.content)] = one.content
        late = [one for one in self.log[flushed:cut] if one.content is not None]
        share = chance.choice((0.0, 0.5, 0.9, 1.0))
        for one in late:
            _keep_some(content, one, chance, share)
        image.write_bytes(content)


def _keep_some(content: bytearray, one: Written, chance: random.Random, share: float) -> None:
    """Have some of the sectors of a write on the disk: all of it mostly, or none, as drives do."""
    assert one.content is not None
    if chance.random() < 0.8:
        kept = [chance.random() < share] * (len(one.content) // SECTOR + 1)
    else:
        kept = [chance.random() < share for _ in range(len(one.content) // SECTOR + 1)]
    for place, keep in enumerate(kept):
        part = one.content[place * SECTOR : (place + 1) * SECTOR]
        if keep and part:
            start = one.offset + place * SECTOR
            content[start : start + len(part)] = part


class Mounted:
    """A file system on such a disk, at `folder`; `mark` is a place in its log."""

    def __init__(self, folder: Path, log: Path) -> None:
        self.folder = folder
        self._log = log

    def mark(self) -> int:
        """Return how long the log is, bytes."""
        return self._log.stat().st_size


@contextmanager
def mounted(work: Path, size: int) -> Iterator[Mounted]:
    """Give a new ext4 of `size` bytes on a disk that remembers, in the folder `work`."""
    served, folder, log = work / "fuse", work / "mounted", work / "log"
    for path in (served, folder):
        path.mkdir()
    command = [sys.executable, "-m", "tests.simulators.block_device", str(served), str(size), str(log)]
    with contextlib.ExitStack() as undo:
        server = undo.enter_context(subprocess.Popen(command))
        undo.callback(_run, "umount", str(served))
        _wait_for(served / "disk", server)
        device = undo.enter_context(_looped(served / "disk"))
        _run(*_FORMAT, device)
        undo.enter_context(_mounted(device, folder))
        yield Mounted(folder, log)


@contextmanager
def opened(image: Path, folder: Path) -> Iterator[None]:
    """Mount what a cut has left at `folder`: the journal is played, as at any start."""
    with _looped(image) as device, _mounted(device, folder):
        yield


def each_cut(work: Path, size: int, span: tuple[int, int], count: int) -> Iterator[tuple[str, int]]:
    """Cut the power so often, before any write between two places of the log; yield what left what is mounted then.

    That is a name, and the place in the log.
    """
    disk, places = read(work / "log", size, span[0])
    last = next((number for number, place in enumerate(places) if place >= span[1]), len(places))
    chance = random.Random(count)
    for number in range(count):
        cut = chance.randrange(last + 1)
        disk.after(cut, number, work / "image")
        with opened(work / "image", work / "mounted"):
            yield f"cut {number} before write {cut} of {last}", places[cut] if cut < len(places) else span[1]


def read(log: Path, size: int, begin: int) -> tuple[Disk, list[int]]:
    """Return the disk as of the place `begin` of its log, with all that came after it; and the place of each entry."""
    base, entries, places = bytearray(size), list[Written](), list[int]()
    for place, one in _entries(log):
        if place >= begin:
            entries.append(one)
            places.append(place)
        elif one.content is not None:
            base[one.offset : one.offset + len(one.content)] = one.content
    return Disk(bytes(base), entries), places


def _entries(log: Path) -> Iterator[tuple[int, Written]]:
    content, place = log.read_bytes(), 0
    while place < len(content):
        offset, length = _ENTRY.unpack_from(content, place)
        data = content[place + _ENTRY.size : place + _ENTRY.size + length]
        yield place, Written(offset, None if offset < 0 else data)
        place += _ENTRY.size + length


@contextmanager
def _looped(file: Path) -> Iterator[str]:
    device = _run("losetup", "--find", "--show", str(file)).strip()
    try:
        yield device
    finally:
        _run("losetup", "--detach", device)


@contextmanager
def _mounted(device: str, folder: Path) -> Iterator[None]:
    _run("mount", "-t", "ext4", device, str(folder))
    try:
        yield
    finally:
        _run("umount", str(folder))


def _run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _wait_for(path: Path, server: "subprocess.Popen[bytes]") -> None:
    until_s = time.monotonic() + _PATIENCE_S
    while not path.exists():
        if server.poll() is not None or time.monotonic() > until_s:
            raise UnavailableError("FUSE does not come")
        time.sleep(_LOOK_S)


# --- the process that serves it


def serve(folder: Path, size: int, log: Path) -> None:
    """Serve the file `disk` in `folder` until that is unmounted."""
    import mfusepy

    content = bytearray(size)
    with log.open("wb", buffering=0) as told:

        class Served(mfusepy.Operations):  # type: ignore[misc]
            """One file, in memory."""

            use_ns = True

            def getattr(self, path: str, _: Any = None) -> dict[str, Any]:
                if path == "/":
                    return {"st_mode": 0o40755, "st_nlink": 2}
                if path == "/disk":
                    return {"st_mode": 0o100600, "st_nlink": 1, "st_size": size}
                raise mfusepy.FuseOSError(2)

            def readdir(self, *_: Any) -> list[str]:
                return [".", "..", "disk"]

            def open(self, *_: Any) -> int:
                return 0

            def read(self, _: str, length: int, offset: int, __: Any) -> bytes:
                return bytes(content[offset : offset + length])

            def write(self, _: str, data: bytes, offset: int, __: Any) -> int:
                told.write(_ENTRY.pack(offset, len(data)) + data)
                content[offset : offset + len(data)] = data
                return len(data)

            def fsync(self, *_: Any) -> int:
                told.write(_ENTRY.pack(-1, 0))
                return 0

        mfusepy.FUSE(Served(), str(folder), foreground=True, nothreads=True, big_writes=True)


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
