"""Every motion detector, whatever its method, keeps the same promises."""

import dataclasses
import re
import tracemalloc
import typing
from collections.abc import Callable, Sequence

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapetum.motion import Method, MotionDetector
from tapetum.motion.adaptive import Adaptive
from tapetum.motion.frame_difference import FrameDifference
from tapetum.scene import Box, Condition, Motion, Plane
from tapetum.zones import Zone
from tests.scenes import FPS, Play, Player, best_iou, drawn, standing, walking

METHODS = typing.get_args(Method)
ABSORB = 50  # frames
SIZE = (0.08, 0.25)  # of those who walk

Start = Callable[..., MotionDetector]


@pytest.fixture(params=METHODS, ids=lambda kind: kind.__name__)
def start(request: pytest.FixtureRequest) -> Start:
    """Return what makes a detector of each method, with its defaults or with other settings."""
    return lambda **settings: request.param(**settings).start()


@pytest.fixture(params=["day", "night"])
def scene(request: pytest.FixtureRequest) -> str:
    """By day, and at 4 % of the light."""
    return str(request.param)


def watched(detector: MotionDetector, play: Play, keep: bool = False) -> list[tuple[float, Motion, tuple[Box, ...]]]:
    """Return (time s, motion, who is there) of each frame; `keep`: who is there is being followed."""
    found = []
    for t_s, luma, there in play.lumas():
        motion = detector.detect(luma, keep=[box.grown(0.1) for box in there] if keep else ())
        found.append((t_s, dataclasses.replace(motion, mask=motion.mask.copy()), there))
    return found


def strangers(regions: Sequence[Box], there: Sequence[Box]) -> list[Box]:
    """Return the regions where nobody is."""
    return [region for region in regions if not any(region.overlap(box.grown(0.25)) for box in there)]


def test_a_still_room_shows_no_motion_from_the_first_frame_on(start: Start, scene: str) -> None:
    for t_s, motion, _ in watched(start(), Play(seconds=20, scene=scene)):
        assert (motion.regions, motion.condition) == ((), Condition.CLEAR), t_s


def test_there_is_nothing_on_the_first_frame_whoever_is_in_it(start: Start, scene: str) -> None:
    crowd = [Player(standing(Box(x, 0.2, x + 0.1, 0.7))) for x in (0.1, 0.4, 0.7)]
    (_, motion, _), *_ = watched(start(), Play(crowd, seconds=1 / FPS, scene=scene))
    assert (motion.regions, motion.condition) == ((), Condition.CLEAR)
    assert not motion.mask.any()


@pytest.mark.parametrize("brightness", [225, 30])
def test_who_walks_is_found_where_they_are(start: Start, scene: str, brightness: int) -> None:
    walker = Player(walking(SIZE, (2, -0.04, 0.5), (8, 1.04, 0.5)), y=brightness)
    found = watched(start(), Play([walker], seconds=9, scene=scene))
    inside = [(motion, there) for _, motion, there in found if there and there[0] == there[0].clipped()]
    fits = [best_iou(there[0], motion.regions) for motion, there in inside]
    assert len(fits) > 40
    assert np.mean([fit > 0.5 for fit in fits]) >= 0.9
    assert np.median(fits) > 0.7
    assert [one for _, motion, there in found for one in strangers(motion.regions, there)] == []


def test_the_mask_shows_who_walks_and_nobody_else(start: Start, scene: str) -> None:
    walker = Player(walking(SIZE, (2, -0.04, 0.5), (8, 1.04, 0.5)))
    for t_s, motion, there in watched(start(), Play([walker], seconds=8, scene=scene)):
        assert motion.mask.dtype == np.uint8
        assert set(np.unique(motion.mask)) <= {0, 255}
        if 4 < t_s < 6:
            own = motion.mask[there[0].slices(motion.mask)]
            assert np.count_nonzero(own) > 0.6 * own.size
            assert np.count_nonzero(motion.mask) - np.count_nonzero(own) < 0.5 * own.size


