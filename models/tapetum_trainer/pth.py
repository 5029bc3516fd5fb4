"""Reads the tensors of a PyTorch file (.pth, .pt) without PyTorch, and without running what is written in it.

Such a file is a pickle, which may call anything. Here only the names below are known, all of which make plain values;
every other name is an error. Both forms are read: the zip archive of PyTorch 1.6 and later, and the older one of three
pickles followed by the tensors' bytes.

The forms are those that torch/serialization.py of PyTorch 2 writes (`_save` and `_legacy_save`).
"""

import io
import pickle  # only through a reader that knows no names but the tensors'
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from tapetum_trainer.errors import DataError

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_VERSION = 1001
_DTYPES = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}


@dataclass(frozen=True, slots=True)
class _Storage:
    """The numbers that tensors are views of."""

    key: str
    dtype: str
    count: int


@dataclass(frozen=True, slots=True)
class _View:
    """A tensor, while the numbers are not yet read. strides: in numbers."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def of(self, numbers: NDArray[Any]) -> NDArray[Any]:
        """Return a copy of the tensor's numbers; raises ValueError where it reaches beyond them."""
        reach = sum((size - 1) * stride for size, stride in zip(self.shape, self.strides, strict=True))
        if min(self.shape, default=1) == 0:
            return np.empty(self.shape, numbers.dtype)
        if min(self.offset, *self.strides, *self.shape, 0) < 0 or self.offset + reach >= len(numbers):
            raise ValueError("a tensor reaches beyond its numbers")
        steps = [stride * numbers.itemsize for stride in self.strides]
        return np.lib.stride_tricks.as_strided(numbers[self.offset :], self.shape, steps).copy()


def read(path: Path) -> dict[str, NDArray[Any]]:
    """Return the tensors of the state dictionary in `path`, by name.

    Raises DataError when it is no such file, is cut short, or names anything but tensors.
    """
    try:
        with path.open("rb") as file:
            views, numbers = _zipped(file) if zipfile.is_zipfile(file) else _legacy(file)
            return {name: view.of(numbers(view.storage)) for name, view in views.items()}
    except (OSError, EOFError, KeyError, ValueError, TypeError, AttributeError, IndexError, struct.error) as error:
        raise DataError(f"{path}: no state dictionary of PyTorch can be read from it ({error})") from error
    except (pickle.UnpicklingError, zipfile.BadZipFile, MemoryError, OverflowError) as error:
        raise DataError(f"{path}: no state dictionary of PyTorch can be read from it ({error})") from error


_Numbers = Callable[[_Storage], NDArray[Any]]


def _zipped(file: BinaryIO) -> tuple[dict[str, _View], _Numbers]:
    """Return the tensors of the newer form, and what reads their numbers."""
    archive = zipfile.ZipFile(file)
    (index,) = (name for name in archive.namelist() if name.endswith("data.pkl"))
    folder = index.removesuffix("data.pkl")
    views = _tensors(_Reader(io.BytesIO(archive.read(index))).load())
    return views, lambda storage: np.frombuffer(archive.read(f"{folder}data/{storage.key}"), storage.dtype)


def _legacy(file: BinaryIO) -> tuple[dict[str, _View], _Numbers]:
    """Return the tensors of the older form, and what gives their numbers."""
    file.seek(0)
    if _Reader(file).load() != _LEGACY_MAGIC or _Reader(file).load() != _LEGACY_VERSION:
        raise ValueError("it begins like no file of PyTorch")
    _Reader(file).load()  # of which machine it was written: all are little-endian
    reader = _Reader(file)
    views = _tensors(reader.load())
    found = {key: _numbers(file, reader.storages[key]) for key in _Reader(file).load()}
    return views, lambda storage: found[storage.key]


def _numbers(file: BinaryIO, storage: _Storage) -> NDArray[Any]:
    """Return the next numbers of the file: how many there are, then themselves."""
    (count,) = struct.unpack("<q", file.read(8))
    if count != storage.count:
        raise ValueError(f"{count} numbers where {storage.count} belong")
    return np.frombuffer(file.read(count * np.dtype(storage.dtype).itemsize), storage.dtype, count)


def _tensors(state: object) -> dict[str, _View]:
    """Return what of `state` are tensors; raises ValueError when it is no state dictionary."""
    if not isinstance(state, Mapping) or not all(isinstance(name, str) for name in state):
        raise ValueError("it holds no state dictionary")
    return {name: view for name, view in state.items() if isinstance(view, _View)}


class _Reader(pickle.Unpickler):
    """An unpickler for which the names below are all there is."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file, encoding="utf-8")
        self.storages: dict[str, _Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        """Return what stands for the name; raises UnpicklingError for all that is no part of a tensor."""
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuilt
        if (module, name) == ("torch._utils", "_rebuild_parameter"):
            return lambda view, *_: view
        if module == "torch" and name in _DTYPES:
            return name
        raise pickle.UnpicklingError(f"it names {module}.{name}, which is no part of a tensor")

    def persistent_load(self, pid: Any) -> _Storage:
        """Return the storage that `pid` describes."""
        kind, name, key, _, count = pid[:5]
        if kind != "storage":
            raise pickle.UnpicklingError(f"it refers to {kind}")
        return self.storages.setdefault(key, _Storage(key, _DTYPES[name], int(count)))


def _rebuilt(storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: object) -> _View:
    return _View(storage, offset, tuple(shape), tuple(strides))
