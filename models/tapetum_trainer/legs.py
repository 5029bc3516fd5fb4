"""What trainings have in common: a folder in which their legs leave where they stand, and a recipe that says how."""

import hashlib
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from tapetum.bundle import Source
from tapetum_trainer.checkpoints import Checkpoints, put_into, read
from tapetum_trainer.errors import DataError
from tapetum_trainer.folded import Start
from tapetum_trainer.recipe import Bundled


class Legs(ABC):
    """A training of a network that becomes a bundle. start: the model whose weights it begins with."""

    folder: Path
    start: Start | None

    @property
    @abstractmethod
    def recipe(self) -> Bundled:
        """By which it is trained."""

    @abstractmethod
    def network(self) -> Any:
        """Return the network as the training begins."""

    @property
    @abstractmethod
    def begun(self) -> str:
        """Tell all that the weights depend on besides the pictures: a leg goes on only where it is the same."""

    @property
    def made_of(self) -> tuple[Source, ...]:
        """What its model is made of, and what that was made of that it goes on from."""
        return self.start.after(self.recipe.made_of) if self.start else self.recipe.made_of

    @property
    def checkpoints(self) -> Checkpoints:
        """Where it stands."""
        return Checkpoints(self.folder, self.begun)

    @property
    def start_sha256(self) -> str:
        """The hash of what it begins with."""
        return hashlib.sha256(self.start.content if self.start else b"").hexdigest()

    def best(self) -> Any:
        """Return the network with the best weights; raises DataError when there are none yet."""
        if not self.checkpoints.best.exists():
            raise DataError(f"{self.checkpoints.best}: nothing is trained here yet")
        network = self.network()
        put_into(network, read(self.checkpoints.best))
        return network
