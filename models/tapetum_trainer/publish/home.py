"""The folder of keys, repository and settings at the desk, as a command's options name it."""

import argparse
import functools
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from tapetum.alerts.broker import Broker
from tapetum.alerts.broker import check as check_broker
from tapetum.config_errors import explained
from tapetum.errors import ConfigError
from tapetum_trainer.publish import asking, tokens
from tapetum_trainer.publish.errors import PublishError
from tapetum_trainer.publish.ring import Ring

SETTINGS = "publish.toml"
"""Where it says which broker."""


def told(command: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """Have it told in a line, and not as a fault of ours, what a disk does not take or give."""

    @functools.wraps(command)
    def run(options: argparse.Namespace) -> int:
        try:
            return command(options)
        except OSError as error:
            raise PublishError(error.strerror or str(error), error.filename or options.home) from None

    return run


def keys(options: argparse.Namespace) -> Ring:
    """Return the keys; what opens them is asked for when it is wanted, and read at once where a file has it."""
    place = None
    if getattr(options, "token", None):
        place = tokens.Place(options.token, options.library)
    return Ring(options.home / "keys", asking.passphrases(options.passphrase), asking.pins(options.pin), place)


def broker(options: argparse.Namespace) -> Broker:
    """Return the broker that `publish.toml` names, one without a host where a folder will do; raises PublishError."""
    path = options.home / SETTINGS
    found = _named(path)
    if not (found.host or options.folder):
        raise PublishError(f"{_lack(path)}, and --folder names no folder: where is it to be published?", path)
    return found


def names(text: str) -> tuple[str, ...]:
    """Return the names in a text that has commas between them."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _lack(path: Path) -> str:
    if path.exists():
        return "[broker] host is empty"
    return "it is not there (tapetum-trainer keys init makes it)"


def _named(path: Path) -> Broker:
    try:
        values: Mapping[str, object] = tomllib.loads(path.read_text(encoding="utf-8"))
        if unknown := sorted(set(values) - {"broker"}):
            raise PublishError(f"{unknown[0]}: there is no such key; [broker] is the one table", path)
        found = msgspec.convert(values.get("broker", {}), Broker)
        check_broker(found)
    except FileNotFoundError:
        return Broker()
    except msgspec.ValidationError as error:
        raise PublishError(explained(str(error), Broker, values.get("broker"), "broker"), path) from None
    except (OSError, ValueError, ConfigError) as error:
        raise PublishError(str(error), path) from None
    return found
