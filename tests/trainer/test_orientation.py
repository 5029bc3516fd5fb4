"""A picture that its EXIF turns, and that was labelled as it lies in the file, is told as that."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from tapetum.scene import Box
from tapetum_trainer.data.looked import looked_at
from tapetum_trainer.data.pictures import pixels, stored_size
from tapetum_trainer.data.sample import Labelled, Thing
from tapetum_trainer.errors import DataError

# APP1: TIFF, big-endian, one entry: tag 0x0112 (orientation), short, one, 6: turned right by a quarter (EXIF 2.32)
_TURNED = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"


@pytest.fixture
def turned(tmp_path: Path) -> Path:
    """A picture of 80 x 60 in its file, which every viewer shows as 60 x 80."""
    path = tmp_path / "turned.jpg"
    cv2.imwrite(str(path), np.full((60, 80, 3), 90, np.uint8))
    whole = path.read_bytes()
    segment = b"\xff\xe1" + (len(_TURNED) + 2).to_bytes(2, "big") + _TURNED
    path.write_bytes(whole[:2] + segment + whole[2:])
    return path


def labelled(path: Path, width: int, height: int) -> Labelled:
    return Labelled(path, width, height, (Thing("person", Box(0.1, 0.1, 0.5, 0.5)),))


def test_it_is_shown_turned(turned: Path):
    assert pixels(turned).shape == (80, 60, 3)
    assert stored_size(turned) == (80, 60)
    assert list(looked_at([labelled(turned, 60, 80)])) == [0]


def test_labels_of_the_picture_as_it_lies_in_the_file_are_told_with_the_reason(turned: Path):
    with pytest.raises(DataError, match=r"it is 60 x 80, its labels say 80 x 60: its EXIF orientation turns it"):
        looked_at([labelled(turned, 80, 60)])


def test_another_size_is_another_mistake(turned: Path):
    with pytest.raises(DataError, match=r"it is 60 x 80, its labels say 30 x 30$"):
        looked_at([labelled(turned, 30, 30)])