def test_of_two_apart_each_is_a_region_of_their_own_the_larger_first(start: Start, scene: str) -> None:
    small = Player(walking((0.06, 0.16), (2, 0.2, 0.25), (8, 0.5, 0.25)))
    large = Player(walking((0.10, 0.30), (2, 0.8, 0.7), (8, 0.5, 0.7)), y=30)
    for t_s, motion, there in watched(start(), Play([small, large], seconds=7, scene=scene)):
        if t_s > 3:
            assert all(best_iou(box, motion.regions) > 0.4 for box in there), t_s
            assert list(motion.regions) == sorted(motion.regions, key=lambda box: -box.area)


def test_who_was_there_at_the_start_leaves_no_ghost_behind(start: Start, scene: str) -> None:
    home = Box(0.46, 0.375, 0.54, 0.625)
    leaver = Player(walking(SIZE, (0, 0.5, 0.5), (0.5, 0.5, 0.5), (3, 1.1, 0.5)))
    found = watched(start(), Play([leaver], seconds=6, scene=scene))
    gone_s = next(t_s for t_s, _, there in found if not any(home.overlap(box) for box in there))
    late = [(t_s, motion.regions) for t_s, motion, there in found if t_s > gone_s + 5 / FPS]
    assert [(t_s, regions) for t_s, regions in late if any(home.overlap(one) for one in regions)] == []


def test_who_walks_where_somebody_stood_at_the_start_is_found_as_they_are(start: Start, scene: str) -> None:
    leaver = Player(walking(SIZE, (0, 0.5, 0.5), (0.5, 0.5, 0.5), (3, 1.1, 0.5)))
    other = Player(walking((0.05, 0.15), (5, -0.05, 0.5), (9, 1.05, 0.5)))
    found = watched(start(), Play([leaver, other], seconds=9, scene=scene))
    within = [(motion.regions, there[0]) for t_s, motion, there in found if 5.5 < t_s < 8.5]
    assert np.mean([best_iou(box, regions) > 0.4 for regions, box in within]) > 0.9


def test_who_walks_is_still_found_when_somebody_was_there_at_the_start(start: Start, scene: str) -> None:
    leaver = Player(walking(SIZE, (0, 0.5, 0.5), (4, 1.1, 0.5)))
    for t_s, motion, there in watched(start(), Play([leaver], seconds=3.5, scene=scene)):
        if t_s > 1.5:  # out of their own shape in the first picture
            assert best_iou(there[0], motion.regions) > 0.4, t_s


def test_what_has_come_to_rest_fades_into_the_room(start: Start, scene: str) -> None:
    comer = Player(walking(SIZE, (2, 0.2, 0.5), (4, 0.5, 0.5), (99, 0.5, 0.5)))
    found = watched(start(absorb=ABSORB), Play([comer], seconds=24, scene=scene))
    assert all(motion.regions for t_s, motion, _ in found if 2.5 < t_s < 4)
    assert not any(motion.regions for t_s, motion, _ in found if t_s > 4 + 3 * ABSORB / FPS)


@pytest.mark.parametrize("kind", [Adaptive, FrameDifference])
def test_what_shows_only_what_moves_shows_nothing_at_rest_for_longer_than_ten_frames(kind: type[Method]) -> None:
    """And learns it as fast as any slow change, however long `absorb` is."""
    comer = Player(walking(SIZE, (2, 0.2, 0.5), (4, 0.5, 0.5), (99, 0.5, 0.5)))
    detector = kind(absorb=5000, learning=20).start()
    for t_s, luma, there in Play([comer], seconds=12).lumas():
        motion, last = detector.detect(luma), (luma, there)
        assert not motion.regions or t_s <= 4 + 10 / FPS
    luma, (box,) = last
    inside = box.slices(luma)
    assert np.median(cv2.absdiff(luma[inside], detector.model.background[inside])) < 8  # of 120 steps


