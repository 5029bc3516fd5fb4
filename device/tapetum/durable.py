"""Files that are whole after a power cut at any moment: the old one or the new."""

import os
from pathlib import Path

PART = ".part"
"""What a file's name ends with while it is being written."""


def write(path: Path, content: bytes, private: bool = False) -> None:
    """Have `content` in the file `path`, or what was there: written beside, flushed, renamed, the folder flushed.

    The folder is made where it is not there. private: for its owner alone. Raises OSError when the disk does not take
    it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + PART)
    part.unlink(missing_ok=True)  # a link would be followed
    if private:
        part.touch(0o600)
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)
    flush(path.parent)


def flush(folder: Path) -> None:
    """Have what a folder lists on the disk, not what is in its files."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
