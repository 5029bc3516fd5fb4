"""Alerts on disk: what was taken is there until somebody has it."""

import multiprocessing
import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapetum.alerts.outbox import Outbox, OutboxSettings
from tapetum.clock import SystemClock
from tapetum.errors import ConfigError
from tapetum.scene import Kind
from tests.alerts.making import sighting

TOPIC = "tapetum/v1/d/hall/event"


def opened(folder, **bounds):
    return Outbox(folder / "outbox.sqlite", OutboxSettings(**bounds), SystemClock())


def ids(outbox):
    return [row.id for row in outbox.after(0, 10**6)]


def test_what_was_taken_is_there_after_a_restart_in_the_order_it_came(tmp_path):
    outbox = opened(tmp_path)
    taken = [sighting(seq) for seq in range(1, 30)]
    for one in taken:
        outbox.append(one, TOPIC)
    outbox.close()
    assert ids(opened(tmp_path)) == [one.id for one in taken]


@settings(max_examples=25, deadline=None)
@given(steps=st.lists(st.one_of(st.just("append"), st.just("reopen"), st.integers(0, 20)), max_size=40))
def test_whatever_happens_only_what_was_confirmed_goes(tmp_path_factory, steps):
    folder = tmp_path_factory.mktemp("outbox")
    outbox, wanted, seq = opened(folder), [], 0
    for step in steps:
        if step == "append":
            seq += 1
            one = sighting(seq, list(Kind)[seq % 3])
            outbox.append(one, TOPIC)
            wanted.append(one.id)
        elif step == "reopen":
            outbox.close()
            outbox = opened(folder)
        elif wanted:
            outbox.remove([wanted.pop(step % len(wanted))])
        assert ids(outbox) == wanted
        assert outbox.waiting[0] == len(wanted)
    outbox.close()


@pytest.mark.parametrize("kind", [Kind.STARTED, Kind.ENDED])
def test_a_start_and_an_end_are_on_the_disk_when_append_returns(tmp_path, kind):
    """As after a power cut: only what lies in the files counts, nothing of the process that wrote them."""
    outbox = opened(tmp_path / "here")
    one = sighting(1, kind)
    outbox.append(one, TOPIC)
    assert outbox._database.execute("PRAGMA synchronous").fetchone()[0] == 2  # FULL: WAL is flushed at each commit
    (tmp_path / "there").mkdir()
    for file in (tmp_path / "here").iterdir():
        if not file.name.endswith("-shm"):
            shutil.copy(file, tmp_path / "there")
    assert ids(opened(tmp_path / "there")) == [one.id]


def test_the_number_goes_on_where_it_was(tmp_path):
    outbox = opened(tmp_path)
    assert outbox.last_seq == 0
    for seq in (1, 2, 3):
        outbox.append(sighting(seq), TOPIC)
    outbox.remove(ids(outbox))
    outbox.close()
    assert opened(tmp_path).last_seq == 3


def test_over_the_bound_the_oldest_update_goes_first_and_a_start_last(tmp_path):
    outbox = opened(tmp_path, max_mb=1)
    first, update = sighting(1), sighting(2, Kind.UPDATED, label="x" * 6000)
    for one in (first, update):
        outbox.append(one, TOPIC)
    seq = 2
    while not outbox.lost:
        seq += 1
        outbox.append(sighting(seq, label="x" * 5000), TOPIC)
    left = ids(outbox)
    assert first.id in left
    assert update.id not in left
    assert outbox.waiting[1] <= 1 << 20
    for extra in range(300):
        outbox.append(sighting(seq + 1 + extra, label="x" * 5000), TOPIC)
    assert first.id not in ids(outbox)
    assert outbox.waiting[1] <= 1 << 20


def test_what_is_too_old_goes(tmp_path):
    class Later(SystemClock):
        def utc(self, t_ns):
            return super().utc(t_ns + 31 * 86400 * 10**9)

    outbox = opened(tmp_path)
    outbox.append(sighting(1), TOPIC)
    outbox.close()
    later = Outbox(tmp_path / "outbox.sqlite", OutboxSettings(), Later())
    later.tidy()
    assert (ids(later), later.lost) == ([], 1)