def test_what_has_come_to_rest_and_is_kept_does_not_fade(start: Start, scene: str) -> None:
    comer = Player(walking(SIZE, (2, 0.2, 0.5), (4, 0.5, 0.5), (99, 0.5, 0.5)))
    found = watched(start(absorb=ABSORB), Play([comer], seconds=24, scene=scene), keep=True)
    assert all(best_iou(there[0], motion.regions) > 0.5 for t_s, motion, there in found if t_s > 4)


def test_who_was_kept_and_goes_leaves_no_hole(start: Start, scene: str) -> None:
    comer = Player(walking(SIZE, (2, 0.2, 0.5), (4, 0.5, 0.5), (14, 0.5, 0.5), (17, 1.1, 0.5)))
    found = watched(start(absorb=ABSORB), Play([comer], seconds=20, scene=scene), keep=True)
    assert [motion.regions for t_s, motion, _ in found if t_s > 17.2 and motion.regions] == []


def lamp(play_size: tuple[int, int]) -> np.ndarray:
    """Return a light from the right, (H, W): a quarter of all brightness on the left, more than all on the right."""
    width, height = play_size
    return np.tile(np.linspace(0.25, 1.3, width, dtype=np.float32), (height, 1))


def test_a_light_switched_on_and_off_is_a_change_and_no_motion(start: Start) -> None:
    light = lamp(Play.size)
    walker = Player(walking(SIZE, (9, -0.04, 0.5), (13, 1.04, 0.5)))
    play = Play([walker], seconds=14, light=lambda t_s: light if 4 <= t_s < 7 else 1.0)
    found = watched(start(), play)
    assert [t_s for t_s, motion, _ in found if motion.condition is Condition.CHANGED] == [4, 7]
    assert [motion.regions for t_s, motion, there in found if not there and motion.regions] == []
    seen = [best_iou(there[0], motion.regions) for t_s, motion, there in found if 9.5 < t_s < 12.5]
    assert np.mean([fit > 0.5 for fit in seen]) > 0.9  # it sees again


def test_a_light_switched_by_night_is_no_motion_either(start: Start) -> None:
    light = lamp(Play.size)
    found = watched(start(), Play(seconds=8, scene="night", light=lambda t_s: light if t_s >= 4 else 1.0))
    assert [motion.regions for t_s, motion, _ in found if motion.regions] == []


@pytest.mark.parametrize("share", [0.6, 0.8])
@pytest.mark.parametrize("factor", [0.0, 0.4, 0.7])
def test_a_light_on_most_of_the_picture_is_a_change_and_no_motion(
    start: Start, scene: str, share: float, factor: float
) -> None:
    light = np.ones(Play.size[::-1], np.float32)
    light[:, : round(share * Play.size[0])] = factor
    found = watched(start(), Play(seconds=12, scene=scene, light=lambda t_s: light if 4 <= t_s < 8 else 1.0))
    assert [(t_s, motion.regions) for t_s, motion, _ in found if motion.regions] == []
    changed_s = [t_s for t_s, motion, _ in found if motion.condition is Condition.CHANGED]
    assert changed_s == [4, 8]


def test_another_view_is_a_change_and_no_motion(start: Start, scene: str) -> None:
    detector = start()
    watched(detector, Play(seconds=3, scene=scene, seed=1))
    (_, first, _), *rest = watched(detector, Play(seconds=3, scene=scene, seed=7))
    assert (first.condition, first.regions) == (Condition.CHANGED, ())
    assert {(motion.condition, motion.regions) for _, motion, _ in rest} == {(Condition.CLEAR, ())}


def test_a_covered_camera_is_a_change_and_no_motion(start: Start, scene: str) -> None:
    found = watched(start(), Play(seconds=6, scene=scene, light=lambda t_s: 0.0 if t_s >= 3 else 1.0))
    assert [motion.regions for _, motion, _ in found if motion.regions] == []
    assert [t_s for t_s, motion, _ in found if motion.condition is Condition.CHANGED] == [3]


