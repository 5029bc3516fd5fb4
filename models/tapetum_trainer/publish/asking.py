"""What opens keys, passphrases and PINs: from a file, the environment or whoever is at the terminal; kept nowhere."""

import getpass
import os
import stat
from collections.abc import Callable
from pathlib import Path

from tapetum_trainer.publish.errors import PublishError

Ask = Callable[[str], str]
"""Returns what opens the key at the place that it is told: a file, or a token's URI. Raises PublishError."""
PIN = "TAPETUM_PIN"
"""The variable of the environment with the PIN of a token."""


def passphrases(file: Path | None) -> Ask:
    """Return who knows passphrases: the one in a file for all keys, or each as somebody types it, once."""
    return _typed("Passphrase", "--passphrase") if file is None else _same(_in(file, "passphrase"))


def pins(file: Path | None) -> Ask:
    """Return who knows PINs: that of a file, else of the environment, else each as somebody types it, once."""
    if file is not None:
        return _same(_in(file, "PIN"))
    return _same(os.environ[PIN]) if os.environ.get(PIN) else _typed("PIN", f"--pin, or in {PIN}")


def _same(secret: str) -> Ask:
    return lambda _: secret


def _in(file: Path, what: str) -> str:
    """Return what is in a file that nobody else can read."""
    try:
        if file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise PublishError(f"others can read this {what}: chmod 600 {file}", file)
        return file.read_text(encoding="utf-8").removesuffix("\n")
    except OSError as error:
        raise PublishError(error.strerror or str(error), file) from None
    except UnicodeDecodeError:
        raise PublishError(f"it is no text; the {what} alone is wanted in it", file) from None


def _typed(what: str, otherwise: str) -> Ask:
    known: dict[str, str] = {}

    def ask(place: str) -> str:
        if place not in known:
            try:
                known[place] = getpass.getpass(f"{what} of {place}: ")
            except EOFError:
                text = f"its {what} is wanted: at a terminal, or in the file of {otherwise}"
                raise PublishError(text, place) from None
        return known[place]

    return ask
