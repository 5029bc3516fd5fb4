"""A detector learns, and a training that is stopped, however and whenever, comes to the same weights."""

import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tapetum.scene import Box
from tapetum_trainer.checkpoints import arrays_of, read
from tapetum_trainer.errors import DataError, RecipeError, TrainerError
from tapetum_trainer.fit import within
from tapetum_trainer.said import Answers
from tests.trainer.learnable import SIDE, picture
from tests.trainer.training import train

pytestmark = pytest.mark.timeout(300)


def found(network: Any, seeds: range) -> float:
    """Return the share of the things in pictures never seen that are found where they are, and nothing else."""
    pictures = [picture((99, seed)) for seed in seeds]
    right = wrong = 0
    for rows, (_, truth) in zip(
        Answers([pixels for pixels, _ in pictures], SIDE).rows(network, 0.4), pictures, strict=True
    ):
        hits = {int(row[0]) for row in rows if Box(*row[2:]).iou(Box(*map(float, truth.boxes[int(row[0])]))) > 0.5}
        right += len(hits)
        wrong += len(rows) - len(hits)
    return (right - wrong) / (2 * len(seeds))


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]


def test_a_detector_learns_to_find_what_it_is_shown(tmp_path: Path):
    network, outcome = train(tmp_path, 12, 40)
    assert outcome.finished
    assert found(network, range(100, 140)) > 0.6
    losses = [record["loss"] for record in records(tmp_path) if record["kind"] == "train"]
    assert losses[-1] < 0.3 * losses[0]


def test_in_mixed_precision_it_computes_in_bfloat16_and_learns_and_exports_in_float32(tmp_path: Path):
    computed: set[str] = set()

    def validate(network: Any) -> float:
        computed.update(layer.compute_dtype for layer in network.layers)
        return 1.0

    network, _ = train(tmp_path / "mixed", 2, 20, validate, precision="bfloat16")
    train(tmp_path / "exact", 2, 20)
    assert computed == {"bfloat16", "float32"}
    assert {layer.compute_dtype for layer in network.layers} == {"float32"}
    assert {str(weight.dtype) for weight in network.weights} == {"float32"}
    mixed, exact = (
        [one["loss"] for one in records(tmp_path / name) if one["kind"] == "train"] for name in ("mixed", "exact")
    )
    assert mixed != exact
    assert mixed == pytest.approx(exact, rel=0.1)
    assert mixed[-1] < 0.8 * mixed[0]


def weights(folder: Path) -> dict[str, Any]:
    return read(folder / "best.npz")


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def test_a_training_that_is_killed_again_and_again_comes_to_the_same_weights(tmp_path: Path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    train(whole, 3)
    command = [sys.executable, "-m", "tests.trainer.training", str(killed), "3"]
    ends = 0
    for attempt in itertools.count():
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ)
        before = len(records(killed)) if (killed / "journal.jsonl").exists() else 0
        if attempt < 2:
            deadline = time.monotonic() + 120
            while process.poll() is None and time.monotonic() < deadline:
                now = killed / "last.npz"
                if now.exists() and now.stat().st_mtime_ns > ends:
                    break
                time.sleep(0.05)
            time.sleep(random.random() * 0.3)
            process.send_signal(signal.SIGKILL)
            ends = time.time_ns()
        if process.wait(120) == 0:
            break
        assert before <= 100
    assert attempt >= 1
    assert same(weights(whole), weights(killed))
    steps = [record["step"] for record in records(killed)]
    assert steps == sorted(steps)
    assert [r for r in records(killed) if r["kind"] == "train"][-1]["step"] == 18


def test_a_training_that_is_stopped_in_time_goes_on_to_the_same_weights(tmp_path: Path):
    whole, legs = tmp_path / "whole", tmp_path / "legs"
    network, _ = train(whole, 3)
    stops = iter([False] * 7 + [True])
    _, outcome = train(legs, 3, until=lambda: next(stops))
    assert (outcome.finished, outcome.stand.step) == (False, 9)
    again, outcome = train(legs, 3)
    assert (outcome.finished, outcome.stand.pictures) == (True, 18 * 8)
    assert same(arrays_of(network), arrays_of(again))


def test_it_ends_when_it_gets_no_better_and_keeps_the_best(tmp_path: Path):
    values = iter([0.1, 0.5, 0.4, 0.3, 0.2])
    _, outcome = train(tmp_path, 9, 2, validate=lambda _: next(values), patience=2)
    assert (outcome.stand.best, outcome.stand.step) == (0.5, 8)
    assert outcome.finished
    assert [r["validation"] for r in records(tmp_path) if r["kind"] == "validation"] == [0.1, 0.5, 0.4, 0.3]


def test_another_recipe_is_not_continued_and_a_damaged_checkpoint_is_told(tmp_path: Path):
    train(tmp_path, 1, 2)
    with pytest.raises(RecipeError, match="a training of another recipe stands here"):
        train(tmp_path, 2, 2)
    last = tmp_path / "last.npz"
    last.write_bytes(last.read_bytes()[:2000])
    with pytest.raises(DataError, match="no weights or checkpoint can be read"):
        train(tmp_path, 1, 2)


def test_a_loss_that_is_no_number_ends_it_with_what_would_help(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tapetum_trainer.learner.real", lambda pixels: np.full(pixels.shape, np.nan, np.float32))
    with pytest.raises(TrainerError, match=r"step 1: the loss is nan; a lower rates.peak is needed"):
        train(tmp_path, 1, 2)


def test_a_leg_ends_after_its_time():
    now = iter([0.0, 5.0, 11.0])
    until = within(10, lambda: next(now))
    assert [until(), until()] == [False, True]
