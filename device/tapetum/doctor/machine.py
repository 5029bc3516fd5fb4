"""What the machine itself must give: cameras, programs, a folder and room in it, the time, a service manager."""

import getpass
import grp
import os
import re
import shlex
import shutil
from pathlib import Path

from tapetum.doctor.finding import Finding, Machine, edit, tapetum

_PROVISION = "sudo scripts/provision"
_ROOM_MB = 16  # megabytes beside the outbox: the status, and SQLite's own
_UNIT = "tapetum.service"
_UNITS = ("etc/systemd/system", "usr/lib/systemd/system", "lib/systemd/system")
_BROUGHT_BY = {
    "ffmpeg": "ffmpeg",
    "gst-launch-1.0": "gstreamer1.0-tools",
    "rpicam-vid": "rpicam-apps",
    "libcamera-vid": "libcamera-apps",
}
_FEEDS = re.compile(r"^\s*RuntimeWatchdogSec\s*=\s*(?!0?\s*$|off\b)", re.MULTILINE)
_FEED = "printf '[Manager]\\nRuntimeWatchdogSec=15\\n' | sudo tee /etc/systemd/system.conf.d/watchdog.conf"


def device(machine: Machine, path: str, file: Path | None = None) -> Finding:
    """Whether the Video4Linux device that a camera of the configuration `file` names is there and may be opened."""
    node = machine.root / path.lstrip("/")
    if not node.exists():
        there = _devices(machine)
        what = (
            f"there are {', '.join(f'/dev/{other.name}' for other in there)}" if there else "and no other: plug it in"
        )
        mend = edit(machine, file) if there and file else _list_devices(machine)
        return Finding("camera", "missing", f"{path}: there is no such device; {what}", mend)
    if not machine.access(node, os.R_OK | os.W_OK):
        return Finding("camera", "missing", f"{path}: no permission (then log in again)", _join_group(node))
    return Finding("camera", "ok", path)


def any_camera(machine: Machine) -> Finding:
    """Whether there is any Video4Linux device, where the configuration names no camera."""
    nodes = _devices(machine)
    if not nodes:
        mend = "rpicam-hello --list-cameras" if machine.is_pi else tapetum("run", "--first-run")
        what = "no device /dev/video*: plug one in; a first run plays a clip instead"
        return Finding("camera", "warning", what, mend)
    usable = [node for node in nodes if machine.access(node, os.R_OK | os.W_OK)]
    if not usable:
        return Finding(
            "camera", "warning", f"/dev/{nodes[0].name}: no permission (then log in again)", _join_group(nodes[0])
        )
    return Finding("camera", "ok", ", ".join(f"/dev/{node.name}" for node in usable))


def program(machine: Machine, name: str) -> Finding:
    """Whether the program that a camera of the kind pipe runs is installed."""
    found = machine.program(name)
    if found is None:
        package = _BROUGHT_BY.get(Path(name).name)
        mend = f"sudo apt install {package}" if package else ""
        return Finding("command", "missing", f"{name} is not installed, or not in the PATH", mend)
    return Finding("command", "ok", found)


def programs(machine: Machine) -> Finding:
    """Which programs are there that a camera of the kind pipe could be made of; none is needed."""
    found = [name for name in _BROUGHT_BY if machine.program(name)]
    what = f"{', '.join(found) or 'none of ' + ', '.join(_BROUGHT_BY)}; only cameras of the kind pipe need one"
    return Finding("command", "ok", what)


def state_dir(machine: Machine, folder: Path) -> Finding:
    """Whether the folder of the outbox and the status can be written, or made."""
    own = f"sudo install -d -o {shlex.quote(_user())} {shlex.quote(str(folder))}"
    if folder.is_dir():
        if machine.access(folder, os.W_OK | os.X_OK):
            return Finding("state_dir", "ok", f"{folder} can be written")
        return Finding("state_dir", "missing", f"{folder} cannot be written by {_user()}", own)
    if folder.exists():
        return Finding("state_dir", "missing", f"{folder} is no folder", f"rm {shlex.quote(str(folder))}")
    if machine.access(_nearest(folder), os.W_OK | os.X_OK):
        return Finding("state_dir", "ok", f"{folder} will be made")
    return Finding("state_dir", "missing", f"{folder} does not exist, and {_user()} cannot make it", own)


