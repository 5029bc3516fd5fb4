"""Which system calls this process may still make: a seccomp filter of our own, for x86-64 and aarch64.

Allowed is what running a model takes: memory, threads, time, and reading and writing what is open already. Calls that
only an attack makes (a process, a program, a socket, another process's memory) end the process with SIGSYS, so that it
is known. All else is refused with EPERM, the calls newer than Linux 5.0 with ENOSYS, as an older kernel would: the C
library then does without. Why a list of what is allowed, and not of what is not: docs/design/sandbox.md.

The filter is classic BPF over `struct seccomp_data` (seccomp(2), linux/seccomp.h, linux/filter.h); numbers are those of
arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h.
"""

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Iterable

_Step = tuple[int, int, int, int]
Program = list[_Step]
"""Instructions: code, jump if true, jump if false, operand."""

ALLOWED = {
    "read": (0, 63),
    "write": (1, 64),
    "readv": (19, 65),
    "writev": (20, 66),
    "pread64": (17, 67),
    "recvfrom": (45, 207),
    "sendto": (44, 206),
    "futex": (202, 98),
    "brk": (12, 214),
    "munmap": (11, 215),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "close": (3, 57),
    "lseek": (8, 62),
    "fstat": (5, 80),
    "poll": (7, None),
    "ppoll": (271, 73),
    "exit": (60, 93),
    "exit_group": (231, 94),
    "set_robust_list": (273, 99),
    "set_tid_address": (218, 96),
    "rseq": (334, 293),
    "membarrier": (324, 283),
    "restart_syscall": (219, 128),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sigaltstack": (131, 132),
    "sched_yield": (24, 124),
    "sched_getaffinity": (204, 123),
    "getcpu": (309, 168),
    "getpid": (39, 172),
    "gettid": (186, 178),
    "getrusage": (98, 165),
    "sysinfo": (99, 179),
    "uname": (63, 160),
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115),
    "nanosleep": (35, 101),
    "gettimeofday": (96, 169),
    "time": (201, None),
    "getrandom": (318, 278),
}  # fmt: skip
CHECKED = {
    "mmap": (9, 222),
    "mprotect": (10, 226),
    "clone": (56, 220),
    "tgkill": (234, 131),
    "prctl": (157, 167),
    "prlimit64": (302, 261),
}
"""Allowed with some arguments: no new code, threads and no processes, itself alone."""
DRIVING = {
    "newfstatat": (262, 79),  # glibc's fstat; it also tells whether a path exists
    "epoll_wait": (232, None),
    "epoll_pwait": (281, 22),
    "epoll_ctl": (233, 21),
    "eventfd2": (290, 19),
    "timerfd_settime": (286, 86),
    "timerfd_gettime": (287, 87),
    "mlock": (149, 228),
    "munlock": (150, 229),
}
"""What a delegate takes beyond that, on the devices that it has opened."""
DRIVING_CHECKED = {"ioctl": (16, 29), "fcntl": (72, 25)}
"""And these, but for what has the kernel send signals to others: by F_SETOWN, F_SETSIG and O_ASYNC (fcntl(2))."""
OPENING = {"openat": (257, 56), "readlinkat": (267, 78), "getdents64": (217, 61)}
"""What one takes that opens files later; Landlock says which."""
HOSTILE = {
    "execve": (59, 221),
    "execveat": (322, 281),
    "fork": (57, None),
    "vfork": (58, None),
    "socket": (41, 198),
    "socketpair": (53, 199),
    "connect": (42, 203),
    "bind": (49, 200),
    "listen": (50, 201),
    "accept": (43, 202),
    "accept4": (288, 242),
    "kill": (62, 129),
    "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_send_signal": (424, 424),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "memfd_create": (319, 279),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "chroot": (161, 51),
    "pivot_root": (155, 41),
    "open_by_handle_at": (304, 265),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "kexec_load": (246, 104),
}

_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # column above, AUDIT_ARCH (linux/audit.h)
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # linux/bpf_common.h
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000  # SECCOMP_RET_*, linux/seccomp.h
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16  # offsets in seccomp_data; both machines are little-endian
_X32 = 0x40000000  # the second set of calls of an x86-64
_NEWER = 403  # the first number that all machines share, Linux 5.1
_PROT_EXEC, _CLONE_THREAD = 0x4, 0x10000
_CLONE_NEW = 0x7E020080  # all of CLONE_NEW*
_GETFD, _SETFD, _GETFL, _SETFL, _DUPFD_CLOEXEC, _O_ASYNC = 1, 2, 3, 4, 1030, 0x2000  # asm-generic/fcntl.h
_FIOASYNC, _FIOSETOWN, _SIOCSPGRP = 0x5452, 0x8901, 0x8902  # asm-generic/ioctls.h, sockios.h
_PR_SET_NAME, _PR_SET_VMA = 15, 0x53564D41
_SET_MODE_FILTER, _TSYNC = 1, 1
_SECCOMP = (317, 277)


