"""YUV4MPEG2, the format of mjpegtools, yuv4mpeg(5): a line of parameters, then for each picture a line and planes."""

from dataclasses import dataclass

from tapetum.capture.framing import unsaid
from tapetum.errors import SourceError
from tapetum.scene import Colour

LONGEST_LINE = 1024
"""Bytes of a header, its line feed not counted: yuv4mpeg(5) allows 80 to a parameter."""
_LARGEST = 8192  # pixels of a side
_COLOURS = ("420", "420jpeg", "420mpeg2", "420paldv")  # 8 bits; they differ only in where the colour was sampled


@dataclass(frozen=True, slots=True)
class Header:
    """What the pictures are: their size, whether they have colour planes, and how their levels are meant."""

    width: int
    height: int
    coloured: bool
    colour: Colour

    @property
    def picture_bytes(self) -> int:
        """The size of one picture, without its line FRAME."""
        chroma = -(-self.width // 2) * -(-self.height // 2)
        return self.width * self.height + self.coloured * 2 * chroma


def parse_header(line: bytes) -> Header:
    """Return what a YUV4MPEG2 header line says, without its line feed.

    The range is what FFmpeg writes there; the format has no word for the matrix. Raises SourceError for anything but
    8-bit 4:2:0 or gray.
    """
    magic, *parameters = line.decode("ascii", errors="replace").split(" ")
    if magic != "YUV4MPEG2":
        raise SourceError(f"expected YUV4MPEG2 (ffmpeg: -f yuv4mpegpipe; GStreamer: y4menc), found {line[:20]!r}")
    values = {parameter[0]: parameter[1:] for parameter in parameters if parameter}
    colour = values.get("C", "420")
    if colour != "mono" and colour not in _COLOURS:
        raise SourceError(f"pictures are C{colour[:20]}; 8-bit C420 is needed (ffmpeg: -pix_fmt yuv420p)")
    sides = [values.get(key, "") for key in "WH"]
    if not all(_is_side(side) for side in sides):
        raise SourceError(f"width and height must be 2..{_LARGEST} pixels, found W{sides[0][:9]} H{sides[1][:9]}")
    width, height = map(int, sides)
    return Header(width, height, colour != "mono", unsaid("XCOLORRANGE=FULL" in parameters, height))


def _is_side(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 9 and 2 <= int(text) <= _LARGEST
