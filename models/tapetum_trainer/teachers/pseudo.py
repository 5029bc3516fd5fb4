"""Labels by teachers for pictures that have none, kept on disk by what the picture is.

Of one picture the same teachers with the same passes say the same, so they are asked once: what they said is found by a
hash of pixels, teachers and passes, however the file is called and wherever it lies. All that was said is kept, so that
another `min_score` asks nothing anew.
"""

import hashlib
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tapetum_trainer.teachers.answers import Floats, Pixels, Seer

_FORMAT = "1"  # to be counted up when rows change their meaning, or passes what they find


@dataclass(frozen=True, slots=True)
class Labels:
    """What is seen in a picture, best first."""

    boxes: Floats  # (k, 4) left, top, right, bottom, fractions of the picture
    classes: NDArray[np.int32]  # (k,) index into the seer's labels
    scores: Floats  # (k,) 0..1


class Labeller:
    """A seer that remembers."""

    def __init__(self, seer: Seer, cache: Path | None = None) -> None:
        """Ask `seer` what the folder `cache` does not know yet."""
        self.seer, self._cache = seer, cache
        self._key = f"{_FORMAT} {seer.key} ".encode()

    def labels(self, pixels: Pixels, min_score: float) -> Labels:
        """Return what is seen in `pixels` (h, w, 3) RGB uint8 with a score of at least `min_score`."""
        rows = self._rows(pixels)
        rows = rows[rows[:, 1] >= min_score]
        return Labels(rows[:, 2:].copy(), rows[:, 0].astype(np.int32), rows[:, 1].copy())

    def _rows(self, pixels: Pixels) -> Floats:
        if self._cache is None:
            return self.seer.rows(pixels)
        path = self._path(pixels, self._cache)
        if (known := _read(path)) is not None:
            return known
        rows = self.seer.rows(pixels)
        _write(path, rows)
        return rows

    def _path(self, pixels: Pixels, cache: Path) -> Path:
        digest = hashlib.blake2b(self._key + repr(pixels.shape).encode(), digest_size=20)
        digest.update(np.ascontiguousarray(pixels).data)
        name = digest.hexdigest()
        return cache / name[:2] / f"{name}.npy"


def pseudo_labels(
    pictures: Iterable[Pixels], seer: Seer, min_score: float, cache: Path | None = None
) -> Iterator[Labels]:
    """Yield the labels of each of `pictures` (h, w, 3) RGB uint8, in their order."""
    labeller = Labeller(seer, cache)
    return (labeller.labels(pixels, min_score) for pixels in pictures)


def _read(path: Path) -> Floats | None:
    """Return the rows (k, 6) of a file; None where it is absent or damaged."""
    try:
        rows = np.load(path, allow_pickle=False)
    except (OSError, EOFError, ValueError):
        return None
    return rows if rows.ndim == 2 and rows.shape[1] == 6 and rows.dtype == np.float32 else None


def _write(path: Path, rows: Floats) -> None:
    """Write the rows so that whoever reads finds all of them or no file; several may write the same."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        part = Path(folder, path.name)
        np.save(part, rows)
        part.replace(path)
