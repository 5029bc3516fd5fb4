"""What several commands are given in the same way."""

import argparse
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import msgspec

from tapetum.config import Config, load
from tapetum.errors import ConfigError
from tapetum.progress import above

SYSTEM_CONFIG = Path("/etc/tapetum/tapetum.toml")
_PRIORITIES = {logging.CRITICAL: 2, logging.ERROR: 3, logging.WARNING: 4, logging.INFO: 6, logging.DEBUG: 7}


def add_model(parser: argparse.ArgumentParser) -> None:
    """Let a model be named."""
    parser.add_argument(
        "--model", metavar="FILE", help="a bundle or a .tflite that finds things, or shipped: the one that comes along"
    )
    parser.add_argument("--labels", metavar="FILE", help="its labels, one a line (default: those in the model)")


def whole(least: int, most: int | None = None) -> Callable[[str], int]:
    """Return what reads a whole number of an option, and refuses one that is out of range."""

    def number(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= (int(text) if most is None else most):
            to = "on" if most is None else f"to {most}"
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least} {to}")
        return int(text)

    return number


def add_config(parser: argparse.ArgumentParser) -> None:
    """Let a configuration be named."""
    parser.add_argument("--config", metavar="FILE", type=Path, help=f"tapetum.toml (default: {SYSTEM_CONFIG})")


def config_file(options: argparse.Namespace) -> Path | None:
    """Return the configuration's file: the one named, else the system's, if there is one."""
    named: Path | None = options.config
    return named or (SYSTEM_CONFIG if SYSTEM_CONFIG.is_file() else None)


def config_of(options: argparse.Namespace) -> tuple[Config, Path | None]:
    """Return the configuration named, else the system's, else the defaults; and its file, if it has one."""
    path = config_file(options)
    return (load(path) if path else Config()), path


def state_dirs(config: Config) -> list[Path]:
    """Return where a daemon keeps its state: where the configuration says, or, where it does not, a first run's too."""
    named = Path(config.state_dir)
    return [named, first_run_dir()] if config.state_dir == Config().state_dir else [named]


def first_run_dir() -> Path:
    """Return where a first run keeps its state: in the user's own folder (XDG Base Directory Specification)."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "tapetum"


def check_cameras(config: Config, path: Path | None) -> None:
    """Raise ConfigError for a configuration without a camera: a daemon would have nothing to do, and not say so."""
    if not config.camera:
        what = path or "no configuration"
        raise ConfigError(
            f"{what}: camera: none is named; add a table [camera.NAME] with its source, or try --first-run"
        )


@contextmanager
def naming(path: Path | None) -> Iterator[None]:
    """Let what is wrong with a configuration be told with the file that it stands in, if it stands in one."""
    try:
        yield
    except ConfigError as error:
        if path is None or str(error).startswith(str(path)):
            raise
        raise ConfigError(f"{path}: {error}") from None


def with_model(config: Config, model: str | None, labels: str | None = None) -> Config:
    """Return `config` with `model` and its `labels` in the place of its own, if one is named."""
    if not model:
        return config
    inference = msgspec.structs.replace(config.inference, model=model, labels=labels or "")
    return msgspec.structs.replace(config, inference=inference)


def start_log(verbose: bool) -> None:
    """Log to standard error: with systemd's priorities under systemd, with the time elsewhere."""
    handler = _Log(sys.stderr)
    under_systemd = "JOURNAL_STREAM" in os.environ
    text = "%(message)s" if under_systemd else "%(asctime)s %(levelname)-7s %(message)s"
    handler.setFormatter(_Prefixed(text) if under_systemd else logging.Formatter(text, "%H:%M:%S"))
    logging.basicConfig(level=logging.DEBUG if verbose else logging.INFO, handlers=[handler], force=True)


class _Log(logging.StreamHandler[TextIO]):
    """Writes each record in a line of its own, whatever a bar shows meanwhile."""

    def emit(self, record: logging.LogRecord) -> None:
        with above():
            super().emit(record)


class _Prefixed(logging.Formatter):
    """Puts the priority before each record as sd-daemon(3) wants it."""

    def format(self, record: logging.LogRecord) -> str:
        return f"<{_PRIORITIES.get(record.levelno, 6)}>{super().format(record)}"
