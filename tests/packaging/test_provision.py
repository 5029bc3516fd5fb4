"""`scripts/provision`, by what it would do to the systems that it knows: dry runs on folders that look like them."""

import os
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tapetum import config
from tapetum.capture import Picamera, Pipe, V4l2

CHECKOUT = Path(__file__).parents[2]
REFERENCE = CHECKOUT / "firmware-config/tapetum.toml"
ELF = {64: b"\x7fELF\x02", 32: b"\x7fELF\x01"}


@dataclass(frozen=True)
class System:
    """What a system looks like to the script. python: the minor version of its python3."""

    model: str
    id: str
    codename: str
    release: str
    python: int
    like: str = ""
    bits: int = 64

    def made(self, root: Path) -> Path:
        """Return `root` with the files of this system in it."""
        release = {"ID": self.id, "ID_LIKE": self.like, "VERSION_ID": f'"{self.release}"'}
        release["VERSION_CODENAME"] = self.codename
        files = {
            "etc/os-release": "".join(f"{key}={value}\n" for key, value in release.items() if value),
            "etc/passwd": "root:x:0:0::/root:/bin/bash\n",
            "etc/group": "root:x:0:\nvideo:x:44:\nrender:x:106:\n",
        }
        if self.model:
            files["proc/device-tree/model"] = f"{self.model}\0"
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        programs = root / "usr/bin"
        programs.mkdir(parents=True)
        (programs / "env").write_bytes(ELF[self.bits])
        (programs / "python3").symlink_to(f"python3.{self.python}")
        return root


PI_BOOKWORM = System("Raspberry Pi 4 Model B Rev 1.5", "debian", "bookworm", "12", 11)
PI_TRIXIE = System("Raspberry Pi 5 Model B Rev 1.0", "debian", "trixie", "13", 13)
JETPACK_6 = System("NVIDIA Jetson Orin Nano Developer Kit", "ubuntu", "jammy", "22.04", 10, "debian")
JETPACK_7 = System("NVIDIA Jetson AGX Thor Developer Kit", "ubuntu", "noble", "24.04", 12, "debian")
DEBIAN = System("", "debian", "bookworm", "12", 11)
KNOWN = [PI_BOOKWORM, PI_TRIXIE, JETPACK_6, JETPACK_7, DEBIAN]
NAMES = ["pi-bookworm", "pi-trixie", "jetpack-6", "jetpack-7", "debian"]
CAMERAS = [Picamera, Picamera, Pipe, Pipe, V4l2]
every_known = pytest.mark.parametrize("system", KNOWN, ids=NAMES)


def provision(root: Path) -> "subprocess.CompletedProcess[str]":
    command = [str(CHECKOUT / "scripts/provision"), "--dry-run", "--root", str(root)]
    return subprocess.run(command, capture_output=True, text=True, cwd=root, check=False, timeout=30)


def commands(root: Path) -> list[list[str]]:
    """Return the commands that would be run, those within the system without their chroot."""
    done = provision(root)
    assert done.returncode == 0, done.stderr
    found = [shlex.split(line.removeprefix("+ ")) for line in done.stdout.splitlines()]
    return [command[2:] if command[0] == "chroot" else command for command in found]


def starting(found: list[list[str]], *words: str) -> list[list[str]]:
    return [command for command in found if command[: len(words)] == list(words)]


def packages(found: list[list[str]]) -> set[str]:
    (install,) = [command for command in found if "apt-get" in command and "install" in command]
    return {word for word in install[install.index("install") + 1 :] if not word.startswith("-")}


def venv(found: list[list[str]]) -> list[str]:
    (made,) = [command for command in found if command[-1] == "/opt/tapetum/venv" and "venv" in command]
    return made


def locked(found: list[list[str]]) -> list[str]:
    return [Path(command[-1]).name for command in found if "--require-hashes" in command]


def files(root: Path) -> dict[str, bytes]:
    """Return what is in the folder, by path."""
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@every_known
def test_a_dry_run_changes_nothing(system: System, tmp_path: Path):
    system.made(tmp_path)
    before = files(tmp_path)
    commands(tmp_path)
    assert files(tmp_path) == before


@every_known
def test_every_file_that_is_installed_is_there_to_be_installed(system: System, tmp_path: Path):
    found = commands(system.made(tmp_path))
    sources = [Path(word) for command in found for word in command if word.startswith(f"{CHECKOUT}/")]
    assert len(sources) > 8
    assert [source for source in sources if not source.exists()] == []


@every_known
def test_the_service_is_set_up_for_a_user_of_its_own(system: System, tmp_path: Path):
    found = commands(system.made(tmp_path))
    assert starting(found, "useradd", "--system")[0][-1] == "tapetum"
    assert [command[3] for command in starting(found, "usermod", "--append", "--groups")] == ["video", "render"]
    assert starting(found, "install", "-d")[0][-1] == "/var/lib/tapetum"
    targets = [command[-1] for command in starting(found, "install", "-D", "-m", "644")]
    assert f"{tmp_path}/etc/systemd/system/tapetum.service" in targets
    assert f"{tmp_path}/etc/udev/rules.d/99-tapetum.rules" in targets
    assert starting(found, "systemctl", "enable", "tapetum.service")


def test_on_a_pi_with_bookworm_the_camera_software_of_apt_and_numpy_1_are_used(tmp_path: Path):
    found = commands(PI_BOOKWORM.made(tmp_path))
    assert packages(found) == {"python3-venv", "python3-picamera2"}
    assert venv(found) == ["/usr/bin/python3", "-m", "venv", "--system-site-packages", "--clear", "/opt/tapetum/venv"]
    assert locked(found) == ["bookworm.txt"]


