"""What the configuration says: whether it can be used, its broker answers."""

import os
import re
import shlex
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

from tapetum.alerts.broker import Broker, port, tls_context
from tapetum.capture import File, Picamera, Stream
from tapetum.clock import SystemClock
from tapetum.config import Config, load
from tapetum.doctor import cameras, models, software
from tapetum.doctor import machine as machines
from tapetum.doctor.finding import Finding, Machine, add_to, edit, tapetum
from tapetum.errors import ConfigError

_CONNECT_S = 2.0
_INSTALL = "sudo apt install mosquitto"
_BROKER_TABLE = re.compile(r"^\s*(\[\s*broker\b|broker\s*[.=])", re.MULTILINE)
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def look(machine: Machine, file: Path | None) -> Iterator[Finding]:
    """Look at the configuration in `file` (None: there is none) and at all that it needs; packages must be there."""
    found, config = configuration(machine, file)
    yield found
    yield from _extras(machine, config, file)
    if found.state != "missing":
        yield from cameras.look(machine, config, file)
    state_dir = Path(config.state_dir)
    yield machines.state_dir(machine, state_dir)
    yield machines.room(machines.free_mb(state_dir), config.outbox.max_mb)
    yield machines.clock(SystemClock().synced())
    yield machines.service(machine)
    yield machines.watchdog(machine)
    if found.state != "missing":
        yield broker(machine, config.broker, file)
        yield models.look(machine, config, file)


def configuration(machine: Machine, file: Path | None) -> tuple[Finding, Config]:
    """Whether the file can be used, and what it says; the defaults where it cannot."""
    if file is None:
        return Finding(
            "configuration", "warning", "there is none: all is as by default", "sudo scripts/provision"
        ), Config()
    try:
        config = load(file)
    except ConfigError as error:
        unreadable = file.exists() and not machine.access(file, os.R_OK)
        mend = "sudo " + tapetum("doctor", "--config", str(file)) if unreadable else edit(machine, file)
        return Finding("configuration", "missing", str(error), mend), Config()
    if not config.camera:
        return Finding("configuration", "warning", f"{file}: names no camera", cameras.name_one(machine, file)), config
    return Finding("configuration", "ok", f"{file}: device {config.name}, cameras {', '.join(config.camera)}"), config


def broker(machine: Machine, settings: Broker, file: Path | None) -> Finding:
    """Whether the broker takes a connection within two seconds, and its certificate is right where TLS is set."""
    if not settings.host:
        return Finding("broker", "warning", "none is named: alerts wait in the outbox", _name_one(machine, file))
    where = f"{settings.host}:{port(settings)}"
    context = tls_context(settings)
    try:
        with socket.create_connection((settings.host, port(settings)), _CONNECT_S) as plain:
            if context:
                context.wrap_socket(plain, server_hostname=settings.host).close()
    except (OSError, ValueError) as error:
        return Finding("broker", "missing", f"{where}: {_reason(settings, error)}", _look_at(machine, settings, error))
    return Finding("broker", "ok", f"{where} answers" + (", and shows the right certificate" if context else ""))


def _name_one(machine: Machine, file: Path | None) -> str:
    """Return the command that gives a configuration which names no broker the one of this machine."""
    if file is None:
        return tapetum("run", "--first-run")  # which brings one
    if _BROKER_TABLE.search(file.read_text(encoding="utf-8")):
        return edit(machine, file)
    install = "" if _has_mosquitto(machine) else f"{_INSTALL}; "
    return install + add_to(machine, file, '[broker]\nhost = "localhost"')


def _extras(machine: Machine, config: Config, file: Path | None = None) -> Iterator[Finding]:
    """Look at the packages that only some configurations need."""
    sources = [camera.source for camera in config.camera.values()]
    if any(isinstance(source, File | Stream) for source in sources) or not sources:
        yield software.look(software.STREAM, needed=bool(sources))
    if not config.broker.host:
        yield software.look(software.BROKER, needed=False)
    wanted = any(isinstance(source, Picamera) for source in sources)
    if machine.is_pi and (wanted or not sources):
        yield software.picamera(machine, needed=wanted)
    elif wanted:
        what = "a camera is of the kind picamera, and this is no Raspberry Pi"
        yield Finding("picamera2", "missing", what, edit(machine, file) if file else "")


def _reason(settings: Broker, error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not right: {error.verify_message}"
    if isinstance(error, TimeoutError):
        return f"no answer within {_CONNECT_S:.0f} s"
    if isinstance(error, ConnectionRefusedError) and settings.host not in _LOOPBACK:
        return f"{error.strerror}: no broker runs there, or it listens to its own machine alone, as mosquitto does"
    return str(getattr(error, "strerror", None) or error)


def _look_at(machine: Machine, settings: Broker, error: Exception) -> str:
    """Return the command that mends, or shows, why the broker cannot be reached."""
    host, where = shlex.quote(settings.host), shlex.quote(f"{settings.host}:{port(settings)}")
    if isinstance(error, ssl.SSLError):
        ca = f" -CAfile {shlex.quote(settings.ca)}" if settings.ca else ""
        return f"openssl s_client -connect {where}{ca}"
    if isinstance(error, socket.gaierror):
        return f"getent hosts {host}"
    if settings.host in _LOOPBACK:
        return "sudo systemctl start mosquitto" if _has_mosquitto(machine) else _INSTALL
    if isinstance(error, ConnectionRefusedError):
        return f"ssh {host} sudo systemctl start mosquitto"
    return f"ping -c 3 {host}"


def _has_mosquitto(machine: Machine) -> bool:
    """Whether it is installed: where Debian keeps daemons, which is not on everybody's path, or on it."""
    return (machine.root / "usr/sbin/mosquitto").exists() or machine.program("mosquitto") is not None