@pytest.mark.parametrize("factor", [0.5, 0.75, 0.9, 1.1, 1.3])
def test_a_step_of_the_camera_s_gain_is_no_motion_and_hides_none(start: Start, scene: str, factor: float) -> None:
    walker = Player(walking(SIZE, (2, -0.04, 0.5), (8, 1.04, 0.5)))
    play = Play([walker], seconds=9, scene=scene, light=lambda t_s: factor if t_s >= 5 else 1.0)
    found = watched(start(), play)
    assert [one for _, motion, there in found for one in strangers(motion.regions, there)] == []
    assert all(motion.condition is Condition.CLEAR for _, motion, _ in found)
    seen = [best_iou(there[0], motion.regions) for t_s, motion, there in found if 4.5 < t_s < 6]
    assert np.mean([fit > 0.4 for fit in seen]) > 0.8


def test_a_slow_change_of_light_is_followed(start: Start, scene: str) -> None:
    dusk = Play(seconds=30, scene=scene, light=lambda t_s: 1 - 0.02 * t_s)
    shadow = lamp(Play.size)
    moving_shadow = Play(seconds=30, scene=scene, light=lambda t_s: 1 + (shadow - 1) * 0.01 * t_s)
    for play in (dusk, moving_shadow):
        assert [motion.regions for _, motion, _ in watched(start(), play) if motion.regions] == []


def test_what_moves_in_less_than_the_smallest_area_is_nothing(start: Start) -> None:
    insect = Player(walking((0.02, 0.03), (2, 0.1, 0.5), (8, 0.9, 0.5)))
    assert not any(motion.regions for _, motion, _ in watched(start(min_area=0.01), Play([insect], seconds=8)))
    assert any(motion.regions for _, motion, _ in watched(start(min_area=0.0005), Play([insect], seconds=8)))


def test_in_a_zone_that_is_not_looked_at_nothing_moves_and_beside_it_all_does(start: Start, scene: str) -> None:
    upper = Zone(name="upper", points=((0, 0), (1, 0), (1, 0.5), (0, 0.5)), sensitivity=0)
    above = Player(walking((0.06, 0.2), (2, 0.1, 0.25), (6, 0.9, 0.25)))
    below = Player(walking((0.06, 0.2), (2, 0.9, 0.75), (6, 0.1, 0.75)))
    detector = start()
    detector.heed([upper])
    for t_s, motion, there in watched(detector, Play([above, below], seconds=5.5, scene=scene)):
        if t_s > 2.5:
            assert best_iou(there[1], motion.regions) > 0.4, t_s
        assert all(region.top > 0.45 for region in motion.regions), t_s


def test_a_light_on_all_that_is_looked_at_is_a_change_however_little_that_is(start: Start) -> None:
    most = Zone(name="most", points=((0, 0), (1, 0), (1, 0.7), (0, 0.7)), sensitivity=0)
    light = lamp(Play.size)
    detector = start()
    detector.heed([most])
    found = watched(detector, Play(seconds=6, light=lambda t_s: light if t_s >= 3 else 1.0))
    assert [t_s for t_s, motion, _ in found if motion.condition is Condition.CHANGED] == [3]
    assert [motion.regions for _, motion, _ in found if motion.regions] == []


def test_a_zone_that_is_less_sensitive_passes_over_what_is_faint(start: Start) -> None:
    faint = Player(walking(SIZE, (2, -0.04, 0.5), (6, 1.04, 0.5)), y=150)
    found = []
    for sensitivity in (2, 1, 0.1):
        detector = start()
        detector.heed([Zone(name="all", points=((0, 0), (1, 0), (1, 1), (0, 1)), sensitivity=sensitivity)])
        seen = watched(detector, Play([faint], seconds=5))
        found.append(sum(np.count_nonzero(one.mask[box.slices(one.mask)]) for _, one, there in seen for box in there))
    assert found[0] > found[1] > 2 * found[2]


