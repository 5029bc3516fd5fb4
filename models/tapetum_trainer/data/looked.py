"""A look at every picture, once: can it be read, is it of the size that its labels say, what does it look like."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tapetum.progress import Progress
from tapetum_trainer.data.duplicates import difference_hash
from tapetum_trainer.data.pictures import pixels, stored_size
from tapetum_trainer.data.readers.source import Told, raised
from tapetum_trainer.data.sample import Labelled
from tapetum_trainer.errors import DataError

_THREADS = 4  # OpenCV lets go of the interpreter while it decodes


def looked_at(pictures: Sequence[Labelled], told: Told = raised) -> dict[int, int | None]:
    """Return the hash of each picture, by its place; what cannot be trained on is told, and left out."""
    found: dict[int, int | None] = {}
    with ThreadPoolExecutor(_THREADS) as pool, Progress("look for duplicates", len(pictures)) as bar:
        for place, one in enumerate(pool.map(_looked, pictures)):
            if isinstance(one, DataError):
                told(one)
            else:
                found[place] = one
            bar.step()
    return found


def _looked(picture: Labelled) -> int | DataError | None:
    try:
        seen = pixels(picture.path)
    except DataError as error:
        return error
    height, width = seen.shape[:2]
    if (width, height) != (picture.width, picture.height):
        return DataError(_misfit((width, height), (picture.width, picture.height), picture.path), picture.path)
    return difference_hash(seen)


def _misfit(shown: tuple[int, int], said: tuple[int, int], path: Path) -> str:
    """Return what is wrong with a picture that is not of the size that its labels say; both (width, height)."""
    told = f"it is {shown[0]} x {shown[1]}, its labels say {said[0]} x {said[1]}"
    if said == shown[::-1] == stored_size(path):
        return f"{told}: its EXIF orientation turns it, and it was labelled unturned; take that tag out of the file"
    return told
