"""Power cuts without a disk: file operations are recorded as they are made, and what a cut may leave is made of them.

What a file system promises (POSIX, and ext4, XFS, btrfs in their usual modes), and no more: what was written to a file
before its last fsync is there; of what was written after it a part is, page by page, in order, with zeros where
the file had grown before they came. Names (create, rename, unlink) are there up to the last that touched a folder that
was flushed since; of those that came later, as many as you like are, in their order or picked at random.
"""

import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

PAGE = 4096
_OPEN, _RENAME, _UNLINK, _FSYNC, _FDOPEN = Path.open, Path.rename, Path.unlink, os.fsync, os.fdopen


@dataclass
class _File:
    """One inode. writes: (number of the operation, its whole content then); flushed: numbers of its flushes."""

    writes: list[tuple[int, bytes]] = field(default_factory=list)
    flushed: list[int] = field(default_factory=list)

    def after(self, cut: int, chance: random.Random) -> bytes:
        """Return what may be in it when the power is cut before operation `cut`."""
        synced = max((number for number in self.flushed if number < cut), default=-1)
        safe = [content for number, content in self.writes if number <= synced]
        later = [content for number, content in self.writes if synced < number < cut]
        if not later:
            return safe[-1] if safe else b""
        if chance.random() < 0.5:
            return safe[-1] if safe else b""
        content = chance.choice(later)
        kept = content[: PAGE * chance.randrange(len(content) // PAGE + 2)]
        return kept if chance.random() < 0.7 else _with_holes(kept, safe[-1] if safe else b"", chance)


def _with_holes(content: bytes, safe: bytes, chance: random.Random) -> bytes:
    """Return it with zeros in some of the pages that are not as they were at the last fsync."""
    pages = [content[start : start + PAGE] for start in range(0, len(content), PAGE)]
    for number, page in enumerate(pages):
        if page != safe[number * PAGE :][:PAGE] and chance.random() < 0.3:
            pages[number] = bytes(len(page))
    return b"".join(pages)


@dataclass
class Names:
    """A change of names: `old` is there no more, `new` is `file`. folders: those that a flush must be of."""

    number: int
    old: str
    new: str
    file: int
    folders: frozenset[str]


class Recorder:
    """Records what is done below `root` while `recording`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.count = 0  # operations so far
        self._files: list[_File] = []
        self._names: dict[str, int] = {}  # as they are now
        self._begun: dict[str, int] = {}
        self._changes: list[Names] = []
        self._flushed: list[tuple[int, str]] = []  # folders
        for path in sorted(path for path in root.rglob("*") if path.is_file()):
            self._names[self._place(path)] = len(self._files)
            self._files.append(_File([(-1, path.read_bytes())], [-1]))
        self._begun = dict(self._names)

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Record what Python code does with files: opened to be written or changed, renamed, unlinked, flushed."""
        recorder = self

        def opened(path: Path, mode: str = "r", *others: Any, **named: Any) -> Any:
            file = _OPEN(path, mode, *others, **named)
            return recorder._opened(path, file) if "w" in mode and recorder._within(path) else file

        def changed(descriptor: int, mode: str = "r", *others: Any, **named: Any) -> Any:
            file = _FDOPEN(descriptor, mode, *others, **named)
            path = Path(f"/proc/self/fd/{descriptor}").readlink()
            return recorder._opened(path, file, anew=False) if "+" in mode and recorder._within(path) else file

        def renamed(path: Path, target: Path) -> Path:
            found = _RENAME(path, target)
            recorder._change(recorder._place(path), recorder._place(target))
            return found

        def unlinked(path: Path, missing_ok: bool = False) -> None:
            there = path.exists()
            _UNLINK(path, missing_ok)
            if there and recorder._within(path):
                recorder._change(recorder._place(path), "")

        def flushed(descriptor: int) -> None:
            _FSYNC(descriptor)
            recorder._flush(Path(f"/proc/self/fd/{descriptor}").readlink())

        with (
            mock.patch.object(Path, "open", opened),
            mock.patch.object(Path, "rename", renamed),
            mock.patch.object(Path, "unlink", unlinked),
            mock.patch.object(os, "fsync", flushed),
            mock.patch.object(os, "fdopen", changed),
        ):
            yield

    def after(self, cut: int, seed: int, into: Path) -> None:
        """Make in `into` what a power cut before operation `cut` may leave."""
        chance = random.Random(seed)
        names = dict(self._begun)
        for change in self._kept(cut, chance):
            names.pop(change.old, None)
            if change.new:
                names[change.new] = change.file
        for place, file in names.items():
            path = into / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self._files[file].after(cut, chance))

    def check_complete(self) -> None:
        """Fail where something was done that was not recorded."""
        there = {self._place(path): path.read_bytes() for path in self._root.rglob("*") if path.is_file()}
        told = {place: self._files[file].writes[-1][1] for place, file in self._names.items()}
        assert told == there

    def _kept(self, cut: int, chance: random.Random) -> list[Names]:
        """Return the changes of names that are on the disk."""
        done = [change for change in self._changes if change.number < cut]
        safe = 0
        for number, folder in self._flushed:
            for place, change in enumerate(done):
                if number < cut and change.number < number and folder in change.folders:
                    safe = max(safe, place + 1)
        late = done[safe:]
        if chance.random() < 0.5:
            return done[:safe] + late[: chance.randint(0, len(late))]
        return done[:safe] + [change for change in late if chance.random() < 0.5]

    def _opened(self, path: Path, file: Any, anew: bool = True) -> Any:
        place = self._place(path)
        if place not in self._names:
            self._files.append(_File())
            self._names[place] = len(self._files) - 1
            self._changes.append(Names(self._next(), "", place, self._names[place], frozenset({str(path.parent)})))
        inode = self._files[self._names[place]]
        if anew or not inode.writes:
            inode.writes.append((self._next(), b""))

        def told() -> None:
            file.flush()
            inode.writes.append((self._next(), Path(f"/proc/self/fd/{file.fileno()}").read_bytes()))

        return _Written(file, told)

    def _change(self, old: str, new: str) -> None:
        file = self._names.pop(old)
        if new:
            self._names[new] = file
        folders = frozenset(str((self._root / place).parent) for place in (old, new) if place)
        self._changes.append(Names(self._next(), old, new, file, folders))

    def _flush(self, path: Path) -> None:
        number = self._next()
        if path.is_dir():
            self._flushed.append((number, str(path)))
        elif self._within(path):
            self._files[self._names[self._place(path)]].flushed.append(number)

    def _next(self) -> int:
        self.count += 1
        return self.count - 1

    def _within(self, path: Path) -> bool:
        return path.is_relative_to(self._root)

    def _place(self, path: Path) -> str:
        return str(path.relative_to(self._root))


class _Written:
    """A file of which each change is heard."""

    def __init__(self, file: Any, told: Callable[[], None]) -> None:
        self._file, self._told = file, told

    def write(self, content: Any) -> int:
        done = int(self._file.write(content))
        self._told()
        return done

    def truncate(self, size: int) -> int:
        done = int(self._file.truncate(size))
        self._told()
        return done

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> "_Written":
        self._file.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._file.__exit__(*error)
