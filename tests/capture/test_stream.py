"""A network camera: RTSP over TCP, and HTTP, from simulated cameras that fail as real ones do."""

import contextlib
import logging
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

from tapetum.capture import AnySource, Stream
from tapetum.capture.stream import StreamSource
from tapetum.clock import SystemClock
from tapetum.errors import SourceError
from tests.capture.conftest import Reader, until
from tests.simulators import clips, http
from tests.simulators.http import HttpCamera
from tests.simulators.rtsp import Faults, RtspCamera

SECRET = "geheim"  # noqa: S105  nobody's


@pytest.fixture
def camera(elementary: Path) -> Iterator[RtspCamera]:
    with RtspCamera(elementary) as camera:
        yield camera


@pytest.fixture
def connect(clock: SystemClock) -> Iterator[Callable[..., StreamSource]]:
    with contextlib.ExitStack() as stack:

        def connect(url: str, timeout_s: float = 1.0) -> StreamSource:
            source = Stream(url=url, timeout_s=timeout_s).open("door", clock)
            return stack.enter_context(contextlib.closing(source))

        yield connect


Connect = Callable[..., StreamSource]

STATUSES = [
    (401, r"401 Unauthorized.*: it wants a user and a password, or others: USER:PASSWORD@ before the host"),
    (403, r"403 Forbidden.*: this user may not look$"),
    (404, r"404 Not Found.*: it has no such stream: is the path right\?$"),
    (500, r"5XX.* takes connections"),
]
"""What a camera answers instead of pictures, and what is told."""


def failure(source: StreamSource, within_s: float) -> tuple[SourceError, int, float]:
    """Read until the source fails; return the error, the frames that came, and how long the last read took."""
    count, end_s = 0, time.monotonic() + within_s
    while time.monotonic() < end_s:
        begun_s = time.monotonic()
        try:
            source.read()
        except SourceError as error:
            return error, count, time.monotonic() - begun_s
        count += 1
    raise AssertionError(f"no failure in {within_s} s, {count} frames")


def test_an_rtsp_camera_gives_the_pictures_it_sends(camera: RtspCamera, connect: Connect, elementary: Path) -> None:
    sent = clips.raw_pictures(elementary, 320, 240)
    source = connect(camera.url)
    assert max(len(unit) for picture in camera.pictures for unit in picture) > 1200, "some are cut into pieces"
    for number in range(30):
        frame = source.read()
        for plane, truth in zip((frame.y, frame.u, frame.v), sent[number % len(sent)], strict=True):
            assert np.array_equal(plane, truth)
    assert source.corrupt == 0


def test_an_rtsp_camera_is_asked_in_order_and_told_when_we_go(camera: RtspCamera, connect: Connect) -> None:
    source = connect(camera.url)
    source.read()
    source.close()
    until(lambda: camera.open_connections == 0, "the connection is closed")
    assert camera.methods == ["OPTIONS", "DESCRIBE", "SETUP", "PLAY", "TEARDOWN"]


@pytest.mark.parametrize("fps", [5, 2])
def test_a_slow_cameras_first_picture_comes_as_soon_as_it_is_sent(
    elementary: Path, connect: Connect, fps: float
) -> None:
    with RtspCamera(elementary, fps=fps) as camera:
        begun_s = time.monotonic()
        connect(camera.url).read()
        assert time.monotonic() - begun_s < 1 / fps + 0.8


def test_only_the_pictures_of_an_rtsp_camera_are_asked_for(camera: RtspCamera, connect: Connect) -> None:
    camera.sound = True
    connect(camera.url).read()
    assert camera.methods.count("SETUP") == 1


@pytest.mark.parametrize("fault", ["stall_after", "damage_after"])
def test_a_camera_without_a_picture_is_found_out_within_its_time_out(
    camera: RtspCamera, connect: Connect, fault: str
) -> None:
    setattr(camera.faults, fault, 15)
    begun_s = time.monotonic()
    error, count, took_s = failure(connect(camera.url), within_s=10)
    assert "gave no picture for 1 s" in str(error)
    assert 13 <= count <= 16
    assert 0.9 < took_s < 2
    assert time.monotonic() - begun_s < 2, "from the last picture that was sent on"


def test_sound_alone_is_no_picture(tmp_path: Path, connect: Connect) -> None:
    content = _pictures_end_and_sound_goes_on(tmp_path)
    with HttpCamera(content, bytes_per_s=100_000) as camera:
        error, count, took_s = failure(connect(camera.url), within_s=20)
    assert 20 < count <= 25
    assert "gave no picture for 1 s" in str(error)
    assert took_s < 2


