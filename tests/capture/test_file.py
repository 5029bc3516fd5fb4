"""A clip as a camera."""

import sys
from collections.abc import Callable
from pathlib import Path

import av
import av.filter
import numpy as np
import pytest

from tapetum.capture import File
from tapetum.capture.decode import Decoder, _plane
from tapetum.capture.file import FileSource
from tapetum.clock import SystemClock
from tapetum.errors import ConfigError, SourceError
from tapetum.scene import Frame
from tests.capture.conftest import Reader
from tests.simulators import clips
from tests.simulators.clock import FakeClock

Play = Callable[..., FileSource]


@pytest.fixture
def play(fake_clock: FakeClock) -> Play:
    """Open a clip, as fast as it is read where nothing else is said."""

    def play(path: Path, **settings: object) -> FileSource:
        return File(**{"path": str(path), "pace": "analysis", **settings}).open("door", fake_clock)  # type: ignore[arg-type]

    return play


def all_frames(source: FileSource) -> list[Frame]:
    frames = []
    while (frame := source.read()) is not None:
        frames.append(frame)
    return frames


def seconds(frames: list[Frame]) -> list[float]:
    """Return the frames' times since the first."""
    return [round((frame.t_ns - frames[0].t_ns) / 1e9, 6) for frame in frames]


def test_at_the_analysis_pace_every_picture_comes_in_the_clips_time_and_nobody_waits(
    play: Play, mp4: Path, fake_clock: FakeClock
) -> None:
    source = play(mp4)
    frames = all_frames(source)
    assert source.lossless
    assert [frame.seq for frame in frames] == list(range(1, 51))
    assert frames[0].t_ns == fake_clock.time_ns, "it begins when it is opened"
    assert seconds(frames) == pytest.approx([number / clips.FPS for number in range(50)], abs=1e-6)
    assert fake_clock.waits == []


def test_at_its_own_pace_each_picture_comes_when_it_is_due(play: Play, mp4: Path, fake_clock: FakeClock) -> None:
    source = play(mp4, pace="clip")
    assert not source.lossless
    for _ in range(5):
        frame = source.read()
        assert frame is not None
        assert fake_clock.time_ns == frame.t_ns
    assert sum(fake_clock.waits) == pytest.approx(4 / clips.FPS, abs=1e-6)


def test_a_clip_that_fell_behind_catches_up_and_keeps_its_times(play: Play, mp4: Path, fake_clock: FakeClock) -> None:
    source = play(mp4, pace="clip")
    first = source.read()
    fake_clock.time_ns += 1_000_000_000
    frames = [source.read() for _ in range(30)]
    assert first is not None
    assert frames[-1] is not None
    assert (frames[-1].t_ns - first.t_ns) / 1e9 == pytest.approx(30 / clips.FPS, abs=1e-6)
    assert fake_clock.time_ns == frames[-1].t_ns


def test_planes_are_the_decoders_own_memory_and_are_what_ffmpeg_decodes(play: Play, mp4: Path) -> None:
    frames = all_frames(play(mp4))
    for frame, expected in zip(frames, clips.raw_pictures(mp4, 160, 120), strict=True):
        for plane, truth in zip((frame.y, frame.u, frame.v), expected, strict=True):
            assert np.array_equal(plane, truth)
    y = frames[0].y
    assert not y.flags.owndata
    assert y.strides[0] > y.shape[1], "the rows' padding is still there: nothing was copied"


def test_every_picture_a_decoder_gives_is_a_view_of_its_buffer(mp4: Path) -> None:
    decoder = Decoder(str(mp4), 5, 5)
    picture = decoder.read()
    assert picture is not None
    base = picture.y
    while isinstance(base.base, np.ndarray):
        base = base.base
    assert np.shares_memory(picture.y, base)
    assert type(base.base).__name__ == "VideoPlane", "a plane of PyAV's frame"
    decoder.close()


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".mkv", ".ts", ".flv", ".h264"])
def test_a_clip_of_any_container_loops_and_its_time_goes_on_rising(
    play: Play, mp4: Path, tmp_path: Path, suffix: str
) -> None:
    clip = tmp_path / f"clip{suffix}"
    clips.ffmpeg("-i", str(mp4), "-c", "copy", str(clip))
    source = play(clip, loop=True)
    frames = [source.read() for _ in range(125)]
    found = [frame for frame in frames if frame is not None]
    assert len(found) == 125
    steps = np.diff([frame.t_ns for frame in found]) / 1e9
    assert 0.015 < steps.min() <= steps.max() < 0.045, "no gap where it begins again"
    assert np.median(steps) == pytest.approx(1 / clips.FPS, abs=2e-3)
    assert np.array_equal(found[0].y, found[50].y)
    assert not np.array_equal(found[0].y, found[51].y)
    assert found[-1].seq == 125


