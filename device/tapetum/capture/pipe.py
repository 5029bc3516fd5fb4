"""Any command that writes YUV4MPEG2 to its standard output: ffmpeg, GStreamer on a Jetson, rpicam-vid."""

import contextlib
import os
import selectors
import shutil
import signal
import subprocess
import time
from typing import IO, Annotated, ClassVar

from msgspec import Meta

from tapetum.buffers import BufferPool
from tapetum.capture.addresses import without_secrets
from tapetum.capture.closing import Closing
from tapetum.capture.framing import Framer, no_colour
from tapetum.capture.source import SourceSettings
from tapetum.capture.y4m import LONGEST_LINE, parse_header
from tapetum.clock import Clock
from tapetum.errors import ConfigError, SourceError
from tapetum.scene import Frame

_KEPT = 4096  # bytes of what it wrote to its standard error: an address must be whole to be found in it
_TOLD = 500  # characters of that which are repeated
_LAST_WORDS_S = 0.5  # what a command that ended wrote to its standard error may take so long to arrive
_KILL_S = 1.0  # a process that the kernel holds (a dead disk, a driver) does not even go when killed


class Pipe(SourceSettings, tag="pipe", frozen=True, kw_only=True):
    """A command and its arguments."""

    key: ClassVar[str] = "command"
    command: Annotated[list[str], Meta(min_length=1)]  # run as it stands, with no shell
    timeout_s: Annotated[float, Meta(ge=1, le=60)] = 5.0  # without a picture for so long, it is started again

    def missing(self) -> str:
        """As of `SourceSettings.missing`."""
        program = self.command[0]
        return "" if shutil.which(program) else f"{program!r} is no program that this user may run, nor on its PATH"

    def open(self, camera: str, clock: Clock) -> "PipeSource":
        """Start the command and read the parameters it writes; raises ConfigError when there is no such command."""
        command = Command(self.command, self.timeout_s)
        try:
            return PipeSource(command, Framer(camera, self.analysis_width), clock)
        except BaseException:
            command.kill()
            raise


class PipeSource:
    """The running command's pictures."""

    lossless = False

    def __init__(self, command: "Command", framer: Framer, clock: Clock) -> None:
        self._command = command
        self._framer = framer
        self._clock = clock
        self._closing = Closing(command.name, command.kill)
        command.start_waiting()
        self._header = parse_header(self._line())
        self._pool = BufferPool((self._header.picture_bytes,))

    def read(self) -> Frame:
        """Return the next frame; raises SourceError when the command ends, stalls or writes something else."""
        with self._closing.reading():
            self._command.start_waiting()
            line = self._line()
            if line != b"FRAME" and not line.startswith(b"FRAME "):
                raise SourceError(f"{self._command.name}: expected a line FRAME of YUV4MPEG2, found {line[:20]!r}")
            return self._picture()

    def close(self) -> None:
        """Kill the command and all that it started; a `read` under way ends."""
        self._command.stop()
        self._closing.close()

    def _picture(self) -> Frame:
        picture = self._pool.take()
        picture.flags.writeable = True
        self._command.fill(picture.data)
        t_ns = self._clock.now_ns()
        height, width = self._header.height, self._header.width
        y = picture[: width * height].reshape(height, width)
        u = v = no_colour(width, height)
        if self._header.coloured:
            u, v = picture[width * height :].reshape(2, -(-height // 2), -(-width // 2))
        return self._framer.frame(y, u, v, t_ns, colour=self._header.colour)

    def _line(self) -> bytes:
        line = bytearray()
        byte = memoryview(bytearray(1))
        while len(line) < LONGEST_LINE:
            self._command.fill(byte)
            if byte[0] == ord("\n"):
                return bytes(line)
            line += byte
        raise SourceError(
            f"{self._command.name}: writes no YUV4MPEG2: {LONGEST_LINE} bytes without a line feed where one is due"
        )


class Command:
    """A process in a group of its own, which is killed whole; what it complains about is kept, the end of it.

    Its standard error is read together with its output: in a file it would fill the disk over the years, in a pipe
    that nobody reads it would stop the command.
    """

    def __init__(self, arguments: list[str], timeout_s: float) -> None:
        """Start it; raises ConfigError when it cannot be started."""
        self.name = f"command {arguments[0]}"
        self._timeout_s = timeout_s
        self._deadline_s = 0.0
        self._said = b""
        self._stopped = False
        try:
            self._process = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                bufsize=0,
            )
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            wanted = "it must begin with a program, best by its whole path, that this user may run"
            raise ConfigError(f"command: {arguments[0]!r} cannot be run: {reason}; {wanted}") from None
        self._ready = selectors.DefaultSelector()
        self._output, self._errors = self._watched(self._process.stdout), self._watched(self._process.stderr)

    def start_waiting(self) -> None:
        """Let the time-out begin."""
        self._deadline_s = time.monotonic() + self._timeout_s

    def fill(self, buffer: memoryview) -> None:
        """Read until `buffer` is full; raises SourceError when the command ends first, or the time-out."""
        while buffer:
            if not self._readable(self._deadline_s):
                late = f"gave no picture for {self._timeout_s:g} s: try it in a terminal, or give it longer"
                raise SourceError(f"{self.name}: {late}{self._complaint()}", "timeout_s")
            with contextlib.suppress(BlockingIOError):
                count = os.readv(self._output, [buffer])
                if count == 0:
                    raise SourceError(f"{self.name}: has ended{self._last_words()}")
                buffer = buffer[count:]

    def stop(self) -> None:
        """Kill it and all that it started; who waits in `fill` learns of it."""
        if not self._stopped:
            self._stopped = True
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def kill(self) -> None:
        """Stop it, and let all of it go: nobody may be in `fill`."""
        self.stop()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_KILL_S)
        self._ready.close()
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()

    def _watched(self, stream: IO[bytes] | None) -> int:
        if stream is None:
            raise SourceError(f"{self.name}: has no standard output")
        os.set_blocking(stream.fileno(), False)
        self._ready.register(stream, selectors.EVENT_READ)
        return stream.fileno()

    def _readable(self, deadline_s: float) -> bool:
        """Wait until there is output, listening to complaints meanwhile; return False at `deadline_s`."""
        while (left_s := deadline_s - time.monotonic()) > 0:
            ready = {key.fd for key, _ in self._ready.select(left_s)}
            if self._errors in ready:
                self._listen()
            if self._output in ready:
                return True
        return False

    def _listen(self) -> bool:
        """Keep the end of what the command says; return False when it says no more."""
        with contextlib.suppress(BlockingIOError):
            heard = os.read(self._errors, 65536)
            if not heard:
                with contextlib.suppress(KeyError):
                    self._ready.unregister(self._errors)
                return False
            self._said = (self._said + heard)[-_KEPT:]
        return True

    def _last_words(self) -> str:
        with contextlib.suppress(KeyError):
            self._ready.unregister(self._output)
        deadline_s = time.monotonic() + _LAST_WORDS_S
        while self._ready.get_map() and (left_s := deadline_s - time.monotonic()) > 0:
            if self._ready.select(left_s) and not self._listen():
                break
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_LAST_WORDS_S)
        status = self._process.returncode
        return self._complaint() or (" its output" if status is None else f" (status {status})")

    def _complaint(self) -> str:
        text = without_secrets(self._said.decode(errors="replace")).strip()[-_TOLD:]
        return f"; it said: {text}" if text else ""
