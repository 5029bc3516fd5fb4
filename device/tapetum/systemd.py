"""sd_notify(3): what the service manager is told, over the datagram socket that it names."""

import os
import socket
import threading
import time
from collections.abc import Iterable


def notify(*lines: str) -> None:
    """Tell systemd `lines` such as READY=1; nothing happens when it did not start us."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path:
        return
    address = "\0" + path[1:] if path.startswith("@") else path
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        try:
            channel.sendto("\n".join(lines).encode(), address)
        except OSError:
            return


class Watchdog:
    """Fed by the turns of the cameras' loops alone: when each has made one since the last time, systemd is told."""

    def __init__(self, cameras: Iterable[str]) -> None:
        self._lock = threading.Lock()
        self._told_s = 0.0
        self.watch(cameras)

    def watch(self, cameras: Iterable[str]) -> None:
        """Expect turns of these cameras from now on."""
        with self._lock:
            self._cameras = frozenset(cameras)
            self._turned: set[str] = set()

    def leave(self, camera: str) -> None:
        """Expect no more turns of this camera: its clip has ended."""
        with self._lock:
            self._cameras -= {camera}

    def turn(self, camera: str) -> None:
        """Count a turn: a frame analysed, or the camera known to be lost."""
        with self._lock:
            self._turned.add(camera)
            if not self._turned >= self._cameras or time.monotonic() - self._told_s < 1:
                return
            self._turned.clear()
            self._told_s = time.monotonic()
        notify("WATCHDOG=1")
