"""What is handed to the operating system: the service, its sandbox, the firewall."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FIRMWARE = Path(__file__).parents[2] / "firmware-config"
UNIT = FIRMWARE / "systemd/tapetum.service"
DROP_IN = FIRMWARE / "jetson/tapetum.service.d.conf"
PATH = os.environ.get("PATH", "") + ":/usr/sbin"
# Refuses memory that is writable and executable, now or later, as the service's sandbox does, then becomes a command.
DENY = """
import ctypes, mmap, os, sys
if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0):  # PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN: Linux 6.3
    sys.exit(99)
try:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
except PermissionError:
    os.execv(sys.argv[1], sys.argv[1:])
sys.exit("memory that is writable and executable was given")
"""


def analyze(*arguments: str) -> "subprocess.CompletedProcess[str]":
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed")
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False, timeout=60)


def system(root: Path, *drop_ins: Path) -> Path:
    """Return `root` with the service installed, and a program in the place of ours."""
    units = root / "etc/systemd/system"
    units.mkdir(parents=True)
    shutil.copy(UNIT, units)
    for drop_in in drop_ins:
        (units / "tapetum.service.d").mkdir(exist_ok=True)
        shutil.copy(drop_in, units / "tapetum.service.d")
    return root


def exposure(root: Path) -> float:
    done = analyze("security", "--offline=true", f"--root={root}", "--no-pager", "tapetum.service")
    found = re.search(r"Overall exposure level for tapetum.service: ([\d.]+)", done.stdout)
    assert found, done.stdout + done.stderr
    return float(found[1])


def test_the_service_is_exposed_to_at_most_two_of_ten(tmp_path: Path):
    assert exposure(system(tmp_path)) <= 2.0


def test_what_a_jetson_needs_exposes_it_little_more(tmp_path: Path):
    assert exposure(system(tmp_path, DROP_IN)) <= 2.5


def test_systemd_understands_every_line_of_the_unit(tmp_path: Path):
    unit = tmp_path / "tapetum.service"
    unit.write_text(UNIT.read_text().replace("/opt/tapetum/venv/bin/tapetum", sys.executable))
    done = analyze("verify", "--man=no", str(unit))
    assert [line for line in done.stderr.splitlines() if "tapetum" in line] == []


def test_the_worker_may_lock_itself_in():
    allowed = [line for line in UNIT.read_text().splitlines() if line.startswith("SystemCallFilter=")]
    locks = {"seccomp", "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"}
    assert locks <= set(" ".join(allowed).replace("SystemCallFilter=", "").split())


def test_the_program_that_the_service_starts_is_the_one_that_provision_installs():
    provision = (FIRMWARE.parent / "scripts/provision").read_text()
    assert "home=/opt/tapetum" in provision
    assert "config=/etc/tapetum/tapetum.toml" in provision
    assert "ExecStart=/opt/tapetum/venv/bin/tapetum run --config /etc/tapetum/tapetum.toml\n" in UNIT.read_text()


def test_the_model_answers_with_no_memory_both_writable_and_executable(data: Path):
    if os.uname().sysname != "Linux":
        pytest.skip("the sandbox is Linux's")
    model = data / "models/coco_ssd_mobilenet_v1_quant"
    clip = FIRMWARE.parent / "device/tapetum/data/street.mp4"
    replay = [sys.executable, "-m", "tapetum", "replay", str(clip), "--model", str(model / "detect.tflite")]
    command = [sys.executable, "-c", DENY, *replay, "--labels", str(model / "labelmap.txt")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    if done.returncode == 99:
        pytest.skip("this kernel cannot refuse it")
    assert done.returncode == 0, done.stderr
    assert '"label":"person"' in done.stdout


def test_the_firewall_s_rules_can_be_loaded(tmp_path: Path):
    nft = shutil.which("nft", path=PATH)
    if nft is None:
        pytest.skip("nft is not installed")
    command = [nft, "-c", "-f", str(FIRMWARE / "nftables/tapetum.nft")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    if "Operation not permitted" in done.stderr:
        pytest.skip("nft checks rules for root alone")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_rules_of_udev_give_devices_to_the_group_of_the_service():
    rules = (FIRMWARE / "udev/99-tapetum.rules").read_text().splitlines()
    lines = [line for line in rules if line and not line.startswith("#")]
    match, assign = r'[A-Z]+(\{\w+\})?=="[^"]+"', 'GROUP="video", MODE="0660"'
    assert [line for line in lines if not re.fullmatch(rf"({match}, )+{assign}", line)] == []
    assert "SupplementaryGroups=video\n" in UNIT.read_text()
