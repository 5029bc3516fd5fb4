"""The lock of a state_dir: whoever holds it is the one that writes the outbox, the status and which model is active."""

import fcntl
import time
from pathlib import Path
from typing import IO

from tapetum.errors import ConfigError

_NAME = "lock"
_LOOK_S = 0.02


def held(state_dir: Path, patience_s: float = 0.0) -> IO[str]:
    """Return the held lock of `state_dir`, which is made where it is not there; closed, it is free again.

    patience_s: how long to wait for somebody else who holds it for a moment. Raises ConfigError when it cannot be had.
    """
    try:
        state_dir.mkdir(parents=True, exist_ok=True)
        lock = (state_dir / _NAME).open("w")
    except OSError as error:
        raise ConfigError(f"state_dir: {state_dir}: {error.strerror}; it must be a writable folder") from None
    deadline_s = time.monotonic() + patience_s
    while not _taken(lock, fcntl.LOCK_EX):
        if time.monotonic() >= deadline_s:
            lock.close()
            raise ConfigError(f"state_dir: {state_dir} is in use by another tapetum")
        time.sleep(_LOOK_S)
    return lock


def is_held(state_dir: Path) -> bool:
    """Return whether a daemon runs on `state_dir`."""
    try:
        with (state_dir / _NAME).open() as lock:
            return not _taken(lock, fcntl.LOCK_SH)
    except OSError:
        return False


def _taken(lock: IO[str], how: int) -> bool:
    try:
        fcntl.flock(lock, how | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