def test_a_detector_that_is_told_to_begins_anew_without_motion(start: Start) -> None:
    detector = start()
    watched(detector, Play(seconds=2, seed=1))
    other = Play([Player(standing(Box(0.4, 0.3, 0.5, 0.7)))], seconds=2, seed=7)
    lumas = [luma for _, luma, _ in other.lumas()]
    motion = detector.detect(lumas[0], anew=True)
    assert (motion.regions, motion.condition) == ((), Condition.CLEAR)
    assert [detector.detect(luma).regions for luma in lumas[1:]] == [()] * (len(lumas) - 1)


def test_motion_is_complete_only_once_the_room_is_known(start: Start) -> None:
    found = watched(start(learning=20), Play(seconds=5))
    assert not found[0][1].complete
    assert found[-1][1].complete


def test_the_same_pictures_give_the_same_motion(start: Start) -> None:
    walker = Player(walking(SIZE, (1, -0.04, 0.5), (3, 1.04, 0.5)))
    first, second = (watched(start(), Play([walker], seconds=3, scene="night")) for _ in range(2))
    for (_, one, _), (_, other, _) in zip(first, second, strict=True):
        assert one.regions == other.regions
        assert np.array_equal(one.mask, other.mask)


# Whatever comes, it is answered.


def is_sound(motion: Motion, luma: Plane) -> bool:
    """Whether a mask of the luma's size came, and regions with an inside within the frame."""
    boxes = all(0 <= box.left < box.right <= 1 and 0 <= box.top < box.bottom <= 1 for box in motion.regions)
    return motion.mask.shape == luma.shape and motion.mask.dtype == np.uint8 and boxes


@pytest.mark.parametrize("level", [0, 1, 128, 254, 255])
def test_an_even_picture_shows_no_motion(start: Start, level: int) -> None:
    detector, picture = start(), np.full((72, 128), level, np.uint8)
    assert all(detector.detect(picture).regions == () for _ in range(10))


@pytest.mark.parametrize(("before", "after"), [(0, 255), (255, 0), (0, 128), (128, 0), (90, 200)])
def test_from_one_even_picture_to_another_nothing_moves(start: Start, before: int, after: int) -> None:
    detector = start()
    for level in [before] * 5 + [after] * 5:
        assert detector.detect(np.full((72, 128), level, np.uint8)).regions == ()


def test_who_enters_an_even_room_without_noise_is_found_exactly(start: Start) -> None:
    detector = start()
    for step in range(30):
        box = Box(0.02 * step, 0.3, 0.02 * step + 0.2, 0.7)
        motion = detector.detect(drawn((100, 200), 90, (box, 200)) if step > 4 else drawn((100, 200), 90))
        if step > 4:
            assert best_iou(box, motion.regions) > 0.8


def test_a_picture_of_another_size_begins_anew(start: Start) -> None:
    detector = start()
    for shape in [(72, 128), (36, 64), (72, 128), (128, 72)]:
        picture = np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8)
        motions = [detector.detect(picture) for _ in range(3)]
        assert all(is_sound(motion, picture) and motion.regions == () for motion in motions)


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (2, 1), (1, 200), (200, 1), (2, 2), (3, 5), (4, 4)])
def test_a_tiny_picture_is_looked_at_like_any_other(start: Start, shape: tuple[int, int]) -> None:
    detector, random = start(), np.random.default_rng(1)
    for _ in range(10):
        picture = random.integers(0, 256, shape).astype(np.uint8)
        assert is_sound(detector.detect(picture, keep=[Box(0, 0, 1, 1)]), picture)


