"""Where Ray does not start, that is told in one line, with what to look at."""

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from tapetum_trainer.errors import TrainerError
from tapetum_trainer.scale.cluster import cluster

TIMEOUT = "The current node timed out during startup. This could happen because some of the raylet failed to startup."


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """A Ray that does not start; counts how often it was cleared away."""
    counts = {"shutdown": 0}

    def init(**_: Any) -> None:
        raise Exception(TIMEOUT)  # noqa: TRY002  it is what Ray raises

    def shutdown() -> None:
        counts["shutdown"] += 1

    ray = SimpleNamespace(init=init, shutdown=shutdown, LoggingConfig=lambda **_: None)
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    return counts


def test_a_start_that_takes_too_long_is_told(ray: dict[str, int]):
    with pytest.raises(TrainerError, match=r"^Ray did not start: The current node timed out.*is the machine too busy"):
        cluster(2).__enter__()
    assert ray["shutdown"] == 1


def test_a_cluster_that_is_not_there_is_told_with_its_address(ray: dict[str, int], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with pytest.raises(TrainerError, match=r"is there a cluster at RAY_ADDRESS=127\.0\.0\.1:1\?"):
        cluster(2).__enter__()
    assert ray["shutdown"] == 1
