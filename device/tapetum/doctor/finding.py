"""What a look at one thing came to, and the machine that is looked at."""

import os
import shlex
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

State = Literal["ok", "warning", "missing"]
"""missing: it cannot work so; warning: it works, and somebody should know."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. mend: the command that puts it right, "" where there is none."""

    check: str
    state: State
    what: str
    mend: str = ""

    @property
    def line(self) -> str:
        """The finding for a person."""
        return f"{self.state:<8} {self.check}: {self.what}" + (f"  -> {self.mend}" if self.mend else "")


@dataclass(frozen=True, slots=True)
class Machine:
    """Where the system is looked for: everything but what the configuration names lies below `root`.

    path: where programs are, None for the environment's PATH; access: whether the user may (os.access).
    """

    root: Path = Path("/")
    path: str | None = None
    access: Callable[[Path, int], bool] = os.access

    @property
    def model(self) -> str:
        """What the board calls itself, "" where it does not: `Raspberry Pi 4 Model B Rev 1.4`."""
        try:
            return (self.root / "proc/device-tree/model").read_text(errors="replace").strip("\0\n")
        except OSError:
            return ""

    @property
    def is_pi(self) -> bool:
        """Whether it is a Raspberry Pi."""
        return self.model.startswith("Raspberry Pi")

    def program(self, name: str) -> str | None:
        """Return where the program `name` is, if it is installed."""
        return shutil.which(name, path=self.path)


def edit(machine: Machine, file: Path) -> str:
    """Return the command that edits `file`; sudoedit refuses a file in a folder that is the user's own."""
    return f"{'editor' if _is_own(machine, file) else 'sudoedit'} {shlex.quote(str(file))}"


def add_to(machine: Machine, file: Path, text: str) -> str:
    """Return the command that writes `text` behind what stands in `file`."""
    escaped = text.replace("\n", "\\n")
    target = f">> {shlex.quote(str(file))}" if _is_own(machine, file) else f"| sudo tee -a {shlex.quote(str(file))}"
    return "printf " + shlex.quote(rf"\n{escaped}\n") + " " + target


def tapetum(*arguments: str) -> str:
    """Return the command that calls this very Tapetum."""
    called = [sys.argv[0]] if Path(sys.argv[0]).name == "tapetum" else [sys.executable, "-m", "tapetum"]
    return shlex.join([*called, *arguments])


def _is_own(machine: Machine, file: Path) -> bool:
    return machine.access(file if file.exists() else file.absolute().parent, os.W_OK)
