"""What the configuration says: whether it can be used, its broker answers, its model loads."""

import os
import shlex
import socket
import ssl
import sys
from collections.abc import Iterator
from pathlib import Path

from tapetum.alerts.broker import Broker, port, tls_context
from tapetum.capture import File, Picamera, Pipe, Stream, V4l2
from tapetum.clock import SystemClock
from tapetum.config import Config, load
from tapetum.doctor import machine as machines
from tapetum.doctor import software
from tapetum.doctor.finding import Finding, Machine
from tapetum.errors import ConfigError
from tapetum.inference.client import Worker
from tapetum.settings import located

_CONNECT_S = 2.0
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def look(machine: Machine, file: Path | None) -> Iterator[Finding]:
    """Look at the configuration in `file` (None: there is none) and at all that it needs; packages must be there."""
    found, config = configuration(file)
    yield found
    sources = [camera.source for camera in config.camera.values()]
    yield from _extras(machine, config)
    devices = [source.device for source in sources if isinstance(source, V4l2)]
    commands = [source.command[0] for source in sources if isinstance(source, Pipe)]
    yield from machines.cameras(machine, devices, commands, none_named=not sources)
    state_dir = Path(config.state_dir)
    yield machines.state_dir(machine, state_dir)
    yield machines.room(machines.free_mb(state_dir), config.outbox.max_mb)
    yield machines.clock(SystemClock().synced())
    yield machines.service(machine)
    yield machines.watchdog(machine)
    if found.state != "missing":
        yield broker(config.broker, file)
        yield model(config, file)


def configuration(file: Path | None) -> tuple[Finding, Config]:
    """Whether the file can be used, and what it says; the defaults where it cannot."""
    if file is None:
        return Finding(
            "configuration", "warning", "there is none: all is as by default", "sudo scripts/provision"
        ), Config()
    try:
        config = load(file)
    except ConfigError as error:
        unreadable = file.exists() and not os.access(file, os.R_OK)
        mend = shlex.join(["sudo", sys.argv[0], "doctor"]) if unreadable else _edit(file)
        return Finding("configuration", "missing", str(error), mend), Config()
    if not config.camera:
        return Finding("configuration", "warning", f"{file}: names no camera", _edit(file)), config
    return Finding("configuration", "ok", f"{file}: device {config.name}, cameras {', '.join(config.camera)}"), config


def broker(settings: Broker, file: Path | None) -> Finding:
    """Whether the broker takes a connection within two seconds, and its certificate is right where TLS is set."""
    if not settings.host:
        return Finding("broker", "warning", "none is named: alerts wait in the outbox", _edit(file) if file else "")
    where = f"{settings.host}:{port(settings)}"
    context = tls_context(settings)
    try:
        with socket.create_connection((settings.host, port(settings)), _CONNECT_S) as plain:
            if context:
                context.wrap_socket(plain, server_hostname=settings.host).close()
    except (OSError, ValueError) as error:
        return Finding("broker", "missing", f"{where}: {_reason(error)}", _look_at(settings, error))
    return Finding("broker", "ok", f"{where} answers" + (", and shows the right certificate" if context else ""))


def model(config: Config, file: Path | None) -> Finding:
    """Whether the model loads in a worker, and has its labels."""
    if not config.inference.model:
        return Finding("model", "ok", "none is named: motion alone counts")
    try:
        worker = Worker(config.inference)
    except ConfigError as error:
        return Finding("model", "missing", str(error), _edit(file) if file else "")
    worker.close()
    return Finding("model", "ok", f"{located(config.inference.model)} loads")


def _extras(machine: Machine, config: Config) -> Iterator[Finding]:
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
        yield Finding("picamera2", "missing", "a camera is of the kind picamera, and this is no Raspberry Pi")


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not right: {error.verify_message}"
    if isinstance(error, TimeoutError):
        return f"no answer within {_CONNECT_S:.0f} s"
    return str(getattr(error, "strerror", None) or error)


def _look_at(settings: Broker, error: Exception) -> str:
    """Return the command that shows or mends why the broker cannot be reached."""
    host, where = shlex.quote(settings.host), shlex.quote(f"{settings.host}:{port(settings)}")
    if isinstance(error, ssl.SSLError):
        ca = f" -CAfile {shlex.quote(settings.ca)}" if settings.ca else ""
        return f"openssl s_client -connect {where}{ca}"
    if isinstance(error, socket.gaierror):
        return f"getent hosts {host}"
    if settings.host in _LOOPBACK:
        return "sudo systemctl start mosquitto"
    return f"nc -vz {host} {port(settings)}"


def _edit(file: Path) -> str:
    return f"sudoedit {shlex.quote(str(file))}"
