"""The folder of the keys: `ROLE.pem`, and `root/N.pem`, which are to be taken away from here.

The key of targets may be in a token: then `targets.token` says in which.
"""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from securesystemslib.signer import Signer
from tuf.api.metadata import Root

from tapetum import durable
from tapetum_trainer.publish import keys, tokens
from tapetum_trainer.publish.asking import Ask
from tapetum_trainer.publish.keys import ENCRYPTED


class Ring:
    """The keys of all roles; those that a rotation has made are called `ROLE.new` until root names them."""

    def __init__(self, folder: Path, passphrase: Ask, pin: Ask, token: tokens.Place | None = None) -> None:
        """token: where the next key of targets is; None: it is made in a file."""
        self.folder = folder
        self._passphrase = passphrase
        self._pin = pin
        self._token = token
        self._made: list[Path] = []

    def new(self, role: str) -> Path:
        """Return the place of a role's next key."""
        return self.folder / f"{role}.new"

    def signers(self, root: Root, *roles: str) -> dict[str, Sequence[Signer]]:
        """Return the keys of these roles; raises PublishError when one is not there, or root names another."""
        return {role: self._of(role, root) for role in roles}

    def of_root(self, root: Root, folder: Path) -> Sequence[Signer]:
        """Return as many of root's keys as must sign, from the files in `folder`."""
        role = root.roles["root"]
        return keys.signers(sorted(folder.glob(f"*{keys.ENDING}")), role.keyids, role.threshold, self._passphrase)

    def made(self, place: Path, role: str) -> Signer:
        """Make a key, or take that of the token; `place` is its file, less the ending. Raises PublishError."""
        if role == "targets" and self._token:
            path = _with(place, tokens.ENDING)
            signer: Signer = tokens.taken(self._token, path, self._pin)
        else:
            path = _with(place, keys.ENDING)
            signer = keys.made(path, self._passphrase(str(path)) if role in ENCRYPTED else None)
        self._made.append(path)
        return signer

    @contextlib.contextmanager
    def all_or_none(self, signed: Path) -> Iterator[None]:
        """Remove the keys that are made meanwhile, where what names them, the file `signed`, is not written."""
        self._made.clear()
        try:
            yield
        except BaseException:
            for path in self._made if not signed.exists() else ():
                path.unlink(missing_ok=True)
            raise

    def settle(self, root: Root, role: str) -> None:
        """Give a role's next key its name, in the place of the one before, if root names it; else it goes."""
        for ending, other in ((keys.ENDING, tokens.ENDING), (tokens.ENDING, keys.ENDING)):
            path = _with(self.new(role), ending)
            if not path.exists():
                continue
            if self._keyid(path) not in root.roles[role].keyids:
                path.unlink()
                continue
            path.replace(self.folder / f"{role}{ending}")
            (self.folder / f"{role}{other}").unlink(missing_ok=True)
            durable.flush(self.folder)

    def _of(self, role: str, root: Root) -> Sequence[Signer]:
        """Return the key of a role; a rotation may have been cut off before it got its name."""
        keyids, places = root.roles[role].keyids, (self.new(role), self.folder / role)
        for place in places:
            kept = tokens.read(_with(place, tokens.ENDING))
            if kept and kept.keyid in keyids:
                return [tokens.signer_of(kept, root.keys[kept.keyid], self._pin)]
        paths = [path for place in places if (path := _with(place, keys.ENDING)).exists()]
        return keys.signers(paths, keyids, 1, self._passphrase)

    def _keyid(self, path: Path) -> str:
        """Return which key it is that the file says, or has."""
        kept = tokens.read(path) if path.suffix == tokens.ENDING else None
        return kept.keyid if kept else keys.read(path, self._passphrase).public_key.keyid


def _with(place: Path, ending: str) -> Path:
    return place.with_name(place.name + ending)
