"""When a device looks for updates: when something changes, again when it failed, and not before the clock is set."""

import itertools
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tapetum.config import parse
from tapetum.errors import ConfigError
from tapetum.update import updates
from tapetum.update.settings import Updates as Settings
from tapetum.update.state import Device, State
from tapetum.update.updates import Updates
from tests.simulators.clock import FakeClock
from tests.simulators.daemon import until
from tests.update.making import DAY_S, NOW, NOW_S, Scene, packed

Known = Callable[[int, Path, pytest.MonkeyPatch], None]


class Clock(FakeClock):
    """A wall clock that can be wrong, and that somebody may have set."""

    def __init__(self, at: datetime = NOW, is_set: bool = True) -> None:
        super().__init__()
        self.at, self.is_set = at, is_set

    def utc(self, t_ns: int) -> datetime:
        return self.at

    def synced(self) -> bool:
        return self.is_set


@pytest.fixture(autouse=True)
def no_time_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine's own has a clock of another day than these tests."""
    monkeypatch.setattr(updates, "_SAVED", tmp_path / "no clock")


@contextmanager
def looking(scene: Scene, wall: Clock, **settings: object) -> Iterator[tuple[Updates, list[State]]]:
    """The thread at work, in the place of the scene's own looks; and what it tells."""
    wanted = Settings(**settings)  # type: ignore[arg-type]
    found = Updates(wanted, scene.camera.folder.parent, Device("gate", ()), scene.camera.installer, wall)
    told: list[State] = []
    thread = threading.Thread(target=found.run, args=(threading.Event(), scene.camera.publisher.reader, told.append))
    thread.start()
    try:
        yield found, told
    finally:
        found.close()
        thread.join(10)
        assert not thread.is_alive()


def test_what_is_pushed_is_taken_at_once_and_what_comes_after_too(scene: Scene):
    with looking(scene, Clock()):
        for version in (1, 2):
            scene.desk.push(packed(version))
            scene.show_to_others()
            until(lambda version=version: scene.camera.models[-1:] == [f"street@{version}"])
    assert scene.camera.models == ["street@1", "street@2"]


@pytest.mark.parametrize("at", [datetime.fromtimestamp(0, NOW.tzinfo), NOW - timedelta(days=400), NOW])
def test_a16_until_the_clock_is_set_nothing_is_fetched_and_alerts_go_on(scene: Scene, at: datetime):
    clock = Clock(at, is_set=False)
    scene.desk.push(packed(1))
    scene.show()
    with looking(scene, clock) as (found, told):
        until(lambda: told)
        assert (told[0].state, told[0].reason.startswith("nobody has set")) == ("waiting", True)
        assert (found.fault, scene.camera.models) == ("", [])
        assert scene.camera.publisher.state().connected
        clock.is_set, clock.at = True, NOW
        until(lambda: scene.camera.models, 30)


def test_a16_where_nobody_sets_a_clock_the_operator_may_say_that_any_will_do(scene: Scene):
    clock = Clock(datetime.fromtimestamp(0, NOW.tzinfo), is_set=False)
    scene.desk.push(packed(1))
    scene.show()
    with looking(scene, clock, clock="any"):
        until(lambda: scene.camera.models == ["street@1"])


