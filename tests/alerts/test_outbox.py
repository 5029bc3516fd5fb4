"""Alerts on disk: what was taken is there until somebody has it."""

import os
import random
import re
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapetum.alerts.event import encode
from tapetum.alerts.outbox import Outbox, OutboxSettings
from tapetum.clock import SystemClock
from tapetum.errors import ConfigError
from tapetum.scene import Kind
from tests.alerts.making import sighting
from tests.simulators.daemon import until

TOPIC = "tapetum/v1/d/hall/event"


def fixed(seq):
    """An id that is known beforehand."""
    return f"00000000-0000-7000-8000-{seq:012x}"


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


APPENDED = """
import os, sys
from pathlib import Path
from tapetum.alerts.outbox import Outbox, OutboxSettings
from tapetum.clock import SystemClock
from tapetum.scene import Kind
from tests.alerts.making import sighting
outbox = Outbox(Path(sys.argv[1]), OutboxSettings(), SystemClock())
for seq, kind in enumerate([Kind.UPDATED, Kind.STARTED, Kind.UPDATED, Kind.ENDED], 1):
    os.write(1, b"begin")
    outbox.append(sighting(seq, kind), "t")
    os.write(1, b"end")
os._exit(0)
"""


def test_a_start_and_an_end_are_flushed_before_append_returns_and_an_update_is_not(tmp_path):
    calls = tmp_path / "calls"
    strace = ["strace", "-f", "-e", "trace=write,pwrite64,fsync,fdatasync", "-o", str(calls)]
    if shutil.which("strace") is None or subprocess.run([*strace, "true"], check=False).returncode:
        pytest.skip("strace is missing, or may not trace")
    run = [sys.executable, "-c", APPENDED, str(tmp_path / "outbox.sqlite")]
    subprocess.run([*strace, *run], cwd=_root(), check=True, stdout=subprocess.DEVNULL)
    appends = calls.read_text().split('"begin"')[1:]
    last = [re.findall(r"(pwrite64|fsync|fdatasync)\(", one.split('"end"')[0])[-1] for one in appends]
    assert [call.removeprefix("f") in ("sync", "datasync") for call in last] == [False, True, False, True]


