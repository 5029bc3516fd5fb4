"""A broker for all tests here, and a desk and a device for each."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulators.mosquitto import Mosquitto
from tests.update.making import Camera, Desk, Scene, connected


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path_factory.mktemp("broker"), "max_packet_size 131072") as running:
        yield running


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "desk")


@pytest.fixture
def scene(tmp_path: Path, broker: Mosquitto, desk: Desk) -> Iterator[Scene]:
    with connected(Camera(tmp_path / "device", broker.port, desk.enrolled)) as camera:
        yield Scene(tmp_path, broker, desk, camera)
