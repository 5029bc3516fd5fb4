"""What happens to a camera reaches the broker, once."""

import json
from itertools import groupby
from pathlib import Path

import pytest

from tapetum import data as shipped
from tests.simulators.clips import ffmpeg
from tests.simulators.daemon import Daemon, until
from tests.simulators.mosquitto import Mosquitto
from tests.system.conftest import Subscriber, camera, reached_at

pytestmark = pytest.mark.system


def test_a_camera_that_is_covered_is_told_of_once_and_again_when_it_sees(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
):
    clip = tmp_path / "covered.mp4"
    black = "fps=10,drawbox=t=fill:color=black:enable='between(t,1,4)',noise=alls=6:allf=t"
    ffmpeg("-stream_loop", "-1", "-t", "7", "-i", str(shipped.clip()), "-vf", black, "-c:v", "libx264", str(clip))
    source = f'{{ type = "file", path = {json.dumps(str(clip))} }}'
    with Daemon(tmp_path, reached_at(broker.port) + camera(source, more="conditions = { covered_s = 1.0 }")) as daemon:
        until(lambda: (subscriber.last("room/condition") or {}).get("condition") == "covered")
        daemon.until(lambda status: any("room is covered" in fault for fault in status["faults"]))
        assert daemon.wait() == 0
        until(lambda: subscriber.last("state")["status"] == "offline")
    conditions = [said["condition"] for said in subscriber.all("room/condition")]
    assert [name for name, _ in groupby(conditions)] == conditions
    assert conditions.count("covered") == 1
    assert conditions[0] == "opening"
    assert conditions[-1] == "clear"
    assert set(conditions) == {"opening", "clear", "covered"}  # black has no colour, and that is not told


def test_what_is_damped_is_told_and_forgotten_on_command_and_learned_anew(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
):
    clip = tmp_path / "screen.mp4"
    blinking = "fps=10,drawbox=x=40:y=40:w=90:h=80:t=fill:color=white:enable='lt(mod(t,0.6),0.3)'"
    ffmpeg("-t", "5", "-i", str(shipped.clip()), "-vf", blinking, "-c:v", "libx264", str(clip))
    source = f'{{ type = "file", path = {json.dumps(str(clip))}, loop = true }}'
    told = camera(source, more="damping = { after_s = 1.0 }")
    with Daemon(tmp_path, reached_at(broker.port) + told):
        until(lambda: subscriber.all("room/damped"))
        assert subscriber.all("room/damped")[0] == {"areas": []}
        until(lambda: subscriber.last("room/damped")["areas"])
        before = len(subscriber.all("room/damped"))
        subscriber.say("cmd/clear_damped", "room")
        until(lambda: {"areas": []} in subscriber.all("room/damped")[before:])
        until(lambda: subscriber.last("room/damped")["areas"])
