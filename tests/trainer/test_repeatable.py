"""The same recipe and seed give the same model again, to the last bit; another seed gives another."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tapetum_trainer import recipe as recipes
from tapetum_trainer.checkpoints import read
from tapetum_trainer.networks import sizes
from tapetum_trainer.sets import Sets
from tapetum_trainer.training import Training
from tests.trainer.boxes import RECIPE, painted
from tests.trainer.learnable import TINY

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sizes.SIZES, "nano", sizes.Size(TINY, 16, "mobilenet-v2"))  # type: ignore[arg-type]


def trained(folder: Path, place: Path, seed: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Train from scratch; return the best weights and the figures of the journal, without those of time."""
    recipe = recipes.parse(RECIPE.replace("version = 3", f"version = 3\nseed = {seed}"))
    assert Training(Sets(recipe, folder), place).run().finished
    lines = [json.loads(line) for line in (place / "journal.jsonl").read_text().splitlines()]
    timeless = [{key: one[key] for key in one.keys() - {"pictures_per_s", "waited"}} for one in lines]
    return read(place / "best.npz"), timeless


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def test_a_recipe_and_a_seed_give_the_same_weights_and_figures_twice(tmp_path: Path):
    painted(tmp_path)
    (one, told), (again, told_again), (other, _) = (
        trained(tmp_path, tmp_path / name, seed) for name, seed in (("one", 1), ("again", 1), ("other", 2))
    )
    assert any("validation" in line for line in told)
    assert told == told_again
    assert same(one, again)
    assert not same(one, other)
