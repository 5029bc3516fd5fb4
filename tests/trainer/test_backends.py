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
Losses = tuple[list[float], list[float], list[float]]
TOLERANCE = 5e-5  # relative: the greatest difference seen was 7e-6
ROUNDED = 5e-3  # the same, where a number that lies between two steps may go to either
ALIKE = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "XLA_FLAGS": "--xla_backend_optimization_level=0",  # JAX compiles in half the time; the losses are the same
    "OMP_NUM_THREADS": "1",  # PyTorch's threads wait for each other where something else has a core
}


def losses(backend: str, folder: Path) -> Losses:
    """Return the loss of each step of a detector, of one that rounds as int8 does, and of a classifier."""
    order = [sys.executable, "-m", "tests.trainer.backend", str(folder), str(STEPS)]
    surroundings = os.environ | ALIKE | {"KERAS_BACKEND": backend}
    done = subprocess.run(order, capture_output=True, text=True, env=surroundings, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    plain, aware, classes = json.loads(done.stdout.splitlines()[-1])
    return plain, aware, classes


@pytest.fixture(scope="module")
def of_tensorflow(tmp_path_factory: pytest.TempPathFactory) -> Losses:
    return losses("tensorflow", tmp_path_factory.mktemp("tensorflow"))


def if_installed(backend: str, where: str) -> Any:
    lacking = importlib.util.find_spec(backend) is None
    return pytest.param(backend, marks=pytest.mark.skipif(lacking, reason=f"{backend} is not installed: {where}"))


@pytest.mark.parametrize(
    "backend", [if_installed("jax", "it is in the extra `test`"), if_installed("torch", "of 750 MB, it is in no extra")]
)
def test_another_backend_comes_to_the_same_losses(backend: str, of_tensorflow: Losses, tmp_path: Path):
    limits = TOLERANCE, ROUNDED, TOLERANCE
    for found, wanted, tolerance in zip(losses(backend, tmp_path), of_tensorflow, limits, strict=True):
        assert len(wanted) == len(set(wanted)) == STEPS
        assert found == pytest.approx(wanted, rel=tolerance)