def test_planes_that_are_padded_mirrored_or_read_only_are_read_as_they_lie(start: Start) -> None:
    play = Play([Player(walking(SIZE, (0.5, 0.1, 0.5), (3, 0.9, 0.5)))], seconds=3)
    usual, odd = start(), start()
    for number, (_, luma, _) in enumerate(play.lumas()):
        if number % 2:
            wide = np.zeros((luma.shape[0], luma.shape[1] + 24), np.uint8)
            wide[:, : luma.shape[1]] = luma
            lying: Plane = wide[:, : luma.shape[1]]
        else:
            lying = np.asfortranarray(luma)
        lying.flags.writeable = False
        before = luma.copy()
        one, other = usual.detect(luma), odd.detect(lying)
        assert one.regions == other.regions
        assert np.array_equal(lying, before)


@given(
    st.integers(1, 40),
    st.integers(1, 60),
    st.integers(0, 2**32 - 1),
    st.lists(st.integers(0, 6), max_size=12),
    st.data(),
)
@pytest.mark.parametrize("kind", METHODS, ids=lambda kind: kind.__name__)
def test_whatever_is_shown_regions_lie_within_the_frame(
    kind: type[Method], height: int, width: int, seed: int, steps: list[int], data: st.DataObject
) -> None:
    random = np.random.default_rng(seed)
    detector = kind(learning=5, absorb=10, min_area=0.001).start()
    picture = random.integers(0, 256, (height, width)).astype(np.uint8)
    for step in steps:
        if step == 0:
            picture = random.integers(0, 256, (height, width)).astype(np.uint8)
        elif step == 1:
            picture = np.full((height, width), random.integers(0, 256), np.uint8)
        elif step == 2:
            picture = np.clip(picture * random.uniform(0, 2), 0, 255).astype(np.uint8)
        elif step == 3:
            picture = np.roll(picture, random.integers(-5, 5), axis=1)
        elif step == 4:
            picture = drawn((height, width), 50, (Box(*random.uniform(-0.5, 1.5, 4)), 200))
        keep = [Box(*random.uniform(-1, 2, 4)) for _ in range(step)]
        assert is_sound(detector.detect(picture, keep), picture)


@pytest.mark.parametrize("kind", METHODS, ids=lambda kind: kind.__name__)
def test_a_method_takes_as_much_memory_as_it_says(kind: type[Method]) -> None:
    """What OpenCV keeps for itself is not seen here."""
    detector, luma = kind().start(), np.full((720, 1280), 90, np.uint8)
    said = [re.search(r"memory is (\d+) bytes", str(type(one).__doc__)) for one in (detector, detector.model)]
    tracemalloc.start()
    try:
        detector.detect(luma)
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken / luma.size == pytest.approx(sum(int(one[1]) for one in said if one), abs=0.5)


def peak(detector: MotionDetector, shape: tuple[int, int]) -> int:
    """Return the bytes that one frame takes at most while it is looked at, somebody walking, once all is learned."""
    room = np.random.default_rng(1).integers(60, 90, shape).astype(np.uint8)
    highest = 0
    tracemalloc.start()
    try:
        for step in range(40):
            picture = room.copy()
            picture[Box(0.01 * step, 0.3, 0.01 * step + 0.1, 0.7).slices(picture)] = 220
            tracemalloc.reset_peak()
            before, _ = tracemalloc.get_traced_memory()
            motion = detector.detect(picture, keep=[Box(0.5, 0.5, 0.6, 0.6)])
            if step > 20:
                assert motion.regions
                highest = max(highest, tracemalloc.get_traced_memory()[1] - before)
    finally:
        tracemalloc.stop()
    return highest


def test_no_memory_of_a_frame_s_size_is_asked_for_while_it_runs(start: Start) -> None:
    small, large = (90, 160), (720, 1280)  # what does not grow with the picture is none of it
    pixels = large[0] * large[1] - small[0] * small[1]
    # One pixel in sixteen is looked at in eight bytes: half a byte a pixel for each array of those.
    assert peak(start(), large) - peak(start(), small) < 2 * pixels
