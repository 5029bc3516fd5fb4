"""TensorFlow's records with pictures in them, as its object detection API writes them; needs TensorFlow.

Each record is a tf.train.Example: image/encoded (JPEG or PNG), image/object/bbox/xmin, ymin, xmax, ymax (fractions) and
image/object/class/text; image/object/is_crowd, group_of and difficult, where there are such, make a crowd.
github.com/tensorflow/models, research/object_detection/g3doc/using_your_own_dataset.md. The pictures are taken out
once. The file itself: for each record its length (8 bytes) with a checksum (4), the content with a checksum (4),
www.tensorflow.org/tutorials/load_data/tfrecord. TensorFlow dies of a length that no memory holds, and takes a file that
is cut within a length for whole: so it is asked only when the lengths are those of the file.
"""

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tapetum_trainer.data.pictures import size
from tapetum_trainer.data.readers.kept import kept
from tapetum_trainer.data.readers.source import Source, Told, box, each, raised
from tapetum_trainer.data.sample import Labelled, Thing
from tapetum_trainer.errors import DataError

_EDGES = tuple(f"image/object/bbox/{edge}" for edge in ("xmin", "ymin", "xmax", "ymax"))
_TEXT = "image/object/class/text"
_CROWD = tuple(f"image/object/{name}" for name in ("is_crowd", "group_of", "difficult"))
_HEAD = struct.Struct("<Q")  # the length of a record
_LONG = 60  # characters of the name of a file in the names of its pictures
_AROUND = 16  # bytes: the length and both checksums
_KINDS = {b"\xff\xd8\xff": ".jpg", b"\x89PNG": ".png"}  # first bytes: ISO 10918-1, RFC 2083


class TfRecord(Source, tag="tfrecord", frozen=True, kw_only=True):
    """A file of records, or a folder of such (*.tfrecord, *.tfrecord-00000-of-00010, *.record)."""

    path: str

    def read(self, root: Path, told: Told = raised) -> list[Labelled]:
        """Return the pictures of all records; what is wrong is told, with file and record.

        Raises ModuleNotFoundError where TensorFlow is not installed.
        """
        path = root / self.path
        files = sorted({*path.glob("*.tfrecord*"), *path.glob("*.record*")}) if path.is_dir() else [path]
        if not files:
            raise DataError("there are no records (.tfrecord) in it", path)
        return [picture for found in each(lambda one: self._file(one, told), files, told) for picture in found]

    def _file(self, path: Path, told: Told) -> list[Labelled]:
        folder = kept("tfrecord", path, path.name, lambda folder: _extract(path, folder))
        return each(lambda one: self._read(*one, path, folder, told), enumerate(_records(path)), told)

    def _read(self, index: int, content: bytes, path: Path, folder: Path, told: Told) -> Labelled:
        where = _where(path, index)
        features = _features(content, where)
        picture = folder / _name(path, index, _suffix(_encoded(features), where))
        columns = [_column(features, name, "float_list") for name in _EDGES]
        labels = _column(features, _TEXT, "bytes_list")
        crowds = [_column(features, name, "int64_list") for name in _CROWD]
        _check(columns, labels, crowds, where)
        things = each(
            lambda at: _thing(labels[at], [column[at] for column in columns], any(c[at] for c in crowds if c), where),
            range(len(labels)),
            told,
        )
        return Labelled(picture, *_size(picture, where), tuple(things), self.looked_for, self.group)


def _where(path: Path, index: int) -> str:
    return f"{path}, record {index}"


def _name(path: Path, index: int, suffix: str) -> str:
    """Return the name of a picture that is taken out: it tells where it came from."""
    return f"{path.name[:_LONG]}-{index}{suffix}"


def _size(picture: Path, where: str) -> tuple[int, int]:
    try:
        return size(picture)
    except DataError as error:
        raise DataError(f"image/encoded: {error.what}", where) from None


def _records(path: Path) -> Iterator[bytes]:
    """Give the content of each record; raises DataError when it is no such file, or not whole."""
    import tensorflow as tf  # noqa: PLC0415  an extra, and it takes seconds

    _check_lengths(path)
    index = 0
    try:
        for record in tf.data.TFRecordDataset(str(path)):
            yield record.numpy()
            index += 1
    except tf.errors.OpError:
        raise DataError("its checksum is wrong: no file of records, or a damaged one", _where(path, index)) from None


def _check_lengths(path: Path) -> None:
    """Raise DataError when the records do not end where the file does."""
    with path.open("rb") as file:
        end, place, index = path.stat().st_size, 0, 0
        while place < end:
            file.seek(place)
            head = file.read(_HEAD.size)
            place += _AROUND + (_HEAD.unpack(head)[0] if len(head) == _HEAD.size else end)
            if place > end:
                raise DataError("the file ends before it does: no file of records, or cut off", _where(path, index))
            index += 1


def _features(content: bytes, where: str) -> Any:
    """Return name -> tf.train.Feature."""
    import tensorflow as tf  # noqa: PLC0415
    from google.protobuf.message import DecodeError  # noqa: PLC0415  TensorFlow brings it

    try:
        return tf.train.Example.FromString(content).features.feature
    except DecodeError:
        raise DataError("this is no tf.train.Example", where) from None


def _encoded(features: Any) -> bytes:
    return bytes(next(iter(_column(features, "image/encoded", "bytes_list")), b""))


def _column(features: Any, name: str, kind: str) -> Sequence[Any]:
    return list(getattr(features[name], kind).value) if name in features else []


def _suffix(encoded: bytes, where: str) -> str:
    found = next((suffix for begin, suffix in _KINDS.items() if encoded.startswith(begin)), "")
    if not found:
        raise DataError("image/encoded is no JPEG and no PNG", where)
    return found


def _check(columns: list[Sequence[Any]], labels: Sequence[Any], crowds: list[Sequence[Any]], where: str) -> None:
    """Raise DataError when the lists of one picture are not of one length."""
    if any(len(column) != len(labels) for column in (*columns, *filter(None, crowds))):
        counts = ", ".join(str(len(column)) for column in columns)
        raise DataError(f"{len(labels)} of {_TEXT}, and {counts} edges of boxes; as many are wanted", where)


def _thing(label: bytes, edges: list[float], crowd: bool, where: str) -> Thing:
    name = label.decode("utf-8", "replace").strip()
    if not name:
        raise DataError(f"{_TEXT} has an empty label", where)
    left, top, right, bottom = edges
    return Thing(name, box((left, top, right, bottom), where), crowd)


def _extract(path: Path, folder: Path) -> None:
    """Write the pictures of the records, as they are; what is none is told where it is read."""
    for index, content in enumerate(_records(path)):
        try:
            encoded = _encoded(_features(content, ""))
            (folder / _name(path, index, _suffix(encoded, ""))).write_bytes(encoded)
        except DataError:
            continue
