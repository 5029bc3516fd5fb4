"""The rollout's part in the repository: for whom bundles are signed, one device at a time asked once.

Everything here can be done twice: what is signed already is not signed again, and what is published not sent again.
"""

import hashlib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from tapetum import durable
from tapetum.alerts.broker import Broker
from tapetum.update.offer import Contract
from tapetum_trainer.publish import alone, grants
from tapetum_trainer.publish.grants import Pushes
from tapetum_trainer.publish.repository import Repository
from tapetum_trainer.publish.shelf import Shelf
from tapetum_trainer.publish.signing import Signers

Numbered = Callable[[int], None]
"""Has the number of a push on the disk before anything is signed by it."""


class Bench:
    """Where it is signed. kept: the folder of the bundles of one rollout, its own and those that were before it."""

    def __init__(self, home: Path, kept: Path, signers: Signers, broker: Broker) -> None:
        self._home, self._kept, self._signers, self._broker = home, kept, signers, broker
        self._repository = Repository(home / "repository")

    def keep(self, model: str, content: bytes | None = None) -> bool:
        """Keep a bundle beside the rollout; without its content, that of the repository. Return whether it is kept."""
        found = self._repository.content(model) if content is None else content
        path = self._path(model)
        if found is not None and not path.exists():
            durable.write(path, found)
        return path.exists()

    def gave(self, model: str, device: str) -> bool:
        """Return whether a bundle is signed for that device; it is kept then, for what is signed may go."""
        with alone.signing(self._home):
            contract = self._repository.contracts().get(model)
            return contract is not None and Pushes(contract).of(device) > 0 and self.keep(model)

    def ask(self, model: str, devices: Collection[str], push: int, number: Numbered) -> set[str]:
        """Have the bundle signed for these devices too; return those of them that something else was pushed to since.

        push: of the rollout, 0: none yet; then `number` hears which it is. Raises PublishError.
        """
        with alone.signing(self._home):
            contracts = self._repository.contracts()
            if not push:
                push = self._next(number)
            elsewhere = _elsewhere(contracts, model, devices, push)
            wanted = [name for name in devices if name not in elsewhere]
            self._sign(contracts, self._given(contracts, model, wanted, push))
        return elsewhere

    def withdraw(self, model: str, devices: Collection[str]) -> None:
        """Have it signed no more for these."""
        with alone.signing(self._home):
            contracts = self._repository.contracts()
            self._sign(contracts, grants.withdrawn(contracts, model, devices))

    def settle(self, model: str, devices: Collection[str]) -> None:
        """Have what these had before signed no more for them: they stay with it."""
        with alone.signing(self._home):
            contracts = self._repository.contracts()
            if model in contracts:
                self._sign(contracts, grants.settled(contracts, model, devices))

    def back(
        self, model: str, devices: Collection[str], before: Mapping[str, Collection[str]], push: int, number: Numbered
    ) -> None:
        """Have what was before signed anew for those that had it, and `model` for none of `devices`.

        before: devices by the bundle that they had; push, number: as of `ask`, of this signing.
        """
        with alone.signing(self._home):
            contracts = self._repository.contracts()
            if not push and before:
                push = self._next(number)
            changed = grants.withdrawn(contracts, model, devices)
            for older, names in before.items():
                changed = self._given(changed, older, names, push)
            self._sign(contracts, changed)

    def publish(self) -> None:
        """Have what is signed on the broker; raises PublishError, UnreachableError where it can be tried again."""
        with alone.signing(self._home), Shelf(self._broker) as shelf:
            shelf.publish(self._repository.files())

    def _next(self, number: Numbered) -> int:
        push = self._repository.metadata.targets().version + 1
        number(push)
        return push

    def _given(
        self, contracts: Mapping[str, Contract], model: str, devices: Collection[str], push: int
    ) -> dict[str, Contract]:
        """Return what is to be signed where `model` is for `devices` too."""
        named = Pushes(contracts[model]) if model in contracts else None
        lacking = tuple(name for name in devices if named is None or named.of(name) != push)
        if not lacking:
            return dict(contracts)
        _, contract = self._repository.contract(self._path(model).read_bytes(), lacking, push)
        return {**contracts, model: grants.wider(contracts.get(model), contract)}

    def _sign(self, before: Mapping[str, Contract], after: Mapping[str, Contract]) -> None:
        if after != before:
            new = {model: self._path(model).read_bytes() for model in after if model not in before}
            self._repository.change(after, self._signers, new)

    def _path(self, model: str) -> Path:
        """Return the file of a bundle that is kept; its name may be anything that a device said."""
        return self._kept / f"{hashlib.sha256(model.encode()).hexdigest()[:32]}.tapetum"


def _elsewhere(contracts: Mapping[str, Contract], model: str, devices: Collection[str], push: int) -> set[str]:
    others = [Pushes(one) for name, one in contracts.items() if name != model]
    return {name for name in devices if any(other.of(name) > push for other in others)}
