"""A broker and an outbox of a test's own."""

import pytest

from tapetum.alerts.outbox import Outbox, OutboxSettings
from tapetum.clock import SystemClock
from tests.simulators.mosquitto import Mosquitto


@pytest.fixture
def mosquitto(tmp_path):
    with Mosquitto(tmp_path / "broker") as broker:
        yield broker


@pytest.fixture
def outbox(tmp_path):
    outbox = Outbox(tmp_path / "outbox.sqlite", OutboxSettings(), SystemClock())
    yield outbox
    outbox.close()
