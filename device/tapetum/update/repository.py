"""How a repository of The Update Framework lies on a broker: files in retained chunks, and an index of them.

A file is `metadata/NAME` or `targets/NAME`, as in a folder of static files. On the broker its bytes are at
`tapetum/v1/repository/blob/<sha256>/<n>`, 64 KiB in each but the last, so that no chunk is ever replaced by another;
`tapetum/v1/repository/index` says which files there are, and is the one message that replaces another. Nothing here is
trusted: an index that lies can withhold files, and all else that it can do is found out by what is signed.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from tapetum.errors import UpdateError
from tapetum.settings import Settings
from tapetum.update.offer import Sha256

CHUNK = 1 << 16
"""Bytes of a chunk: small enough for brokers that take packets of 128 KiB, large enough to need few."""
LARGEST_INDEX = 1 << 16
"""Bytes of the index: one chunk; some 380 files."""
LARGEST_FILE = 256 << 20
"""Bytes of a file: those of the largest bundle."""
LARGEST_METADATA = {"root": 1 << 16, "timestamp": 1 << 14, "snapshot": 1 << 16, "targets": 1 << 20}
"""Bytes of what is signed, by its role: a device reads no more, and a desk signs no more."""
_TOPICS = "tapetum/v1/repository"
INDEX = f"{_TOPICS}/index"
"""Where the index is."""

FileName = Annotated[str, Meta(pattern=r"^(metadata|targets)/[A-Za-z0-9][A-Za-z0-9_.@%-]{0,199}\Z")]


class Blob(Settings, frozen=True):
    """The bytes of a file."""

    sha256: Sha256
    bytes: Annotated[int, Meta(ge=1, le=LARGEST_FILE)]

    def topics(self, start: int = 0) -> list[str]:
        """Return where its chunks are, from the chunk `start` on."""
        return [f"{_TOPICS}/blob/{self.sha256}/{number}" for number in range(start, -(-self.bytes // CHUNK))]


class Index(Settings, frozen=True):
    """Which files there are. clearing: what is on the broker besides, on its way in or out."""

    schema: Literal[1] = 1
    files: dict[FileName, Blob] = msgspec.field(default_factory=dict)
    clearing: tuple[Blob, ...] = ()

    def blobs(self) -> set[Blob]:
        """Return all that is, or may be, on the broker."""
        return {*self.files.values(), *self.clearing}


def parse(payload: bytes) -> Index:
    """Return the index in a message; raises UpdateError when there is none in it."""
    if len(payload) > LARGEST_INDEX:
        raise UpdateError(f"{INDEX}: {len(payload)} bytes are no index; up to {LARGEST_INDEX} are taken")
    try:
        return msgspec.json.decode(payload, type=Index)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UpdateError(f"{INDEX}: {error}") from None
