"""Picture files: their sizes without decoding them, and their pixels."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from tapetum_trainer.errors import DataError

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})


def pixels(path: Path) -> NDArray[np.uint8]:
    """Return the picture (h, w, 3) RGB uint8, turned as its EXIF says; raises DataError when it is none."""
    return np.asarray(cv2.cvtColor(_decoded(path, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB), np.uint8)


def stored_size(path: Path) -> tuple[int, int]:
    """Return (width, height) of what lies in the file, whichever way EXIF turns it; raises as `pixels`."""
    height, width = _decoded(path, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION).shape[:2]
    return width, height


def _decoded(path: Path, way: int) -> NDArray[np.uint8]:
    try:
        content = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise DataError(str(error.strerror), path) from None
    found = cv2.imdecode(content, way) if content.size else None
    if found is None:
        raise DataError("this is no picture that can be read", path)
    return np.asarray(found, np.uint8)


def size(path: Path) -> tuple[int, int]:
    """Return (width, height), pixels; raises DataError when it is no picture."""
    height, width = pixels(path).shape[:2]
    return width, height


def named(folder: Path) -> list[Path]:
    """Return the pictures in `folder`, in the order of their names; raises DataError when there are none."""
    found = sorted(path for path in folder.glob("*") if path.suffix.lower() in SUFFIXES)
    if not found:
        raise DataError(f"there are no pictures in it ({', '.join(sorted(SUFFIXES))})", folder)
    return found
