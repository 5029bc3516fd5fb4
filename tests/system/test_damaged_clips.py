"""A clip that is damaged or cut off, as a camera: what there is of it is seen, and no other camera is the worse."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.simulators import clips
from tests.simulators.daemon import Daemon
from tests.system.conftest import ROOM, camera

pytestmark = pytest.mark.system

FRAMES = 50


def played(clip: Path) -> str:
    """Return the tables of two cameras: `room`, which plays the clip again and again, and a sound one."""
    source = f'{{ type = "file", path = {json.dumps(str(clip))}, loop = true, analysis_width = 64 }}'
    return camera(source) + camera(ROOM, "other")


def copied(folder: Path, suffix: str) -> Path:
    """Return a sound clip of two seconds in the container that `suffix` names."""
    clip = folder / f"sound{suffix}"
    clips.ffmpeg("-i", str(clips.h264(folder / "made.mp4", FRAMES)), "-c", "copy", str(clip))
    return clip


def cut(clip: Path) -> Path:
    """Let the clip end in the midst of it, as a recorder does that loses its power."""
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    return clip


def other_is_well(status: dict[str, Any]) -> bool:
    other = status["cameras"]["other"]
    assert (other["failures"], other["corrupt"], other["last_error"]) == (0, 0, "")
    return bool(other["analysed"] and other["condition"] == "clear" and other["tracks"])


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_a_damaged_clip_goes_round_and_its_damage_is_counted_each_time(tmp_path: Path, suffix: str):
    clip = clips.damaged(copied(tmp_path, suffix), tmp_path / f"damaged{suffix}", flips=1000)
    with Daemon(tmp_path, played(clip)) as daemon:
        first = daemon.until(lambda status: corrupt(status) if captured(status) > FRAMES else None, what="a round")
        daemon.until(lambda status: corrupt(status) > first and captured(status) > 3 * FRAMES, what="it goes on")
        status = daemon.until(lambda status: status if other_is_well(status) else None)
        assert (status["cameras"]["room"]["failures"], status["faults"]) == (0, [])
        assert daemon.stop()[0] == 0


@pytest.mark.parametrize("suffix", [".mkv", ".ts"])
def test_a_clip_that_was_cut_off_goes_round_with_what_there_is(tmp_path: Path, suffix: str):
    with Daemon(tmp_path, played(cut(copied(tmp_path, suffix)))) as daemon:
        daemon.until(lambda status: captured(status) > 2 * FRAMES)
        status = daemon.until(lambda status: status if other_is_well(status) else None)
        assert (status["cameras"]["room"]["failures"], status["faults"]) == (0, [])


def test_an_mp4_that_was_cut_off_before_its_index_is_told_until_a_whole_one_is_there(tmp_path: Path):
    whole = copied(tmp_path, ".mp4")
    clip = tmp_path / "cut.mp4"
    clip.write_bytes(whole.read_bytes())
    with Daemon(tmp_path, played(cut(clip))) as daemon:
        status = daemon.until(lambda status: status if status["faults"] else None)
        (fault,) = status["faults"]
        assert f"camera room is lost: {clip}: " in fault
        assert "camera.room.source.path" in fault
        daemon.until(other_is_well)
        whole.replace(clip)
        daemon.until(lambda status: captured(status) > FRAMES and not status["faults"], 60, "opened again")


def captured(status: dict[str, Any]) -> int:
    return int(status["cameras"]["room"]["captured"])


def corrupt(status: dict[str, Any]) -> int:
    return int(status["cameras"]["room"]["corrupt"])
