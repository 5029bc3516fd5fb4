"""What the daemon tells systemd: that it is ready, that it turns, that it reloads, that it ends (sd_notify(3))."""

import re
import signal
import time
from pathlib import Path

import pytest

from tests.simulators.daemon import Daemon, until
from tests.system.conftest import ROOM, Systemd, camera

pytestmark = pytest.mark.system


STUCK = """
import pathlib, sys, time
from tapetum.cli import main
from tapetum.pipeline import Pipeline
step, folder = Pipeline.step, pathlib.Path(sys.argv.pop())
def slow(self, frame):
    while frame.camera == "room" and (folder / "stuck").exists():
        time.sleep(0.01)
    return step(self, frame)
Pipeline.step = slow
sys.exit(main())
"""
"""A daemon that waits in the analysis of the camera `room` while there is a file FOLDER/stuck."""


def test_it_says_when_it_is_ready_reloads_and_stops(tmp_path: Path, systemd: Systemd):
    with Daemon(tmp_path, camera(), environment=systemd.environment) as daemon:
        until(lambda: "READY=1" in systemd.hear())
        assert systemd.heard[0] == "READY=1"
        until(systemd.fed, what="the watchdog is fed")
        before_us = time.monotonic_ns() // 1000
        daemon.send(signal.SIGHUP)
        until(lambda: systemd.hear().count("READY=1") == 2, what="ready again")
        (reloading,) = [said for said in systemd.heard if said.startswith("RELOADING=1\n")]
        at_us = int(re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=(\d+)", reloading)[1])  # type: ignore[index]
        assert before_us <= at_us <= time.monotonic_ns() // 1000
        daemon.write("nonsense")
        daemon.send(signal.SIGHUP)
        until(lambda: systemd.hear().count("READY=1") == 3, what="ready again after what it refused too")
        daemon.stop()
    assert systemd.hear()[-1] == "STOPPING=1"


def test_the_watchdog_is_not_fed_while_frames_of_one_camera_wait_to_be_analysed(tmp_path: Path, systemd: Systemd):
    daemon = Daemon(
        tmp_path,
        camera() + camera(ROOM, "other"),
        program=("-c", STUCK),
        arguments=[str(tmp_path)],
        environment=systemd.environment,
    )
    with daemon:
        until(lambda: systemd.fed() >= 2)
        (tmp_path / "stuck").touch()
        time.sleep(1.3)  # a turn that was made just before is told with the next of the other camera
        before = systemd.fed()
        time.sleep(2.5)  # nothing happens, which is what is to be seen; else it would be fed twice
        assert systemd.fed() == before
        (tmp_path / "stuck").unlink()
        until(lambda: systemd.fed() > before)


def test_without_systemd_nothing_is_said_and_nothing_is_missed(tmp_path: Path):
    with Daemon(tmp_path, camera(), environment={"NOTIFY_SOCKET": str(tmp_path / "nobody")}) as daemon:
        daemon.until_open()
        assert daemon.stop()[0] == 0