def test_a_dropped_connection_is_found_out_at_once(camera: RtspCamera, connect: Connect) -> None:
    camera.faults.drop_after = 10
    error, count, took_s = failure(connect(camera.url, timeout_s=5), within_s=10)
    assert "the stream has ended" in str(error)
    assert count >= 8
    assert took_s < 1


def test_garbage_in_between_is_passed_over_or_found_out_in_time(camera: RtspCamera, connect: Connect) -> None:
    camera.faults.garbage_after = 10
    source = connect(camera.url)
    for _ in range(40):
        begun_s = time.monotonic()
        try:
            source.read()
        except SourceError:
            break
        finally:
            assert time.monotonic() - begun_s < 2


@pytest.mark.parametrize(("status", "reason"), STATUSES)
def test_a_camera_that_refuses_says_why(camera: RtspCamera, connect: Connect, status: int, reason: str) -> None:
    camera.faults.status = status
    with pytest.raises(SourceError, match=reason):
        connect(camera.url)


def test_user_and_password_are_given_to_the_camera_alone(elementary: Path, connect: Connect) -> None:
    with RtspCamera(elementary, credentials=f"viewer-7:{SECRET}") as camera:
        assert connect(camera.url).read().y.shape == (240, 320)
        with pytest.raises(SourceError, match="401") as error:
            connect(camera.url.replace(SECRET, "wrong-one"))
    assert "wrong-one" not in str(error.value)
    assert "viewer-7" not in str(error.value)
    assert f"rtsp://127.0.0.1:{camera.port}/live" in str(error.value)


