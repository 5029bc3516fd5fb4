"""Tries one thing in a process that has locked itself in: `python -m tests.inference.attempts LAYERS WHAT FOLDER`.

LAYERS is what holds it, as "landlock+seccomp", "rlimits", with ", driving" as where a delegate is, or "none" for a
process that is free. Prints "done" when WHAT was done, or why not; a process that is ended prints nothing.
"""

import ctypes
import fcntl
import mmap
import os
import platform
import signal
import socket
import struct
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from tapetum.inference import confine, landlock, seccomp

LIBC = ctypes.CDLL(None, use_errno=True)
COLUMN = ("x86_64", "aarch64").index(platform.machine())
NUMBERS = seccomp.HOSTILE | {"clone3": (435, 435), "futex_waitv": (449, 449), "personality": (135, 92)}


def call(name: str, *arguments: int) -> int:
    """Make a system call; raises OSError as Python does."""
    number = NUMBERS[name][COLUMN]
    assert number is not None
    done = int(LIBC.syscall(ctypes.c_long(number), *map(ctypes.c_long, arguments)))
    if done < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return done


def thread() -> None:
    started = threading.Thread(target=lambda: None)
    started.start()
    started.join()


def executable() -> None:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()


def made_executable() -> None:
    memory = mmap.mmap(-1, 4096)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    if LIBC.mprotect(ctypes.c_void_p(address), 4096, 5):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def grandchild() -> None:
    if os.fork() == 0:
        os._exit(0)


def signalled_by_fcntl() -> None:
    fcntl.fcntl(OPENED_SOCKET, fcntl.F_SETOWN, os.getppid())
    fcntl.fcntl(OPENED_SOCKET, fcntl.F_SETSIG, signal.SIGCONT)
    fcntl.fcntl(OPENED_SOCKET, fcntl.F_SETFL, os.O_ASYNC)


def signalled_by_ioctl() -> None:
    fcntl.ioctl(OPENED_SOCKET, 0x8901, struct.pack("i", os.getppid()))  # FIOSETOWN
    fcntl.ioctl(OPENED_SOCKET, 0x5452, struct.pack("i", 1))  # FIOASYNC


ATTEMPTS: dict[str, Callable[[], object]] = {
    "read a file": lambda: bool((FOLDER / "secret").read_text()),
    "make a file": lambda: (FOLDER / "made").touch(exist_ok=False),
    "write to a file": lambda: OPENED.write("x" * 9000) and OPENED.flush(),
    "list a folder": lambda: list(FOLDER.iterdir()),
    "copy a descriptor": lambda: os.dup(0),
    "start a process": grandchild,
    "become a program": lambda: os.execv("/bin/echo", ["echo", "done"]),  # noqa: S606
    "make a socket": lambda: socket.socket(socket.AF_INET),
    "make a pair of sockets": socket.socketpair,
    "connect": lambda: OPENED_SOCKET.connect(("127.0.0.1", 9)),
    "listen": lambda: OPENED_SOCKET.bind(("127.0.0.1", 0)),
    "signal another": lambda: os.kill(os.getppid(), 0),
    "have another signalled by fcntl": signalled_by_fcntl,
    "have another signalled by ioctl": signalled_by_ioctl,
    "trace": lambda: call("ptrace", 0, 0),
    "read another's memory": lambda: call("process_vm_readv", os.getpid(), 0, 0, 0, 0, 0),
    "use io_uring": lambda: call("io_uring_setup", 0, 0),
    "load a filter program": lambda: call("bpf", 0, 0, 0),
    "make memory a file": lambda: os.memfd_create("name"),
    "leave its namespaces": lambda: call("unshare", 0),
    "call what nobody listed": lambda: call("personality", 0xFFFFFFFF),
    "call what is newer": lambda: call("futex_waitv", 0, 0, 0, 0, 0),
    "start a thread": thread,
    "take memory": lambda: mmap.mmap(-1, 1 << 20).close(),
    "make code": executable,
    "make memory code": made_executable,
    "abort": os.abort,
}
LAYERS = {"landlock": landlock, "seccomp": seccomp}


def main(layers: str, what: str) -> None:
    """Lock in by `layers` alone, try `what`, and say what came of it."""
    for name, layer in LAYERS.items():
        if name not in layers:
            layer.lock = lambda *_, **__: "left out"  # type: ignore[attr-defined]
    held, _, driving = layers.partition(", ")
    found = confine.lock(bool(driving)).level if layers != "none" else "none"
    assert found == held, found
    try:
        ATTEMPTS[what]()
        said = "done"
    except OSError as error:
        said = error.strerror or str(error)
    os.write(1, said.encode())


if __name__ == "__main__":
    FOLDER = Path(sys.argv[3])
    OPENED = (FOLDER / "opened").open("w")
    OPENED_SOCKET = socket.socket(socket.AF_INET)
    main(*sys.argv[1:3])
    os._exit(0)
