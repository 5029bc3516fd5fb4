"""The command line: each command is a module of `tapetum.commands`, imported only when it is the one."""

import argparse
import importlib
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

from tapetum import __version__
from tapetum.errors import ConfigError, TapetumError

CONFIG_ERROR = 78
"""Exit status when the operator must act (sysexits.h, EX_CONFIG)."""

_COMMANDS = {
    "run": "watch the cameras and send alerts",
    "replay": "take a clip through the same analysis and print its sightings",
    "listen": "print alerts as they arrive from the broker",
    "status": "say how the running daemon does",
    "check-config": "say whether a configuration can be used",
    "models": "look into model files, and change the model that runs",
    "enroll": "let the device take bundles that are pushed, and say whose",
    "doctor": "say what is missing on this machine, and what mends it",
    "bench": "measure: analysis, motion, alarm, tracks, tracking, association, gating, delivery, supervisor, speed, "
    "memory",
}


class _Parser(argparse.ArgumentParser):
    """Refuses what it does not know by its own usage, which tells what it does know, not by that of `tapetum`."""

    def parse_known_args(self, *arguments: Any, **named: Any) -> Any:
        options, unknown = super().parse_known_args(*arguments, **named)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return options, unknown


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status: 0 done, 1 not, 2 misused, 78 the configuration must be mended."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if arguments is None:
            os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # NumPy, imported later: its threads wait for each other
            _end_on_signals(given[:1] == ["run"])
        return _run(given)
    except ConfigError as error:
        print(f"tapetum: {error}", file=sys.stderr)
        return CONFIG_ERROR
    except TapetumError as error:
        print(f"tapetum: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left to be flushed at exit goes there
        return 0


def _end_on_signals(daemon: bool) -> None:
    """End on SIGTERM and Ctrl-C, until the command says otherwise: with what a shell gives, the daemon with 0.

    No KeyboardInterrupt: one that passes through an import written in C kills the process, caught or not. And a daemon
    that is not yet there has nothing to clear up that would not outlive a power cut.
    """

    def end(number: int, _frame: object) -> None:
        if daemon:
            os._exit(0)
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)


def _run(given: list[str]) -> int:
    parser = _Parser(prog="tapetum", description="Sees what moves, says what it is, tells you over MQTT.")
    parser.add_argument("--version", action="version", version=f"tapetum {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, purpose in _COMMANDS.items():
        command = commands.add_parser(name, help=purpose, description=purpose.capitalize() + ".")
        if name in given[:1]:
            _module(name).add_arguments(command)
    options = parser.parse_args(given)
    return int(_module(options.command).main(options))


def _module(command: str) -> Any:
    return importlib.import_module(f"tapetum.commands.{command.replace('-', '_')}")