def test_a_clip_ends_once_and_for_all(play: Play, mp4: Path) -> None:
    source = play(mp4)
    all_frames(source)
    assert source.read() is None
    assert source.read() is None


def test_a_recording_that_begins_late_is_not_waited_for(
    play: Play, mp4: Path, tmp_path: Path, fake_clock: FakeClock
) -> None:
    late = tmp_path / "late.mkv"
    clips.ffmpeg("-i", str(mp4), "-c", "copy", "-output_ts_offset", "7200", str(late))
    source = play(late, pace="clip")
    for _ in range(3):
        assert source.read() is not None
    assert sum(fake_clock.waits) < 1


def test_a_time_that_jumps_by_hours_is_not_waited_for(
    play: Play, mp4: Path, tmp_path: Path, fake_clock: FakeClock
) -> None:
    torn = tmp_path / "torn.mkv"
    jump = "setpts='if(gte(N,10),PTS+7200/TB,PTS)'"
    clips.ffmpeg("-i", str(mp4), "-vf", jump, "-fps_mode", "passthrough", "-c:v", "mjpeg", str(torn))
    frames = all_frames(play(torn))
    assert len(frames) == 50
    assert seconds(frames)[-1] < 5


def test_a_slow_clip_keeps_its_pauses(play: Play, tmp_path: Path, fake_clock: FakeClock) -> None:
    slow = tmp_path / "slow.mkv"
    clips.ffmpeg("-f", "lavfi", "-i", "testsrc=s=64x64:r=1/3", "-frames:v", "4", "-c:v", "mjpeg", str(slow))
    assert seconds(all_frames(play(slow))) == pytest.approx([0, 3, 6, 9], abs=1e-3)


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".mkv", ".ts", ".h264"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_damaged_clip_goes_on_to_its_end_and_counts_what_it_could_not_read(
    play: Play, mp4: Path, tmp_path: Path, suffix: str, seed: int
) -> None:
    whole = tmp_path / f"whole{suffix}"
    clips.ffmpeg("-i", str(mp4), "-c", "copy", str(whole))
    source = play(clips.damaged(whole, tmp_path / f"damaged{suffix}", seed=seed))
    frames = all_frames(source)
    assert len(frames) >= 30, "most of it is there"
    assert source.corrupt > 0
    times = [frame.t_ns for frame in frames]
    assert times == sorted(set(times))
    last = clips.raw_pictures(whole, 160, 120)[-1][0]
    assert np.array_equal(frames[-1].y, last), "the last quarter is sound, and so is what comes of it"


