"""The worker locks itself in, before it looks at a model: no new files, sockets, processes or programs.

`bound` at its start, `lock` once everything is loaded that comes from this machine: what comes later, the model, is
read by native code that it may have been made to deceive. docs/design/sandbox.md says what each layer holds.
"""

import contextlib
import ctypes
import os
import resource
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tapetum.inference import landlock, seccomp
from tapetum.settings import Settings

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_NICENESS = 5
_DESCRIPTORS = 64
_COREDUMP_FILTER = Path("/proc/self/coredump_filter")


FULL = "landlock+seccomp"
"""The level where the kernel has all."""


class Confinement(Settings, frozen=True):
    """How far it is locked in. level: "landlock+seccomp", "seccomp", "landlock" or "rlimits"; lacks: what, and why."""

    level: str
    lacks: str = ""

    @property
    def text(self) -> str:
        """Both, as health tells them."""
        return f"{self.level} ({self.lacks})" if self.lacks else self.level


@dataclass(frozen=True, slots=True)
class Reach:
    """What a process may reach besides. readable: files and folders; ports: to which it may connect, by TCP."""

    readable: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()


NOTHING = Reach()
"""No file and no port."""


def bound(limit_mb: int) -> None:
    """Die with the daemon, leave it the processor, take no more than is allowed, and leave no picture in a dump."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    for number in (signal.SIGINT, signal.SIGTERM):  # sent to all of a group or a service: the daemon decides
        signal.signal(number, signal.SIG_IGN)
    os.nice(_NICENESS)
    _limit(resource.RLIMIT_AS, limit_mb << 20)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_NOFILE, _DESCRIPTORS)
    with contextlib.suppress(OSError):  # a program that takes dumps from a pipe is not held by the limit above
        _COREDUMP_FILTER.write_text("0", encoding="ascii")


def lock(driving: bool = False, files: Sequence[str] = ()) -> Confinement:
    """Lock this process in for good, by all that this kernel has, and say by what.

    driving: a delegate talks to a device that it has opened; files: what it may still open, files or folders.
    """
    ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    without_landlock = landlock.lock(files)
    _limit(resource.RLIMIT_FSIZE, 0)
    if not driving:
        _limit(resource.RLIMIT_NOFILE, 0)  # what is open stays open, and that is all there will be
    without_seccomp = seccomp.lock(driving, opening=bool(files) and not without_landlock)
    missing = {"landlock": without_landlock, "seccomp": without_seccomp}
    level = "+".join(name for name, why in missing.items() if not why) or "rlimits"
    return Confinement(level=level, lacks="; ".join(f"no {name}: {why}" for name, why in missing.items() if why))


def keep_to(*folders: str, beyond: Reach = NOTHING) -> str:
    """Let this process write and make files in `folders` alone, and reach what is `beyond`; return "" or why not."""
    ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    return landlock.lock(folders=folders, readable=beyond.readable, ports=beyond.ports)


def _limit(what: int, most: int) -> None:
    _, hard = resource.getrlimit(what)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(what, (most, most))
