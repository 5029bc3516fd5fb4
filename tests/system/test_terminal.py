"""What somebody sees who runs a command on a terminal: whole lines, and a bar that is never mixed into them."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tapetum import data as shipped

pytestmark = pytest.mark.system

REPLAY = [sys.executable, "-m", "tapetum", "replay", str(shipped.clip())]


def written(command: list[str], stdout: int | None = None) -> str:
    """Run `command` on a terminal, its output there too or in the file `stdout`; return all that it wrote to it."""
    screen, terminal = os.openpty()
    with subprocess.Popen(command, stdin=terminal, stdout=stdout or terminal, stderr=terminal) as process:
        os.close(terminal)
        text = b""
        try:
            while piece := os.read(screen, 65536):
                text += piece
        except OSError:  # EIO: nobody has the terminal open any more
            os.close(screen)
    assert process.returncode == 0, text
    return text.decode()


def lines(text: str) -> list[str]:
    """Return what stands in each line of a terminal to which `text` was written, bars that were erased left out."""
    found = []
    for line in text.split("\n"):
        cells, column = "", 0
        for piece in re.findall(r"\r|\x1b\[K|[^\r\x1b]+", line):
            if piece == "\r":
                column = 0
            elif piece == "\x1b[K":
                cells = cells[:column]
            else:
                cells = cells[:column] + piece + cells[column + len(piece) :]
                column += len(piece)
        found.append(cells)
    return found


def test_on_a_terminal_each_sighting_of_a_replay_is_a_line_of_its_own_and_whole():
    text = written(REPLAY)
    *sightings, summary, rest = lines(text)
    assert len([json.loads(line) for line in sightings]) >= 6
    assert summary.startswith("200 frames, ")
    assert rest == ""
    bars = re.findall(r"replay \[", text)
    assert len(bars) >= 2, "nobody waits without a bar"
    after = re.findall(r"\}\r\n(?=(.{12}))", text[text.index("replay [") :], re.DOTALL)
    assert set(after) == {"\r\x1b[Kreplay ["}, "the bar is there again at once after each line"


def test_a_replay_whose_output_goes_to_a_file_shows_the_bar_alone(tmp_path: Path):
    with (tmp_path / "out").open("wb") as out:
        text = written(REPLAY, out.fileno())
    assert len([json.loads(line) for line in (tmp_path / "out").read_text().splitlines()]) >= 6
    assert "replay [" in text
    (summary, rest) = lines(text)
    assert summary.startswith("200 frames, ")
    assert rest == ""
