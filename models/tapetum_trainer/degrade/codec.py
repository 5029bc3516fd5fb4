"""What coding leaves of a picture: H.264 as a camera streams it, JPEG as it stores it.

Not a model of the codec but the codec: x264 by PyAV, JPEG by OpenCV. With one thread x264 gives the same bits for the
same frames each time.
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

import cv2
import numpy as np

from tapetum_trainer.degrade.light import Picture

_RATE = 15  # frames a second, for which a bit-rate is meant


def h264(
    pictures: Sequence[Picture], crf: float | None = None, kbit_s: int | None = None, preset: str = "veryfast"
) -> list[Picture]:
    """Return the clip `pictures`, each (h, w, 3) RGB of one size, after H.264: of quality `crf`, or of a rate, at 15/s.

    crf: 0 (nothing lost but chroma's resolution) to 51. A still is a clip of one: a key frame. Odd sizes are continued
    to even ones and cut again. Raises ValueError unless one of `crf` and `kbit_s` is given; needs PyAV
    (`tapetum[stream]`).
    """
    if (crf is None) == (kbit_s is None):
        raise ValueError("h264 takes either crf or kbit_s")
    import av  # noqa: PLC0415  an extra, needed only here

    height, width = pictures[0].shape[:2]
    writer: Any = av.CodecContext.create("libx264", "w")
    writer.width, writer.height, writer.pix_fmt = width + width % 2, height + height % 2, "yuv420p"
    writer.time_base, writer.framerate, writer.thread_count = Fraction(1, _RATE), Fraction(_RATE), 1
    writer.options = {"preset": preset, "tune": "zerolatency"} | ({} if crf is None else {"crf": str(crf)})
    if kbit_s is not None:
        writer.bit_rate = kbit_s * 1000
    reader: Any = av.CodecContext.create("h264", "r")
    reader.thread_count = 1
    return [frame[:height, :width] for frame in _through(writer, reader, pictures)]


def _through(writer: Any, reader: Any, pictures: Sequence[Picture]) -> Iterator[Picture]:
    """Yield what `reader` makes of what `writer` makes of each picture."""
    import av  # noqa: PLC0415

    packets = []
    for number, picture in enumerate(pictures):
        odd = picture.shape[0] % 2, picture.shape[1] % 2
        even = np.pad(picture, ((0, odd[0]), (0, odd[1]), (0, 0)), "edge") if any(odd) else picture
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(even), format="rgb24")
        frame.pts = number
        packets += writer.encode(frame)
    packets += writer.encode(None)
    for packet in [*packets, None]:
        yield from (np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in reader.decode(packet))


def jpeg(picture: Picture, quality: int) -> Picture:
    """Return `picture` (h, w, 3) RGB after JPEG of `quality` 1..100 (libjpeg's scale), chroma at half resolution."""
    _, coded = cv2.imencode(".jpg", picture[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded: Any = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    return np.asarray(decoded[:, :, ::-1], np.uint8)
