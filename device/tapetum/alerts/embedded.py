"""A broker of our own for the first run, on this machine's loopback alone: `iotcore`, an extra (`tapetum[broker]`).

It keeps nothing on disk and asks nobody who they are: for a first look, never for a house. A child process, which ends
with us.
"""

import socket
from typing import Any

from tapetum.errors import ConfigError

_LARGEST = 1 << 20  # bytes of a message: its own default of 20 KiB swallows snapshots


def start() -> tuple[Any, int]:
    """Start it on a free port of 127.0.0.1; return it (it has `stop()`) and the port.

    Raises ConfigError when `iotcore` is not installed.
    """
    try:
        from iotcore import Broker  # noqa: PLC0415  an extra, for the first run only
    except ImportError:
        raise ConfigError(
            'broker.host: no broker is named, and the embedded one is missing: pip install "tapetum[broker]"'
        ) from None
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    broker = Broker(port=port, listen="127.0.0.1", max_payload_size=_LARGEST)
    broker.start()
    return broker, port
