"""One process at a time: a lock on a file, which the kernel lets go when its holder ends, however that ends."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from tapetum_trainer.publish.errors import PublishError

_LOOK_S = 0.05
_PATIENCE_S = 60.0  # a push of a large bundle over a slow line
_REPOSITORY = "lock"
Held = AbstractContextManager[None]


class BusyError(PublishError):
    """Somebody else is at it; the text says which process."""


@contextmanager
def signing(home: Path) -> Iterator[None]:
    """Be the only one that signs and publishes from this desk's folder; raises PublishError."""
    with held(home / _REPOSITORY, _PATIENCE_S, "another command signs or publishes from this folder"):
        yield


@contextmanager
def held(path: Path, patience_s: float, busy: str) -> Iterator[None]:
    """Hold the lock that a file is, which says who holds it; raises BusyError when somebody else does."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.open("a+", encoding="ascii")
    except OSError as error:
        raise PublishError(error.strerror or str(error), path) from None
    with lock:
        deadline_s = time.monotonic() + patience_s
        while not _taken(lock.fileno()):
            if time.monotonic() >= deadline_s:
                lock.seek(0)
                raise BusyError(f"{busy}: process {lock.read(16).strip() or '?'}", path)
            time.sleep(_LOOK_S)
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
