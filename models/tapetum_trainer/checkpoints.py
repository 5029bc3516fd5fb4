"""What a training is after a step, on disk: killed at any moment, it goes on from there to the very same weights.

One .npz file: the network's variables by their paths, those of the optimizer in their order, the average's, and a few
numbers as JSON. Nothing random is kept, because nothing random is left: the order of the pictures and what is done to
them follow from seed, epoch and index alone. It is written beside its place, forced to the disk and renamed, so what is
there is always whole. It is no pickle, and no backend's own form: a training may go on under another backend.
"""

import hashlib
import os
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from keras import ops
from numpy.typing import NDArray

from tapetum_trainer.ema import Average
from tapetum_trainer.errors import DataError, RecipeError

Arrays = dict[str, NDArray[Any]]


class Stand(msgspec.Struct, kw_only=True):
    """How far a training has come."""

    step: int = 0  # done, of all epochs
    recipe: str = ""  # of what is trained how: another cannot go on from here
    best: float | None = None  # the best validation, greater is better
    since: int = 0  # validations since the best
    pictures: int = 0  # learned from, counting each time


@dataclass(slots=True)
class State:
    """All that changes while a network learns."""

    network: Any
    optimizer: Any
    average: Average
    stand: Stand = field(default_factory=Stand)

    def arrays(self) -> Arrays:
        """Return everything, by name."""
        found = {f"network/{path}": values for path, values in arrays_of(self.network).items()}
        for index, variable in enumerate(self.optimizer.variables):
            found[f"optimizer/{index}"] = ops.convert_to_numpy(variable.value)
        found |= {f"average/{index}": values for index, values in enumerate(self.average.values)}
        return found | {"stand": np.frombuffer(msgspec.json.encode(self.stand), np.uint8)}

    def take(self, arrays: Arrays) -> None:
        """Become what `arrays` says; raises DataError when they are of another network."""
        put_into(self.network, {path.removeprefix("network/"): arrays[path] for path in arrays if "network/" in path})
        for index, variable in enumerate(self.optimizer.variables):
            _assign(variable, arrays.get(f"optimizer/{index}"), f"optimizer/{index}")
        for index, value in enumerate(self.average.values):
            value[...] = arrays[f"average/{index}"]
        self.stand = msgspec.json.decode(arrays["stand"].tobytes(), type=Stand)


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """The files of one training in a folder. recipe: what is trained how, in any words; a change of it is refused."""

    folder: Path
    recipe: str = ""

    @property
    def last(self) -> Path:
        """Where the training goes on from."""
        return self.folder / "last.npz"

    @property
    def best(self) -> Path:
        """The averaged weights that validated best; of a training without validation, the last ones."""
        return self.folder / "best.npz"

    def save(self, state: State) -> None:
        """Write the training as it stands."""
        state.stand.recipe = self._hash()
        write(self.last, state.arrays())

    def save_best(self, network: Any) -> None:
        """Write the network's weights as the best so far."""
        write(self.best, arrays_of(network))

    def resume(self, state: State) -> bool:
        """Make `state` what was saved last; False when nothing was.

        Raises RecipeError when it was another recipe's, DataError when the file is not whole.
        """
        if not self.last.exists():
            return False
        arrays = read(self.last)
        found = msgspec.json.decode(arrays["stand"].tobytes(), type=Stand)
        if found.recipe != self._hash():
            raise RecipeError(
                f"{self.last}: a training of another recipe stands here; choose another --folder for this one, or raise"
                " its version"
            )
        state.take(arrays)
        return True

    def _hash(self) -> str:
        return hashlib.sha256(self.recipe.encode()).hexdigest()


def write(path: Path, arrays: Arrays) -> None:
    """Write `arrays` to `path`: all, or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.new")
    with beside.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read(path: Path) -> Arrays:
    """Return the arrays in `path`; raises DataError when they cannot be read."""
    try:
        with path.open("rb") as content, np.load(content, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise DataError(f"{path}: no weights or checkpoint can be read from it ({error})") from error


def arrays_of(network: Any) -> Arrays:
    """Return the network's variables by their paths."""
    return {variable.path: np.array(ops.convert_to_numpy(variable.value)) for variable in network.variables}


def put_into(network: Any, arrays: Arrays) -> None:
    """Give the network's variables the values of their paths; raises DataError where one is missing or does not fit."""
    for variable in network.variables:
        _assign(variable, arrays.get(variable.path), variable.path)


def _assign(variable: Any, values: NDArray[Any] | None, name: str) -> None:
    if values is None or tuple(variable.shape) != values.shape:
        shape = "is missing" if values is None else f"is {values.shape}"
        raise DataError(
            f"{name} {shape}, the network's is {tuple(variable.shape)}: these are weights of another network"
        )
    variable.assign(values)