def test_a_clip_that_was_cut_off_gives_what_there_is_and_ends(play: Play, mp4: Path, tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.mkv", tmp_path / "cut.mkv"
    clips.ffmpeg("-i", str(mp4), "-c", "copy", str(whole))
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    frames = all_frames(play(cut))
    assert 10 < len(frames) < 45


@pytest.mark.parametrize(
    "content", [b"", b"this is no video\n" * 100, b"\x00" * 5000], ids=["nothing", "text", "zeros"]
)
def test_what_is_no_video_is_an_error_that_names_the_file(play: Play, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r"clip\.mp4: .*; `path` must name a video that is whole"):
        play(path)


def test_an_mp4_whose_index_was_cut_off_is_an_error(play: Play, mp4: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(mp4.read_bytes()[: mp4.stat().st_size // 2])
    with pytest.raises(SourceError, match=r"cut\.mp4"):
        play(cut)


def test_sound_without_a_picture_is_an_error_that_says_so(play: Play, tmp_path: Path) -> None:
    sound = tmp_path / "sound.mp4"
    clips.ffmpeg("-f", "lavfi", "-i", "sine=d=1", "-c:a", "aac", str(sound))
    with pytest.raises(SourceError, match=r"sound\.mp4: holds no video"):
        play(sound)


@pytest.mark.parametrize("name", ["missing.mp4", "."])
def test_a_file_that_is_not_there_is_the_operators_to_mend(play: Play, tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=r"there is no such file; `path` must name a video") as error:
        play(tmp_path / name)
    assert str(tmp_path) in str(error.value)


def test_a_home_folder_may_be_written_short(play: Play, mp4: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(mp4.parent))
    assert play(Path("~") / mp4.name).read() is not None


@pytest.mark.parametrize(("width", "height"), [(161, 121), (161, 120), (160, 121), (3, 3), (33, 17)])
def test_odd_sizes_keep_their_last_row_and_column(play: Play, tmp_path: Path, width: int, height: int) -> None:
    clip = clips.make(tmp_path / "odd.mkv", "-c:v", "ffv1", size=f"{width}x{height}", frames=3)
    frames = all_frames(play(clip))
    assert frames[0].size == (width, height)
    for frame, expected in zip(frames, clips.raw_pictures(clip, width, height), strict=True):
        for plane, truth in zip((frame.y, frame.u, frame.v), expected, strict=True):
            assert np.array_equal(plane, truth)


def test_a_gray_clip_has_colour_that_is_none(play: Play, tmp_path: Path) -> None:
    clip = clips.make(tmp_path / "gray.mkv", "-c:v", "ffv1", "-pix_fmt", "gray", size="65x49", frames=3, pixels="gray")
    frames = all_frames(play(clip))
    assert len(frames) == 3
    for frame in frames:
        assert frame.u.shape == frame.v.shape == (25, 33)
        assert (frame.u == 128).all()
        assert (frame.v == 128).all()


@pytest.mark.parametrize(
    ("encoder", "pixels"),
    [
        (("-c:v", "ffv1"), "yuv420p10le"),
        (("-c:v", "ffv1"), "yuv444p"),
        (("-c:v", "mjpeg", "-q:v", "2"), "yuvj422p"),
        (("-c:v", "ffv1"), "bgr0"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[1],
)
def test_any_other_format_becomes_8_bit_half_colour_of_the_same_brightness(
    play: Play, tmp_path: Path, encoder: tuple[str, ...], pixels: str
) -> None:
    clip = clips.make(tmp_path / "clip.mkv", *encoder, "-pix_fmt", pixels, frames=3, pixels=pixels)
    frames = all_frames(play(clip))
    assert len(frames) == 3
    for frame, expected in zip(frames, clips.raw_pictures(clip, 160, 120), strict=True):
        assert frame.y.dtype == np.uint8
        assert frame.u.shape == (60, 80)
        difference = frame.y.astype(int) - expected[0]
        if pixels != "yuvj422p":  # ffmpeg brings what is 0..255 down to 16..235, we leave it
            assert np.abs(difference).mean() < 1


def test_a_picture_whose_last_row_lies_first_is_turned(mp4: Path) -> None:
    with av.open(str(mp4)) as container:
        upright = next(container.decode(video=0))
        graph = av.filter.Graph()
        graph.link_nodes(
            graph.add_buffer(template=container.streams.video[0]), graph.add("vflip"), graph.add("buffersink")
        ).configure()
        graph.push(upright)
        flipped = graph.pull()
    assert flipped.planes[0].line_size < 0
    for index in range(3):
        assert np.array_equal(_plane(flipped, index), _plane(upright, index)[::-1])


def test_a_title_in_no_known_alphabet_is_nothing_to_fail_for(play: Play, mp4: Path, tmp_path: Path) -> None:
    titled = tmp_path / "titled.mkv"
    clips.ffmpeg("-i", str(mp4), "-c", "copy", "-metadata", "title=TITLE", str(titled))
    content = titled.read_bytes()
    assert b"TITLE" in content.upper()
    titled.write_bytes(content.replace(b"TITLE", b"T\xcc\xffLE"))
    assert len(all_frames(play(titled))) == 50


def test_closing_ends_a_wait_with_an_error_and_not_with_a_picture_before_its_time(
    clock: SystemClock, tmp_path: Path
) -> None:
    slow = tmp_path / "slow.avi"
    clips.ffmpeg("-f", "lavfi", "-i", "testsrc=s=64x64:r=1/8", "-frames:v", "2", "-c:v", "mjpeg", str(slow))
    source = File(path=str(slow)).open("door", clock)
    source.read()
    reader = Reader(source.read)
    reader.join(0.2)
    assert reader.is_alive()
    source.close()
    reader.join(5)
    assert isinstance(reader.result, SourceError)


def test_a_clip_whose_size_changes_on_the_way_is_followed(play: Play, tmp_path: Path) -> None:
    small, large = (clips.h264(tmp_path / f"{side}.ts", frames=5, size=side) for side in ("64x48", "128x96"))
    both = tmp_path / "both.ts"
    both.write_bytes(small.read_bytes() + large.read_bytes())
    frames = all_frames(play(both, analysis_width=64))
    assert [frame.size for frame in frames] == [(64, 48)] * 5 + [(128, 96)] * 5
    assert {frame.luma.shape for frame in frames} == {(48, 64)}


def test_a_real_clip_plays_to_its_end(play: Play, data: Path) -> None:
    source = play(data / "video" / "vtest.avi")
    count = 0
    while (frame := source.read()) is not None:
        count += 1
        assert frame.size == (768, 576)
        assert frame.luma.shape == (288, 384)
    assert count == 795
    assert source.corrupt == 0


def test_without_pyav_the_remedy_is_named(mp4: Path, clock: SystemClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ConfigError, match=r'pip install "tapetum\[stream\]"'):
        File(path=str(mp4)).open("door", clock)
