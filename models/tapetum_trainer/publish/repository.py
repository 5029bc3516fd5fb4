"""The repository at the desk: which bundles are pushed, and for which devices, in a folder of static files."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
from tuf.api.metadata import TargetFile, Targets

from tapetum import bundle, durable
from tapetum.errors import BundleError
from tapetum.update import contracts
from tapetum.update.offer import EVERYBODY, Contract
from tapetum_trainer.publish import grants
from tapetum_trainer.publish.errors import PublishError
from tapetum_trainer.publish.signing import Metadatas, Signers

_SOON = timedelta(days=30)
_ENDING = ".tapetum"


class Repository:
    """`folder` holds `metadata` and `targets`; everything in it may be served to everybody."""

    def __init__(self, folder: Path, now: datetime | None = None) -> None:
        self.folder = folder
        self.metadata = Metadatas(folder / "metadata", now)

    def files(self) -> dict[str, Path]:
        """Return all files that are published, by how they are called there."""
        named = [self.folder / "targets" / _file(path, one) for path, one in self._targets().targets.items()]
        return {f"{path.parent.name}/{path.name}": path for path in [*self.metadata.files(), *named]}

    def contracts(self) -> dict[str, Contract]:
        """Return what is signed of each bundle, by its name."""
        targets = self._targets().targets
        return {path.removesuffix(_ENDING): _contract(path, one) for path, one in targets.items()}

    def push(
        self,
        content: bytes,
        to: tuple[str, ...],
        signers: Signers,
        epoch: int | None = None,
        classes: tuple[str, ...] = (),
    ) -> Contract:
        """Sign the bundle `content` for the devices `to`, in the place of what was pushed to them before.

        to: names of devices, `*` for all; epoch: None: the highest that there was. Raises PublishError.
        """
        manifest, targets = _manifest(content), self._targets()
        highest = max((_contract(path, one).epoch for path, one in targets.targets.items()), default=0)
        epoch = highest if epoch is None else epoch
        if epoch < highest:
            raise PublishError(f"--epoch {epoch}: devices have been in {highest}, and go back to none")
        following = self.metadata.next_of(targets)
        contract = _checked(contracts.of(manifest, following.version, to, epoch, classes))
        path = f"{manifest.name}@{manifest.version}{_ENDING}"
        signed = TargetFile.from_data(path, content, ["sha256"])
        if path in targets.targets and targets.targets[path].hashes != signed.hashes:
            raise PublishError(
                f"{path} was pushed with another content, and a slot never changes: give it a higher version"
            )
        following.targets = _replaced(following.targets, path, contract)
        signed.unrecognized_fields["custom"] = msgspec.to_builtins(contract)
        following.targets[path] = signed
        durable.write(self.folder / "targets" / _file(path, signed), content)
        self.metadata.write_targets(following, signers)
        self._clear()
        return contract

    def change(
        self, contracts: Mapping[str, Contract], signers: Signers, contents: Mapping[str, bytes] | None = None
    ) -> None:
        """Sign that each bundle is for whom its contract says, and that all that have none are for nobody.

        contracts, contents: by `name@version`; contents: of those that are not there yet. Raises PublishError.
        """
        following = self.metadata.next_of(self._targets())
        before, following.targets = following.targets, {}
        for model, contract in contracts.items():
            path = f"{model}{_ENDING}"
            signed = before.get(path) or self._added(path, (contents or {})[model])
            signed.unrecognized_fields["custom"] = msgspec.to_builtins(_checked(contract))
            following.targets[path] = signed
        self.metadata.write_targets(following, signers)
        self._clear()

    def contract(self, content: bytes, to: tuple[str, ...], push: int) -> tuple[str, Contract]:
        """Return how a bundle is called, and what would be signed of it; its epoch is the highest that there was."""
        manifest = _manifest(content)
        epoch = max((one.epoch for one in self.contracts().values()), default=0)
        return f"{manifest.name}@{manifest.version}", _checked(contracts.of(manifest, push, to, epoch))

    def content(self, model: str) -> bytes | None:
        """Return the bundle that is published under that name; None where none is."""
        signed = self._targets().targets.get(f"{model}{_ENDING}")
        return (self.folder / "targets" / _file(f"{model}{_ENDING}", signed)).read_bytes() if signed else None

    def _added(self, path: str, content: bytes) -> TargetFile:
        signed = TargetFile.from_data(path, content, ["sha256"])
        durable.write(self.folder / "targets" / _file(path, signed), content)
        return signed

    def refresh(self, signers: Signers, first: str = "timestamp") -> None:
        """Sign targets, snapshot or timestamp again, from `first` on; snapshot too where it soon holds no more."""
        metadata = self.metadata
        if first == "targets":
            metadata.write_targets(metadata.next_of(self._targets()), signers)
        elif first == "snapshot" or metadata.snapshot().expires < metadata.now() + _SOON:
            metadata.write_snapshot(metadata.next_of(metadata.snapshot()), signers)
        else:
            metadata.write_timestamp(metadata.next_of(metadata.timestamp()), signers)

    def ending(self) -> dict[str, datetime]:
        """Return which of the roles that `refresh` does not sign by itself soon hold no more, and until when."""
        signed = {"root": self.metadata.root(), "targets": self._targets()}
        return {role: one.expires for role, one in signed.items() if one.expires < self.metadata.now() + _SOON}

    def _targets(self) -> Targets:
        return self.metadata.targets()

    def _clear(self) -> None:
        """Remove the bundles that no metadata name."""
        named = {path.name for path in self.files().values()}
        for path in (self.folder / "targets").iterdir():
            if path.name not in named:
                path.unlink()


def _replaced(before: Mapping[str, TargetFile], path: str, contract: Contract) -> dict[str, TargetFile]:
    """Return what of `before` is still for somebody, where `contract` is for those that it names."""
    if contract.classes:  # of the devices that it names some may be of others
        return {one: signed for one, signed in before.items() if one != path}
    if EVERYBODY in contract.to:
        return {}
    kept = {}
    for one, signed in before.items():
        left = grants.without(_contract(one, signed), contract.to)
        if left and one != path:
            signed.unrecognized_fields["custom"] = msgspec.to_builtins(left)
            kept[one] = signed
    return kept


def _contract(path: str, signed: TargetFile) -> Contract:
    try:
        return msgspec.convert(signed.custom, Contract)
    except msgspec.ValidationError as error:
        raise PublishError(f"{path}: what is signed of it is not of this version: {error}") from None


def _checked(contract: Contract) -> Contract:
    """Return the contract as a device will read it; raises PublishError when it would not."""
    try:
        return msgspec.convert(msgspec.to_builtins(contract), Contract)
    except msgspec.ValidationError as error:
        raise PublishError(f"no device would take this push: {error}") from None


def _file(path: str, signed: TargetFile) -> str:
    """Return how the file of a target is called (TUF 1.0.33, 6.2)."""
    return f"{signed.hashes['sha256']}.{path}"


def _manifest(content: bytes) -> bundle.Manifest:
    try:
        return bundle.open(content).manifest
    except BundleError as error:
        raise PublishError(f"no device would take this bundle: {error}") from None
