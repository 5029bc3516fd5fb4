"""A disk that is full costs no alert, and no time of those who look."""

import pytest

from tests.alerts import full_disk
from tests.alerts.making import Consumer
from tests.simulators.daemon import until


@pytest.fixture(params=["rlimit", "tmpfs"])
def disk(request):
    if not full_disk.possible(request.param):
        pytest.skip("this machine allows no user namespaces")
    return request.param


def test_alerts_wait_in_memory_until_the_disk_takes_them_again_and_keep_their_order(disk, tmp_path):
    full, tidied, free, reopened = full_disk.found(disk, tmp_path / "disk", "without_a_broker")
    assert full["full"]
    assert full["memory"]
    assert full["disk"] + full["memory"] == list(range(1, 10))
    assert tidied == full
    assert (free["full"], free["memory"], free["disk"]) == (False, [], list(range(1, 11)))
    assert (reopened["disk"], reopened["lost"]) == (free["disk"], 0)


def test_the_last_alert_too_goes_to_disk_when_there_is_room(disk, tmp_path):
    full, tidied = full_disk.found(disk, tmp_path / "disk", "nothing_comes_after")
    assert (full["full"], full["memory"], full["waiting"]) == (True, [1], 1)
    assert (tidied["full"], tidied["memory"], tidied["disk"]) == (False, [], [1])


def test_alerts_are_sent_while_the_disk_is_full_and_none_comes_back(disk, tmp_path, mosquitto):
    with Consumer(mosquitto.port) as consumer:
        full, free = full_disk.found(disk, tmp_path / "disk", "with_a_broker", mosquitto.port)
        until(lambda: len(set(consumer.ids())) == 61)
    assert full["memory"] == []
    assert (free["full"], free["waiting"], free["disk"], free["sent"]) == (False, 0, [], 61)


def test_alerts_that_nobody_confirms_all_leave_a_full_disk_and_none_twice(disk, tmp_path, mosquitto):
    full, free = full_disk.found(disk, tmp_path / "disk", "unconfirmed", mosquitto.port)
    assert full["memory"]
    assert (full["waiting"], free["waiting"], free["memory"], free["sent"]) == (60, 61, [], 61)


@pytest.mark.parametrize("ended", ["box.close()", "os._exit(0)"], ids=["closed", "killed"])
def test_an_outbox_on_a_full_disk_is_opened_and_goes_on(disk, tmp_path, ended):
    full, free = full_disk.found(disk, tmp_path / "disk", "opened_when_full", ended)
    assert (full["disk"] + full["memory"], full["waiting"], full["last_seq"]) == ([1, 2, 3], 3, 2)
    assert (free["disk"], free["full"]) == ([1, 2, 3, 4], False)