@pytest.mark.parametrize("faults", [{"status": 404}, {"silent": True}, {"drop_after": 3}, {"stall_after": 3}])
def test_no_error_and_no_log_shows_a_password(
    elementary: Path, connect: Connect, faults: dict[str, int], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with RtspCamera(elementary, credentials=f"user:{SECRET}", faults=Faults(**faults)) as camera:  # type: ignore[arg-type]
        try:
            error: object = failure(connect(camera.url), within_s=10)[0]
        except SourceError as refused:
            error = refused
        assert f"rtsp://127.0.0.1:{camera.port}/live: " in str(error)
    assert SECRET not in str(error) + caplog.text


def test_a_silent_camera_is_given_up_after_the_time_out(camera: RtspCamera, connect: Connect) -> None:
    camera.faults.silent = True
    begun_s = time.monotonic()
    with pytest.raises(SourceError, match=r"gave no picture for 1 s, though .* takes connections") as error:
        connect(camera.url)
    assert error.value.key == "timeout_s"
    assert time.monotonic() - begun_s < 2


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
def test_a_host_where_nobody_listens_is_an_error_at_once(connect: Connect, scheme: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        begun_s = time.monotonic()
        with pytest.raises(SourceError, match="nothing listens") as error:
            connect(f"{scheme}://user:{SECRET}@127.0.0.1:{unused.getsockname()[1]}/live")
        where = f"127.0.0.1:{unused.getsockname()[1]}"
    told = (
        f"{scheme}://{where}/live: {where}: nothing listens there (Connection refused); is it running, and is the port"
    )
    assert str(error.value).startswith(told)
    assert time.monotonic() - begun_s < 1


@pytest.mark.parametrize(("scheme", "port"), [("rtsp", 554), ("rtsps", 322), ("http", 80), ("https", 443)])
def test_a_name_that_nobody_knows_is_told_with_the_port_that_was_meant(
    connect: Connect, scheme: str, port: int
) -> None:
    with pytest.raises(SourceError, match=f"^{scheme}://camera.invalid/live: camera.invalid:{port}: its name "):
        connect(f"{scheme}://user:{SECRET}@camera.invalid/live")


def test_an_address_without_a_host_is_told(connect: Connect) -> None:
    with pytest.raises(SourceError, match="no host is named: HOST or HOST:PORT must follow ://"):
        connect("rtsp:///live")


def test_what_answers_and_is_no_camera_is_told(connect: Connect) -> None:
    with HttpCamera(b"") as other, pytest.raises(SourceError, match="is that the address of a stream") as error:
        connect(f"rtsp://{other.host}/live")
    assert f"though {other.host} takes connections" in str(error.value)


def test_a_host_that_does_not_even_answer_is_given_up_after_the_time_out(connect: Connect) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        with contextlib.ExitStack() as callers:
            for _ in range(3):  # whoever comes after these gets no answer, as from a machine that is switched off
                caller = callers.enter_context(socket.socket())
                caller.setblocking(False)
                caller.connect_ex(full.getsockname())
            begun_s = time.monotonic()
            with pytest.raises(SourceError, match=r"127.0.0.1:\d+: it does not answer \(timed out\); is it on"):
                connect("rtsp://{}:{}/live".format(*full.getsockname()))
            assert time.monotonic() - begun_s < 3


def test_closing_lets_the_connection_go_at_once_when_nobody_reads(camera: RtspCamera, connect: Connect) -> None:
    source = connect(camera.url)
    source.read()
    assert camera.open_connections == 1
    source.close()
    until(lambda: camera.open_connections == 0, "the connection is closed, though the source is still referred to")


def test_closing_under_a_read_lets_the_connection_go_when_that_ends(camera: RtspCamera, connect: Connect) -> None:
    source = connect(camera.url)
    source.read()
    camera.faults.stall_after = 1_000_000

    def read_on() -> None:
        while True:
            source.read()

    reader = Reader(read_on)
    source.close()
    reader.join(5)
    assert isinstance(reader.result, SourceError)
    until(lambda: camera.open_connections == 0, "the connection is closed by the reader")


@pytest.mark.parametrize("kind", ["mpegts", "mp4", "mjpeg"])
def test_http_gives_the_pictures_it_sends(
    transport_stream: Path, mp4: Path, tmp_path: Path, connect: Connect, kind: str
) -> None:
    with _http_camera(kind, transport_stream, mp4, tmp_path) as camera:
        source = connect(camera.url)
        for _ in range(20):
            frame = source.read()
            assert frame.y.shape == (120, 160)
            assert frame.y.std() > 20


@pytest.mark.parametrize("finite", [True, False])
def test_an_http_stream_that_ends_is_an_error(transport_stream: Path, connect: Connect, finite: bool) -> None:
    with HttpCamera(transport_stream.read_bytes(), finite=finite) as camera:
        error, count, took_s = failure(connect(camera.url, timeout_s=5), within_s=10)
    assert ("the stream has ended" if finite else "Input/output error") in str(error)
    assert count > 140
    assert took_s < 1


@pytest.mark.parametrize("fault", ["stall_after", "drop_after"])
def test_an_http_stream_that_fails_is_found_out(transport_stream: Path, connect: Connect, fault: str) -> None:
    content = transport_stream.read_bytes()
    with HttpCamera(content, **{fault: len(content) // 2}) as camera:  # type: ignore[arg-type]
        _, count, took_s = failure(connect(camera.url), within_s=10)
    assert count > 30
    assert took_s < 2


@pytest.mark.parametrize(("status", "reason"), STATUSES)
def test_an_http_refusal_shows_neither_password_nor_query(connect: Connect, status: int, reason: str) -> None:
    with HttpCamera(b"", status=status) as camera, pytest.raises(SourceError, match=reason) as error:
        connect(f"http://user:{SECRET}@{camera.host}/live?pwd={SECRET}")
    assert camera.asked[0] == f"/live?pwd={SECRET}"
    assert SECRET not in str(error.value)


def test_a_page_instead_of_pictures_is_an_error(connect: Connect) -> None:
    page = b"<html><body>Please log in</body></html>" * 50
    with (
        HttpCamera(page, kind="text/html", finite=True) as camera,
        pytest.raises(SourceError, match=r"Invalid data.*is that the address of a stream\?"),
    ):
        connect(camera.url)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://camera/live", "camera/live", ""])
def test_other_addresses_are_refused_by_the_configuration(url: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=r"url"):
        msgspec.convert({"type": "stream", "url": url}, AnySource)


def _pictures_end_and_sound_goes_on(folder: Path) -> bytes:
    """Return a transport stream with a second of pictures and half a minute of sound."""
    pictures = clips.h264(folder / "pictures.ts", frames=25, size="64x48")
    codecs = ("-c:v", "copy", "-c:a", "mp2", "-b:a", "64k")
    clips.ffmpeg("-i", str(pictures), "-f", "lavfi", "-i", "sine=d=30", *codecs, str(folder / "sound.ts"))
    return (folder / "sound.ts").read_bytes()


def _http_camera(kind: str, transport_stream: Path, mp4: Path, folder: Path) -> HttpCamera:
    if kind == "mpegts":
        return HttpCamera(transport_stream.read_bytes())
    if kind == "mjpeg":
        clips.ffmpeg("-i", str(mp4), "-q:v", "3", "-pix_fmt", "yuvj422p", str(folder / "%02d.jpg"))
        return http.mjpeg(sorted(folder.glob("*.jpg")))
    fragmented = folder / "live.mp4"
    clips.ffmpeg("-i", str(mp4), "-c", "copy", "-movflags", "frag_keyframe+empty_moov", str(fragmented))
    return HttpCamera(fragmented.read_bytes(), kind="video/mp4")
