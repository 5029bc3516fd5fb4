"""What a worker that has locked itself in can still do: a real process tries each thing, free and locked in."""

import errno
import fcntl
import os
import platform
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tapetum.inference import landlock, seccomp
from tapetum.inference.accelerators import Gpu
from tests.inference.attempts import ATTEMPTS

ALL = "landlock+seccomp"
KILLED = -signal.SIGSYS
REFUSED, LIMITED = os.strerror(errno.EPERM), os.strerror(errno.EMFILE)
NO_ACCESS = os.strerror(errno.EACCES)

pytestmark = pytest.mark.skipif(
    platform.machine() not in ("x86_64", "aarch64"), reason="the filter is for x86-64 and aarch64"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text("a secret")
    return tmp_path


def attempt(layers: str, what: str, folder: Path) -> str | int:
    """Return what a process held by `layers` says of trying `what`; its exit status where it says nothing."""
    if "landlock" in layers and not landlock.abi():
        pytest.skip("this kernel has no Landlock")
    command = [sys.executable, "-m", "tests.inference.attempts", layers, what, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return done.stdout.strip() or done.returncode


ENDS_IT = [
    "start a process",
    "become a program",
    "make a socket",
    "make a pair of sockets",
    "connect",
    "listen",
    "signal another",
    "trace",
    "read another's memory",
    "use io_uring",
    "load a filter program",
    "make memory a file",
    "leave its namespaces",
]
IS_REFUSED = {
    "read a file": REFUSED,
    "make a file": REFUSED,
    "write to a file": os.strerror(errno.EFBIG),
    "list a folder": REFUSED,
    "copy a descriptor": REFUSED,
    "call what nobody listed": REFUSED,
    "call what is newer": os.strerror(errno.ENOSYS),
    "make code": NO_ACCESS,
    "make memory code": NO_ACCESS,
}
WORKS = ["start a thread", "take memory"]


@pytest.mark.parametrize("what", ENDS_IT)
def test_what_only_an_attack_does_ends_the_process(what: str, folder: Path):
    assert attempt(ALL, what, folder) == KILLED


@pytest.mark.parametrize("what", IS_REFUSED)
def test_what_a_library_may_try_is_refused(what: str, folder: Path):
    assert attempt(ALL, what, folder) == IS_REFUSED[what]
    assert sorted(path.name for path in folder.iterdir()) == ["opened", "secret"]
    assert (folder / "opened").read_text() == ""


@pytest.mark.parametrize("what", WORKS)
def test_what_running_a_model_takes_still_works(what: str, folder: Path):
    assert attempt(ALL, what, folder) == "done"


def test_a_library_s_abort_is_still_an_abort(folder: Path):
    assert attempt(ALL, "abort", folder) == -signal.SIGABRT


@pytest.mark.parametrize("what", sorted(set(ATTEMPTS) - {"abort", "call what is newer"}))
def test_a_process_that_is_free_does_not_end_by_any_of_them(what: str, folder: Path):
    said = attempt("none", what, folder)
    assert isinstance(said, str)
    if what in IS_REFUSED or what in WORKS or what in ("start a process", "become a program", "make a socket"):
        assert said == "done"


# Each layer alone


@pytest.mark.parametrize("what", ["read a file", "make a file", "list a folder", "become a program"])
def test_landlock_alone_keeps_files_and_programs_away(what: str, folder: Path):
    assert attempt("landlock", what, folder) in (NO_ACCESS, LIMITED)


@pytest.mark.parametrize("what", ["read a file", "make a file", "make a socket", "listen"])
def test_where_the_kernel_has_neither_the_limits_keep_files_and_sockets_away(what: str, folder: Path):
    said = attempt("rlimits", what, folder)
    assert said == (LIMITED if what != "listen" else "done")


@pytest.mark.parametrize("what", ["start a process", "signal another"])
def test_what_the_limits_cannot_hold_is_known(what: str, folder: Path):
    assert attempt("rlimits", what, folder) == "done"


# The filter, instruction by instruction, for the machine that this is not too


def verdict(program: seccomp.Program, arch: int, number: int, *arguments: int) -> int:
    """Return what the filter says of a call: classic BPF as the kernel runs it."""
    words = {0: number, 4: arch}
    for index, argument in enumerate(arguments):
        words |= {16 + 8 * index: argument & 0xFFFFFFFF, 20 + 8 * index: argument >> 32}
    accumulator, place = 0, 0
    while True:
        code, if_true, if_false, operand = program[place]
        place += 1
        if code == 0x06:
            return operand
        if code == 0x20:
            accumulator = words.get(operand, 0)
            continue
        tests = {0x15: accumulator == operand, 0x35: accumulator >= operand, 0x45: bool(accumulator & operand)}
        place += if_true if tests[code] else if_false


MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
ALLOW, KILL, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000


@pytest.mark.parametrize("machine", MACHINES)
def test_the_filter_allows_what_is_listed_and_nothing_else(machine: str):
    column, arch = MACHINES[machine]
    program = seccomp.program(machine)
    listed = {pair[column] for pair in seccomp.ALLOWED.values()} - {None}
    checked = {pair[column] for pair in seccomp.CHECKED.values()}
    allowed = {number for number in range(1200) if verdict(program, arch, number) == ALLOW}
    assert allowed - checked == listed
    hostile = {pair[column] for pair in seccomp.HOSTILE.values()} - {None}
    killed = {number for number in range(1200) if verdict(program, arch, number) == KILL}
    assert killed - checked == hostile
    assert verdict(program, arch, 999) == ERRNO | errno.ENOSYS


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(
    ("name", "arguments", "allowed"),
    [
        ("mmap", (0, 4096, 0x3), True),
        ("mmap", (0, 4096, 0x7), False),
        ("mprotect", (0, 4096, 0x1), True),
        ("mprotect", (0, 4096, 0x5), False),
        ("clone", (0x3D0F00,), True),  # glibc's pthread_create
        ("clone", (0x1200011,), False),  # glibc's fork
        ("clone", (0x3D0F00 | 0x10000000,), False),  # with a namespace of users
        ("tgkill", (os.getpid(), os.getpid(), 6), True),
        ("tgkill", (os.getppid(), os.getppid(), 6), False),
        ("prctl", (15, 0), True),
        ("prctl", (4, 1), False),
        ("prlimit64", (0, 3, 0, 0x7FFF00000000), True),
        ("prlimit64", (0, 3, 0x7FFF00000000, 0), False),
        ("prlimit64", (0, 3, 0x1000, 0), False),
        ("prlimit64", (1, 3, 0, 0), False),
    ],
)
def test_arguments_decide_where_a_call_has_an_honest_and_another_use(machine, name, arguments, allowed):
    column, arch = MACHINES[machine]
    found = verdict(seccomp.program(machine), arch, seccomp.CHECKED[name][column], *arguments)
    assert (found == ALLOW) is allowed


DRIVEN = [
    ("fcntl", (3, fcntl.F_GETFL), True),
    ("fcntl", (3, fcntl.F_GETFD), True),
    ("fcntl", (3, fcntl.F_SETFD, 1), True),
    ("fcntl", (3, fcntl.F_DUPFD_CLOEXEC, 5), True),
    ("fcntl", (3, fcntl.F_SETFL, os.O_NONBLOCK), True),
    ("fcntl", (3, fcntl.F_SETFL, os.O_NONBLOCK | os.O_ASYNC), False),
    ("fcntl", (3, fcntl.F_SETOWN, 1), False),
    ("fcntl", (3, 15, 0), False),  # F_SETOWN_EX
    ("fcntl", (3, fcntl.F_SETSIG, 9), False),
    ("fcntl", (3, fcntl.F_SETLEASE, 0), False),
    ("fcntl", (3, fcntl.F_NOTIFY, 1), False),
    ("ioctl", (3, 0xC0105500, 1), True),  # usbfs, USBDEVFS_CONTROL
    ("ioctl", (3, 0x5421, 1), True),  # FIONBIO
    ("ioctl", (3, 0x5452, 1), False),  # FIOASYNC
    ("ioctl", (3, 0x8901, 1), False),  # FIOSETOWN
    ("ioctl", (3, 0x8902, 1), False),  # SIOCSPGRP
]


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(("name", "arguments", "allowed"), DRIVEN)
def test_a_delegate_drives_its_device_and_has_no_signals_sent_by_it(machine, name, arguments, allowed):
    column, arch = MACHINES[machine]
    number = seccomp.DRIVING_CHECKED[name][column]
    for opening in (False, True):
        found = verdict(seccomp.program(machine, driving=True, opening=opening), arch, number, *arguments)
        assert found == (ALLOW if allowed else ERRNO | errno.EPERM)
    assert verdict(seccomp.program(machine), arch, number, *arguments) == ERRNO | errno.EPERM


@pytest.mark.parametrize("how", ["by fcntl", "by ioctl"])
def test_a_delegate_s_descriptor_signals_nobody(folder: Path, how: str):
    what = f"have another signalled {how}"
    assert attempt("seccomp, driving", what, folder) == REFUSED
    assert attempt("none", what, folder) == "done"


@pytest.mark.parametrize("machine", MACHINES)
def test_the_calls_of_another_machine_end_the_process(machine: str):
    _, arch = MACHINES[machine]
    program = seccomp.program(machine)
    assert verdict(program, 0x40000003, 0) == KILL  # 32 bit
    assert verdict(program, arch, 0x40000000) == KILL  # x32


def test_a_delegate_s_files_bring_their_calls_and_no_others():
    column, arch = MACHINES["x86_64"]
    plain, opening = seccomp.program("x86_64", driving=True), seccomp.program("x86_64", driving=True, opening=True)
    for name, pair in seccomp.OPENING.items():
        assert verdict(plain, arch, pair[column]) == ERRNO | errno.EPERM, name
        assert verdict(opening, arch, pair[column]) == ALLOW, name
    assert verdict(opening, arch, seccomp.CHECKED["mmap"][column], 0, 0, 7) == ALLOW
    assert verdict(opening, arch, seccomp.HOSTILE["execve"][column]) == KILL
    assert verdict(seccomp.program("x86_64"), arch, seccomp.DRIVING_CHECKED["ioctl"][column]) == ERRNO | errno.EPERM


HEADERS = {"x86_64": "/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "aarch64": "/usr/include/asm-generic/unistd.h"}
OTHER_NAMES = {"newfstatat": "fstatat"}


@pytest.mark.parametrize("machine", MACHINES)
def test_the_numbers_are_those_of_the_kernel(machine: str):
    header = Path(HEADERS[machine])
    if not header.is_file():
        pytest.skip(f"the kernel's header for {machine} is not installed (linux-libc-dev)")
    text = header.read_text() + Path("/usr/include/asm-generic/unistd.h").read_text()
    lists = [seccomp.ALLOWED, seccomp.CHECKED, seccomp.DRIVING, seccomp.DRIVING_CHECKED]
    lists += [seccomp.OPENING, seccomp.HOSTILE]
    for name, pair in [item for calls in lists for item in calls.items()]:
        number = pair[MACHINES[machine][0]]
        found = re.search(rf"#define __NR(?:3264)?_(?:{name}|{OTHER_NAMES.get(name, name)})\s+(\d+)\n", text)
        assert number is None or (found and int(found[1]) == number), name


# Landlock's exceptions


def test_files_that_are_named_can_still_be_read_and_others_not(folder: Path):
    if not landlock.abi():
        pytest.skip("this kernel has no Landlock")
    (folder / "outside").mkdir()
    (folder / "outside/secret").write_text("x")
    (folder / "inside").mkdir()
    (folder / "inside/driver").write_text("a driver")
    program = (
        "import sys\nfrom tapetum.inference import confine\nfolder = sys.argv[1]\n"
        "print(confine.lock(True, (f'{folder}/inside', '/nowhere')).level)\n"
        "print(open(f'{folder}/inside/driver').read())\n"
        "try: open(f'{folder}/outside/secret')\nexcept PermissionError: print('refused')\n"
        "try: open(f'{folder}/inside/made', 'x')\nexcept PermissionError: print('refused')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout.splitlines() == [ALL, "a driver", "refused", "refused"], done.stderr


def test_a_gpu_s_driver_may_open_nothing_of_other_processes_and_no_terminal_by_default():
    files = Gpu().files
    for wide in ("/", "/dev", "/proc", "/sys", "/etc", "/home", "/dev/pts"):
        assert wide not in files
