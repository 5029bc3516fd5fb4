"""The trainer is one for TensorFlow, JAX and PyTorch: the same weights and pictures give the same losses."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.timeout(300)
STEPS = 8
SAME = 5e-6  # relative, of the first step, of the same weights: 1e-6, all that is printed, was the most seen
TOLERANCE = 1e-3  # of those after: Adam makes much of what rounding leaves; 7e-6 and 2.9e-4 were seen on two machines
ROUNDED = 1e-2  # the same, where a number that lies between two steps may go to either: 2.7e-3 was seen
FIRST_ROUNDED = 1e-3  # of the first step there: one number of 147,456 went to the other, and the loss was off by 3.3e-4
ALIKE = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "XLA_FLAGS": "--xla_backend_optimization_level=0",  # JAX compiles in half the time; the losses are the same
    "OMP_NUM_THREADS": "1",  # PyTorch's threads wait for each other where something else has a core
}


def losses(backend: str, what: str, folder: Path) -> list[list[float]]:
    """Return the loss of each step of the trainings of `what`, in a process of its own."""
    order = [sys.executable, "-m", "tests.trainer.backend", str(folder), str(STEPS), what]
    surroundings = os.environ | ALIKE | {"KERAS_BACKEND": backend}
    done = subprocess.run(order, capture_output=True, text=True, env=surroundings, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def if_installed(backend: str, where: str) -> Any:
    lacking = importlib.util.find_spec(backend) is None
    return pytest.param(backend, marks=pytest.mark.skipif(lacking, reason=f"{backend} is not installed: {where}"))


@pytest.mark.parametrize(
    ("what", "tolerances"),
    [("detectors", ((SAME, TOLERANCE), (FIRST_ROUNDED, ROUNDED))), ("classifiers", ((SAME, TOLERANCE),))],
)
@pytest.mark.parametrize(
    "backend",
    [if_installed("jax", "it is in the extra `test`"), if_installed("torch", "scripts/test-backends installs it")],
)
def test_another_backend_comes_to_the_same_losses(
    backend: str, what: str, tolerances: tuple[tuple[float, float], ...], tmp_path: Path
):
    wanted, found = (losses(one, what, tmp_path / one) for one in ("tensorflow", backend))
    for ours, theirs, (first, later) in zip(found, wanted, tolerances, strict=True):
        assert len(theirs) == len(set(theirs)) == STEPS
        assert ours[0] == pytest.approx(theirs[0], rel=first)
        assert ours == pytest.approx(theirs, rel=later)
