"""What the whole daemon takes of memory, and whether it grows: the real daemon, as a process, on a clip in a loop.

Two sums over all its processes, from /proc/PID/smaps_rollup (proc(5)). How much it takes is the proportional set size
(PSS), in which a page that two processes share counts half for each. Whether it grows is told by the anonymous part of
it alone, swapped out or not: that is what a leak grows, and no other process can move it. The rest are pages of files,
libraries above all, and their share rises when some other Python that had them too comes to its end; so does what is
private to a process (USS). The clip is played as fast as the analysis goes.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tapetum.alerts import embedded
from tapetum.errors import TapetumError
from tapetum.inference.settings import Inference
from tapetum.progress import Progress

_EVERY_S = 0.5
_SETTLED = 0.25  # of all frames: the growth is counted from there
_LAST = 0.75  # of all frames: to what comes after that
_PATIENCE_S = 60.0  # without a further frame, the daemon is taken for stuck


@dataclass(frozen=True, slots=True)
class Memory:
    """Sizes in MiB; anonymous: of the PSS what is no file's (heaps, stacks, data of libraries that was written to)."""

    pss_mb: float
    anonymous_mb: float

    def __add__(self, other: "Memory") -> "Memory":
        """Return what both take."""
        return Memory(self.pss_mb + other.pss_mb, self.anonymous_mb + other.anonymous_mb)


def run(clip: Path, frames: int, inference: Inference) -> dict[str, Any]:
    """Return pss_mb and anonymous_mb at their highest, growth, and fps.

    Raises TapetumError when the daemon ends or sticks.
    """
    seen: list[tuple[int, Memory]] = []
    start_s = time.monotonic()
    with (
        tempfile.TemporaryDirectory() as folder,
        _daemon(Path(folder), clip, inference) as process,
        Progress("memory", frames) as bar,
    ):
        count = 0
        while count < frames:
            before, count = count, _analysed(Path(folder) / "status.json", process, count)
            bar.step(count - before)
            seen.append((count, memory_of(process.pid)))
    growth = growth_of([(count, memory.anonymous_mb) for count, memory in seen], frames)
    return {
        "clip": clip.name,
        "frames": seen[-1][0],
        "fps": round(seen[-1][0] / (time.monotonic() - start_s), 1),
        "pss_mb": round(max(memory.pss_mb for _, memory in seen), 1),
        "anonymous_mb": round(max(memory.anonymous_mb for _, memory in seen), 1),
        "growth": None if growth is None else round(growth, 4),
        "model": Path(inference.model).name,
    }


def growth_of(seen: Sequence[tuple[int, float]], frames: int) -> float | None:
    """Return how much larger the median is in the last quarter of `frames` than in the second, as a fraction of that.

    seen: (frames so far, size); None where a quarter holds none.
    """
    early = [size for count, size in seen if _SETTLED * frames <= count < 2 * _SETTLED * frames]
    late = [size for count, size in seen if count >= _LAST * frames]
    return statistics.median(late) / statistics.median(early) - 1 if early and late else None


def memory_of(pid: int) -> Memory:
    """Return what process `pid` and all its descendants take; those just gone count nothing."""
    own = Memory(0.0, 0.0)
    try:
        own = _parsed(Path(f"/proc/{pid}/smaps_rollup").read_text())
        children = [
            int(child)
            for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()
        ]
    except OSError:
        return own
    return sum((memory_of(child) for child in children), own)


def _parsed(rollup: str) -> Memory:
    sizes = {words[0]: int(words[1]) / 1024 for line in rollup.splitlines()[1:] if (words := line.split())}
    return Memory(sizes["Pss:"] + sizes["SwapPss:"], sizes["Pss_Anon:"] + sizes["SwapPss:"])


@contextmanager
def _daemon(folder: Path, clip: Path, inference: Inference) -> Iterator["subprocess.Popen[bytes]"]:
    """Run the daemon on `clip` with a broker of its own, its state in `folder`; end it afterwards."""
    broker, port = embedded.start()
    config = folder / "tapetum.toml"
    source = f'{{ type = "file", path = {json.dumps(str(clip.resolve()))}, loop = true, pace = "analysis" }}'
    config.write_text(
        f"state_dir = {json.dumps(str(folder))}\n"
        f'[broker]\nhost = "127.0.0.1"\nport = {port}\n'
        f"[inference]\nmodel = {json.dumps(inference.model)}\nlabels = {json.dumps(inference.labels)}\n"
        f"[camera.bench]\nsource = {source}\n"
    )
    command = [sys.executable, "-m", "tapetum", "run", "--config", str(config)]
    log = (folder / "log").open("wb")
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(10)
        log.close()
        broker.stop()


def _analysed(status: Path, process: "subprocess.Popen[bytes]", before: int) -> int:
    """Return how many frames are analysed, once they are more than `before`."""
    deadline_s = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline_s:
        time.sleep(_EVERY_S)
        if process.poll() is not None:
            log = (status.parent / "log").read_text(errors="replace").splitlines()[-1:]
            raise TapetumError(f"the daemon ended with {process.returncode}: {os.linesep.join(log)}")
        try:
            count = int(json.loads(status.read_bytes())["cameras"]["bench"]["analysed"])
        except (OSError, ValueError, KeyError):
            continue
        if count > before:
            return count
    raise TapetumError("the daemon analyses no frames")
