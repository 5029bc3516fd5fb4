"""Keys in files: Ed25519, PKCS#8 in PEM; those of root and targets encrypted with a passphrase."""

import stat
from collections.abc import Sequence
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

from tapetum import durable
from tapetum_trainer.publish.asking import Ask
from tapetum_trainer.publish.errors import PublishError

ENCRYPTED = ("root", "targets")
"""Roles whose keys are never on the disk in the clear."""
ENDING = ".pem"
"""What the file of a key ends with."""
_LARGEST = 1 << 16


def made(path: Path, passphrase: str | None) -> CryptoSigner:
    """Make a key and put it into the new file `path`, which only its owner may read; None: in the clear."""
    key = Ed25519PrivateKey.generate()
    encryption: KeySerializationEncryption = NoEncryption()
    if passphrase is not None:
        if not passphrase:
            raise PublishError("an empty passphrase protects nothing", path)
        encryption = BestAvailableEncryption(passphrase.encode())
    if path.exists():
        raise PublishError("a key is there already, and none is written over", path)
    durable.write(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption), private=True)
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
