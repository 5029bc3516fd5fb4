"""What happens to the whole picture is recognised, told once, and is no motion: on a real clip, by real means."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import cycle, groupby, islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from tapetum.capture import File
from tapetum.capture.framing import Framer
from tapetum.clock import SystemClock
from tapetum.colour import to_bgr
from tapetum.motion.adaptive import Adaptive
from tapetum.motion.conditions import Conditions
from tapetum.scene import Box, Colour, Condition, Frame, Plane
from tapetum_trainer.degrade.infrared import Lamp, infrared
from tapetum_trainer.degrade.night import DarkSensor
from tests.replay.clips import people_clip
from tests.scenes import Play, Player, walking

FPS = 10
EMPTY = 54  # frames at the clip's beginning in which nobody is there
CLEAR = Condition.CLEAR

Planes = tuple[Plane, Plane, Plane]
Change = Callable[[Planes, float], Planes]


@dataclass(frozen=True)
class Seen:
    """What one frame came to."""

    t_s: float
    condition: Condition
    regions: tuple[Box, ...]


@pytest.fixture(scope="module")
def room(data: Path) -> list[Planes]:
    """Return the real, empty room, y, u and v of each frame."""
    source = File(path=str(people_clip(data)), pace="analysis").open("room", SystemClock())
    frames = [source.read() for _ in range(EMPTY)]
    return [(frame.y.copy(), frame.u.copy(), frame.v.copy()) for frame in frames if frame]


def played(room: Sequence[Planes], seconds: float, change: Change) -> Iterator[Frame]:
    """Yield the room to and fro, ten frames a second, with what happens to the camera."""
    framer = Framer("room", 384)
    there_and_back = cycle([*room, *room[-2:0:-1]])
    for index, planes in enumerate(islice(there_and_back, round(seconds * FPS))):
        t_s = index / FPS
        y, u, v = change(planes, t_s)
        yield framer.frame(y.copy(), u.copy(), v.copy(), int(t_s * 1e9))


def watched(frames: Iterable[Frame], settings: Conditions | None = None) -> list[Seen]:
    watch, detector = (settings or Conditions()).start(), Adaptive().start()
    found, start_ns = [], None
    for frame in frames:
        start_ns = frame.t_ns if start_ns is None else start_ns
        anew = watch.look(frame)
        motion = watch.judge(detector.detect(frame.luma, anew=anew))
        found.append(Seen((frame.t_ns - start_ns) / 1e9, motion.condition, motion.regions))
    return found


def told(found: Iterable[Seen]) -> list[tuple[Condition, float]]:
    """Return what was told, each once, and when, as a camera tells it."""
    return [(condition, next(same).t_s) for condition, same in groupby(found, lambda seen: seen.condition)]


def moving(found: Iterable[Seen]) -> list[float]:
    return [seen.t_s for seen in found if seen.regions]


def shifted(planes: Planes, right: float, down: float = 0.0) -> Planes:
    """Return the picture as a camera sees it that was turned: displaced, with its edge drawn out."""
    y, u, v = (
        np.asarray(
            cv2.warpAffine(
                plane,
                np.array([[1, 0, right / factor], [0, 1, down / factor]], np.float32),
                plane.shape[::-1],
                borderMode=cv2.BORDER_REPLICATE,
            ),
            np.uint8,
        )
        for plane, factor in zip(planes, (1, 2, 2), strict=True)
    )
    return y, u, v


def scaled(planes: Planes, factor: float | np.ndarray) -> Planes:
    return np.clip(planes[0] * factor, 0, 255).astype(np.uint8), planes[1], planes[2]


def lamp(planes: Planes) -> np.ndarray:
    """Return a light from the right: a third of the brightness on the left, a little more on the right."""
    return np.tile(np.linspace(0.33, 1.2, planes[0].shape[1], dtype=np.float32), (planes[0].shape[0], 1))


def gray(planes: Planes) -> Planes:
    return planes[0], np.full_like(planes[1], 128), np.full_like(planes[2], 128)


@pytest.fixture(scope="module")
def by_lamp() -> Callable[[Planes], Planes]:
    """Return the night camera: the same room by its own infrared lamp, without colour."""
    sensor = DarkSensor(0.2, seed=1)

    def seen(planes: Planes) -> Planes:
        y, u, v = planes
        whole = [y, *(np.asarray(cv2.resize(plane, y.shape[::-1]), np.uint8) for plane in (u, v))]
        picture = infrared(to_bgr(whole, Colour())[..., ::-1], Lamp(power=1.0))[..., 0]
        return gray((sensor.picture(picture), planes[1], planes[2]))

    return seen


def test_a_quiet_room_is_clear_and_still(room: list[Planes]):
    found = watched(played(room, 12, lambda planes, _: planes))
    assert told(found) == [(CLEAR, 0)]
    assert moving(found) == []


def test_a_camera_that_is_turned_has_moved(room: list[Planes]):
    for to in ((12, 6), (-40, 0), (-60, 0), (80, 0), (300, 40)):  # along the lines of the floor, which look alike
        turned = partial(shifted, right=to[0], down=to[1])
        found = watched(played(room, 7, lambda planes, t_s, turned=turned: turned(planes) if t_s >= 3 else planes))
        (_, _), (moved, at_s), (clear, back_s) = told(found)
        assert (moved, clear) == (Condition.MOVED, CLEAR)
        assert 3 < at_s <= 5
        assert back_s <= at_s + 2
        assert moving(found) == []


def test_a_camera_that_is_pushed_and_comes_back_has_not_moved(room: list[Planes]):
    found = watched(played(room, 6, lambda planes, t_s: shifted(planes, 20) if 3 <= t_s < 3.4 else planes))
    assert told(found) == [(CLEAR, 0)]
    assert moving(found) == []


def test_a_camera_that_trembles_in_the_wind_is_shaken_until_it_is_still(room: list[Planes]):
    random = np.random.default_rng(1)

    def wind(planes: Planes, t_s: float) -> Planes:
        return shifted(planes, *random.normal(0, 6, 2)) if 3 <= t_s < 8 else planes

    found = watched(played(room, 12, wind))
    (_, _), (shaken, at_s), (clear, back_s) = told(found)
    assert (shaken, clear) == (Condition.SHAKEN, CLEAR)
    assert at_s <= 6
    assert 8 <= back_s <= 10
    assert moving(found) == []


@pytest.mark.parametrize("cover", ["black", "cloth", "hand", "clock"])
def test_a_covered_camera_is_covered_until_it_is_not(room: list[Planes], cover: str):
    random = np.random.default_rng(1)
    height, width = room[0][0].shape
    shading = np.add.outer(np.linspace(0, 40, height), np.linspace(20, 90, width))
    cloth, clock = np.full((height, width), 70.0), np.full((height, width), 70.0)
    for y in (height // 15, height - height // 30):  # as cameras write it over whatever they see
        cv2.putText(clock, "2026-01-02 03:04:05 hall 1", (10, y), cv2.FONT_HERSHEY_SIMPLEX, width / 1000, (240,), 2)
    before_it = {"black": np.zeros((height, width)), "cloth": cloth, "hand": shading, "clock": clock}[cover]

    def covered(planes: Planes, t_s: float) -> Planes:
        if not 3 <= t_s < 7:
            return planes
        noisy = before_it + random.normal(0, 4, before_it.shape) * (cover != "black")
        return gray((np.clip(noisy, 0, 255).astype(np.uint8), planes[1], planes[2]))

    found = watched(played(room, 10, covered))
    (_, _), (what, at_s), (clear, _) = told(found)  # and no infrared, though there is no colour either
    assert (what, clear) == (Condition.COVERED, CLEAR)
    assert 5 <= at_s <= 5.2
    assert moving(found) == []


def test_the_same_picture_again_and_again_is_frozen_until_it_changes(room: list[Planes]):
    found = watched(played(room, 17, lambda planes, t_s: room[7] if 3 <= t_s < 15 else planes))
    assert told(found) == [(CLEAR, 0), (Condition.FROZEN, 13.1), (CLEAR, 15)]
    assert moving(found) == []


@pytest.mark.parametrize("since_s", [3.0, 3.1])
def test_black_without_any_noise_is_covered_and_not_frozen_whenever_it_comes(room: list[Planes], since_s: float):
    """Structure is looked at in every second of these frames, and there is one frame alone that is not a repetition."""
    black = np.zeros_like(room[0][0])
    found = watched(played(room, 20, lambda planes, t_s: (black, *planes[1:]) if t_s >= since_s else planes))
    assert told(found) == [(CLEAR, 0), (Condition.COVERED, pytest.approx(since_s + 2, abs=0.3))]
    assert moving(found) == []


def test_a_picture_without_noise_in_which_anything_changes_is_not_frozen():
    still = np.full((360, 640), 90, np.uint8)
    cv2.randu(still, 80, 100)
    colourless = np.full((180, 320), 128, np.uint8)

    def clip() -> Iterator[Frame]:
        framer = Framer("room", 320)
        for index in range(200):
            picture = still.copy()
            picture[100:110, index : index + 10] = 200
            yield framer.frame(picture, colourless, colourless, index * 10**8)

    assert Condition.FROZEN not in {seen.condition for seen in watched(clip())}


def test_a_light_that_is_switched_is_told_as_that(room: list[Planes]):
    light = lamp(room[0])
    found = watched(played(room, 10, lambda planes, t_s: scaled(planes, light) if 3 <= t_s < 6.5 else planes))
    names = [name for name, _ in told(found)]
    assert names == [CLEAR, Condition.LIGHT, CLEAR, Condition.LIGHT, CLEAR]
    assert [t_s for name, t_s in told(found) if name is Condition.LIGHT] == pytest.approx([3.5, 7.0], abs=0.2)
    assert moving(found) == []


def test_the_infrared_filter_is_told_of_each_way_and_is_no_motion(
    room: list[Planes], by_lamp: Callable[[Planes], Planes]
):
    found = watched(played(room, 10, lambda planes, t_s: by_lamp(planes) if 3 <= t_s < 7 else planes))
    assert told(found) == [(CLEAR, 0), (Condition.INFRARED, 3), (CLEAR, 5), (Condition.INFRARED, 7), (CLEAR, 9)]
    assert moving(found) == []


def test_a_camera_that_is_turned_after_the_infrared_filter_was_switched_has_moved(
    room: list[Planes], by_lamp: Callable[[Planes], Planes]
):
    def seen(planes: Planes, t_s: float) -> Planes:
        turned = shifted(planes, -60) if t_s >= 9 else planes
        return by_lamp(turned) if t_s >= 3 else planes

    names = [name for name, _ in told(watched(played(room, 13, seen)))]
    assert names == [CLEAR, Condition.INFRARED, CLEAR, Condition.MOVED, CLEAR]


def test_a_scene_that_looks_another_by_infrared_has_not_moved(room: list[Planes]):
    """Leaves and cloth that are dark by day may be bright then."""

    def seen(planes: Planes, t_s: float) -> Planes:
        return gray((255 - planes[0], *planes[1:])) if t_s >= 3 else planes

    assert [name for name, _ in told(watched(played(room, 7, seen)))] == [CLEAR, Condition.INFRARED, CLEAR]


def test_colour_that_fades_as_dusk_falls_is_no_filter(room: list[Planes]):
    def dusk(planes: Planes, t_s: float) -> Planes:
        left = max(0.0, 1 - t_s / 28)
        u, v = (np.rint(128 + (plane - 128.0) * left).astype(np.uint8) for plane in planes[1:])
        return scaled((planes[0], u, v), 1 - 0.02 * t_s)

    found = watched(played(room, 30, dusk))
    assert told(found) == [(CLEAR, 0)]
    assert moving(found) == []


@pytest.mark.parametrize("factor", [0.6, 0.8, 1.25])
def test_a_step_of_the_camera_s_gain_is_nothing_to_tell(room: list[Planes], factor: float):
    found = watched(played(room, 7, lambda planes, t_s: scaled(planes, factor) if t_s >= 3 else planes))
    assert told(found) == [(CLEAR, 0)]
    assert moving(found) == []


def test_clouds_that_pass_are_nothing_to_tell(room: list[Planes]):
    height, width = room[0][0].shape
    across = np.linspace(0, 1, width, dtype=np.float32)

    def clouds(planes: Planes, t_s: float) -> Planes:
        shadow = 1 - 0.35 / (1 + np.exp(-8 * (t_s / 40 - across)))
        return scaled(planes, np.tile(shadow, (height, 1)))

    found = watched(played(room, 40, clouds))
    assert told(found) == [(CLEAR, 0)]
    assert moving(found) == []


def test_times_are_those_of_the_frames(room: list[Planes]):
    slow = [replace(frame, t_ns=frame.t_ns * 4) for frame in played(room[7:8], 4, lambda planes, _: planes)]
    assert told(watched(slow))[1] == (Condition.FROZEN, pytest.approx(10, abs=0.9))


def test_a_small_shift_is_learned_and_not_told(room: list[Planes]):
    found = watched(played(room, 6, lambda planes, t_s: shifted(planes, 3) if t_s >= 3 else planes))
    assert told(found) == [(CLEAR, 0)]
    assert moving(found) == []


def test_a_light_is_told_by_night_too(room: list[Planes]):
    sensor = DarkSensor(0.04, seed=1)
    light = lamp(room[0])

    def night(planes: Planes, t_s: float) -> Planes:
        lit = scaled(planes, light if t_s >= 3 else 1.0)
        return gray((sensor.picture(lit[0]), planes[1], planes[2]))

    found = watched(played(room, 7, night))
    assert [name for name, _ in told(found)] == [CLEAR, Condition.LIGHT, CLEAR]
    assert moving(found) == []


def test_a_picture_of_another_size_is_nothing_to_tell(room: list[Planes]):
    small = [(y[:200].copy(), u[:100].copy(), v[:100].copy()) for y, u, v in room]
    frames = [*played(room, 3, lambda planes, _: planes), *played(small, 3, lambda planes, _: planes)]
    frames = [replace(frame, t_ns=index * 10**8) for index, frame in enumerate(frames)]
    assert told(watched(frames)) == [(CLEAR, 0)]


def test_people_who_walk_through_are_no_condition():
    near = Player(walking((0.35, 0.9), (2, -0.2, 0.5), (8, 1.2, 0.5)), y=60)
    play = Play([near, Player(walking((0.1, 0.3), (3, 1.1, 0.6), (9, -0.1, 0.6)), u=80, v=180)], seconds=10)
    assert told(watched(frame for _, frame, _ in play.frames())) == [(CLEAR, 0)]


@pytest.mark.parametrize("shape", [(2, 2), (36, 64), (64, 36)])
def test_a_tiny_picture_is_looked_at_like_any_other(shape: tuple[int, int]):
    random, framer = np.random.default_rng(1), Framer("room", 384)
    chroma = np.full((shape[0] // 2, shape[1] // 2), 128, np.uint8)
    pictures = (random.integers(0, 256, shape).astype(np.uint8) for _ in range(5))
    assert len(watched(framer.frame(picture, chroma, chroma, 10**8) for picture in pictures)) == 5


# On clips in which nothing of it happens.


def recognised(clip: Path, every: int = 1) -> list[Condition]:
    """Return what is told of a real clip, `clear` left out."""
    source, watch = File(path=str(clip), pace="analysis").open("clip", SystemClock()), Conditions().start()
    detector, found = Adaptive().start(), []
    while (frame := source.read()) is not None:
        if frame.seq % every == 0:
            anew = watch.look(frame)
            found.append(watch.judge(detector.detect(frame.luma, anew=anew)).condition)
    return [name for name, _ in groupby(found) if name is not CLEAR]


def test_nothing_is_told_of_a_street_through_which_people_walk(data: Path):
    assert recognised(data / "video/vtest.avi", every=4) == []


@pytest.mark.long
@pytest.mark.parametrize("name", ["intel_one-by-one-person-detection.mp4", "vtest.avi"])
def test_nothing_is_told_of_any_frame_of_a_camera_that_hangs_still(data: Path, name: str):
    assert recognised(data / "video" / name) == []


@pytest.mark.parametrize("name", ["03_pedestrian1"])
def test_a_camera_in_the_hand_is_shaken(data: Path, name: str):
    (clip,) = (data / "tracking/tld" / name).glob("*.mpg")
    assert recognised(clip)[0] is Condition.SHAKEN