@pytest.mark.parametrize("damage", [b"", b"no database at all" * 100])
def test_a_file_that_is_damaged_is_set_aside_and_a_new_one_begun(tmp_path, damage):
    outbox = opened(tmp_path)
    outbox.append(sighting(1), TOPIC)
    outbox.close()
    (tmp_path / "outbox.sqlite").write_bytes(damage)
    again = opened(tmp_path)
    again.append(sighting(2), TOPIC)
    assert len(ids(again)) == 1
    assert len(list(tmp_path.glob("outbox.damaged-*"))) == bool(damage)


def test_a_file_of_a_newer_tapetum_is_left_alone(tmp_path):
    opened(tmp_path).close()
    with sqlite3.connect(tmp_path / "outbox.sqlite") as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(ConfigError, match="made by a newer Tapetum"):
        opened(tmp_path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"file.*writable folder"):
        opened(tmp_path / "file" / "state")


def test_threads_may_all_use_it_at_once(tmp_path):
    outbox, failed = opened(tmp_path), []

    def work(first):
        try:
            for seq in range(first, first + 50):
                one = sighting(seq)
                outbox.append(one, TOPIC)
                if seq % 2:
                    outbox.remove([one.id])
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(1000 * number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert len(ids(outbox)) == 100


def _write_on_a_full_disk(folder, channel):
    """Take alerts while no file may grow, then while it may again."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    outbox = opened(folder)
    outbox.append(sighting(1), TOPIC)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = max(file.stat().st_size for file in folder.iterdir())
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    for seq in range(2, 8):
        outbox.append(sighting(seq, label="x" * 3000), TOPIC)
    channel.send((outbox.full, outbox.waiting[0], len(outbox.unwritten())))
    first = outbox.unwritten()[0].id
    outbox.remove([first])  # sent from memory meanwhile
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    outbox.append(sighting(8), TOPIC)
    channel.send((outbox.full, len(outbox.unwritten()), len(ids(outbox)), first in ids(outbox)))
    outbox.close()


def test_a_disk_that_is_full_loses_nothing(tmp_path):
    ours, theirs = multiprocessing.Pipe()
    child = multiprocessing.get_context("fork").Process(target=_write_on_a_full_disk, args=(tmp_path, theirs))
    child.start()
    full, waiting, in_memory = ours.recv()
    assert full
    assert waiting == 7
    assert in_memory >= 1
    full, in_memory, on_disk, gone_is_back = ours.recv()
    child.join()
    assert (full, in_memory, on_disk, gone_is_back) == (False, 0, 7, False)
    assert len(ids(opened(tmp_path))) == 7


WRITER = """
import sys
from pathlib import Path
from tapetum.alerts.outbox import Outbox, OutboxSettings
from tapetum.clock import SystemClock
from tapetum.scene import Kind
from tests.alerts.making import sighting
outbox = Outbox(Path(sys.argv[1]), OutboxSettings(), SystemClock())
seq = outbox.last_seq
while True:
    seq += 1
    one = sighting(seq, Kind.ENDED if seq % 2 else Kind.STARTED)
    outbox.append(one, "t")
    print(one.id, flush=True)
"""


@pytest.mark.parametrize("kills", [5, pytest.param(200, marks=pytest.mark.long)])
def test_a_writer_killed_at_any_moment_loses_nothing_that_it_had_taken(tmp_path, kills):
    chance, path, told = random.Random(1), tmp_path / "outbox.sqlite", []
    for _ in range(kills):
        log = tmp_path / "log"
        with log.open("wb") as out:
            process = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=out, cwd=_root())
            deadline_s = time.monotonic() + 20
            while not log.stat().st_size and time.monotonic() < deadline_s:
                time.sleep(0.005)
            time.sleep(chance.uniform(0, 0.1))
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        told += log.read_text().split("\n")[:-1]
    outbox = opened(tmp_path)
    kept = ids(outbox)
    assert len(told) >= kills
    assert set(told) <= set(kept)
    assert outbox._database.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    assert outbox.last_seq == len(kept)


def _root():
    return Path(__file__).parents[2]
