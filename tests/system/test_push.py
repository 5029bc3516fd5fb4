"""A bundle pushed by the desk's own command to a daemon that runs: enrolled, fetched, tried, active."""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from tapetum import data, inventory
from tapetum.update.repository import CHUNK, Blob
from tests.simulators.daemon import Daemon, until
from tests.simulators.mosquitto import Mosquitto
from tests.system.conftest import STREET, Subscriber, camera, reached_at
from tests.update.making import Desk as Made
from tests.update.making import memory_mb

pytestmark = pytest.mark.system
MODEL = data.detector().stem
QUICK = '[update]\nclock = "any"\n[trial]\nshadow_s = 1\ntrial_s = 600\n'


class Desk:
    """`tapetum-trainer` as somebody uses it, in a folder of its own."""

    def __init__(self, folder: Path, port: int) -> None:
        self.home = folder / "publish"
        self._passphrase = folder / "passphrase"
        self._passphrase.touch(0o600)
        self._passphrase.write_text("of these keys\n")
        done = self.run("keys", "init", "--count", "1", "--threshold", "1")
        assert done.returncode == 0, done.stderr
        self.digest = re.findall("sha256 ([0-9a-f]{64})", done.stdout)[0]
        (self.home / "publish.toml").write_text(f'[broker]\nhost = "127.0.0.1"\nport = {port}\n')

    @property
    def root(self) -> Path:
        return self.home / "repository/metadata/1.root.json"

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "tapetum_trainer.cli", *arguments]
        command += ["--home", str(self.home), "--passphrase", str(self._passphrase)]
        return subprocess.run(command, capture_output=True, text=True, timeout=90, check=False, env=dict(os.environ))


def enroll(daemon: Daemon, root: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "tapetum", "enroll", str(root), "--config", str(daemon.config), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_bundle_that_is_pushed_is_on_trial_some_seconds_later(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
):
    desk = Desk(tmp_path, broker.port)
    with Daemon(tmp_path, camera(STREET) + reached_at(broker.port) + QUICK) as daemon:
        daemon.until_watching()
        assert subscriber.last("inventory")["root"] == ""
        assert subscriber.last("model/fetch") is None, "before it is enrolled a device fetches nothing"
        enrolled = enroll(daemon, desk.root)
        assert (enrolled.returncode, enrolled.stderr) == (0, "")
        assert desk.digest in enrolled.stdout
        until(
            lambda: subscriber.last("inventory")["root"] == desk.digest, what="who brings models knows whom it trusts"
        )
        inventory.parse(msgspec.json.encode(subscriber.last("inventory")))
        before_mb = memory_mb(daemon.pid)[0]
        Path(f"/proc/{daemon.pid}/clear_refs").write_text("5")  # the most begins anew (proc(5))
        start_s = time.monotonic()
        done = desk.run("push", str(data.detector()), "--to", "unit", "--wait", "60")
        taken_s = time.monotonic() - start_s
        after_mb, most_mb = memory_mb(daemon.pid)
        print(
            f"{done.stdout}{taken_s:.1f} s; {before_mb:.0f} MB before, at most {most_mb:.0f} MB, then {after_mb:.0f} MB"
        )
        assert most_mb - before_mb < 40
        assert done.returncode == 0, done.stdout + done.stderr + daemon.log
        assert subscriber.last("model/state")["active"] == MODEL
        assert subscriber.last("model/fetch")["state"] in ("offered", "current")
        last, told = subscriber.last("model/state"), subscriber.last("model/fetch")
        assert (last["state"], last["push"]) == ("trial", told["push"])
        again = desk.run("push", str(data.detector()), "--to", "unit,elsewhere", "--wait", "4")
        assert again.returncode == 1, "one does not answer"
        assert "unit: current" in again.stdout
        assert "elsewhere: no device of that name has said anything here yet" in again.stdout
        assert daemon.until(lambda status: not status["faults"], what="no faults")
        assert daemon.stop()[0] == 0
    assert daemon.left() == []


def test_a_device_that_was_off_has_what_was_pushed_when_it_is_on_again_though_the_desk_is_off(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
):
    desk = Desk(tmp_path, broker.port)
    daemon = Daemon(tmp_path, camera(STREET) + reached_at(broker.port) + QUICK)
    assert enroll(daemon, desk.root).returncode == 0
    assert desk.run("push", str(data.detector()), "--wait", "0").returncode == 0
    with daemon:
        until(lambda: (subscriber.last("model/state") or {}).get("active") == MODEL, 60, daemon.log)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["ended", "killed"])
