"""Several processes train one network, or try a recipe in several ways, by Ray: `pip install tapetum[train,scale]`."""

import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import numpy as np
import pytest

from tapetum_trainer import recipe as recipes
from tapetum_trainer.checkpoints import read
from tests.trainer.boxes import RECIPE, painted

pytestmark = [
    pytest.mark.timeout(3000),
    pytest.mark.long,
    pytest.mark.skipif(not importlib.util.find_spec("ray"), reason="Ray is not installed: tapetum[train,scale]"),
]
APART = 1e-3
"""Of weights, at most, that eight steps at a rate of 1e-3 moved by up to 8e-3: TensorFlow adds up in another order."""
TRIED = """
[search]
trials = 4
over."fit.rates.peak" = { low = 1e-5, high = 1e-2, log = true }
over."feeding.batch" = [8, 16]
"""


def ordered(folder: Path, *arguments: object) -> subprocess.Popen[str]:
    """Start a command of the desk; its caches are in `folder`, and Ray is as nice as this process."""
    env = os.environ | {"XDG_CACHE_HOME": str(folder / "cache"), "RAY_worker_niceness": "0"}
    command = [sys.executable, "-m", "tapetum_trainer.cli", *map(str, arguments), "--data", str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env)


def run(folder: Path, *arguments: object) -> str:
    """Run a command of the desk; return what it printed."""
    process = ordered(folder, *arguments)
    told, _ = process.communicate(timeout=1500)
    assert process.returncode == 0, told[-4000:]
    return told


def apart(one: Path, other: Path) -> float:
    """Return how far the weights of two trainings are from each other at most."""
    first, second = read(one / "last.npz"), read(other / "last.npz")
    return max(float(np.abs(first[name] - second[name]).max()) for name in first if name.startswith("network/"))


def test_two_processes_come_to_the_weights_of_one(tmp_path: Path):
    """From a bundle: its network has no batch normalisation, whose rounding grows from step to step."""
    recipe = painted(tmp_path)
    bundle = tmp_path / "begun/boxes@3.tapetum"
    run(tmp_path, "train", recipe, "--folder", bundle.parent)
    for count in (1, 2):
        run(tmp_path, "fine-tune", bundle, recipe, "--folder", tmp_path / str(count), "--workers", count)
    assert (tmp_path / "2/boxes@3.tapetum").exists()
    assert apart(tmp_path / "1", tmp_path / "2") < APART


def finished(folder: Path) -> list[Path]:
    """Return the best weights of each trial that has validated its last epoch and written down where it stands."""
    found = []
    for journal in folder.glob("trials/*/journal.jsonl"):
        records = [json.loads(line) for line in journal.read_text().splitlines()]
        best, last = (journal.with_name(f"{name}.npz") for name in ("best", "last"))
        done = records and (records[-1]["kind"], records[-1]["epoch"]) == ("validation", 1)
        if done and last.stat().st_mtime_ns > journal.stat().st_mtime_ns:
            found.append(best)
    return found


def test_trials_go_on_after_a_kill_and_the_best_one_becomes_a_recipe(tmp_path: Path):
    recipe = painted(tmp_path, RECIPE + TRIED)
    order = ["tune", recipe, "--folder", tmp_path / "tried"]
    process = ordered(tmp_path, *order)
    until = time.monotonic() + 1200
    while not (done := finished(tmp_path / "tried")) and process.poll() is None and time.monotonic() < until:
        time.sleep(0.5)
    assert 0 < len(done) < 4
    kept = {path: path.stat().st_mtime_ns for path in done}
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.stdout is not None
    process.stdout.close()
    told = run(tmp_path, *order)
    rows = re.findall(r"^(0\.\d{4}) +(\d+) +fit.rates.peak (\S+), feeding.batch (8|16)$", told, re.MULTILINE)
    assert len(rows) == 4
    assert [row[0] for row in rows] == sorted((row[0] for row in rows), reverse=True)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept, "what was done is done again"
    best = recipes.load(tmp_path / "tried/best.toml")
    assert (f"{best.fit.rates.peak:.4g}", str(best.feeding.batch)) == rows[0][2:]
    assert best.search is None


def test_a_teacher_that_is_not_there_is_told_before_a_trial_begins(tmp_path: Path):
    from tapetum_trainer.errors import RecipeError
    from tapetum_trainer.scale.trials import Trying

    values = tomllib.loads(f'{RECIPE}[teacher]\nmodel = "start"\nmaps = true\n{TRIED}')
    with pytest.raises(RecipeError, match="the bundle that `fine-tune` goes on from, and there is none"):
        Trying(values, tmp_path / "nowhere", tmp_path).run(1, print)
