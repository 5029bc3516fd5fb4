"""What the whole daemon takes of memory, and whether it grows: the real daemon, as a process, on a clip in a loop.

The proportional set size (PSS) of all its processes, from /proc/PID/smaps_rollup (proc(5)): a page that two processes
share counts half for each. The clip is played as fast as the analysis goes.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
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


def run(clip: Path, frames: int, inference: Inference) -> dict[str, Any]:
    """Return pss_mb at its highest, its growth between the second and the last quarter of `frames`, and fps.

    Raises TapetumError when the daemon ends or sticks.
    """
    seen: list[tuple[int, float]] = []
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
            seen.append((count, pss_mb(process.pid)))
    early = [mb for count, mb in seen if _SETTLED * frames <= count < 2 * _SETTLED * frames]
    late = [mb for count, mb in seen if count >= _LAST * frames]
    growth = statistics.median(late) / statistics.median(early) - 1 if early and late else None
    return {
        "clip": clip.name,
        "frames": seen[-1][0],
        "fps": round(seen[-1][0] / (time.monotonic() - start_s), 1),
        "pss_mb": round(max(mb for _, mb in seen), 1),
        "growth": None if growth is None else round(growth, 4),
        "model": Path(inference.model).name,
    }


def pss_mb(pid: int) -> float:
    """Return the proportional set size of process `pid` and all its descendants, MiB; those just gone count nothing."""
    total = 0.0
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total = int(line.split()[1]) / 1024
        children = [
            int(child)
            for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()
        ]
    except OSError:
        return total
    return total + sum(pss_mb(child) for child in children)


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
