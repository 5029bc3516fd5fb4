"""How old an alert is, when the wall clock cannot be trusted: none is dropped too early, and none stays for ever."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapetum import health
from tapetum.alerts.broker import Broker
from tapetum.alerts.mqtt import Publisher
from tapetum.alerts.outbox import Outbox, OutboxSettings
from tapetum.alerts.topics import Topics
from tapetum.inference.client import Worker
from tapetum.inference.settings import Inference
from tapetum.scene import Kind
from tests.alerts.full_disk import found, of_version_1, possible
from tests.alerts.making import TOPIC, sighting

DAY_NS = 86_400 * 10**9
DAYS = 30  # the default of outbox.max_age_days
FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)


class Machine:
    """A machine without a clock battery, and how much time has really passed. Setting its clock unsyncs it (Linux)."""

    def __init__(self, true_ns: int = 0, boot: int = 1) -> None:
        self.true_ns = true_ns
        self.right = False
        self._boots = boot
        self._began_ns = 0
        self._wrong_by_ns = 0

    def now_ns(self) -> int:
        return self.true_ns - self._began_ns

    def boot(self) -> str:
        return f"boot {self._boots}"

    def utc(self, t_ns: int) -> datetime:
        wrong_ns = 0 if self.right else self._wrong_by_ns
        return FIRST_DAY + timedelta(microseconds=(t_ns + self._began_ns + wrong_ns) // 1000)

    def synced(self) -> bool:
        return self.right

    def set_wrong(self, by_days: float) -> None:
        self.right, self._wrong_by_ns = False, int(by_days * DAY_NS)

    def reboot(self, by_days: float) -> None:
        self._boots += 1
        self.true_ns += 10**9
        self._began_ns = self.true_ns
        self.set_wrong(by_days)


class Device:
    """A machine and its outbox."""

    def __init__(self, folder: Path, up_days: float = 0.0, boot: int = 1) -> None:
        self.machine = Machine(int(up_days * DAY_NS), boot)
        self.folder = folder
        self.made: dict[str, int] = {}  # id -> when it really was
        self.outbox = self._opened()

    def _opened(self) -> Outbox:
        return Outbox(self.folder / "outbox.sqlite", OutboxSettings(max_age_days=DAYS), self.machine)

    def append(self) -> str:
        one = sighting(len(self.made) + 1, Kind.UPDATED)
        self.outbox.append(one, TOPIC)
        self.made[one.id] = self.machine.true_ns
        return one.id

    def reboot(self, by_days: float = 0.0) -> None:
        self.outbox.close()
        self.machine.reboot(by_days)
        self.outbox = self._opened()

    def days(self, count: float) -> None:
        self.machine.true_ns += int(count * DAY_NS)

    def kept(self) -> set[str]:
        self.outbox.tidy()
        return {row.id for row in self.outbox.after(0, 10**6)}

    def young(self) -> set[str]:
        return {id_ for id_, made_ns in self.made.items() if self.machine.true_ns - made_ns < DAYS * DAY_NS}


@pytest.fixture
def device(tmp_path):
    device = Device(tmp_path)
    yield device
    device.outbox.close()


JUMP = st.floats(-20_000, 20_000)
STEP = st.one_of(
    st.just(("append",)),
    st.tuples(st.just("reboot"), JUMP),
    st.tuples(st.just("wrong"), JUMP),
    st.just(("synced",)),
    st.just(("tidy",)),
    st.tuples(st.just("days"), st.floats(0, 25)),
)


@settings(max_examples=80, deadline=None)
@given(steps=st.lists(STEP, max_size=30))
def test_however_the_clock_jumps_none_is_dropped_that_is_not_too_old(tmp_path_factory, steps):
    device = Device(tmp_path_factory.mktemp("outbox"))
    for step, *value in steps:
        if step == "append":
            device.append()
        elif step == "reboot":
            device.reboot(*value)
        elif step == "wrong":
            device.machine.set_wrong(*value)
        elif step == "synced":
            device.machine.right = True
        elif step == "days":
            device.days(*value)
        else:
            assert device.young() <= device.kept()
    assert device.young() <= device.kept()
    assert device.outbox.expired == device.outbox.lost
    device.outbox.close()


def test_a_clock_set_forward_by_a_time_server_drops_nothing(device):
    device.machine.set_wrong(-400)
    first = device.append()
    device.machine.right = True
    assert device.kept() == {first}
    assert device.outbox.lost == 0


def test_within_a_boot_it_goes_when_its_time_is_over_whatever_the_clock_says(device):
    device.machine.right = True
    first = device.append()
    assert device.kept() == {first}
    device.days(DAYS + 1)
    device.machine.set_wrong(-400)
    second = device.append()
    assert device.kept() == {second}
    assert (device.outbox.lost, device.outbox.expired) == (1, 1)


def test_one_of_an_earlier_boot_goes_by_the_wall_clock_where_it_was_right_both_times(device):
    device.machine.right = True
    first = device.append()
    assert device.kept() == {first}
    device.days(DAYS - 1)
    device.reboot(by_days=400)
    assert device.kept() == {first}, "the clock is wrong now"
    device.machine.right = True
    assert device.kept() == {first}, "it is not yet too old"
    device.days(2)
    assert device.kept() == set()


def test_one_made_before_the_clock_was_right_goes_by_it_later(device):
    device.machine.set_wrong(-400)
    device.append()
    device.days(1)
    device.machine.right = True
    device.kept()
    device.reboot()
    device.machine.right = True
    device.days(DAYS - 0.5)
    assert device.kept() == set()


@pytest.mark.parametrize("right", [False, True])
def test_one_of_a_boot_that_was_never_right_ages_from_when_the_next_saw_it(device, right):
    first = device.append()
    device.days(DAYS - 1)
    device.reboot()
    device.machine.right = right
    assert device.kept() == {first}
    device.days(DAYS - 1)
    assert device.kept() == {first}
    device.days(2)
    assert device.kept() == set()


def test_an_outbox_that_comes_to_a_machine_that_has_run_for_long_keeps_its_rows(device):
    first = device.append()
    device.outbox.close()
    there = Device(device.folder, up_days=400, boot=9)
    assert there.kept() == {first}
    there.days(DAYS + 1)
    assert there.kept() == set()
    there.outbox.close()


def test_what_was_seen_by_a_boot_that_was_right_goes_on_ageing_over_the_next(device):
    first = device.append()
    device.reboot()
    device.machine.right = True
    assert device.kept() == {first}
    device.days(DAYS - 1)
    device.reboot()
    device.machine.right = True
    assert device.kept() == {first}
    device.days(2)
    assert device.kept() == set()


def test_the_file_of_an_older_tapetum_keeps_its_rows_and_its_numbers(tmp_path):
    of_version_1(tmp_path)
    device = Device(tmp_path, up_days=400)
    assert [(row.number, row.id) for row in device.outbox.after(0, 9)] == [(3, "one"), (5, "two")]
    assert device.outbox.last_seq == 7
    device.machine.right = True
    third = device.append()
    assert device.kept() == {"one", "two", third}
    device.days(DAYS - 1)
    assert device.kept() == {"one", "two", third}, "they age from now on"
    device.days(2)
    assert device.kept() == set()
    device.outbox.close()


@pytest.mark.parametrize("kind", ["rlimit", "tmpfs"])
def test_the_file_of_an_older_tapetum_on_a_full_disk_is_sent_and_brought_up_when_there_is_room(tmp_path, kind):
    if not possible(kind):
        pytest.skip("this machine lets us mount nothing")
    full, room = found(kind, tmp_path / "disk", "of_an_older_tapetum")
    assert (full["disk"], full["memory"], full["full"]) == ([1, 2], [3], True)
    assert (room["disk"], room["memory"], room["full"]) == ([1, 2, 3], [], False)


def test_what_went_by_age_is_told_as_that(device):
    device.append()
    device.days(DAYS + 1)
    device.outbox.tidy()
    state = Publisher(Broker(), Topics("garage"), device.outbox).state()
    faults = health.faults({}, no_model(), state, "")
    assert faults == ("1 alerts were dropped in the last hour: they had waited for longer than outbox.max_age_days",)


def test_what_went_for_want_of_room_is_told_as_that(tmp_path):
    outbox = Outbox(tmp_path / "outbox.sqlite", OutboxSettings(max_mb=1), Machine())
    for seq in range(1, 4):
        outbox.append(sighting(seq, label="x" * 500_000), TOPIC)
    state = Publisher(Broker(), Topics("garage"), outbox).state()
    assert health.faults({}, no_model(), state, "") == ("1 alerts were dropped in the last hour: the outbox is full",)
    outbox.close()


def no_model():
    return Worker(None, Inference()).state()
