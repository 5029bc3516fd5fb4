"""`tapetum models`: the model files and what is in them. Each thing to do is a module beside this one."""

import argparse
import importlib
from typing import Any

VERBS = {
    "list": "say which models are on the device, and which is active",
    "install": "put a bundle into a slot on the device",
    "activate": "let the model of a slot take over from the one that runs",
    "rollback": "go back to the model that was active before",
    "pin": "take no updates until they are wanted again",
    "show": "say what a bundle or a .tflite is, without running it",
}
"""What can be done, and what for."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `models` takes."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="WHAT")
    for name, purpose in VERBS.items():
        verb = verbs.add_parser(name, help=purpose, description=purpose.capitalize() + ".")
        _module(name).add_arguments(verb)


def main(options: argparse.Namespace) -> int:
    """Do it."""
    return int(_module(options.verb).main(options))


def _module(verb: str) -> Any:
    return importlib.import_module(f"tapetum.commands.models.{verb}")
