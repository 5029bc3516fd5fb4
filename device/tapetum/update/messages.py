"""What the daemon and the process that fetches tell each other: msgpack, over a socket pair (`inference.wire`)."""

from typing import Annotated

from msgspec import Meta

from tapetum.settings import Settings
from tapetum.update.floor import Floor
from tapetum.update.offer import Contract, Sha256
from tapetum.update.repository import CHUNK, LARGEST_FILE

Text = Annotated[str, Meta(max_length=1000)]


class Setup(Settings, frozen=True, kw_only=True):
    """What the process must know. metadata, coming: folders where it may write; address: "": ask the daemon.

    now_s: Unix time.
    """

    metadata: str
    coming: str
    device: str
    classes: tuple[str, ...]
    floor: Floor
    now_s: Annotated[int, Meta(ge=0)]
    address: str = ""
    ca: str = ""


class Asked(Settings, frozen=True):
    """What the process asks for: a file from a chunk on, or, where `more`, the next chunk of it."""

    get: Annotated[str, Meta(max_length=300)] = ""
    start: Annotated[int, Meta(ge=0, le=-(-LARGEST_FILE // CHUNK))] = 0
    more: bool = False


class Target(Settings, frozen=True, kw_only=True):
    """What is signed of a bundle. path: its name among the targets."""

    path: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}@[1-9][0-9]{0,9}\.tapetum\Z")]
    bytes: Annotated[int, Meta(ge=1, le=LARGEST_FILE)]
    sha256: Sha256
    contract: Contract

    @property
    def model(self) -> str:
        """`name@version`."""
        return self.path.removesuffix(".tapetum")


class Found(Settings, frozen=True, kw_only=True):
    """What is signed now. target: the bundle that this device is to have; passed_over: what cannot be understood.

    lacks: why the process is not locked in; "" where it is.
    """

    floor: Floor
    target: Target | None = None
    passed_over: tuple[Text, ...] = ()
    lacks: Text = ""
