"""Pictures that nobody has labelled: a folder of them, or a clip, every so many frames. A teacher may label them."""

import hashlib
import os
import tempfile
from pathlib import Path

import cv2

from tapetum.settings import Count
from tapetum_trainer.data.pictures import named, size
from tapetum_trainer.data.readers.source import Source
from tapetum_trainer.data.sample import Labelled
from tapetum_trainer.errors import DataError

_QUALITY = 95  # of JPEG: a clip's own coding has lost more


class Frames(Source, tag="frames", frozen=True, kw_only=True):
    """A folder of pictures, or a clip; it is one group, since its pictures look the same."""

    path: str
    every: Count = 1

    def read(self, root: Path) -> list[Labelled]:
        """Return every so many of them; nothing is known of what they show.

        A clip's frames are written to the cache the first time. Raises DataError when there are no pictures.
        """
        path = root / self.path
        if not path.exists():
            raise DataError(f"{path}: there is no such folder or clip")
        pictures = named(path)[:: self.every] if path.is_dir() else named(self._extracted(path))
        group = self.group or self.path
        return [Labelled(one, *size(one), (), frozenset(), group) for one in pictures]

    def _extracted(self, clip: Path) -> Path:
        """Return the folder with the clip's frames."""
        key = hashlib.sha256(clip.read_bytes() + str(self.every).encode()).hexdigest()[:24]
        folder = cache() / "frames" / key
        if not folder.exists():
            folder.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder.parent) as part:
                _extract(clip, Path(part), self.every)
                Path(part).chmod(0o755)
                os.replace(part, folder)  # noqa: PTH105  TemporaryDirectory removes what is left, and here nothing is
                Path(part).mkdir()
        return folder


def cache() -> Path:
    """Return the folder for what can be made again."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tapetum"


def _extract(clip: Path, folder: Path, every: int) -> None:
    """Write every so many frames of the clip; needs PyAV (`tapetum[stream]`)."""
    import av  # noqa: PLC0415  an extra, needed only here

    try:
        with av.open(str(clip)) as film:
            for index, frame in enumerate(film.decode(video=0)):
                if index % every == 0:
                    picture = frame.to_ndarray(format="bgr24")
                    cv2.imwrite(str(folder / f"{index:06d}.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    except (OSError, IndexError) as error:
        raise DataError(f"{clip}: no clip that can be read: {error}") from None
