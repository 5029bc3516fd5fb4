"""A command that writes YUV4MPEG2 as a camera."""

import contextlib
import os
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapetum.capture import Pipe
from tapetum.capture.pipe import PipeSource
from tapetum.capture.y4m import parse_header
from tapetum.clock import SystemClock
from tapetum.errors import ConfigError, SourceError
from tests.capture.conftest import Reader, until
from tests.simulators import clips

Run = Callable[..., PipeSource]
SECRET = "geheim"  # noqa: S105  nobody's


@pytest.fixture
def run(clock: SystemClock) -> Iterator[Run]:
    """Start a command: a list of arguments, or a script of the shell."""
    with contextlib.ExitStack() as stack:

        def run(command: list[str] | str, timeout_s: float = 5.0) -> PipeSource:
            arguments = ["sh", "-c", command] if isinstance(command, str) else command
            source = Pipe(command=arguments, timeout_s=timeout_s).open("door", clock)
            return stack.enter_context(contextlib.closing(source))

        yield run


@pytest.fixture
def written(run: Run, tmp_path: Path) -> Run:
    """Start a command that writes these bytes and ends."""

    def written(content: bytes) -> PipeSource:
        path = tmp_path / "content.y4m"
        path.write_bytes(content)
        return run(["cat", str(path)])

    return written


