"""The process that fetches: `python -m tapetum.update.child FD`, FD being its end of a socket pair.

It reads what nobody has vouched for yet, and ends when it has: what it, python-tuf and cryptography take of memory is
given back then, and what deceives them has a process with bounds, two folders, and no network but its server's.

The first message brings its setup (`messages.Setup`, the enrolled root behind it); it answers with what it found
(`messages.Found`), or why it is refused. A second one has it fetch that bundle. Between them it asks for files, where
the daemon is who has them.
"""

import os
import socket
import sys
from pathlib import Path
from typing import BinaryIO

import msgspec

from tapetum.errors import InferenceError, Untrusted, UpdateError
from tapetum.inference import confine, wire
from tapetum.update import reach
from tapetum.update.fetchers import Fetcher, OfAFolder, OfTheDaemon
from tapetum.update.messages import Setup, Target
from tapetum.update.staging import staged
from tapetum.update.trust import Client, checked_root, translated

_MEMORY_MB = 256
_TOLD = 900  # characters of a reason


def main(descriptor: int) -> int:
    """Serve one look at the repository; return the exit status."""
    channel = socket.socket(fileno=descriptor)
    confine.bound(_MEMORY_MB)
    try:
        _serve(channel)
    except InferenceError:  # the daemon has gone, or wants no more
        return 0
    except (Untrusted, UpdateError, OSError, MemoryError) as error:
        kind = type(error).__name__ if isinstance(error, Untrusted) else "UpdateError"
        wire.send(channel, {"kind": kind, "refused": (str(error) or "out of memory")[:_TOLD]})
    return 0


def _serve(channel: socket.socket) -> None:
    header, root = wire.receive(channel)
    setup = msgspec.convert(header, Setup)
    fetcher: Fetcher = OfAFolder(setup.address, setup.ca) if setup.address else OfTheDaemon(channel)
    checked_root(bytes(root))  # all that is imported late is imported by it, while files can be opened
    beyond = reach.of(setup.address) if setup.address else confine.NOTHING
    lacks = confine.keep_to(setup.metadata, setup.coming, beyond=beyond)
    client = Client(setup, bytes(root), fetcher)
    found = msgspec.structs.replace(client.found(), lacks=lacks)
    wire.send(channel, {"found": msgspec.to_builtins(found)})
    path = Path(str(wire.receive(channel)[0]["fetch"]))
    if found.target:
        _fetch(client, found.target, fetcher, path)
    wire.send(channel, {"done": True})


def _fetch(client: Client, target: Target, fetcher: Fetcher, path: Path) -> None:
    """Have the bundle in the file `path`, verified."""
    signed = client.signed(target)

    def check(file: BinaryIO) -> None:
        with translated():
            signed.verify_length_and_hashes(file)

    with translated():
        staged(path, target.bytes, lambda start: fetcher.chunks(_name(target), start), check)


def _name(target: Target) -> str:
    """Return how a bundle is called in a repository of consistent snapshots (TUF 1.0.33, 6.2)."""
    return f"targets/{target.sha256}.{target.path}"


if __name__ == "__main__":
    ended = main(int(sys.argv[1]))
    sys.stderr.flush()
    os._exit(ended)
