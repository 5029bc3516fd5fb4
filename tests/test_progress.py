"""Whoever looks at a terminal sees how far it is; a file or a pipe gets nothing."""

import logging
import os
import re
import sys
import termios
from collections.abc import Callable

import pytest

from tapetum.commands.settings import start_log
from tapetum.progress import Progress


def shown(
    work: Callable[[], None], monkeypatch: pytest.MonkeyPatch, every_s: float = 0.0, columns: int = 0
) -> list[str]:
    """Do `work` with a terminal as standard error; return the lines that replaced each other on it, the last too.

    columns: how wide it says that it is; 0: it does not say so.
    """
    screen, terminal = os.openpty()
    termios.tcsetwinsize(terminal, (24, columns))
    with monkeypatch.context() as patched, os.fdopen(terminal, "w") as stderr:
        patched.setattr(sys, "stderr", stderr)
        patched.setattr("tapetum.progress._EVERY_S", every_s)
        work()
        print("end", file=stderr, flush=True)
    written = b""
    while not written.endswith(b"end\r\n"):
        written += os.read(screen, 65536)
    os.close(screen)
    return re.split(r"\r\x1b\[K", written.decode().removesuffix("end\r\n"))[1:]


def steps(total: int, *counts: int) -> Callable[[], None]:
    """Return the work of so many steps at a time."""

    def work() -> None:
        with Progress("replay", total) as bar:
            for count in counts:
                bar.step(count)

    return work


def test_the_bar_fills_as_the_work_gets_done(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = shown(steps(4, 1, 1, 1, 1), monkeypatch)[:-1]
    assert [line.count("#") for line in lines] == [8, 15, 22, 30]
    assert [line.partition("]")[2].split()[0] for line in lines] == ["25%", "50%", "75%", "100%"]
    assert all(line.startswith("replay [") and line.endswith("s left") for line in lines)


def test_where_it_is_not_known_how_much_there_is_the_count_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(steps(0, 7), monkeypatch)[0].startswith("replay 7 ")


def test_more_than_there_should_be_is_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    line = shown(steps(2, 5), monkeypatch)[0]
    assert "100%" in line
    assert line.endswith(" 0 s left")


def test_the_line_is_clean_when_it_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(steps(2, 1), monkeypatch)[-1] == ""


def test_a_terminal_is_not_written_to_for_every_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(steps(1000, *[1] * 1000), monkeypatch, every_s=1e6) == [""]


def test_a_bar_fits_into_a_narrow_terminal_where_what_wraps_would_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {len(line) for line in shown(steps(4, 1, 1), monkeypatch, columns=30)} == {29, 0}


def test_a_log_line_stands_above_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    def work() -> None:
        with Progress("replay", 2) as bar:
            bar.step()
            monkeypatch.setattr(logging.root, "handlers", [])
            monkeypatch.setattr(logging.root, "level", logging.root.level)
            start_log(verbose=False)
            logging.getLogger("tapetum").warning("the worker is replaced")
            bar.step()

    drawn, cleared, again, *_ = shown(work, monkeypatch)
    assert drawn.startswith("replay [")
    assert re.fullmatch(r"[0-9:]{8} WARNING the worker is replaced\r\n", cleared)
    assert again == drawn


def test_a_file_or_a_pipe_gets_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    steps(2, 1, 1)()
    assert capfd.readouterr() == ("", "")