def picture(width: int, height: int, first: int = 0, colour: bool = True) -> bytes:
    """Return a picture's bytes: they count up, so that a byte too many or too few is seen."""
    size = width * height + colour * 2 * (-(-width // 2)) * (-(-height // 2))
    return bytes((first + place) % 251 for place in range(size))


def alive(pid: int) -> bool:
    """Return whether the process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] not in "ZX"
    except OSError:
        return False


def pid_in(path: Path) -> int:
    until(lambda: path.exists() and path.read_text().strip(), "the command has started")
    return int(path.read_text())


@pytest.mark.parametrize(("width", "height"), [(160, 120), (161, 121), (33, 16), (2, 2)])
def test_what_ffmpeg_writes_is_what_is_seen(run: Run, tmp_path: Path, width: int, height: int) -> None:
    clip = clips.make(tmp_path / "clip.mkv", "-c:v", "ffv1", size=f"{width}x{height}", frames=5)
    source = run(["ffmpeg", "-v", "error", "-i", str(clip), "-f", "yuv4mpegpipe", "-"])
    for expected in clips.raw_pictures(clip, width, height):
        frame = source.read()
        for plane, truth in zip((frame.y, frame.u, frame.v), expected, strict=True):
            assert np.array_equal(plane, truth)
    with pytest.raises(SourceError, match=r"command ffmpeg: has ended \(status 0\)"):
        source.read()


@pytest.mark.parametrize(
    "parameters",
    [
        b"W6 H4 F25:1 Ip A1:1 C420jpeg",
        b"W6 H4 F30000:1001 It A10:11 C420mpeg2 XYSCSS=420MPEG2",
        b"W6 H4 F25:1 C420paldv XCOLORRANGE=FULL",
        b"H4 W6 C420",
        b"W6  H4 F0:0 A0:0 I?",
    ],
)
def test_any_order_interlacing_aspect_and_comment_is_read(written: Run, parameters: bytes) -> None:
    source = written(b"YUV4MPEG2 " + parameters + b"\nFRAME\n" + picture(6, 4) + b"FRAME Ippp XA\n" + picture(6, 4, 9))
    first, second = source.read(), source.read()
    assert first.y.tobytes() + first.u.tobytes() + first.v.tobytes() == picture(6, 4)
    assert second.y.tobytes() + second.u.tobytes() + second.v.tobytes() == picture(6, 4, 9)
    assert first.u.shape == (2, 3)


def test_gray_pictures_have_colour_that_is_none(written: Run) -> None:
    source = written(b"YUV4MPEG2 W5 H3 Cmono\nFRAME\n" + picture(5, 3, colour=False))
    frame = source.read()
    assert frame.y.tobytes() == picture(5, 3, colour=False)
    assert frame.u.shape == frame.v.shape == (2, 3)
    assert (frame.u == 128).all()


@pytest.mark.parametrize("colour", ["422", "444", "420p10", "mono16", "411", "444alpha", ""])
def test_other_colours_are_refused_with_the_remedy(colour: str) -> None:
    with pytest.raises(SourceError, match=f"C{colour}; 8-bit C420 is needed .*-pix_fmt yuv420p"):
        parse_header(f"YUV4MPEG2 W640 H480 C{colour}".encode())


@pytest.mark.parametrize(
    "line", ["W640", "H480", "W0 H480", "W640 H-1", "W640 H8193", "W1 H1", "Wx H480", "W99999999999 H2", "W² H480"]
)
def test_sizes_that_no_camera_has_are_refused(line: str) -> None:
    with pytest.raises(SourceError, match=r"width and height must be 2\.\.8192"):
        parse_header(f"YUV4MPEG2 {line}".encode())


@given(st.binary(max_size=80))
def test_any_header_is_understood_or_refused(line: bytes) -> None:
    for header in (line, b"YUV4MPEG2 W64 H48 " + line):
        with contextlib.suppress(SourceError):
            found = parse_header(header)
            assert 2 <= found.width <= 8192
            assert 2 <= found.height <= 8192


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\xff\xd8\xff\xe0 JPEG\n", "expected YUV4MPEG2 .*ffmpeg: -f yuv4mpegpipe; GStreamer: y4menc"),
        (b"YUV4MPEG W6 H4\n", "expected YUV4MPEG2"),
        (b"\x80" * 5000, "writes no YUV4MPEG2: 1024 bytes without a line feed"),
        (b"", r"has ended \(status 0\)"),
        (b"YUV4MPEG2 W6 H4", "has ended"),
    ],
    ids=["another format", "another version", "no line", "nothing", "half a line"],
)
def test_garbage_for_a_header_is_an_error(written: Run, content: bytes, reason: str) -> None:
    with pytest.raises(SourceError, match=reason):
        written(content)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (picture(6, 4) + b"FRAME\n", "expected a line FRAME"),
        (b"FRAMES\n" + picture(6, 4), "expected a line FRAME"),
        (b"FRAME\n" + picture(6, 4)[:-1], "has ended"),
        (b"FRAME" * 300 + b"\n", "without a line feed"),
    ],
    ids=["out of step", "another word", "half a picture", "no line feed"],
)
def test_garbage_for_a_picture_is_an_error(written: Run, content: bytes, reason: str) -> None:
    source = written(b"YUV4MPEG2 W6 H4\n" + content)
    with pytest.raises(SourceError, match=reason):
        source.read()


def test_a_command_that_does_not_exist_is_the_operators_to_mend(run: Run) -> None:
    with pytest.raises(ConfigError, match=r"'no-such-command' cannot be run: No such file .*whole path") as error:
        run(["no-such-command", "-i", f"rtsp://user:{SECRET}@camera/"])
    assert SECRET not in str(error.value)


def test_a_command_that_may_not_be_run_is_the_operators_to_mend(run: Run, tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("text")
    with pytest.raises(ConfigError, match="Permission denied"):
        run([str(tmp_path / "plain")])


def test_what_a_dying_command_said_last_is_in_the_error(run: Run) -> None:
    with pytest.raises(SourceError, match=r"has ended; it said: cannot open the camera$"):
        run("echo cannot open the camera >&2; exit 3")


def test_a_command_that_says_nothing_is_told_by_its_status(run: Run) -> None:
    with pytest.raises(SourceError, match=r"has ended \(status 3\)"):
        run("exit 3")


def test_a_command_that_complains_for_ever_stops_nothing_and_only_its_end_is_kept(run: Run) -> None:
    noise = "i=0; while [ $i -lt 3000 ]; do echo 'a line of a hundred characters, or nearly so, that nobody reads' >&2"
    source = run(
        f"printf 'YUV4MPEG2 W6 H4\\n'; {noise}; i=$((i+1)); done; printf 'FRAME\\n'; {_zeros(36)}; echo end >&2"
    )
    assert source.read().y.shape == (4, 6), "200 kB are more than a pipe holds"
    with pytest.raises(SourceError) as error:
        source.read()
    assert str(error.value).endswith("\nend")
    assert len(str(error.value)) < 600


def test_a_password_in_what_a_command_said_is_not_repeated(run: Run) -> None:
    script = f"echo 'rtsp://user:{SECRET}@127.0.0.1:1/x: Connection refused' >&2; exit 1"
    with pytest.raises(SourceError, match=r"rtsp://127\.0\.0\.1:1/x: Connection refused") as error:
        run(script)
    assert SECRET not in str(error.value)


def test_ffmpegs_own_complaint_shows_no_password(run: Run) -> None:
    url = f"rtsp://user:{SECRET}@127.0.0.1:1/x"
    with pytest.raises(SourceError, match="Connection refused") as error:
        run(["ffmpeg", "-v", "error", "-rtsp_transport", "tcp", "-i", url, "-f", "yuv4mpegpipe", "-"])
    assert SECRET not in str(error.value)


@pytest.mark.parametrize(
    "script",
    [
        "sleep 60",
        "printf 'YUV4MPEG2 W6 H4\\n'; sleep 60",
        "printf 'YUV4MPEG2 W6 H4\\nFRAME\\n12345'; sleep 60",
        "printf 'YUV4MPEG2 W6 H4\\nFRAME\\n'; while :; do printf x; sleep 0.3; done",
        "printf 'YUV4MPEG2 W6 H4\\n'; while :; do echo still trying >&2; sleep 0.05; done",
    ],
    ids=["before the header", "before a picture", "in a picture", "byte after byte", "while it complains"],
)
def test_a_command_that_stalls_is_found_out_within_its_time_out(run: Run, script: str) -> None:
    begun_s = time.monotonic()
    with pytest.raises(SourceError, match=r"gave no picture for 0\.5 s: try it in a terminal, or give it longer"):
        run(script, timeout_s=0.5).read()
    assert 0.4 < time.monotonic() - begun_s < 1.5


def test_closing_kills_the_command_and_all_that_it_started(run: Run, tmp_path: Path) -> None:
    child, grandchild = tmp_path / "child", tmp_path / "grandchild"
    stream = f"printf 'YUV4MPEG2 W6 H4\\n'; while :; do printf 'FRAME\\n'; {_zeros(36)}; done"
    source = run(f"trap '' TERM; echo $$ > {child}; sh -c 'echo $$ > {grandchild}; sleep 600' & {stream}")
    source.read()
    pids = [pid_in(child), pid_in(grandchild)]
    assert all(alive(pid) for pid in pids)
    source.close()
    until(lambda: not any(alive(pid) for pid in pids), "both are gone")
    with pytest.raises(ChildProcessError):
        os.waitpid(pids[0], os.WNOHANG)  # it was waited for: no zombie is left


def test_a_command_that_fails_to_give_a_header_is_killed(run: Run, tmp_path: Path) -> None:
    child = tmp_path / "child"
    with pytest.raises(SourceError):
        run(f"echo $$ > {child}; echo nonsense; sleep 600")
    until(lambda: not alive(pid_in(child)), "it is gone")


def test_closing_ends_a_read_of_a_stalled_command_at_once(run: Run) -> None:
    source = run("printf 'YUV4MPEG2 W6 H4\\n'; sleep 60", timeout_s=30)
    reader = Reader(source.read)
    reader.join(0.2)
    assert reader.is_alive()
    closed_s = time.monotonic()
    source.close()
    reader.join(5)
    assert isinstance(reader.result, SourceError)
    assert reader.ended_s - closed_s < 2


def test_nothing_is_left_open_when_commands_were_closed(run: Run) -> None:
    def once() -> None:
        source = run(f"printf 'YUV4MPEG2 W6 H4\\nFRAME\\n'; {_zeros(36)}; sleep 60")
        source.read()
        source.close()

    once()
    before = descriptors()
    for _ in range(5):
        once()
    assert descriptors() == before


def test_arguments_are_not_read_by_a_shell(run: Run, tmp_path: Path) -> None:
    script = "import sys; sys.stdout.write('YUV4MPEG2 W6 H4\\n'); open(sys.argv[1], 'w').write(sys.argv[2])"
    run([sys.executable, "-c", script, str(tmp_path / "said"), "$HOME; *"])
    until((tmp_path / "said").exists, "it has run")
    until(lambda: (tmp_path / "said").read_text() == "$HOME; *", "as it stands")


def descriptors() -> int:
    """Return how many files this process holds open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def _zeros(count: int) -> str:
    return f"head -c {count} {shlex.quote('/dev/zero')}"
