"""Keys in a hardware token, by PKCS#11: an ECDSA key that is there already, and never leaves it.

securesystemslib does the signing. It is for the key of targets: beside the others' files lies one that says in which
token it is, by a URI as securesystemslib writes them, and no secret.
"""

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import msgspec
from securesystemslib.exceptions import UnsupportedLibraryError, VerificationError
from securesystemslib.signer import HSMSigner, Key, SecretsHandler, Signature, Signer

from tapetum import durable
from tapetum.text import plain
from tapetum_trainer.publish.asking import Ask
from tapetum_trainer.publish.errors import PublishError

ENDING = ".token"
"""What the file of such a key ends with."""
LIBRARY = "PYKCS11LIB"
"""The variable of the environment by which securesystemslib finds the token's library."""
_URI = re.compile(r"hsm:[0-9]{0,9}(\?label=[^&?#]{1,200})?")
_LARGEST = 1 << 12  # bytes of a file that says where a key is
_LONGEST = 200  # characters of a reason
_PROBE = b"whether this token signs with the key that it shows"
_MISSING = 'python-pkcs11 is missing, by which tokens are reached: pip install "tapetum[pkcs11]"'
_WRONG = {  # errors of PKCS#11 that say nothing more than their name
    "PinIncorrect": "the PIN is wrong; after a few wrong ones a token locks itself",
    "PinLenRange": "the PIN is too short or too long for it",
    "PinInvalid": "the PIN has characters that it does not take",
    "PinLocked": "its PIN is locked, after too many wrong ones: unlock it with its maker's own program",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a key is. uri: `hsm:ID?label=TOKEN`, both of which may be left out; library: the token's, a PKCS#11 one."""

    uri: str
    library: str

    def check(self) -> None:
        """Raise PublishError when there cannot be a key."""
        if not _URI.fullmatch(self.uri):
            raise PublishError(f"--token {self.uri!r}: hsm:ID?label=TOKEN is wanted, as hsm:2?label=desk")
        if not self.library:
            raise PublishError(f"--library or {LIBRARY}: the token's PKCS#11 library is wanted, as opensc-pkcs11.so")
        if not Path(self.library).is_file():
            raise PublishError("there is no such file; the token's PKCS#11 library is wanted", self.library)


class Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is in the file of such a key. keyid: of its public half, as root names it."""

    uri: str
    library: str
    keyid: str

    @property
    def place(self) -> Place:
        """Where the key is."""
        return Place(self.uri, self.library)


class TokenSigner(Signer):
    """securesystemslib's signer, whose errors say what is to be done."""

    def __init__(self, signer: HSMSigner, place: Place) -> None:
        self._signer = signer
        self._place = place

    @property
    def public_key(self) -> Key:
        """The public half."""
        return self._signer.public_key

    @classmethod
    def from_priv_key_uri(
        cls, priv_key_uri: str, public_key: Key, secrets_handler: SecretsHandler | None = None
    ) -> "TokenSigner":
        """As of `Signer`; the library is that of the environment."""
        found = HSMSigner.from_priv_key_uri(priv_key_uri, public_key, secrets_handler)
        return cls(found, Place(priv_key_uri, os.environ.get(LIBRARY, "")))

    def sign(self, payload: bytes) -> Signature:
        """Sign with the key in the token; raises PublishError."""
        with _reached(self._place):
            return self._signer.sign(payload)


def taken(place: Place, path: Path, pin: Ask) -> TokenSigner:
    """Take the key that is at `place` for good: say so in the file `path`. It is tried first, by one signature.

    Raises PublishError.
    """
    place.check()
    parts = urlsplit(place.uri)
    label = parse_qs(parts.query).get("label", [None])[0]
    with _reached(place):
        uri, public = HSMSigner.import_(int(parts.path) if parts.path else None, label, lambda _: pin(place.uri))
    kept = Kept(uri, place.library, public.keyid)
    signer = signer_of(kept, public, pin)
    signature = signer.sign(_PROBE)
    try:
        public.verify_signature(signature, _PROBE)
    except VerificationError:
        raise PublishError("its private key and its public key do not belong together", place.uri) from None
    durable.write(path, msgspec.json.encode(kept))
    return signer


def read(path: Path) -> Kept | None:
    """Return what the file `path` says, None where there is none; raises PublishError when it says nothing."""
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(_LARGEST), type=Kept)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise PublishError(error.strerror or str(error), path) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise PublishError(f"it does not say in which token a key is: {error}", path) from None


def signer_of(kept: Kept, public: Key, pin: Ask) -> TokenSigner:
    """Return the key that a file says, whose public half is `public`; the token is asked when something is signed."""
    kept.place.check()
    with _reached(kept.place):
        found = HSMSigner.from_priv_key_uri(kept.uri, public, lambda _: pin(kept.uri))
    return TokenSigner(found, kept.place)


@contextlib.contextmanager
def _reached(place: Place) -> Iterator[None]:
    """Have securesystemslib find the token's library, and its errors turned into ours."""
    os.environ[LIBRARY] = place.library
    try:
        yield
    except UnsupportedLibraryError:
        raise PublishError(_MISSING, place.uri) from None
    except (ValueError, RuntimeError) as error:  # RuntimeError: of PKCS#11
        name = type(error).__name__
        raise PublishError(plain(_WRONG.get(name) or str(error) or name, _LONGEST), place.uri) from None