def test_the_number_goes_on_where_it_was(tmp_path):
    outbox = opened(tmp_path)
    assert outbox.last_seq == 0
    for seq in (1, 2, 3):
        outbox.append(sighting(seq), TOPIC)
    outbox.remove(ids(outbox))
    outbox.close()
    assert opened(tmp_path).last_seq == 3


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(Kind), st.sampled_from([10, 90_000, 300_000]), st.booleans()), min_size=4, max_size=25
    )
)
def test_over_the_bound_the_oldest_updates_go_first_and_starts_and_ends_last(tmp_path_factory, alerts):
    outbox = opened(tmp_path_factory.mktemp("outbox"), max_mb=1)
    kept, lost = [], 0
    for seq, (kind, size, confirmed) in enumerate(alerts, 1):
        one = sighting(seq, kind, label="x" * size)
        outbox.append(one, TOPIC)
        kept.append((one.id, kind, len(encode(one))))
        while sum(length for _, _, length in kept) > 1 << 20:
            kept.remove(next((row for row in kept if row[1] is Kind.UPDATED), kept[0]))
            lost += 1
        if confirmed:
            outbox.remove([kept.pop(len(kept) // 2)[0]])
        assert ids(outbox) == [id_ for id_, _, _ in kept]
        assert (outbox.waiting, outbox.lost) == ((len(kept), sum(length for _, _, length in kept)), lost)
    outbox.close()


def emptied(path):
    path.write_bytes(b"")


def overwritten(path):
    path.write_bytes(b"no database at all" * 100)


def cut(path):
    os.truncate(path, path.stat().st_size // 2)


def holed(path):
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(b"\xff" * 20_000)


def misindexed(path):
    """Swap two ids in the table and not in the index: what a lost write leaves."""
    data = path.read_bytes()
    first, last = (fixed(seq).encode() for seq in (1, 100))
    for page in range(0, len(data), 4096):
        if data[page] == TABLE_LEAF and first in data[page : page + 4096]:
            path.write_bytes(data[:page] + data[page : page + 4096].replace(first, last) + data[page + 4096 :])
            return
    raise AssertionError("no such row")


TABLE_LEAF = 13  # https://www.sqlite.org/fileformat.html, 1.6


@pytest.mark.parametrize("damage", [overwritten, cut, holed, misindexed])
def test_a_file_that_is_damaged_is_set_aside_and_a_new_one_begun(tmp_path, damage, caplog):
    outbox = opened(tmp_path)
    for seq in range(1, 200):
        outbox.append(sighting(seq, Kind.UPDATED, id=fixed(seq)), TOPIC)
    outbox.close()
    damage(tmp_path / "outbox.sqlite")
    before = (tmp_path / "outbox.sqlite").read_bytes()
    again = opened(tmp_path)
    again.append(sighting(500), TOPIC)
    assert len(ids(again)) == 1
    aside = list(tmp_path.glob("outbox.damaged-*"))
    assert [path.read_bytes() for path in aside] == [before]
    assert aside[0].name in caplog.text
    again.close()


def test_a_file_that_is_empty_is_begun(tmp_path):
    emptied(tmp_path / "outbox.sqlite")
    outbox = opened(tmp_path)
    outbox.append(sighting(), TOPIC)
    assert len(ids(outbox)) == 1
    outbox.close()


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


def test_another_boot_begins_at_one(tmp_path):
    outbox = opened(tmp_path)
    outbox.append(sighting(7), TOPIC)
    outbox.close()
    with closing(sqlite3.connect(tmp_path / "outbox.sqlite")) as database, database:
        database.execute("UPDATE counter SET boot = 'the one before'")
    again = opened(tmp_path)
    assert again.last_seq == 0
    assert len(ids(again)) == 1
    again.append(sighting(1), TOPIC)
    assert again.last_seq == 1
    again.close()


def test_the_number_never_falls(tmp_path):
    """Threads may append in another order than they were given their numbers."""
    outbox = opened(tmp_path)
    for seq in (2, 3, 1):
        outbox.append(sighting(seq), TOPIC)
    assert outbox.last_seq == 3
    outbox.close()


def test_the_same_alert_twice_is_one(tmp_path):
    outbox, one = opened(tmp_path), sighting()
    outbox.append(one, TOPIC)
    outbox.append(one, TOPIC)
    assert outbox.waiting == (1, len(encode(one)))
    outbox.close()


def test_rows_come_in_portions_behind_the_one_that_was_named(tmp_path):
    outbox = opened(tmp_path)
    taken = [sighting(seq, Kind.UPDATED) for seq in range(1, 51)]
    for one in taken:
        outbox.append(one, TOPIC)
    found, cursor = [], 0
    while rows := outbox.after(cursor, 7):
        assert len(rows) <= 7
        found += [row.id for row in rows]
        cursor = rows[-1].number
    assert found == [one.id for one in taken]
    outbox.close()


def test_letting_go_costs_the_same_however_much_waits(tmp_path):
    few, many = opened(tmp_path / "few"), opened(tmp_path / "many")

    def fill(outbox, count):
        for seq in range(count):
            outbox.append(sighting(seq + 1, Kind.UPDATED), TOPIC)

    def seconds(outbox):
        rows = outbox.after(0, 20)
        start_s = time.perf_counter()
        outbox.remove([row.id for row in rows])
        return time.perf_counter() - start_s

    fill(few, 200)
    fill(many, 12_000)
    ratio = statistics.median(seconds(many) for _ in range(9)) / statistics.median(seconds(few) for _ in range(9))
    assert ratio < 4
    while rows := many.after(0, 500):
        many.remove([row.id for row in rows])
    assert many.waiting == (0, 0)
    for outbox in (few, many):
        outbox.close()


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


@pytest.mark.parametrize("kills", [20, pytest.param(200, marks=pytest.mark.long)])
def test_a_writer_killed_at_any_moment_loses_nothing_that_it_had_taken(tmp_path, kills):
    chance, path, told = random.Random(1), tmp_path / "outbox.sqlite", []
    log = tmp_path / "log"
    for _ in range(kills):
        with log.open("wb") as out:
            process = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=out, cwd=_root())
            until(lambda: log.stat().st_size)
            time.sleep(chance.uniform(0, 0.05))
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
