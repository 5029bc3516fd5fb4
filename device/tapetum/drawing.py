"""A clip with what was seen drawn into it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tapetum.colour import to_bgr
from tapetum.errors import ConfigError
from tapetum.pipeline import Result
from tapetum.scene import Frame, Plane, State

_COLOURS = {
    State.TENTATIVE: (150, 150, 150),
    State.CONFIRMED: (80, 220, 80),
    State.STILL: (220, 180, 60),
    State.LOST: (90, 90, 230),
}
_USUAL_RATE = Fraction(25)

_LIMITED_BT601 = 1, 6  # FFmpeg's AVCOL_RANGE_MPEG, AVCOL_SPC_SMPTE170M


class Film:
    """Writes annotated frames to an H.264 file; does nothing without a path."""

    def __init__(self, path: Path | None, clip: Path) -> None:
        """`clip`: where the frame rate is read."""
        self._path = path
        self._clip = clip
        self._container: Any = None
        self._stream: Any = None
        self._begun = False

    def __enter__(self) -> "Film":
        """Begin the file; raises ConfigError when it cannot be written, before anything is seen."""
        if self._path is not None:
            with _refused(self._path):
                self._begin(self._path)
        return self

    def __exit__(self, *_: object) -> None:
        """Write what the encoder still holds, and close the file."""
        if self._container is not None:
            with _refused(self._path):
                self._write(None)
                self._container.close()

    def add(self, frame: Frame, result: Result) -> None:
        """Add `frame` with its tracks and labels; raises ConfigError when the file cannot be written."""
        if self._path is not None:
            self.add_picture(annotated(frame, result))

    def add_picture(self, picture: Plane) -> None:
        """Add `picture` (H, W, 3) BGR uint8, its sides even and always the same; raises ConfigError as `add` does."""
        if self._path is None:
            return
        import av  # noqa: PLC0415  an extra

        with _refused(self._path):
            if not self._begun:
                self._begun = True
                self._stream.height, self._stream.width = picture.shape[:2]
            self._write(av.VideoFrame.from_ndarray(picture, format="bgr24"))

    def _write(self, picture: Any) -> None:
        """Encode `picture`, or with None all that is left."""
        for packet in self._stream.encode(picture):
            self._container.mux(packet)

    def _begin(self, path: Path) -> None:
        try:
            import av  # noqa: PLC0415  an extra
        except ImportError:
            raise ConfigError('--save-video: files need PyAV: pip install "tapetum[stream]"') from None
        if path.exists() and path.samefile(self._clip):
            raise ConfigError(f"--save-video {path}: is the clip itself; name another file, or the clip is lost")
        _try_to_write(path)
        self._container = av.open(str(path), "w")
        self._stream = self._container.add_stream(
            "libx264", rate=_rate(self._clip), options={"crf": "26", "preset": "veryfast"}
        )
        self._stream.pix_fmt = "yuv420p"
        context = self._stream.codec_context
        context.color_range, context.colorspace = _LIMITED_BT601  # what PyAV makes of RGB; unsaid, HD means BT.709


def _rate(clip: Path) -> Fraction:
    """Return the frame rate of `clip`, 25 where it has none; what cannot be played is told when it is."""
    import av  # noqa: PLC0415  an extra

    with suppress(av.FFmpegError, OSError, IndexError), av.open(str(clip)) as source:
        return source.streams.video[0].average_rate or _USUAL_RATE
    return _USUAL_RATE


def _try_to_write(path: Path) -> None:
    """Raise OSError where the file cannot be written: PyAV opens it with the first picture only."""
    new = not path.exists()
    with path.open("ab"):
        pass
    if new:
        path.unlink()


@contextmanager
def _refused(path: Path | None) -> Iterator[None]:
    """Translate PyAV's errors about the file at `path`."""
    try:
        yield
    except (OSError, ValueError) as error:  # of folders and disks, of formats and codecs
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"--save-video {path}: {reason}; a file .mp4 or .mkv that can be written is wanted") from None


def annotated(frame: Frame, result: Result) -> "np.ndarray[Any, np.dtype[np.uint8]]":
    """Return `frame` as (H, W, 3) BGR uint8, even sides, with boxes, numbers and labels of its tracks.

    What is taken for nobody has the reason instead of its number.
    """
    height, width = (side // 2 * 2 for side in frame.y.shape)
    chroma = [np.asarray(cv2.resize(plane, (width, height)), np.uint8) for plane in (frame.u, frame.v)]
    picture = to_bgr([np.ascontiguousarray(frame.y[:height, :width]), *chroma], frame.colour)
    for track in result.tracks:
        if track.state is State.TENTATIVE and not track.nuisance:
            continue
        left, top, right, bottom = (round(edge) for edge in track.box.pixels(picture.shape))
        colour = _COLOURS[track.state]
        label = result.labels.get(track.id)
        known = f"{track.id} {label.name} {label.score:.2f}" if label else str(track.id)
        text = track.nuisance or known
        cv2.rectangle(picture, (left, top), (right, bottom), colour, 2)
        cv2.putText(picture, text, (left + 3, max(14, top + 14)), cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, 1, cv2.LINE_AA)
    return picture
