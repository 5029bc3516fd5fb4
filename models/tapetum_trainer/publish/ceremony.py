"""Making keys and giving roles others: the two times when the keys of root are wanted."""

from collections.abc import Sequence
from pathlib import Path

from securesystemslib.signer import Signer
from tuf.api.metadata import Root, Targets

from tapetum_trainer.publish.errors import PublishError
from tapetum_trainer.publish.repository import Repository
from tapetum_trainer.publish.ring import Ring
from tapetum_trainer.publish.signing import LASTS

ROLES = tuple(LASTS)
ONLINE = ("snapshot", "timestamp")
"""Roles that sign at every push and every refresh, without anybody who types a passphrase."""
_MOST = 32  # keys of root


def begin(repository: Repository, ring: Ring, count: int, threshold: int) -> Path:
    """Make all keys, and a repository in which no bundle is yet; return the root that devices are enrolled with."""
    if not 1 <= count <= _MOST:
        raise PublishError(f"--count {count}: root has 1 to {_MOST} keys")
    if not 1 <= threshold <= count:
        raise PublishError(f"--threshold {threshold}: 1 to {count} of {count} keys can have to sign")
    if list(repository.metadata.folder.glob("*.root.json")):
        raise PublishError("a repository is there already", repository.folder)
    root = Root(consistent_snapshot=True)
    with ring.all_or_none(repository.metadata.path_of(root)):
        offline = [ring.made(ring.folder / f"root/{number}", "root") for number in range(1, count + 1)]
        for signer in offline:
            root.add_key(signer.public_key, "root")
        root.roles["root"].threshold = threshold
        for role in ROLES[1:]:
            root.add_key(ring.made(ring.folder / role, role).public_key, role)
        path = repository.metadata.write_root(root, offline)
    (repository.folder / "targets").mkdir(exist_ok=True)
    repository.metadata.write_targets(Targets(version=1), ring.signers(root, *ROLES[1:]))
    return path


def rotate(repository: Repository, ring: Ring, roles: Sequence[str], root_keys: Path) -> Path:
    """Give these roles other keys, and sign all that the old ones signed; none: let root hold for longer.

    Returns the new root, which devices take with the next push or refresh. The old keys are in nobody's way any more,
    and are written over.
    """
    root = repository.metadata.root()
    others = [role for role in ROLES[1:] if role in roles]
    for role in ROLES[1:]:
        ring.settle(root, role)  # an earlier rotation may have been cut off
    signers = list(ring.of_root(root, root_keys))
    repository.metadata.next_of(root)
    with ring.all_or_none(repository.metadata.path_of(root)):
        if "root" in roles:
            signers += _other_root_keys(root, ring, root_keys)
        for role in others:
            signer = ring.made(ring.new(role), role)
            for keyid in list(root.roles[role].keyids):
                root.revoke_key(keyid, role)
            root.add_key(signer.public_key, role)
        path = repository.metadata.write_root(root, signers)
    for role in others:
        ring.settle(root, role)
    if "targets" in others:
        repository.refresh(ring.signers(root, *ROLES[1:]), "targets")
    else:
        repository.refresh(ring.signers(root, *ONLINE), "snapshot")
    return path


def _other_root_keys(root: Root, ring: Ring, folder: Path) -> list[Signer]:
    """Make as many keys for root as it has, in files beside the old ones; root then names them alone."""
    role = root.roles["root"]
    new = [ring.made(folder / f"{root.version}-{number}", "root") for number in range(1, len(role.keyids) + 1)]
    threshold = role.threshold
    for keyid in list(role.keyids):
        root.revoke_key(keyid, "root")
    for signer in new:
        root.add_key(signer.public_key, "root")
    root.roles["root"].threshold = threshold
    return new
