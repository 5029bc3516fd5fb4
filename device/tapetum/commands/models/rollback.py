"""`tapetum models rollback`: goes back to the model that was active before."""

import argparse

from tapetum.commands.models import slots
from tapetum.commands.settings import add_config
from tapetum.errors import ConfigError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `models rollback` takes."""
    add_config(parser)


def main(options: argparse.Namespace) -> int:
    """Make it active and say what came of it; raises BundleError when it is refused."""
    config, store = slots.opened(options)
    record = store.record()
    if not record.active and not record.previous:
        raise ConfigError("there is nothing to go back to: no slot was ever active")
    return slots.activate(config, store, record.previous)
