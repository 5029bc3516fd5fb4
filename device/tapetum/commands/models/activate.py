"""`tapetum models activate`: lets the model of a slot take over, or be used at the next start."""

import argparse

from tapetum.commands.models import slots
from tapetum.commands.settings import add_config
from tapetum.errors import ConfigError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `models activate` takes."""
    parser.add_argument("model", metavar="NAME@VERSION", help="the slot: `models list` shows them")
    add_config(parser)


def main(options: argparse.Namespace) -> int:
    """Make it active and say what came of it; raises BundleError when it is refused."""
    config, store = slots.opened(options)
    if options.model not in store.slots():
        there = ", ".join(store.slots()) or "none"
        raise ConfigError(f"{options.model}: there is no such slot; there are: {there}")
    return slots.activate(config, store, options.model)
