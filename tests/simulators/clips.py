"""Small clips with known content, made by the encoders that make real ones."""

import random
import subprocess
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FPS = 25
_NOISE = "geq=lum='128+90*sin(X/9+N/5)*cos(Y/7)+random(1)*20':cb='110+N':cr='150-N'"


def make(path: Path, *encoder: str, size: str = "160x120", frames: int = 50, pixels: str = "yuv420p") -> Path:
    """Write `frames` pictures of a moving pattern to `path`, by ffmpeg's `encoder` arguments; return `path`."""
    pattern = f"color=gray:s={size}:r={FPS},format=yuv444p,{_NOISE},format={pixels}"
    ffmpeg("-f", "lavfi", "-i", pattern, "-frames:v", str(frames), *encoder, str(path))
    return path


def h264(path: Path, frames: int = 50, size: str = "160x120") -> Path:
    """Write an H.264 clip with a key picture every ten: what network cameras send."""
    x264 = (
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-tune",
        "zerolatency",
        "-g",
        "10",
        "-threads",
        "1",
        "-pix_fmt",
        "yuv420p",
    )
    return make(path, *x264, size=size, frames=frames)


def ffmpeg(*arguments: str) -> None:
    """Run ffmpeg with `arguments`."""
    subprocess.run(["ffmpeg", "-v", "error", "-y", *arguments], check=True, timeout=60)


def damaged(clip: Path, target: Path, flips: int = 40, seed: int = 1) -> Path:
    """Write `clip` to `target` with `flips` bits of its middle half the other way round; return `target`."""
    chance = random.Random(seed)
    content = bytearray(clip.read_bytes())
    for _ in range(flips):
        content[chance.randrange(len(content) // 4, len(content) * 3 // 4)] ^= 1 << chance.randrange(8)
    target.write_bytes(content)
    return target


def raw_pictures(clip: Path, width: int, height: int) -> list[tuple[NDArray[np.uint8], ...]]:
    """Return (y, u, v) of every picture of `clip`, as the ffmpeg command decodes them."""
    done = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", str(clip), "-f", "rawvideo", "-pix_fmt", "yuv420p", "-"],
        check=True,
        capture_output=True,
        timeout=60,
    )
    half = -(-height // 2), -(-width // 2)
    luma, chroma = height * width, half[0] * half[1]
    pictures = np.frombuffer(done.stdout, np.uint8).reshape(-1, luma + 2 * chroma)
    return [
        (row[:luma].reshape(height, width), row[luma : luma + chroma].reshape(half), row[luma + chroma :].reshape(half))
        for row in pictures
    ]
