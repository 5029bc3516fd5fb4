"""A camera: `python y4m_camera.py FOLDER` writes YUV4MPEG2, ten pictures a second of a block that moves to and fro.

It ends while there is a file FOLDER/gone, and writes nothing while there is FOLDER/stalled.
"""

import sys
import time
from pathlib import Path

import numpy as np

WIDTH, HEIGHT, PERIOD_S = 160, 120, 0.1


def picture(number: int) -> bytes:
    y = np.random.default_rng(number % 8).integers(96, 104, (HEIGHT, WIDTH), np.uint8)
    left = abs(number * 3 % (2 * (WIDTH - 24)) - (WIDTH - 24))
    y[40:90, left : left + 24] = 220
    return y.tobytes() + bytes([128]) * (WIDTH * HEIGHT // 2)


def main(folder: Path) -> None:
    out = sys.stdout.buffer
    number = 0
    while not (folder / "gone").exists():
        if not (folder / "stalled").exists():
            header = b"" if number else f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F10:1 C420\n".encode()
            out.write(header + b"FRAME\n" + picture(number))
            out.flush()
            number += 1
        time.sleep(PERIOD_S)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
