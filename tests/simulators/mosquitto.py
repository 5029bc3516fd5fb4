"""A real mosquitto, on a free port of the loopback, that can be killed and started again where it was."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

_PATIENCE_S = 10.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def program() -> str:
    """mosquitto, which Debian keeps out of most people's path."""
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.fail("mosquitto is missing: apt install mosquitto")
    return found


class Mosquitto:
    """`with Mosquitto(folder) as broker: ... broker.port`; `lines` are added to its configuration."""

    def __init__(self, folder: Path, *lines: str, port: int = 0, anonymous: bool = True) -> None:
        self.folder = folder
        self.port = port or free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._config = folder / "mosquitto.conf"
        self._config.write_text(
            "\n".join(
                [
                    f"listener {self.port} 127.0.0.1",
                    f"allow_anonymous {'true' if anonymous else 'false'}",
                    "persistence true",
                    f"persistence_location {folder}/",
                    "autosave_interval 1",
                    f"log_dest file {folder}/mosquitto.log",
                    *(["user root"] if os.geteuid() == 0 else []),  # else it becomes one who may not look in here
                    *lines,
                    "",
                ]
            )
        )

    def __enter__(self) -> "Mosquitto":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        null = subprocess.DEVNULL
        self._process = subprocess.Popen([program(), "-c", str(self._config)], stdin=null, stdout=null, stderr=null)
        deadline_s = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline_s:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                assert self._process.poll() is None, (self.folder / "mosquitto.log").read_text()
                time.sleep(0.02)
            else:
                return
        raise AssertionError("mosquitto does not start")

    def kill(self) -> None:
        """End it as a power cut does."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None
