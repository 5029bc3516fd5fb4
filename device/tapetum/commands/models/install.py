"""`tapetum models install`: puts a bundle into a slot."""

import argparse
import sys
from pathlib import Path

from tapetum.bundle import named
from tapetum.commands.models import slots
from tapetum.commands.settings import add_config
from tapetum.errors import BundleError, ConfigError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `models install` takes."""
    parser.add_argument("file", metavar="FILE", help="a bundle (.tapetum); shipped: the detector that comes along")
    parser.add_argument("--activate", action="store_true", help="and make it active, as `models activate` does")
    add_config(parser)


def main(options: argparse.Namespace) -> int:
    """Install it, print its name and which slots went for it; raises ConfigError when the file is refused."""
    path = named(options.file)
    content = _read(path)  # before we are somebody else
    config, store = slots.opened(options)
    try:
        with slots.writing(store):
            name = store.install(content, _removed)
    except BundleError as error:
        raise ConfigError(f"{path}: {error}") from None
    print(name, flush=True)
    return slots.activate(config, store, name) if options.activate else 0


def _removed(name: str) -> None:
    """Say it where a script that wants the name of the slot does not look."""
    print(f"tapetum: {name} is removed: it was neither active nor the one before", file=sys.stderr)


def _read(path: Path) -> bytes:
    from tapetum.bundle import archive, plain

    try:
        content = plain.read(path, archive.LARGEST)
    except BundleError as error:
        raise ConfigError(f"{path}: {error}") from None
    if not archive.is_archive(content):
        raise ConfigError(f"{path}: it is no bundle; a plain .tflite is named by inference.model")
    return content
