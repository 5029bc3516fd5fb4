"""tapetum.toml: what the operator says, checked whole before any of it is taken."""

import difflib
import re
import socket
import tomllib
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import field

from tapetum.alerts.broker import Broker
from tapetum.alerts.broker import check as check_broker
from tapetum.alerts.outbox import OutboxSettings
from tapetum.alerts.rules import Rules
from tapetum.alerts.topics import checked_name
from tapetum.capture import AnySource
from tapetum.enhance.night import Night
from tapetum.errors import ConfigError
from tapetum.inference.labeller import Labelling
from tapetum.inference.settings import Inference
from tapetum.motion import Method
from tapetum.motion.frame_difference import FrameDifference
from tapetum.settings import Settings
from tapetum.tracking import Tracking

T = TypeVar("T")
_UNKNOWN = re.compile(r"unknown field `(?P<name>[^`]*)`")
_PLACE = re.compile(r" - at `(?P<place>[^`]*)`$")


class CameraSettings(Settings, frozen=True, kw_only=True):
    """One camera and what is done with its pictures."""

    source: AnySource
    motion: Method = FrameDifference()
    tracking: Tracking = Tracking()
    night: Night = Night()
    labelling: Labelling = Labelling()
    rules: Rules = Rules()


class Config(Settings, frozen=True):
    """The whole of tapetum.toml."""

    device: str = ""  # the device's name in topics; "": the machine's host name
    state_dir: str = "/var/lib/tapetum"  # where the outbox and the status lie
    broker: Broker = Broker()
    outbox: OutboxSettings = OutboxSettings()
    inference: Inference = Inference()
    camera: dict[str, CameraSettings] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The device's name; raises ConfigError when it cannot be a level of a topic."""
        return checked_name(self.device or socket.gethostname().split(".")[0], "device")


def load(path: Path) -> Config:
    """Read and check the file at `path`.

    Raises ConfigError naming the file, the key and what would be right.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is no text in UTF-8") from None
    try:
        return parse(text)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def parse(text: str) -> Config:
    """Return the configuration that `text` holds; raises ConfigError naming the key."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"is no TOML: {error}") from None
    cameras = values.pop("camera", {})
    if not isinstance(cameras, dict):
        raise ConfigError("camera: expected tables [camera.NAME]")
    config = _converted(values, Config, "")
    found = {
        checked_name(name, f"camera.{name}"): _converted(value, CameraSettings, f"camera.{name}")
        for name, value in cameras.items()
    }
    config = msgspec.structs.replace(config, camera=found)
    check(config)
    return config


def check(config: Config) -> None:
    """Raise ConfigError for what no type can say: names, certificates, credentials, files."""
    _ = config.name
    check_broker(config.broker)


def _converted(values: Any, kind: type[T], prefix: str) -> T:
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        raise ConfigError(_explained(str(error), kind, prefix)) from None


def _explained(message: str, kind: type[Any], prefix: str) -> str:
    """Return msgspec's message with our name for the place, and the nearest valid names of an unknown key."""
    place = _PLACE.search(message)
    path = place["place"].removeprefix("$").strip(".") if place else ""
    text = _PLACE.sub("", message)
    where = ".".join(filter(None, (prefix, path)))
    unknown = _UNKNOWN.search(message)
    if unknown is None:
        tags = _tags(kind, path)
        return f"{where}: {text[0].lower()}{text[1:]}" + (f"; one of {', '.join(tags)} is wanted" if tags else "")
    names = _names(kind, path)
    near = difflib.get_close_matches(unknown["name"], names, 1)
    hint = f"did you mean {near[0]}? " if near else ""
    key = ".".join(filter(None, (where, unknown["name"])))
    return f"{key}: there is no such key; {hint}known are {', '.join(names)}"


def _names(kind: type[Any], path: str) -> list[str]:
    """Return the keys that are valid at `path` in `kind`, over all members of a union."""
    return sorted({known.encode_name for one in _at(kind, path) for known in msgspec.structs.fields(one)})


def _tags(kind: type[Any], path: str) -> list[str]:
    """Return the values that choose a member of a union, where `path` is the key that chooses; else none."""
    table, _, key = path.rpartition(".")
    configs = [one.__struct_config__ for one in _at(kind, table)]
    return [str(config.tag) for config in configs if config.tag_field == key]


def _at(kind: type[Any], path: str) -> list[Any]:
    """Return the structs that may stand at `path` in `kind`."""
    kinds: list[Any] = [kind]
    for level in filter(None, path.split(".")):
        types = [known.type for one in kinds for known in msgspec.structs.fields(one) if known.encode_name == level]
        kinds = [one for found in types for one in _structs(found)]
    return kinds


def _structs(found: Any) -> list[Any]:
    members = getattr(found, "__args__", (found,))
    return [one for one in members if isinstance(one, type) and issubclass(one, msgspec.Struct)]
