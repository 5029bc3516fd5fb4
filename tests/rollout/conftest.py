"""A broker and a desk for each test; `street@1` was pushed to everybody, and is active on each device."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rollout.making import Desk
from tests.simulators.mosquitto import Mosquitto


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "broker", "max_packet_size 131072") as running:
        yield running


@pytest.fixture
def desk(tmp_path: Path, broker: Mosquitto) -> Desk:
    found = Desk(tmp_path, broker.port)
    found.pushes(1)
    return found
