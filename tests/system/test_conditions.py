"""What happens to a camera reaches the broker, once."""

import json
from itertools import groupby
from pathlib import Path

import pytest

from tapetum import data as shipped
from tapetum.scene import Box
from tests.simulators.clips import ffmpeg
from tests.simulators.daemon import Daemon, until
from tests.simulators.mosquitto import Mosquitto
from tests.system.conftest import Subscriber, camera, reached_at

pytestmark = pytest.mark.system

HAPPENS = {
    "light": "fps=10,lutyuv=y=val/4:enable='gte(t,3)'",
    "moved": "fps=10,crop=w=iw-96:h=ih:x='if(lt(t,3),0,96)'",
    "infrared": "fps=10,hue=s=0:enable='gte(t,3)'",
    "frozen": "fps=10,loop=loop=25:size=1:start=30",
}
LARGE = 0.25  # of the frame: people of this street are smaller


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


@pytest.fixture
def befallen(tmp_path: Path) -> str:
    """Return the tables of a camera for each of `HAPPENS`, to whose street that happens after three seconds."""
    tables = []
    for name, what in HAPPENS.items():
        clip = tmp_path / f"{name}.mkv"
        ffmpeg("-t", "8", "-i", str(shipped.clip()), "-vf", what, "-c:v", "ffv1", str(clip))
        source = f'{{ type = "file", path = {json.dumps(str(clip))} }}'
        tables.append(camera(source, name, more="conditions = { frozen_s = 1.5 }"))
    return "".join(tables)


def test_what_happens_to_a_camera_is_told_once_and_is_no_sighting_of_its_own(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber, befallen: str
):
    with Daemon(tmp_path, reached_at(broker.port) + befallen) as daemon:
        assert daemon.wait() == 0
        until(lambda: subscriber.last("state")["status"] == "offline")
    told = {name: [said["condition"] for said in subscriber.all(f"{name}/condition")] for name in HAPPENS}
    assert told == {name: ["opening", "clear", name, "clear"] for name in HAPPENS}
    boxes = [Box(**said["box"]) for name in HAPPENS for said in subscriber.events(camera=name)]
    assert boxes  # people walk there
    assert max(box.area for box in boxes) < LARGE
