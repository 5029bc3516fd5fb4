"""Whether each camera that the configuration names is there, and how one is named where it names none."""

import shlex
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from tapetum.capture import File, Pipe, Stream, V4l2
from tapetum.capture.addresses import without_secrets
from tapetum.capture.find import first_camera
from tapetum.clock import SystemClock
from tapetum.config import Config
from tapetum.doctor import machine as machines
from tapetum.doctor.finding import Finding, Machine, add_to, edit
from tapetum.errors import ConfigError, SourceError

_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
_CONNECT_S = 2.0


def look(machine: Machine, config: Config, file: Path | None) -> Iterator[Finding]:
    """Look at all cameras of the configuration, or at what there is where it names none."""
    sources = [camera.source for camera in config.camera.values()]
    for source in sources:
        if isinstance(source, V4l2):
            yield machines.device(machine, source.device, file)
        elif isinstance(source, Pipe):
            yield machines.program(machine, source.command[0])
        elif isinstance(source, Stream):
            yield stream(machine, source, file)
        elif isinstance(source, File):
            yield clip(machine, source, file)
    if not sources:
        yield machines.any_camera(machine)
    if not any(isinstance(source, Pipe) for source in sources):
        yield machines.programs(machine)


def name_one(machine: Machine, file: Path) -> str:
    """Return the command that puts the first camera found into `file`, which names none; else the one to edit it."""
    found = first_camera(machine.root / "dev")
    if found is None:
        return edit(machine, file)
    keys = {"device": found.device} if isinstance(found, V4l2) else {}
    source = ", ".join(f'{key} = "{value}"' for key, value in {"type": found.__struct_config__.tag, **keys}.items())
    return add_to(machine, file, f"[camera.front]\nsource = {{ {source} }}")


def stream(machine: Machine, settings: Stream, file: Path | None) -> Finding:
    """Whether a network camera answers, and gives a picture."""
    name = without_secrets(settings.url)
    address = urlsplit(name)  # not of the url: a password with "/" in it would be taken for a host and a port
    host = address.hostname or ""
    try:
        socket.create_connection((host, address.port or _PORTS[address.scheme]), _CONNECT_S).close()
    except ConnectionRefusedError:
        return Finding("camera", "missing", f"{name}: nothing listens on that port", _edit(machine, file))
    except socket.gaierror as error:
        return Finding("camera", "missing", f"{name}: {error.strerror}", f"getent hosts {shlex.quote(host)}")
    except (OSError, ValueError) as error:
        return Finding("camera", "missing", f"{name}: {error}", f"ping -c 3 {shlex.quote(host)}")
    return _opened(machine, settings, name, file)


def clip(machine: Machine, settings: File, file: Path | None) -> Finding:
    """Whether a clip is there, and is one."""
    return _opened(machine, settings, settings.path, file)


def _opened(machine: Machine, settings: File | Stream, name: str, file: Path | None) -> Finding:
    """Take one picture. What is wrong then stands in the configuration: the address, the password, the file."""
    try:
        source = settings.open("doctor", SystemClock())
        try:
            source.read()
        finally:
            source.close()
    except (ConfigError, SourceError) as error:
        return Finding("camera", "missing", str(error), _edit(machine, file))
    return Finding("camera", "ok", f"{name} gives pictures")


def _edit(machine: Machine, file: Path | None) -> str:
    return edit(machine, file) if file else ""
