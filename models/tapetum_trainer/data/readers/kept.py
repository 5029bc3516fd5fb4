"""Pictures that lie in a file of another kind, taken out of it once and kept in the cache."""

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from tapetum_trainer.errors import DataError


def cache() -> Path:
    """Return the folder for what can be made again."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tapetum"


def kept(kind: str, path: Path, how: str, write: Callable[[Path], None]) -> Path:
    """Return the folder with what `write` took out of the file; made the first time, whole or not at all.

    kind: the folder in the cache. how: all that the pictures depend on beside the file. Raises DataError.
    """
    folder = cache() / kind / _key(path, how)
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as part:
            write(Path(part))
            Path(part).chmod(0o755)
            os.replace(part, folder)  # noqa: PTH105  TemporaryDirectory removes what is left, and here nothing is
            Path(part).mkdir()
    return folder


def _key(path: Path, how: str) -> str:
    """Return the hash of the file, which may be larger than memory, and of `how`."""
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256")
    except OSError as error:
        raise DataError(str(error.strerror), path) from None
    found.update(how.encode())
    return found.hexdigest()[:24]