def lock(driving: bool = False, opening: bool = False) -> str:
    """Filter the calls of every thread of this process, for good; return "" or why that cannot be.

    driving: for a delegate that talks to a device; opening: for one that opens files and makes code later. Wants
    no_new_privs.
    """
    machine = platform.machine()
    if machine not in _MACHINES:
        return f"no filter for {machine}"
    packed = b"".join(struct.pack("HBBI", *step) for step in program(machine, driving, opening))
    buffer = ctypes.create_string_buffer(packed, len(packed))
    filter_ = struct.pack("HxxxxxxP", len(packed) // 8, ctypes.addressof(buffer))
    call = ctypes.CDLL(None, use_errno=True).syscall
    number = _SECCOMP[_MACHINES[machine][0]]
    done = call(number, _SET_MODE_FILTER, _TSYNC, ctypes.create_string_buffer(filter_, len(filter_)))
    return "" if done == 0 else os.strerror(ctypes.get_errno()) if done < 0 else "a thread has another filter"


def program(machine: str, driving: bool = False, opening: bool = False) -> Program:
    """Return the filter for `machine`, as platform.machine() calls it."""
    column, arch = _MACHINES[machine]
    steps: Program = [(_LOAD, 0, 0, _ARCH), (_EQUAL, 1, 0, arch), _end(_KILL), (_LOAD, 0, 0, _NUMBER)]
    steps += [(_AT_LEAST, 0, 1, _X32), _end(_KILL)]
    allowed = ALLOWED | (DRIVING if driving else {}) | (OPENING if opening else {})
    steps += _each(column, allowed, _ALLOW)
    for name, check in (_checks(opening) | (_driving_checks() if driving else {})).items():
        steps += [(_EQUAL, 0, len(check), _number(column, (CHECKED | DRIVING_CHECKED)[name])), *check]
    steps += _each(column, HOSTILE, _KILL)
    return [*steps, (_AT_LEAST, 0, 1, _NEWER), _refuse(errno.ENOSYS), _refuse(errno.EPERM)]


def _each(column: int, calls: dict[str, tuple[int, int | None]], action: int) -> Program:
    numbers = [number for pair in calls.values() if (number := pair[column]) is not None]
    return [step for number in numbers for step in ((_EQUAL, 0, 1, number), _end(action))]


def _number(column: int, pair: tuple[int, int]) -> int:
    return pair[column]


def _checks(opening: bool) -> dict[str, Program]:
    """Return what decides about the arguments of each call in CHECKED; each ends with a verdict."""
    code = [_end(_ALLOW)] if opening else _without(2, _PROT_EXEC)
    threads: Program = [_argument(0), (_ANY_BIT, 2, 0, _CLONE_NEW), (_ANY_BIT, 0, 1, _CLONE_THREAD)]
    own_limits: Program = [_argument(0), (_EQUAL, 0, 5, 0), _argument(2), (_EQUAL, 0, 3, 0)]
    own_limits += [(_LOAD, 0, 0, _ARGUMENTS + 2 * 8 + 4), (_EQUAL, 0, 1, 0)]
    return {
        "mmap": code,
        "mprotect": code,
        "clone": [*threads, _end(_ALLOW), _end(_KILL)],
        "tgkill": _one_of(0, [os.getpid()]),
        "prctl": _one_of(0, [_PR_SET_NAME, _PR_SET_VMA]),
        "prlimit64": [*own_limits, _end(_ALLOW), _refuse(errno.EPERM)],
    }


def _driving_checks() -> dict[str, Program]:
    """Return what decides about the arguments of each call in DRIVING_CHECKED."""
    flags: Program = [(_EQUAL, 0, 4, _SETFL), *_without(2, _O_ASYNC, errno.EPERM)]
    other = _one_of(1, [_GETFD, _SETFD, _GETFL, _DUPFD_CLOEXEC])
    signals = [_FIOASYNC, _FIOSETOWN, _SIOCSPGRP]
    return {
        "ioctl": _one_of(1, signals, _refuse(errno.EPERM), _end(_ALLOW)),
        "fcntl": [_argument(1), *flags, *other],
    }


def _without(argument: int, bits: int, error: int = errno.EACCES) -> Program:
    return [_argument(argument), (_ANY_BIT, 1, 0, bits), _end(_ALLOW), _refuse(error)]


def _one_of(argument: int, values: Iterable[int], one: _Step | None = None, other: _Step | None = None) -> Program:
    """Return what gives the verdict `one` (it is allowed) for these values, and `other` (it is refused) else."""
    known = list(values)
    tests = [(_EQUAL, len(known) - index, 0, value) for index, value in enumerate(known)]
    return [_argument(argument), *tests, other or _refuse(errno.EPERM), one or _end(_ALLOW)]


def _argument(index: int) -> _Step:
    """Load the lower half of an argument: flags and process ids are no longer."""
    return (_LOAD, 0, 0, _ARGUMENTS + 8 * index)


def _end(action: int) -> _Step:
    return (_RETURN, 0, 0, action)


def _refuse(number: int) -> _Step:
    return (_RETURN, 0, 0, _ERRNO | number)
