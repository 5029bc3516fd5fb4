"""A model that is twenty times as slow makes labels older, and no frame fewer.

The real daemon watches the clip that comes along at 15 pictures a second, with a real detector as it is, and with the
same one behind a delegate that computes in each run nineteen times as long as the whole model takes. The slow worker
so keeps one of the machine's processors busy nearly all the time, and on two of them the analysis has what is left. The
two take turns, so that what else the machine does meets both. What is held is that no frame waits for an answer: on two
processors it is met without the worker's lower priority too.

`scripts/test tests/system/test_slow_model.py -s` prints the figures.
"""

import json
import statistics
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tapetum import data as shipped
from tapetum.inference.tflite import runtime
from tests.inference.conftest import library  # noqa: F401  a fixture
from tests.simulators.daemon import Daemon
from tests.system.conftest import camera

pytestmark = [pytest.mark.system, pytest.mark.alone]

FPS, SLOWER = 15, 20
SHARE = 0.03  # of the frames that may be dropped more: 5 of 120 were in one turn as it is, by what else the machine did


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The clip that comes along, ten pictures a second, retimed to fifteen."""
    made = tmp_path_factory.mktemp("clip") / "street.mp4"
    command = ["ffmpeg", "-v", "error", "-itsscale", str(10 / FPS), "-i", str(shipped.clip()), "-c", "copy", str(made)]
    subprocess.run(command, check=True, timeout=60)
    return made


@pytest.fixture(scope="module")
def detector(data: Path) -> Path:
    return data / "models/coco_ssd_mobilenet_v1_quant/detect.tflite"


def invoke_ms(model: Path) -> float:
    """Return the CPU time of one run of the model, milliseconds, median."""
    interpreter = runtime().Interpreter(model_path=str(model), num_threads=1)
    interpreter.allocate_tensors()
    found = []
    for _ in range(15):
        start_s = time.thread_time()
        interpreter.invoke()
        found.append(1e3 * (time.thread_time() - start_s))
    return statistics.median(found)


def watched(folder: Path, clip: Path, inference: str, seconds: float) -> dict[str, Any]:
    """Let the daemon watch `clip` for so long; return what it counted meanwhile, and how long its model takes."""
    folder.mkdir()
    source = f'{{ type = "file", path = {json.dumps(str(clip))}, loop = true }}'
    with Daemon(folder, inference + camera(source)) as daemon:
        start = daemon.until(lambda status: status if status["inference"]["answered"] >= 2 else None)
        wanted = start["cameras"]["room"]["captured"] + FPS * seconds
        end = daemon.until(lambda now: now if now["cameras"]["room"]["captured"] >= wanted else None, seconds + 60)
        assert daemon.stop()[0] == 0
    counts = {name: end["cameras"]["room"][name] - start["cameras"]["room"][name] for name in ("captured", "dropped")}
    counts["answered"] = end["inference"]["answered"] - start["inference"]["answered"]
    counts["seconds"] = (end["at_ns"] - start["at_ns"]) / 1e9
    return counts | {"median_ms": end["inference"]["median_ms"], "mode": end["inference"]["mode"]}


@pytest.mark.parametrize(
    ("turns", "seconds"),
    [(2, 8), pytest.param(5, 60, marks=[pytest.mark.long, pytest.mark.timeout(1200)])],
)
def test_a_model_twenty_times_as_slow_costs_no_frame(
    tmp_path: Path,
    clip: Path,
    detector: Path,
    library: Path,  # noqa: F811
    turns: int,
    seconds: float,
):
    bare_ms = invoke_ms(detector)
    options = {"fault": "busy", "milliseconds": str(round((SLOWER - 1) * bare_ms))}
    behind = ", ".join(f"{name} = {json.dumps(value)}" for name, value in options.items())
    model = f"[inference]\nmodel = {json.dumps(str(detector))}\ndeadline_s = 60\n"
    slow = f'{model}accelerators = [{{ type = "delegate", library = "{library}", options = {{ {behind} }} }}]\n'
    totals: dict[str, Counter[str]] = {"as it is": Counter(), "slow": Counter()}
    for turn in range(turns):
        for name, inference in (("as it is", model), ("slow", slow)):
            found = watched(tmp_path / f"{name} {turn}", clip, inference, seconds)
            print(f"{name}: {found}")
            slows = found["mode"] == "delegate" and found["median_ms"] >= (SLOWER - 1) * bare_ms
            assert slows is (name == "slow")
            assert found["captured"] / found["seconds"] == pytest.approx(FPS, rel=0.1)
            totals[name].update({key: found[key] for key in ("captured", "dropped", "answered")})
    print(f"invoke {bare_ms:.1f} ms; {totals}")
    assert totals["slow"]["answered"] >= turns
    assert totals["slow"]["dropped"] <= totals["as it is"]["dropped"] + SHARE * totals["slow"]["captured"]
