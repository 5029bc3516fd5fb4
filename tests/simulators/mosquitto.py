"""A real mosquitto on a free port of the loopback, that can be killed, stopped, and started again where it was."""

import os
import random
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

_PATIENCE_S = 10.0
_PATH = os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"  # Debian keeps mosquitto out of most people's path


def free_port() -> int:
    """A free port below those that the kernel gives to clients (ip(7), ip_local_port_range).

    One of theirs could be a client's own by the time a killed broker wants it back.
    """
    while True:
        port = random.randrange(12_000, 32_000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def program(name: str = "mosquitto") -> str:
    found = shutil.which(name, path=_PATH)
    if found is None:
        pytest.fail(f"{name} is missing: apt install mosquitto openssl")
    return found


class Mosquitto:
    """`with Mosquitto(folder) as broker: ... broker.port`; `lines` are added to its configuration.

    It keeps on disk what it acknowledged a second ago, as the configuration does that we ship.
    """

    def __init__(self, folder: Path, *lines: str, port: int = 0, anonymous: bool = True) -> None:
        folder.mkdir(exist_ok=True)
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

    @property
    def log(self) -> str:
        return (self.folder / "mosquitto.log").read_text()

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        null = subprocess.DEVNULL
        self._process = subprocess.Popen([program(), "-c", str(self._config)], stdin=null, stdout=null, stderr=null)
        deadline_s = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline_s:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                assert self._process.poll() is None, self.log
                time.sleep(0.02)
            else:
                return
        raise AssertionError("mosquitto does not start")

    def kill(self) -> None:
        """End it as a power cut does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """Let it stand still, its connections open."""
        self.signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.signal(signal.SIGCONT)

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)


def passwords(folder: Path, **users: str) -> str:
    """Make a password file; return the line of configuration that names it."""
    path = folder / "passwords"
    path.touch(0o600)
    for user, password in users.items():
        subprocess.run([program("mosquitto_passwd"), "-b", path, user, password], check=True, capture_output=True)
    return f"password_file {path}"


class Authority:
    """Signs certificates; `ca` is its own, `of(name)` one for a host of this machine with its key, all PEM files."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self._folder = folder
        self.ca = str(folder / "ca.pem")
        self._make("-subj", "/CN=an authority", "-keyout", "ca.key", "-out", "ca.pem")

    def of(self, name: str, hosts: str = "IP:127.0.0.1,DNS:localhost") -> tuple[str, str]:
        signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-addext", "basicConstraints=critical,CA:FALSE"]
        names = ["-subj", f"/CN={name}", "-addext", f"subjectAltName={hosts}"]
        self._make(*signed, *names, "-keyout", f"{name}.key", "-out", f"{name}.pem")
        return str(self._folder / f"{name}.pem"), str(self._folder / f"{name}.key")

    def lines(self, *hosts: str) -> list[str]:
        """The lines of configuration by which a broker shows a certificate, and asks for one."""
        certificate, key = self.of("broker", *hosts)
        return [f"cafile {self.ca}", f"certfile {certificate}", f"keyfile {key}", "require_certificate true"]

    def _make(self, *arguments: str) -> None:
        kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
        command = [program("openssl"), "req", *kind, *arguments]
        subprocess.run(command, cwd=self._folder, check=True, capture_output=True)
