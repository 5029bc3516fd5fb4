"""A sequence as MOTChallenge has it: a folder of `img1/000001.jpg` ..., `seqinfo.ini`, and `gt/gt.txt`.

The pictures become a clip without being coded anew: a JPEG is a frame of Motion JPEG. So they go the way of all clips.
"""

import configparser
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

from tapetum.errors import ConfigError

_INFO, _SECTION = "seqinfo.ini", "Sequence"
_KINDS = (".jpg", ".jpeg")


@contextmanager
def clip_of(path: Path) -> Iterator[Path]:
    """Yield `path` where it is a file, and a clip of its pictures where it is a folder of MOTChallenge.

    Raises ConfigError where it is neither.
    """
    if path.is_file():
        yield path
        return
    if not path.is_dir():
        raise ConfigError(f"--clip {path}: there is no such clip or folder")
    rate, pictures = _info(path / _INFO)
    with TemporaryDirectory() as folder:
        clip = Path(folder) / f"{path.name}.mkv"
        _write(clip, pictures, rate)
        yield clip


def truth_of(path: Path, named: Path | None) -> Path:
    """Return the truth that is `named`, or that of the folder `path`; raises ConfigError where there is none."""
    own = path / "gt/gt.txt"
    if named is None and not own.is_file():
        raise ConfigError(f"--truth: is missing, and there is no {own}; a MOTChallenge file is wanted")
    return named or own


def _info(path: Path) -> tuple[int, list[Path]]:
    """Return how many pictures a second there are, and the pictures in order."""
    parser = configparser.ConfigParser()
    try:
        parser.read_string(path.read_text("utf-8"))
        rate, folder = parser.getint(_SECTION, "frameRate"), parser.get(_SECTION, "imDir")
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; a folder as MOTChallenge has it is wanted") from None
    except (configparser.Error, ValueError) as error:
        raise ConfigError(f"{path}: {' '.join(str(error).split())}; [{_SECTION}] frameRate, imDir are wanted") from None
    pictures = sorted(one for one in path.parent.glob(f"{folder}/*") if one.suffix.lower() in _KINDS)
    if rate < 1 or not pictures:
        raise ConfigError(
            f"{path}: frameRate is {rate}, and {folder} holds {len(pictures)} JPEGs; 1 and more are wanted"
        )
    return rate, pictures


def _write(clip: Path, pictures: list[Path], rate: int) -> None:
    import av  # noqa: PLC0415  an extra

    try:
        with av.open(str(pictures[0])) as first:
            video = first.streams.video[0]
            width, height, pixels = video.width, video.height, video.pix_fmt
            if not pixels:
                raise ConfigError(f"{pictures[0]}: is no JPEG")
        with av.open(str(clip), "w") as film:
            stream = film.add_stream("mjpeg", rate=rate)
            stream.width, stream.height, stream.pix_fmt = width, height, pixels
            for number, picture in enumerate(pictures):
                packet = av.Packet(picture.read_bytes())
                packet.stream, packet.time_base = stream, Fraction(1, rate)
                packet.pts = packet.dts = number
                film.mux(packet)
    except (av.FFmpegError, OSError, IndexError) as error:
        raise ConfigError(f"{pictures[0].parent}: its pictures make no clip: {error}") from None
