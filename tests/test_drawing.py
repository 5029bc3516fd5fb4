"""A clip with what was seen drawn into it: the picture as it was, boxes where the tracks are, a file that plays."""

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from tapetum import data
from tapetum.drawing import Film, annotated
from tapetum.errors import ConfigError
from tapetum.pipeline import Result
from tapetum.scene import Box, Colour, Frame, Label, Motion, State, Track

BOX = Box(0.25, 0.25, 0.75, 0.75)


def frame(width: int = 64, height: int = 48, y: int = 100, u: int = 128, v: int = 128) -> Frame:
    """Return an even frame."""
    chroma = ((height + 1) // 2, (width + 1) // 2)
    luma = np.full((height, width), y, np.uint8)
    return Frame("front", 1, 0, luma, np.full(chroma, u, np.uint8), np.full(chroma, v, np.uint8), luma)


def result(*states: State, labels: dict[int, Label] | None = None) -> Result:
    """Return a result with a track in each of `states`, all in the same place."""
    tracks = tuple(Track(number, BOX, 0, 0, 1, state) for number, state in enumerate(states, 1))
    return Result(Motion(np.zeros((1, 1), np.uint8), ()), tracks, labels or {}, [])


@pytest.mark.parametrize(
    ("yuv", "colour", "bgr"),
    [
        ((126, 128, 128), Colour(), (128, 128, 128)),
        ((81, 90, 240), Colour(), (0, 0, 255)),
        ((41, 240, 110), Colour(), (255, 0, 0)),
        ((126, 128, 128), Colour(full=True), (126, 126, 126)),
        ((63, 102, 240), Colour(matrix="bt709"), (0, 0, 255)),
    ],
)
def test_a_picture_without_tracks_is_shown_in_its_colours(
    yuv: tuple[int, int, int], colour: Colour, bgr: tuple[int, int, int]
) -> None:
    picture = annotated(replace(frame(y=yuv[0], u=yuv[1], v=yuv[2]), colour=colour), result())
    assert picture.shape == (48, 64, 3)
    assert np.abs(picture.astype(int) - bgr).max() <= 2


def test_a_track_that_is_believed_is_framed_and_one_that_is_not_is_left_out() -> None:
    plain = annotated(frame(), result())
    assert np.array_equal(annotated(frame(), result(State.TENTATIVE)), plain)
    for state in (State.CONFIRMED, State.STILL, State.LOST):
        drawn = annotated(frame(), result(state))
        changed = (drawn != plain).any(axis=2)
        assert changed[12:36, 16].all()
        assert changed[12, 16:48].all()
        assert not changed[:8].any()
        assert not changed[30, 24:40].any()


def test_each_state_has_its_colour_and_a_label_its_name() -> None:
    edges = [tuple(annotated(frame(), result(state))[20, 16]) for state in (State.CONFIRMED, State.STILL, State.LOST)]
    assert len(set(edges)) == 3
    with_label = annotated(frame(), result(State.CONFIRMED, labels={1: Label("person", 0.9)}))
    assert (with_label != annotated(frame(), result(State.CONFIRMED))).any()


def test_what_is_taken_for_nobody_is_framed_too_in_a_colour_of_its_own() -> None:
    seen = result(State.TENTATIVE)
    told = replace(seen, tracks=(replace(seen.tracks[0], nuisance="light"),))
    edges = {tuple(annotated(frame(), one)[20, 16]) for one in (told, result(State.CONFIRMED), result(State.LOST))}
    assert len(edges) == 3
    assert tuple(annotated(frame(), seen)[20, 16]) not in edges


def test_the_frame_itself_is_not_drawn_into() -> None:
    one = frame()
    for plane in (one.y, one.u, one.v):
        plane.flags.writeable = False
    annotated(one, result(State.CONFIRMED))
    assert (one.y == 100).all()


@pytest.mark.parametrize(("width", "height"), [(64, 48), (65, 49)])
def test_a_film_plays_with_every_frame_at_the_clip_s_own_rate(tmp_path: Path, width: int, height: int) -> None:
    path = tmp_path / "seen.mp4"
    with Film(path, data.clip()) as film:
        for level in range(20, 220, 20):
            film.add(frame(width, height, y=level), result(State.CONFIRMED))
    with av.open(str(path)) as clip, av.open(str(data.clip())) as source:
        video = clip.streams.video[0]
        assert (video.width, video.height) == (64, 48)
        assert video.average_rate == source.streams.video[0].average_rate
        levels = [picture.to_ndarray(format="gray")[40, 60] for picture in clip.decode(video)]
    assert len(levels) == 10
    assert levels == sorted(levels)


def test_without_a_path_nothing_is_written(tmp_path: Path) -> None:
    with Film(None, data.clip()) as film:
        film.add(frame(), result())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing/seen.mp4", "No such file or directory"),
        ("seen.unknown", "Could not determine output format"),
        ("seen.webm", "does not support"),
    ],
)
def test_a_film_that_cannot_be_written_is_named_with_the_reason(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason) as error, Film(tmp_path / name, data.clip()) as film:
        film.add(frame(), result())
    assert f"--save-video {tmp_path / name}: " in str(error.value)


def test_a_film_without_frames_leaves_no_file_behind(tmp_path: Path) -> None:
    with Film(tmp_path / "seen.mp4", data.clip()):
        pass
    assert list(tmp_path.iterdir()) == []
