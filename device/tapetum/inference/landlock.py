"""Which files this thread may still open, and where it may connect: none, by Landlock (landlock(7)).

What is open already stays open. Each version of the kernel's interface (its ABI) knows more that can be forbidden;
all that this kernel knows is.
"""

import ctypes
import os
import struct
from collections.abc import Sequence

_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446  # the same on all machines
_VERSION = 1  # LANDLOCK_CREATE_RULESET_VERSION
_BENEATH, _PORT = 1, 2  # LANDLOCK_RULE_PATH_BENEATH, LANDLOCK_RULE_NET_PORT
_FILES = ((1, 13), (2, 14), (3, 15), (5, 16))  # ABI, and how many rights over files it knows: linux/landlock.h
_EXECUTE, _WRITE, _READ, _READ_FOLDER, _DEVICE = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 15
_CONNECT = 0b10
_CONNECT_AND_BIND, _ABSTRACT_SOCKETS_AND_SIGNALS = 0b11, 0b11
_NETWORK_ABI, _SCOPE_ABI = 4, 6


def abi() -> int:
    """Return the version of the kernel's interface; 0 where it has none, or has it switched off."""
    return max(0, _call(_CREATE, None, 0, _VERSION))


def lock(
    files: Sequence[str] = (), folders: Sequence[str] = (), readable: Sequence[str] = (), ports: Sequence[int] = ()
) -> str:
    """Let this thread, and those that it will start, open nothing but what is below `files`; return "" or why not.

    Files there may be read, and devices driven; below `folders` all may be done but running what is there, making and
    removing too; what is below `readable` may be read. What does not exist is left out. TCP is spoken to `ports` alone.
    Wants no_new_privs.
    """
    version = abi()
    if version < 1:
        return "this kernel has none, or has it switched off"
    rights = (1 << max(count for since, count in _FILES if since <= version)) - 1
    parts = [rights, _CONNECT_AND_BIND if version >= _NETWORK_ABI else 0]
    parts += [_ABSTRACT_SOCKETS_AND_SIGNALS] if version >= _SCOPE_ABI else []
    ruleset = _call(_CREATE, struct.pack(f"={len(parts)}Q", *parts), 8 * len(parts), 0)
    if ruleset < 0:
        return os.strerror(ctypes.get_errno())
    try:
        for path in files:
            _allow(ruleset, path, rights & _readable(path))
        for path in folders:
            _allow(ruleset, path, rights & ~_EXECUTE)
        for path in readable:
            _allow(ruleset, path, rights & _readable(path) & (_READ | _READ_FOLDER))
        for port in ports if version >= _NETWORK_ABI else ():
            _call(_ADD_RULE, ruleset, _PORT, struct.pack("=QQ", _CONNECT, port), 0)
        return "" if _call(_RESTRICT, ruleset, 0) == 0 else os.strerror(ctypes.get_errno())
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    _call(_ADD_RULE, ruleset, _BENEATH, struct.pack("=Qi", rights, descriptor), 0)
    os.close(descriptor)


def _readable(path: str) -> int:
    """Return what a file may be used for that is not a folder of ours: run, written, read, driven."""
    listed = _READ_FOLDER if os.path.isdir(path) else 0  # noqa: PTH112  a path of the operator's, as it is
    return _EXECUTE | _WRITE | _READ | _DEVICE | listed


def _call(number: int, *arguments: int | bytes | None) -> int:
    call = ctypes.CDLL(None, use_errno=True).syscall
    wide = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    return int(call(ctypes.c_long(number), *wide))