def test_on_a_pi_with_trixie_the_camera_software_of_apt_is_used(tmp_path: Path):
    found = commands(PI_TRIXIE.made(tmp_path))
    assert packages(found) == {"python3-venv", "python3-picamera2"}
    assert "--system-site-packages" in venv(found)
    assert locked(found) == ["run.txt"]


def test_on_jetpack_6_whose_python_is_too_old_uv_brings_one(tmp_path: Path):
    found = commands(JETPACK_6.made(tmp_path))
    assert packages(found) == {"python3-venv", "gstreamer1.0-tools", "gstreamer1.0-plugins-good"}
    made = venv(found)
    assert made[:3] == ["env", "UV_PYTHON_INSTALL_DIR=/opt/tapetum/python", "/opt/tapetum/tools/bin/uv"]
    assert made[made.index("--python") + 1] == "3.12"
    assert locked(found) == ["tools.txt", "run.txt"]
    assert f"{tmp_path}/etc/systemd/system/tapetum.service.d/jetson.conf" in [command[-1] for command in found]


def test_on_jetpack_7_the_system_s_own_python_is_used(tmp_path: Path):
    found = commands(JETPACK_7.made(tmp_path))
    assert venv(found) == ["/usr/bin/python3", "-m", "venv", "--clear", "/opt/tapetum/venv"]
    assert locked(found) == ["run.txt"]
    assert f"{tmp_path}/etc/systemd/system/tapetum.service.d/jetson.conf" in [command[-1] for command in found]


def test_on_plain_debian_nothing_of_a_pi_or_a_jetson_is_installed(tmp_path: Path):
    found = commands(DEBIAN.made(tmp_path))
    assert packages(found) == {"python3-venv"}
    assert venv(found) == ["/usr/bin/python3", "-m", "venv", "--clear", "/opt/tapetum/venv"]
    assert not [command for command in found if "jetson" in " ".join(command[1:])]


@pytest.mark.parametrize(("system", "kind"), list(zip(KNOWN, CAMERAS, strict=True)), ids=NAMES)
def test_the_first_configuration_has_the_camera_of_the_platform(system: System, kind: type, tmp_path: Path):
    found = commands(system.made(tmp_path))
    (edit,) = starting(found, "sed", "-i")
    copy = tmp_path / "tapetum.toml"
    copy.write_bytes(REFERENCE.read_bytes())
    subprocess.run([*edit[:-1], str(copy)], check=True)
    (camera,) = config.load(copy).camera.values()
    assert type(camera.source) is kind


@every_known
def test_a_second_run_leaves_configuration_user_and_environment_as_they_are(system: System, tmp_path: Path):
    root = system.made(tmp_path)
    with (root / "etc/passwd").open("a") as passwords:
        passwords.write("tapetum:x:999:999::/var/lib/tapetum:/usr/sbin/nologin\n")
    (root / "etc/tapetum").mkdir()
    (root / "etc/tapetum/tapetum.toml").write_text("[camera.mine]\n")
    (root / "opt/tapetum/venv").mkdir(parents=True)
    (root / "opt/tapetum/venv/pyvenv.cfg").write_text(f"home = /usr/bin\nversion = 3.{system.python}.2\n")
    found = commands(root)
    assert not starting(found, "useradd")
    assert not [command for command in found if any(word.endswith("tapetum.toml.new") for word in command)]
    assert "--clear" not in venv(found)


def test_after_an_upgrade_of_the_system_s_python_the_environment_is_made_anew(tmp_path: Path):
    root = PI_TRIXIE.made(tmp_path)
    (root / "opt/tapetum/venv").mkdir(parents=True)
    (root / "opt/tapetum/venv/pyvenv.cfg").write_text("home = /usr/bin\nversion = 3.11.2\n")
    assert "--clear" in venv(commands(root))


def test_the_service_is_started_only_where_systemd_runs(tmp_path: Path):
    root = DEBIAN.made(tmp_path)
    assert not starting(commands(root), "systemctl", "restart")
    (root / "run/systemd/system").mkdir(parents=True)
    found = commands(root)
    assert found[-1] == ["systemctl", "restart", "tapetum.service"]
    assert starting(found, "systemctl", "daemon-reload")


def test_a_configuration_that_cannot_be_used_is_found_before_the_service_is_started(tmp_path: Path):
    root = DEBIAN.made(tmp_path)
    (root / "run/systemd/system").mkdir(parents=True)
    found = [" ".join(command) for command in commands(root)]
    check = next(number for number, command in enumerate(found) if "check-config" in command)
    assert check < found.index("systemctl restart tapetum.service")


@pytest.mark.parametrize(
    ("system", "said"),
    [
        (System("", "fedora", "", "42", 13), "fedora 42"),
        (System("Raspberry Pi 3 Model B", "debian", "bookworm", "12", 11, bits=32), "64-bit"),
        (System("Raspberry Pi 4 Model B", "debian", "bullseye", "11", 9), "bookworm or trixie is needed"),
        (System("NVIDIA Jetson Xavier NX", "ubuntu", "focal", "20.04", 8, "debian"), "JetPack 6"),
    ],
    ids=["fedora", "32-bit", "bullseye", "jetpack-5"],
)
def test_a_system_that_is_not_known_is_refused_in_plain_words(system: System, said: str, tmp_path: Path):
    done = provision(system.made(tmp_path))
    assert done.returncode == 1
    assert said in done.stderr
    assert done.stdout == ""


def test_without_root_nothing_is_begun(tmp_path: Path):
    DEBIAN.made(tmp_path)
    nobody = tmp_path / "id"
    nobody.write_text("#!/bin/sh\necho 1000\n")
    nobody.chmod(0o755)
    command = [str(CHECKOUT / "scripts/provision"), "--root", str(tmp_path)]
    path = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30, env=path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "sudo" in done.stderr
