"""What of a repository a device trusts: python-tuf decides, and the device's own lower bounds with it.

For the process that fetches alone: `tuf` and `cryptography` are imported here.
"""

import contextlib
import logging
from collections.abc import Iterator
from datetime import UTC, datetime

import cryptography.hazmat.backends.openssl.backend  # noqa: F401  else imported late, by keys of RSA and ECDSA alone
import msgspec
from securesystemslib.exceptions import Error as SignatureError
from tuf.api.exceptions import DownloadError, RepositoryError
from tuf.api.metadata import Metadata, Root, Signed, TargetFile, Targets
from tuf.ngclient import Updater, UpdaterConfig
from tuf.ngclient.fetcher import FetcherInterface

from tapetum.errors import Rollback, Untrusted, UpdateError
from tapetum.text import plain
from tapetum.update.floor import Floor, Mark
from tapetum.update.messages import Found, Setup, Target
from tapetum.update.offer import SIGNED_AT, Contract
from tapetum.update.repository import LARGEST_FILE, LARGEST_METADATA

ROLES = ("timestamp", "snapshot", "targets")
_LONGEST = 300  # characters of a reason
_FARTHEST = (1 << 53) - 1  # the largest number that JSON carries everywhere
_BOUNDS = UpdaterConfig(
    max_root_rotations=64,
    root_max_length=LARGEST_METADATA["root"],
    timestamp_max_length=LARGEST_METADATA["timestamp"],
    snapshot_max_length=LARGEST_METADATA["snapshot"],
    targets_max_length=LARGEST_METADATA["targets"],
)
_log = logging.getLogger(__name__)


class Client(Updater):
    """python-tuf's client, which also keeps to what was seen before its cache was lost, and to a time that has been."""

    def __init__(self, setup: Setup, root: bytes, fetcher: FetcherInterface) -> None:
        self._setup = setup
        with translated():
            super().__init__(setup.metadata, "metadata", fetcher=fetcher, config=_BOUNDS, bootstrap=root)

    def found(self) -> Found:
        """Return what is signed now, and the bundle that this device is to have; raises Untrusted or UpdateError."""
        with translated():
            self.refresh()
        floor = self._risen()
        target, passed_over = chosen(self._trusted_set.targets, self._setup, self._kept("targets"))
        return Found(floor=floor, target=target, passed_over=passed_over)

    def signed(self, target: Target) -> TargetFile:
        """Return what is signed of a bundle."""
        return self._trusted_set.targets.targets[target.path]

    def _load_root(self) -> None:
        """Go on with the newest root; from it depends which of the marks count, and so what time it is at least."""
        super()._load_root()
        root, floor = self._trusted_set.root, self._setup.floor
        if root.version < floor.root:
            raise Rollback(f"root is of version {root.version}, and {floor.root} was seen before")
        seen_s = floor.seen_s if self._keys("timestamp") == floor.timestamp.keys else 0
        self._trusted_set.reference_time = datetime.fromtimestamp(max(self._setup.now_s, seen_s), UTC)

    def _risen(self) -> Floor:
        """Return the floor as it is with what was just verified; raises Rollback when that lies below it."""
        marks = {role: self._mark(role) for role in ROLES}
        kept = self._kept("targets")
        seen_s = max(int(self._trusted_set.reference_time.timestamp()), self._signed_s())
        return msgspec.structs.replace(
            self._setup.floor,
            root=self._trusted_set.root.version,
            seen_s=seen_s,
            epoch=kept.epoch,
            push=kept.push,
            **marks,
        )

    def _mark(self, role: str) -> Mark:
        version, keys = self._trusted_set[role].version, self._keys(role)
        least = getattr(self._setup.floor, role).of(keys)
        if version < least:
            raise Rollback(f"{role} is of version {version}, and {least} was seen before")
        if version > _FARTHEST:
            raise Untrusted(f"{role} is of version {plain(str(version), 40)}, which is no number of a version")
        return Mark(version, keys)

    def _kept(self, role: str) -> Floor:
        """Return the floor, as far as it was made with the keys that `role` has now."""
        floor = self._setup.floor
        return floor if getattr(floor, role).keys == self._keys(role) else Floor()

    def _keys(self, role: str) -> tuple[str, ...]:
        return tuple(sorted(self._trusted_set.root.roles[role].keyids))

    def _signed_s(self) -> int:
        """Return when timestamp was signed, as it says itself; 0 where it does not, or lies."""
        timestamp: Signed = self._trusted_set.timestamp
        said = timestamp.unrecognized_fields.get(SIGNED_AT)
        if not isinstance(said, str):
            return 0
        with contextlib.suppress(ValueError, OverflowError):
            at = datetime.strptime(said, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
            return int(at.timestamp()) if at < timestamp.expires else 0
        return 0


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turn the errors of python-tuf into ours."""
    try:
        yield
    except DownloadError as error:
        raise UpdateError(plain(str(error), _LONGEST)) from None
    except (RepositoryError, SignatureError) as error:
        raise Untrusted(f"{type(error).__name__}: {plain(str(error), _LONGEST)}") from None


def chosen(targets: Targets, setup: Setup, kept: Floor) -> tuple[Target | None, tuple[str, ...]]:
    """Return the bundle that was pushed last of those for this device, and what was passed over, with the reason.

    Raises Rollback when that bundle is of an epoch below the one the device has been in.
    """
    found, passed_over = list[Target](), list[str]()
    for path, signed in targets.targets.items():
        try:
            target = _target(path, signed)
        except msgspec.ValidationError as error:
            passed_over.append(plain(f"{path}: {error}", _LONGEST))
            continue
        contract = target.contract.of(setup.device)
        if contract and _is_of(contract, setup):
            found.append(msgspec.structs.replace(target, contract=contract))
    best = max(found, key=lambda target: target.contract.push, default=None)
    if best and best.contract.epoch < kept.epoch:
        raise Rollback(f"{best.model} is of epoch {best.contract.epoch}, and the device has been in {kept.epoch}")
    return best, tuple(passed_over[:8])


def _is_of(contract: Contract, setup: Setup) -> bool:
    """Return whether the device is of a class that the bundle is for."""
    return not contract.classes or not set(contract.classes).isdisjoint(setup.classes)


def _target(path: str, signed: TargetFile) -> Target:
    """Return what is signed of a bundle; raises msgspec.ValidationError when it is nothing that can be understood."""
    told = {
        "path": path,
        "bytes": signed.length,
        "sha256": signed.hashes.get("sha256"),
        "contract": signed.custom,
    }
    target = msgspec.convert(told, Target)
    if target.bytes > LARGEST_FILE:
        raise msgspec.ValidationError(f"{target.bytes} bytes; up to {LARGEST_FILE} are taken")
    return target


def checked_root(content: bytes) -> Root:
    """Return the root in a file that a device is to trust; raises Untrusted when it is none, or does not sign itself.

    Whether it has expired is not asked: a newer one may be on the broker.
    """
    with translated():
        read = Metadata[Root].from_bytes(content)
        if not isinstance(read.signed, Root):
            raise Untrusted(f"it is {read.signed.type}, and root is wanted")
        read.signed.verify_delegate(Root.type, read.signed_bytes, read.signatures)
        return read.signed
