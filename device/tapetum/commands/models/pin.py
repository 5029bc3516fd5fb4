"""`tapetum models pin`: no update is taken, whoever pushes one, until they are wanted again."""

import argparse

from tapetum.commands.models import slots
from tapetum.commands.settings import add_config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `models pin` takes."""
    parser.add_argument("--off", action="store_true", help="take updates again")
    add_config(parser)


def main(options: argparse.Namespace) -> int:
    """Say what comes of it; one that is being installed goes on."""
    _, store = slots.opened(options)
    with slots.writing(store):
        store.pin(not options.off)
    print("updates are taken again" if options.off else "pinned: no update is taken until `tapetum models pin --off`")
    return 0
