"""What is kept of rollouts is whole whenever the desk ends, and one step is one commit."""

import multiprocessing
import os
import signal
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tapetum_trainer.publish.errors import PublishError
from tapetum_trainer.rollout.book import Book, Member, Rollout, State
from tapetum_trainer.rollout.outcome import Outcome
from tapetum_trainer.rollout.plan import Plan, parsed

PLAN = Plan(stages=parsed("10%,all"), success=0.8)
NEW = Rollout("street@2-1", "street@2", PLAN)
MEMBERS = [Member("gate", 0, before="street@1"), Member("yard", 1), Member("hall", -1, reason="it has it")]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home/rollouts.sqlite"


def test_what_was_kept_is_there_when_it_is_opened_again(path: Path):
    with closing(Book(path)) as book:
        assert book.ids() == []
        book.begin(NEW, MEMBERS)
        asked = replace(MEMBERS[0], outcome=Outcome.ASKED, asked_s=5.5, forgiven=True)
        book.keep(replace(NEW, push=7, signed=True), [asked], "stage 10 %: 1 asked")
    with closing(Book(path)) as book:
        found = book.rollout("street@2-1")
        assert replace(found, begun_s=0, changed_s=0) == replace(NEW, push=7, signed=True)
        assert found.changed_s >= found.begun_s > 0
        assert list(book.members(found.id).values()) == [asked, MEMBERS[2], MEMBERS[1]]
        assert [what for _, what in book.events(found.id)] == ["begun: street@2", "stage 10 %: 1 asked"]


def test_there_are_no_two_of_one_name_and_none_of_another(path: Path):
    with closing(Book(path)) as book:
        book.begin(NEW, MEMBERS)
        with pytest.raises(PublishError, match="there is a rollout 'street@2-1' already; --id gives this one another"):
            book.begin(NEW, [])
        assert len(book.members("street@2-1")) == 3
        with pytest.raises(PublishError, match="there is no rollout 'other': tapetum-trainer rollout list"):
            book.rollout("other")


def test_a_wish_stands_until_it_was_done_and_what_else_happens_does_not_do_it(path: Path):
    with closing(Book(path)) as book, closing(Book(path)) as other:
        book.begin(NEW, MEMBERS)
        other.wish(NEW.id, "pause")
        book.keep(NEW, [], "stage all: 1 asked")
        assert book.wished(NEW.id) == "pause"
        other.wish(NEW.id, "abort")
        book.keep(replace(NEW, state=State.PAUSED), obeyed="pause")
        assert book.wished(NEW.id) == "abort", "it came while the other was done"
        book.keep(replace(NEW, state=State.ABORTED), obeyed="abort")
        assert book.wished(NEW.id) == ""


@pytest.mark.parametrize("state", list(State))
def test_devices_that_another_rollout_is_at_work_on_are_known(path: Path, state: State):
    with closing(Book(path)) as book:
        book.begin(replace(NEW, state=state), MEMBERS)
        busy = state in (State.RUNNING, State.PAUSED, State.HALTED, State.GOING_BACK)
        assert book.asked_elsewhere("other") == (dict.fromkeys(("gate", "yard"), NEW.id) if busy else {})
        assert book.asked_elsewhere(NEW.id) == {}


def test_a_step_that_fails_leaves_nothing(path: Path):
    with closing(Book(path)) as book:
        book.begin(NEW, MEMBERS)
        bad = replace(MEMBERS[1], reason=object())  # type: ignore[arg-type]
        with pytest.raises(PublishError, match="what rollouts have come to is kept there"):
            book.keep(replace(NEW, push=9), [replace(MEMBERS[0], stage=5), bad], "half")
        assert book.rollout(NEW.id).push == 0
        assert book.members(NEW.id)["gate"] == MEMBERS[0]
        assert len(book.events(NEW.id)) == 1


def test_a_file_of_a_newer_version_or_no_book_is_left_as_it_is(path: Path):
    Book(path).close()
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 9")
    with pytest.raises(PublishError, match=r"made by a newer Tapetum \(version 9, this one knows 1\)"):
        Book(path)
    path.write_bytes(b"no database" * 100)
    with pytest.raises(PublishError, match=r"rollouts\.sqlite: file is not a database"):
        Book(path)
    assert path.read_bytes() == b"no database" * 100


def _write(path: Path) -> None:
    """Ask one device after the other, each step of two devices at once, until killed."""
    with closing(Book(path)) as book:
        for push in range(1, 100_000):
            reason = str(push)
            book.keep(replace(NEW, push=push), [replace(one, reason=reason) for one in MEMBERS], reason)


def test_whoever_is_killed_while_writing_leaves_whole_steps(path: Path):
    with closing(Book(path)) as book:
        book.begin(NEW, MEMBERS)
    for number in range(10):
        process = multiprocessing.get_context("fork").Process(target=_write, args=(path,))
        process.start()
        process.join(0.05 + 0.013 * number)
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join()
        with closing(Book(path)) as book:
            push = book.rollout(NEW.id).push
            assert push
            assert {one.reason for one in book.members(NEW.id).values()} == {str(push)}
            assert book.events(NEW.id)[-1][1] == str(push)
