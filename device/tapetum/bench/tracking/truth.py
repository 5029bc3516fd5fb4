"""Where the one thing of a sequence is, as the three usual kinds of folders say it.

OTB (Y. Wu, J. Lim and M.-H. Yang, "Object tracking benchmark", IEEE TPAMI 37(9):1834-1848, 2015):
`groundtruth_rect.txt`, left, top, width, height in pixels, the first pixel being 1, beside `img/0001.jpg` ... TLD
(Z. Kalal, K. Mikolajczyk and J. Matas, "Tracking-learning-detection", IEEE TPAMI 34(7):1409-1422, 2012): `gt.txt`,
left, top, right, bottom, and a video or numbered pictures. VOT (M. Kristan et al., "A novel performance evaluation
methodology for single-target trackers", IEEE TPAMI 38(11):2137-2155, 2016): `groundtruth.txt`, a rectangle or the
corners of a polygon, of which the upright hull is taken, beside the pictures or `color/`. Where a number is no number
the thing is absent.
"""

import math
import re
from collections.abc import Callable
from pathlib import Path

from tapetum.errors import ConfigError
from tapetum.scene import Box

Corners = tuple[float, float, float, float]
"""left, top, right, bottom, pixels."""
_BETWEEN = re.compile(r"[,;\s]+")


def _otb(numbers: list[float]) -> Corners:
    left, top, width, height = numbers
    return left - 1, top - 1, left - 1 + width, top - 1 + height


def _tld(numbers: list[float]) -> Corners:
    left, top, right, bottom = numbers
    return left, top, right, bottom


def _vot(numbers: list[float]) -> Corners:
    if len(numbers) == 4:
        left, top, width, height = numbers
        return left, top, left + width, top + height
    across, down = numbers[0::2], numbers[1::2]
    if len(across) != len(down) or len(across) < 3:
        raise ValueError(f"{len(numbers)} numbers are neither a rectangle nor a polygon")
    return min(across), min(down), max(across), max(down)


_KINDS: dict[str, Callable[[list[float]], Corners]] = {
    "groundtruth_rect.txt": _otb,
    "gt.txt": _tld,
    "groundtruth.txt": _vot,
}


def found_in(folder: Path) -> Path:
    """Return the file of the truth in `folder`; raises ConfigError where there is none."""
    for name in _KINDS:
        if (folder / name).is_file():
            return folder / name
    raise ConfigError(f"{folder}: holds no truth; one of {', '.join(_KINDS)} is wanted (OTB, TLD, VOT)")


def read(path: Path) -> list[Corners | None]:
    """Return for each frame where the thing is, None: absent. Raises ConfigError when that cannot be read."""
    kind = _KINDS[path.name]
    found: list[Corners | None] = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    for number, line in enumerate((line.strip() for line in lines), 1):
        if not line:
            continue
        try:
            corners = kind([float(word) for word in _BETWEEN.split(line)])
        except ValueError as error:
            raise ConfigError(f"{path}, line {number}: {error}; a box in numbers is wanted") from None
        found.append(corners if _is_there(corners) else None)
    if not any(found):
        raise ConfigError(f"{path}: the thing is nowhere to be seen in it")
    return found


def _is_there(corners: Corners) -> bool:
    left, top, right, bottom = corners
    return all(map(math.isfinite, corners)) and right > left and bottom > top


def box(corners: Corners | None, shape: tuple[int, ...]) -> Box | None:
    """Return `corners` as the part within a picture of `shape`; None for what is absent or beyond it."""
    if corners is None:
        return None
    clipped = Box.of_pixels(*corners, shape).clipped()
    return clipped if clipped.area > 0 else None
