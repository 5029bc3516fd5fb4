"""Keys in files: Ed25519, PKCS#8 in PEM; those of root and targets encrypted with a passphrase."""

import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from securesystemslib.signer import CryptoSigner, SSlibKey

from tapetum_trainer.publish.errors import PublishError

Ask = Callable[[str], str]
"""Asks whoever is there for the passphrase of the file that it is told."""
ENCRYPTED = ("root", "targets")
"""Roles whose keys are never on the disk in the clear."""
_LARGEST = 1 << 16


def made(path: Path, passphrase: str | None) -> CryptoSigner:
    """Make a key and put it into the new file `path`, which only its owner may read; None: in the clear."""
    key = Ed25519PrivateKey.generate()
    encryption: KeySerializationEncryption = NoEncryption()
    if passphrase is not None:
        if not passphrase:
            raise PublishError("an empty passphrase protects nothing", path)
        encryption = BestAvailableEncryption(passphrase.encode())
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise PublishError("a key is there already, and none is written over", path) from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
        file.flush()
        os.fsync(file.fileno())
    return CryptoSigner(key)


def read(path: Path, ask: Ask) -> CryptoSigner:
    """Return the key in a file; raises PublishError when it is none, or others can read it."""
    try:
        content = path.read_bytes()[:_LARGEST]
        mode = path.stat().st_mode
    except OSError as error:
        raise PublishError(error.strerror or str(error), path) from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise PublishError(f"others can read this key: chmod 600 {path}", path)
    encrypted = b"BEGIN ENCRYPTED" in content
    try:
        key = load_pem_private_key(content, ask(str(path)).encode() if encrypted else None)
        return CryptoSigner(key, SSlibKey.from_crypto(key.public_key()))
    except (ValueError, TypeError, UnsupportedAlgorithm):
        wrong = "the passphrase is wrong, or it is" if encrypted else "it is"
        raise PublishError(f"{wrong} no private key in PEM, PKCS#8", path) from None


def signers(paths: Sequence[Path], keyids: Sequence[str], threshold: int, ask: Ask) -> list[CryptoSigner]:
    """Return the keys of a role, at least as many as must sign; raises PublishError when the files lack them."""
    found: dict[str, CryptoSigner] = {}
    for path in paths:
        if len(found) == threshold:
            break
        signer = read(path, ask)
        if signer.public_key.keyid in keyids:
            found[signer.public_key.keyid] = signer
    if len(found) < threshold:
        where = ", ".join(map(str, paths)) or "no file"
        raise PublishError(f"{threshold} keys must sign, and {len(found)} of them are in {where}")
    return list(found.values())
