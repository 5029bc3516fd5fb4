"""Where on the broker what is said: `tapetum/v1/<device>/...`."""

import re
from dataclasses import dataclass

from tapetum.errors import ConfigError

_REPOSITORY = "repository"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one device."""

    device: str

    def of_device(self, name: str) -> str:
        """Return the topic `name` (state, health, inventory, config, model/state, receipt) of the device."""
        return f"tapetum/v1/{self.device}/{name}"

    @property
    def clear_damped(self) -> str:
        """The topic on which the device is told to forget what one of its cameras, or all, pass over."""
        return self.of_device("cmd/clear_damped")

    def of_camera(self, camera: str, name: str) -> str:
        """Return the topic `name` (event, snapshot, motion, condition, damped) of one of its cameras."""
        return f"tapetum/v1/{self.device}/{camera}/{name}"


def checked_name(name: str, key: str) -> str:
    """Return `name` if it can be one level of a topic; raises ConfigError naming `key` otherwise.

    `repository` is taken: pushed models lie there.
    """
    if name == _REPOSITORY:
        raise ConfigError(f"{key}: {name!r} is where on the broker the models are; choose another name")
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{key}: {name!r} must be 1 to 64 letters, digits, '_', '.' or '-', the first no sign")
    return name
