"""tapetum.toml: what the operator says, checked whole before any of it is taken."""

import math
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
from tapetum.config_errors import explained
from tapetum.enhance.night import Night
from tapetum.errors import ConfigError
from tapetum.inference.labeller import Labelling
from tapetum.inference.scheduler import Scheduling
from tapetum.inference.settings import Inference
from tapetum.install.settings import Trials
from tapetum.motion import Method
from tapetum.motion.adaptive import Adaptive
from tapetum.motion.conditions import Conditions
from tapetum.motion.damping import Damping
from tapetum.settings import Settings
from tapetum.tracking import Tracking
from tapetum.update.settings import Updates
from tapetum.update.settings import check as check_updates
from tapetum.zones import Zone
from tapetum.zones import check as check_zones

T = TypeVar("T")
_DEVICE_TOPICS = frozenset({"cmd", "model"})  # levels below the device's that have levels below themselves
_REPOSITORY = "repository"
_METHOD = Adaptive()


class CameraSettings(Settings, frozen=True, kw_only=True):
    """One camera and what is done with its pictures."""

    source: AnySource
    zones: tuple[Zone, ...] = ()
    motion: Method = _METHOD
    damping: Damping = Damping()
    conditions: Conditions = Conditions()
    tracking: Tracking = Tracking()
    night: Night = Night()
    labelling: Labelling = Labelling()
    scheduling: Scheduling = Scheduling()
    rules: Rules = Rules()


class Config(Settings, frozen=True):
    """The whole of tapetum.toml."""

    device: str = ""  # the device's name in topics; "": the machine's host name
    state_dir: str = "/var/lib/tapetum"  # where the outbox and the status lie
    broker: Broker = Broker()
    outbox: OutboxSettings = OutboxSettings()
    inference: Inference = Inference()
    trial: Trials = Trials()
    update: Updates = Updates()
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
    except ValueError as error:  # its own, and an integer of thousands of digits
        raise ConfigError(f"is no TOML: {error}") from None
    except RecursionError:
        raise ConfigError("is no TOML: it is nested too deeply") from None
    _refuse_senseless(values, "")
    cameras = values.pop("camera", {})
    if not isinstance(cameras, dict):
        raise ConfigError("camera: expected tables [camera.NAME]")
    config = _converted(values, Config, "")
    found = {
        checked_name(name, f"camera.{name}"): _converted(_with_method(value), CameraSettings, f"camera.{name}")
        for name, value in cameras.items()
    }
    config = msgspec.structs.replace(config, camera=found)
    check(config)
    return config


def check(config: Config) -> None:
    """Raise ConfigError for what no type can say: names, certificates, credentials, files."""
    if config.name == _REPOSITORY:
        raise ConfigError(f"device: {_REPOSITORY!r} is where on the broker the models are; another name is wanted")
    for name in _DEVICE_TOPICS.intersection(config.camera):
        raise ConfigError(f"camera.{name}: {name!r} is a topic of the device itself; another name is wanted")
    check_broker(config.broker)
    check_updates(config.update)
    for name, settings in config.camera.items():
        settings.source.check(f"camera.{name}.source")
        check_zones(settings.zones, settings.rules.zones, f"camera.{name}")


def _with_method(camera: Any) -> Any:
    """Return a camera's table with the default method's name where motion is set and none is named."""
    motion = camera.get("motion") if isinstance(camera, dict) else None
    if not isinstance(motion, dict):
        return camera
    tag = _METHOD.__struct_config__
    return camera | {"motion": {str(tag.tag_field): tag.tag} | motion}


def _refuse_senseless(value: Any, place: str) -> None:
    """Raise ConfigError for what TOML can say and nothing here can mean, wherever it stands."""
    if isinstance(value, dict):
        for name, inner in value.items():
            _refuse_senseless(inner, f"{place}.{name}".removeprefix("."))
    elif isinstance(value, list):
        for inner in value:
            _refuse_senseless(inner, place)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"{place}: expected a finite number, got {value}")
    elif isinstance(value, str) and "\0" in value:
        raise ConfigError(f"{place}: expected text without the character U+0000")


def _converted(values: Any, kind: type[T], prefix: str) -> T:
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        raise ConfigError(explained(str(error), kind, values, prefix)) from None
