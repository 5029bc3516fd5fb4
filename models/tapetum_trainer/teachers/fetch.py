"""The teacher's weights out of the package that ships them, with the package's own client, checked and kept.

`npm pack` gets the archive from whichever registry npm is set up for. Nothing of it is run or unpacked: one member is
read, and of that the bytes of the model are cut out, where the package's own loader
(`objectron_solution_packed_assets_loader.js`) says that they lie.
"""

import hashlib
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tapetum_trainer.errors import TrainerError

_PATIENCE_S = 600


class TeacherError(TrainerError):
    """The teacher cannot be had: the text says of which package, why, and what would help."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Where a teacher's weights are: a part of a member of the archive of an npm package."""

    package: str  # with its version
    licence: str
    member: str
    start: int  # bytes of the member before the weights
    sha256: str  # of the weights

    def fetched(self, cache: Path) -> Path:
        """Return the file of the weights in the folder `cache`, fetched if it is not there yet.

        Raises TeacherError when npm is not there or fails, or when what it brings is not what it should be.
        """
        return fetch([self], cache)[0]

    def cut(self, archive: Path) -> bytes:
        """Return the weights out of the package's `archive` (.tgz); raises TeacherError when they are not these."""
        try:
            with tarfile.open(archive) as package:
                member = package.extractfile(self.member)
                content = member.read()[self.start :] if member else b""
        except (OSError, EOFError, KeyError, tarfile.TarError) as error:
            raise TeacherError(f"{archive} is not the archive of {self.package}: {error}") from None
        if _digest(content) != self.sha256:
            raise TeacherError(
                f"{archive}: {self.member} does not hold the weights of {self.package}: their sha256 is "
                f"{_digest(content)}, and should be {self.sha256}"
            )
        return content


def fetch(parts: Sequence[Weights], cache: Path) -> list[Path]:
    """Return the files of `parts` of one package, got at once; as `Weights.fetched`."""
    paths = [cache / f"{part.sha256[:16]}{Path(part.member).suffix}" for part in parts]
    if not all(_sound(path, part.sha256) for path, part in zip(paths, parts, strict=True)):
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            archive = _packed(parts[0].package, Path(folder))
            for path, part in zip(paths, parts, strict=True):
                _write(path, part.cut(archive))
    return paths


def kept(path: Path, make: Callable[[], bytes]) -> Path:
    """Return `path`, with what `make` makes written to it where it is not there."""
    if not path.exists():
        _write(path, make())
    return path


def _write(path: Path, content: bytes) -> None:
    """Write all of a file, or nothing."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        part = Path(folder, "part")
        part.write_bytes(content)
        part.replace(path)


def _sound(path: Path, sha256: str) -> bool:
    return path.exists() and _digest(path.read_bytes()) == sha256


def _packed(package: str, folder: Path) -> Path:
    """Return the archive of `package`, got into `folder`."""
    command = ["npm", "pack", "--ignore-scripts", "--pack-destination", str(folder), package]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE_S, check=False)
    except FileNotFoundError:
        raise TeacherError(f"npm is not installed, and brings {package}: apt install npm") from None
    except subprocess.TimeoutExpired:
        raise TeacherError(f"npm pack {package} took more than {_PATIENCE_S} s") from None
    if done.returncode:
        raise TeacherError(f"npm pack {package} fails: {done.stderr.strip()[-500:]}")
    return next(folder.glob("*.tgz"))


OBJECTRON = Weights(
    package="@mediapipe/objectron@0.4.1675468480",
    licence="Apache-2.0",
    member="package/objectron_solution_packed_assets.data",
    start=184,
    sha256="d0a5255bf8c4f5a0bc4240741a76c41d5e939f7655078f945f50ab53a9375da6",
)
"""The SSD-MobileNetV2 of Open Images V4 (`Objectron`), by Google."""


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
