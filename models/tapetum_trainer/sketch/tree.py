"""What lies in a folder: its files by the folders that they are in, hidden ones and finished trainings left out."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tapetum_trainer.data.pictures import SUFFIXES


@dataclass(frozen=True)
class Tree:
    """A folder and all below it. files: the names in each folder, whose path is "" for the root."""

    root: Path
    files: Mapping[str, Sequence[str]]

    @property
    def pictured(self) -> Mapping[str, frozenset[str]]:
        """The folders that have pictures, each with their names."""
        found = {folder: frozenset(filter(is_picture, names)) for folder, names in self.files.items()}
        return {folder: names for folder, names in found.items() if names}

    def called(self, *suffixes: str) -> Iterator[tuple[str, str]]:
        """Yield folder and name of the files that end so."""
        for folder, names in self.files.items():
            yield from ((folder, name) for name in names if name.lower().endswith(suffixes))

    def path(self, folder: str, name: str = "") -> Path:
        """Return where it is."""
        return self.root / folder / name

    def near(self, folder: str, others: Sequence[str]) -> list[str]:
        """Return `others`, those first whose path has the most in common with that of `folder`."""
        return sorted(others, key=lambda other: (_apart(folder, other), other))


def tree(root: Path) -> Tree:
    """Return what lies in `root`."""
    files, seen = {}, {root.resolve()}
    for path, folders, names in os.walk(root, followlinks=True):
        folders[:] = sorted(one for one in folders if not _left_out(Path(path, one)) and _is_new(Path(path, one), seen))
        files[_said(Path(path).relative_to(root).as_posix())] = sorted(one for one in names if not one.startswith("."))
    return Tree(root, files)


def joined(folder: str, name: str) -> str:
    """Return the path of a file, or a folder, in a folder."""
    return f"{folder}/{name}" if folder else name


def is_picture(name: str) -> bool:
    """Whether a file is called as pictures are."""
    return PurePosixPath(name).suffix.lower() in SUFFIXES


def _said(path: str) -> str:
    return "" if path == "." else path


def _left_out(folder: Path) -> bool:
    return folder.name.startswith((".", "__")) or (folder / "journal.jsonl").exists()


def _is_new(folder: Path, seen: set[Path]) -> bool:
    """Whether a folder was not seen before: links may lead in a circle."""
    place = folder.resolve()
    found = place not in seen
    seen.add(place)
    return found


def _apart(one: str, other: str) -> int:
    """Return how many steps lead from one folder to the other."""
    first, second = (PurePosixPath(path).parts for path in (one, other))
    common = 0
    while common < min(len(first), len(second)) and first[common] == second[common]:
        common += 1
    return len(first) + len(second) - 2 * common
