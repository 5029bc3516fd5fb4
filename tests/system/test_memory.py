"""One update after another comes to a daemon that works, and its memory is as it was: what one takes is given back.

`scripts/test tests/system/test_memory.py -s` prints what it came to, `-m long` for 20 of them.
"""

import statistics
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tapetum import bundle
from tapetum.alerts.broker import Broker
from tapetum_trainer.pack import pack
from tapetum_trainer.publish.shelf import Shelf
from tests.simulators.daemon import Daemon, until
from tests.simulators.mosquitto import Mosquitto
from tests.system.conftest import CURIOUS, STREET, Subscriber, camera, reached_at
from tests.system.test_installing import Memory, shipped, watched_memory
from tests.system.test_models import Device
from tests.system.test_push import enroll
from tests.update.making import Desk

pytestmark = pytest.mark.system
_QUICK = '[trial]\nshadow_s = 0.3\ntrial_s = 0\n[update]\nclock = "any"\n'
_PADDING = 12 << 20
"""Bytes after a model's own, which no runtime reads: so that one that is kept stands out of what cameras take."""


def large(version: int) -> bytes:
    spec = shipped(version)
    return pack(replace(spec, content=spec.content + bytes(_PADDING)), bundle.Provenance(licence="none"), {})


def settled(memory: Memory) -> float:
    """Return what the daemon takes, MiB: the median of two seconds."""
    since_s = time.monotonic()
    time.sleep(2)
    return statistics.median(memory.between(since_s, time.monotonic()))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    (tmp_path / "desk").mkdir()
    return Desk(tmp_path / "desk/repository", datetime.now(UTC))


def grown(folder: Path, broker: Mosquitto, subscriber: Subscriber, desk: Desk, count: int) -> Iterator[float]:
    """Push so many models to a daemon that has one; yield by how much it has grown after each, MiB."""
    device = Device(folder, Daemon(folder, reached_at(broker.port) + _QUICK + camera(STREET, more=CURIOUS)))
    device.has(shipped(1))
    (folder / "root.json").write_bytes(desk.enrolled)
    assert enroll(device.daemon, folder / "root.json").returncode == 0
    with device.daemon as daemon, watched_memory(daemon.pid) as memory:
        daemon.until_watching()
        time.sleep(8)  # what it sees is followed, and the model asked
        before = settled(memory)
        for version in range(2, count + 2):
            desk.push(large(version))
            with Shelf(Broker(host="127.0.0.1", port=broker.port)) as shelf:
                shelf.publish(desk.repository.files())
            until(lambda name=f"good@{version}": (subscriber.last("model/state") or {}).get("active") == name, 60)
            yield settled(memory) - before


@pytest.mark.alone
@pytest.mark.timeout(600)
@pytest.mark.parametrize("count", [2, pytest.param(20, marks=pytest.mark.long)])
def test_the_daemon_does_not_grow_from_update_to_update(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber, desk: Desk, count: int
):
    found = list(grown(tmp_path, broker, subscriber, desk, count))
    print(f"grown after each of {count} updates, MiB: {', '.join(f'{one:.1f}' for one in found)}")
    assert found[0] - _PADDING / (1 << 20) < 10, "the model in use is in use; cameras take more as they go on, too"
    assert max(found) - found[0] < 8, "one model that is kept would be 15"