def test_a_fetch_that_is_cut_off_ends_with_the_daemon_and_goes_on_at_its_next_start(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber, number: signal.Signals
):
    desk = Desk(tmp_path, broker.port)
    daemon = Daemon(tmp_path, camera(STREET) + reached_at(broker.port) + QUICK)
    assert enroll(daemon, desk.root).returncode == 0
    assert desk.run("push", str(data.detector()), "--wait", "0").returncode == 0
    content = data.detector().read_bytes()
    last = Blob(sha256=hashlib.sha256(content).hexdigest(), bytes=len(content)).topics()[-1]
    subscriber.retain(last, b"")  # it never comes to its end
    coming = daemon.state / "update/coming"
    with daemon:
        until(lambda: coming.exists() and any(path.stat().st_size > 3e6 for path in coming.iterdir()))
        status, taken_s = daemon.stop(number=number)
        assert status == (0 if number == signal.SIGTERM else -signal.SIGKILL)
        assert taken_s < 10, "it has 2 s, on an idle machine"
        until(lambda: daemon.left() == [], what="the process that fetches is gone too")
        assert "left behind" not in daemon.log
    assert [path.suffix for path in coming.iterdir()] == [".part"]
    subscriber.retain(last, content[-(len(content) % CHUNK) :])
    with daemon:
        until(lambda: (subscriber.last("model/state") or {}).get("active") == MODEL, 60, daemon.log)
        assert "update: downloading" in daemon.log


def test_who_signs_with_other_keys_has_nothing_installed(tmp_path: Path, broker: Mosquitto, subscriber: Subscriber):
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.mkdir()
    theirs.mkdir()
    desk, stranger = Desk(ours, broker.port), Desk(theirs, broker.port)
    with Daemon(tmp_path, camera(STREET) + reached_at(broker.port) + QUICK) as daemon:
        assert enroll(daemon, desk.root).returncode == 0
        done = stranger.run("push", str(data.detector()), "--to", "unit", "--wait", "5")
        assert done.returncode == 1, done.stdout
        daemon.until(lambda status: any("update refused: UnsignedMetadataError" in one for one in status["faults"]))
        assert subscriber.last("model/state")["active"] == ""
        assert json.loads((daemon.state / "update/floor.json").read_text())["push"] == 0
    refused = enroll(daemon, stranger.root)
    assert refused.returncode == 78
    assert "the device trusts another root: --again" in refused.stderr
    assert enroll(daemon, stranger.root, "--again").returncode == 0
    assert enroll(daemon, stranger.root).stdout.startswith("the device trusts it already: root 1, sha256 ")


@pytest.mark.parametrize("damage", [None, b"", b"{"], ids=["lost", "empty", "half"])
def test_a_device_that_lost_what_it_had_seen_is_enrolled_again_with_the_same_root(tmp_path: Path, damage: bytes | None):
    daemon = Daemon(tmp_path)
    root = tmp_path / "root.json"
    root.write_bytes(Made(tmp_path / "repository").enrolled)
    assert enroll(daemon, root).returncode == 0
    floor = daemon.state / "update/floor.json"
    before = floor.read_bytes()
    floor.unlink() if damage is None else floor.write_bytes(damage)
    again = enroll(daemon, root)
    assert (again.returncode, again.stderr, "already" in again.stdout) == (0, "", False), again
    assert floor.read_bytes() == before


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[" * 70_000, b"\0" * 100], ids=["empty", "no root", "long", "binary"]
)
def test_what_is_no_root_is_not_enrolled(tmp_path: Path, content: bytes):
    daemon = Daemon(tmp_path)
    (tmp_path / "root.json").write_bytes(content)
    refused = enroll(daemon, tmp_path / "root.json")
    assert refused.returncode == 78
    assert f"{tmp_path}/root.json: it is no root" in refused.stderr
    assert not (daemon.state / "update").exists()