def free_mb(folder: Path) -> int:
    """Return the megabytes that are free on the disk under `folder`, which need not exist."""
    return shutil.disk_usage(_nearest(folder)).free >> 20


def room(free_mb: int, outbox_mb: int) -> Finding:
    """Whether `free_mb` megabytes are room enough for a full outbox of `outbox_mb`."""
    mend = "sudo apt clean; sudo journalctl --vacuum-size=64M"
    if free_mb < _ROOM_MB:
        return Finding("disk", "missing", f"{free_mb} MB are free: alerts cannot be kept", mend)
    if free_mb < outbox_mb + _ROOM_MB:
        return Finding("disk", "warning", f"{free_mb} MB are free, the outbox may take {outbox_mb}", mend)
    return Finding("disk", "ok", f"{free_mb} MB are free, the outbox may take {outbox_mb}")


def clock(synced: bool) -> Finding:
    """Whether alerts can be dated: `synced` as of `tapetum.clock`."""
    if synced:
        return Finding("clock", "ok", "is kept right")
    what = 'nobody keeps it right: alerts will carry "clock": "unsynced"'
    return Finding("clock", "warning", what, "sudo timedatectl set-ntp true")


def service(machine: Machine) -> Finding:
    """Whether it starts with the machine, under the eyes of systemd."""
    places = (machine.root / place / _UNIT for place in _UNITS)
    unit = next((place for place in places if place.is_file()), None)
    if unit is None:
        return Finding("service", "warning", "is not installed: it does not start with the machine", _PROVISION)
    if "WatchdogSec=" not in unit.read_text(encoding="utf-8", errors="replace"):
        return Finding("service", "warning", f"{unit.name} has no watchdog: it would hang unnoticed", _PROVISION)
    if not (machine.root / "etc/systemd/system/multi-user.target.wants" / _UNIT).is_symlink():
        return Finding("service", "warning", "is installed, and not enabled", "sudo systemctl enable --now tapetum")
    return Finding("service", "ok", "starts with the machine, and is started again when it hangs")


def watchdog(machine: Machine) -> Finding:
    """Whether the hardware's watchdog, where there is one, is fed by systemd: a kernel that hangs is then reset."""
    if not any(machine.root.glob("dev/watchdog*")):
        if machine.is_pi:
            mend = "echo dtparam=watchdog=on | sudo tee -a /boot/firmware/config.txt; sudo reboot"
            return Finding("watchdog", "warning", "the board's own is switched off", mend)
        return Finding("watchdog", "ok", "this machine has none of its own")
    files = [machine.root / "etc/systemd/system.conf", *machine.root.glob("etc/systemd/system.conf.d/*.conf")]
    if any(_FEEDS.search(file.read_text(encoding="utf-8", errors="replace")) for file in files if file.is_file()):
        return Finding("watchdog", "ok", "a kernel that hangs is reset")
    mend = f"sudo mkdir -p /etc/systemd/system.conf.d; {_FEED}; sudo systemctl daemon-reexec"
    return Finding("watchdog", "warning", "nobody feeds the board's own: a kernel that hangs stays so", mend)


def _devices(machine: Machine) -> list[Path]:
    return sorted(machine.root.glob("dev/video*"), key=lambda node: (len(node.name), node.name))


def _list_devices(machine: Machine) -> str:
    """Return the command that shows which cameras the kernel knows."""
    install = "" if machine.program("v4l2-ctl") else "sudo apt install v4l-utils; "
    return install + "v4l2-ctl --list-devices"


def _nearest(folder: Path) -> Path:
    """Return `folder`, or the nearest above it that exists."""
    return next(place for place in (folder, *folder.absolute().parents) if place.exists())


def _join_group(node: Path) -> str:
    try:
        group = grp.getgrgid(node.stat().st_gid).gr_name
    except KeyError:
        group = str(node.stat().st_gid)
    return f"sudo usermod -aG {group} {_user()}"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