def released(at_s: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(updates, "RELEASED_S", at_s)


def saved(at_s: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As systemd-timesyncd does when it has set the clock."""
    file = folder / "clock"
    file.touch()
    os.utime(file, (at_s, at_s))
    monkeypatch.setattr(updates, "_SAVED", file)


@pytest.mark.parametrize("known", [released, saved])
def test_a16_a_device_that_has_seen_nothing_yet_knows_that_it_is_not_1970(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: Known
):
    known(NOW_S + 31 * DAY_S, tmp_path, monkeypatch)
    scene.desk.push(packed(1))
    scene.show()
    with looking(scene, Clock(datetime.fromtimestamp(0, NOW.tzinfo), is_set=False), clock="any") as (found, _):
        until(lambda: found.fault.startswith("update refused: ExpiredMetadataError"))
    assert (scene.camera.models, scene.camera.floor.seen_s) == ([], 0)


def test_a_clock_that_is_set_is_believed_whatever_was_saved_once(scene: Scene, tmp_path: Path, monkeypatch):
    saved(NOW_S + 400 * DAY_S, tmp_path, monkeypatch)
    scene.desk.push(packed(1))
    scene.show()
    with looking(scene, Clock()):
        until(lambda: scene.camera.models == ["street@1"])


def test_what_failed_is_tried_again_after_a_while_and_then_less_often(scene: Scene, monkeypatch):
    monkeypatch.setattr(updates, "_SOONEST_S", 0.5)
    files = scene.desk.files()
    scene.desk.push(packed(1))
    broken = scene.desk.files()
    lost = next(name for name in broken if name.startswith("targets/"))
    scene.show({name: content for name, content in broken.items() if name != lost})
    with looking(scene, Clock()) as (found, told):
        until(lambda: found.fault.startswith("update failed: "))
        assert lost in found.fault
        start_s = time.monotonic()
        until(lambda: found._after_s >= 2.0, 30)
        assert time.monotonic() - start_s > 0.5
        scene.show_to_others(broken)
        until(lambda: scene.camera.models == ["street@1"])
        assert [state.state for state in told][-1] in ("offered", "current")
        until(lambda: found.fault == "")
    assert files != broken


def test_an_index_that_is_replaced_all_the_time_starts_few_processes(scene: Scene, monkeypatch):
    scene.show_to_others()
    with looking(scene, Clock()) as (found, told):
        until(lambda: told)
        looks: list[float] = []
        look = found._look.look
        monkeypatch.setattr(found._look, "look", lambda *how: (looks.append(time.monotonic()), look(*how))[1])
        for number in range(200):
            found._library._hear(b"junk %d" % number)
            time.sleep(0.02)
        until(lambda: len(looks) > 1)
    assert all(later - earlier >= 2.0 for earlier, later in itertools.pairwise(looks))


def test_a_device_that_is_not_enrolled_asks_for_nothing_and_begins_when_it_is(scene: Scene):
    root = scene.camera.folder / "root.json"
    content = root.read_bytes()
    root.unlink()
    scene.desk.push(packed(1))
    scene.show()
    with looking(scene, Clock()) as (found, told):
        time.sleep(1.5)
        assert (told, found._library) == ([], None)
        root.write_bytes(content)
        until(lambda: scene.camera.models == ["street@1"])


def test_a_device_without_tuf_says_what_is_missing(scene: Scene, monkeypatch):
    monkeypatch.setattr(updates.importlib.util, "find_spec", lambda _: None)
    scene.desk.push(packed(1))
    scene.show()
    with looking(scene, Clock()) as (found, _):
        until(lambda: found.fault)
        assert 'pip install "tapetum[update]"' in found.fault


@pytest.mark.parametrize(
    ("settings", "wrong"),
    [
        (
            'address = "http://camera.example/x"',
            "'http://camera.example/x' would be fetched in the clear",
        ),
        ('address = "ftp://camera.example/x"', "https://HOST/FOLDER is wanted"),
        ('address = "https://"', "https://HOST/FOLDER is wanted"),
        ('address = "https://camera.example/x?y"', "https://HOST/FOLDER is wanted"),
        ('address = "https://me:hidden@camera.example/x"', "no user and password are sent"),
        ('ca = "/etc/ca.pem"', "update.ca: it is of the server at update.address"),
        ('clock = "maybe"', "update.clock"),
        ("every_s = 0", "update.every_s"),
    ],
)
def test_an_address_that_must_not_or_cannot_be_used_is_refused(settings: str, wrong: str, tmp_path: Path):
    with pytest.raises(ConfigError) as caught:
        parse(f"[update]\n{settings}\n")
    assert wrong in str(caught.value)
    assert "hidden" not in str(caught.value)
