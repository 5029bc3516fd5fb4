"""Pictures that nobody has labelled: a folder of them, or a clip, every so many frames. A teacher may label them."""

from pathlib import Path

import cv2

from tapetum.settings import Count
from tapetum_trainer.data.pictures import named, size
from tapetum_trainer.data.readers.kept import kept
from tapetum_trainer.data.readers.source import Source, Told, each, raised
from tapetum_trainer.data.sample import Labelled
from tapetum_trainer.errors import DataError

_QUALITY = 95  # of JPEG: a clip's own coding has lost more


class Frames(Source, tag="frames", frozen=True, kw_only=True):
    """A folder of pictures, or a clip; it is one group, since its pictures look the same."""

    path: str
    every: Count = 1

    def read(self, root: Path, told: Told = raised) -> list[Labelled]:
        """Return every so many of them; nothing is known of what they show.

        A clip's frames are written to the cache the first time. Raises DataError when there are no pictures.
        """
        path = root / self.path
        if not path.exists():
            raise DataError("there is no such folder or clip", path)
        pictures = named(path)[:: self.every] if path.is_dir() else named(self._extracted(path))
        group = self.group or self.path
        return each(lambda one: Labelled(one, *size(one), (), frozenset(), group), pictures, told)

    def _extracted(self, clip: Path) -> Path:
        """Return the folder with the clip's frames."""
        return kept("frames", clip, str(self.every), lambda folder: _extract(clip, folder, self.every))


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
        raise DataError(f"no clip that can be read: {error}", clip) from None
