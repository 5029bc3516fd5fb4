"""Making keys and giving roles others: the two times when the keys of root are wanted."""

from collections.abc import Sequence
from pathlib import Path

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Root, Targets

from tapetum_trainer.publish import keys
from tapetum_trainer.publish.errors import PublishError
from tapetum_trainer.publish.keys import ENCRYPTED, Ask
from tapetum_trainer.publish.repository import Repository
from tapetum_trainer.publish.signing import LASTS

ROLES = tuple(LASTS)
ONLINE = ("snapshot", "timestamp")
"""Roles that sign at every push and every refresh, without anybody who types a passphrase."""
_NEW = ".new"


class Keys:
    """The folder of the keys: `ROLE.pem`, and `root/N.pem`, which are to be taken away from here."""

    def __init__(self, folder: Path, ask: Ask) -> None:
        self.folder = folder
        self.ask = ask

    def path(self, role: str) -> Path:
        """Return the file of a role with one key."""
        return self.folder / f"{role}.pem"

    def signers(self, root: Root, *roles: str) -> dict[str, Sequence[CryptoSigner]]:
        """Return the keys of these roles; raises PublishError when one is not there, or root names another."""
        return {role: self._of(role, root.roles[role].keyids) for role in roles}

    def _of(self, role: str, keyids: Sequence[str]) -> list[CryptoSigner]:
        """Return the key of a role; a rotation may have been cut off before it got its name."""
        paths = [path for path in (self.path(role + _NEW), self.path(role)) if path.exists()]
        return keys.signers(paths, keyids, 1, self.ask)

    def of_root(self, root: Root, folder: Path) -> list[CryptoSigner]:
        """Return as many of root's keys as must sign, from the files in `folder`."""
        role = root.roles["root"]
        return keys.signers(sorted(folder.glob("*.pem")), role.keyids, role.threshold, self.ask)

    def made(self, path: Path, role: str) -> CryptoSigner:
        """Make a key in a new file."""
        return keys.made(path, self.ask(str(path)) if role in ENCRYPTED else None)


def begin(repository: Repository, ring: Keys, count: int, threshold: int) -> Path:
    """Make all keys, and a repository in which no bundle is yet; return the root that devices are enrolled with."""
    if not 1 <= threshold <= count:
        raise PublishError(f"--threshold {threshold}: 1 to {count} of {count} keys can have to sign")
    if list(repository.metadata.folder.glob("*.root.json")):
        raise PublishError("a repository is there already", repository.folder)
    root = Root(consistent_snapshot=True)
    offline = [ring.made(ring.folder / f"root/{number}.pem", "root") for number in range(1, count + 1)]
    for signer in offline:
        root.add_key(signer.public_key, "root")
    root.roles["root"].threshold = threshold
    for role in ROLES[1:]:
        root.add_key(ring.made(ring.path(role), role).public_key, role)
    path = repository.metadata.write_root(root, offline)
    (repository.folder / "targets").mkdir(exist_ok=True)
    repository.metadata.write_targets(Targets(version=1), ring.signers(root, *ROLES[1:]))
    return path


def rotate(repository: Repository, ring: Keys, roles: Sequence[str], root_keys: Path) -> Path:
    """Give these roles other keys, and sign all that the old ones signed; none: let root hold for longer.

    Returns the new root, which devices take with the next push or refresh. The old keys are in nobody's way any more,
    and are written over.
    """
    root = repository.metadata.root()
    old = ring.of_root(root, root_keys)
    new = list[CryptoSigner]()
    if "root" in roles:
        new = _other_root_keys(root, ring, root_keys)
    made = [role for role in roles if role != "root"]
    for role in made:
        signer = ring.made(ring.path(role + _NEW), role)
        for keyid in list(root.roles[role].keyids):
            root.revoke_key(keyid, role)
        root.add_key(signer.public_key, role)
    path = repository.metadata.write_root(repository.metadata.next_of(root), [*old, *new])
    for role in made:
        ring.path(role + _NEW).rename(ring.path(role))
    if "targets" in made:
        repository.refresh(ring.signers(root, *ROLES[1:]), "targets")
    else:
        repository.refresh(ring.signers(root, *ONLINE), "snapshot")
    return path


def _other_root_keys(root: Root, ring: Keys, folder: Path) -> list[CryptoSigner]:
    """Make as many keys for root as it has, in files beside the old ones; root then names them alone."""
    role = root.roles["root"]
    new = [ring.made(folder / f"{root.version + 1}-{number}.pem", "root") for number in range(1, len(role.keyids) + 1)]
    threshold = role.threshold
    for keyid in list(role.keyids):
        root.revoke_key(keyid, "root")
    for signer in new:
        root.add_key(signer.public_key, "root")
    root.roles["root"].threshold = threshold
    return new
