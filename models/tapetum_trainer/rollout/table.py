"""How a rollout stands: as a table for people, drawn over itself on a terminal, or as values for programs."""

import shutil
import time
from collections.abc import Collection
from dataclasses import asdict
from typing import Any, TextIO

from tapetum_trainer.rollout import rules
from tapetum_trainer.rollout.book import Member, Rollout, State
from tapetum_trainer.rollout.outcome import Outcome
from tapetum_trainer.rollout.rules import Tally

_COLUMNS = ("stage", "devices", "waiting", "asked", "coming", "trial", "committed", "failed", "late", "other")
_BACK = ("going back", "back", "stays", "late")
_TOLD = 8  # devices whose trouble is shown
_BAR = 20
_DRAWN_S, _LINE_S = 0.5, 5.0  # between two pictures, two lines
_UP, _CLEAR = "\x1b[{}A", "\x1b[J"


def lines(rollout: Rollout, members: Collection[Member], now_s: float) -> list[str]:
    """Return the table."""
    done = sum(one.outcome in (Outcome.COMMITTED, Outcome.FAILED, Outcome.BACK) for one in members)
    of = sum(one.stage >= 0 for one in members)
    filled = _BAR * done // max(of, 1)
    push = f", push {rollout.push}" if rollout.push else ""
    told = f"{rollout.id}: {rollout.model}{push}: {rollout.state}{f': {rollout.reason}' if rollout.reason else ''}"
    bar = f"[{'#' * filled}{'.' * (_BAR - filled)}] {done} of {of}"
    rows = [_row(rollout, members, number, now_s) for number in range(len(rollout.plan.stages))]
    return [told, bar, *_aligned([_COLUMNS, *rows]), *_back(rollout, members, now_s), *_trouble(members)]


def values(rollout: Rollout, members: Collection[Member], now_s: float) -> dict[str, Any]:
    """Return all of it, for JSON."""
    stages = rollout.plan.stages
    return {
        "id": rollout.id,
        "model": rollout.model,
        "state": rollout.state,
        "reason": rollout.reason,
        "push": rollout.push,
        "back": rollout.back,
        "stage": stages[rollout.stage].name,
        "begun_s": rollout.begun_s,
        "changed_s": rollout.changed_s,
        "stages": [{"stage": one.name, **asdict(_tally(rollout, members, n, now_s))} for n, one in enumerate(stages)],
        "devices": [
            {
                "device": one.name,
                "stage": stages[one.stage].name if one.stage >= 0 else "",
                "outcome": one.outcome if one.stage >= 0 else "left out",
                "late": rules.is_late(one, rollout.plan, now_s),
                "before": one.before,
                "reason": one.reason,
            }
            for one in members
        ],
    }


class Screen:
    """Draws on a terminal; elsewhere it writes a line when something has changed, and not too often."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._terminal = out.isatty()
        self._height = 0
        self._shown_s = float("-inf")
        self._told = ""

    def show(self, rollout: Rollout, members: Collection[Member], last: bool = False) -> None:
        """Show how it stands, if it is time to."""
        now_s = time.monotonic()
        if not last and now_s - self._shown_s < (_DRAWN_S if self._terminal else _LINE_S):
            return
        self._shown_s = now_s
        if self._terminal or last:
            found = lines(rollout, members, time.time())
            self._clear()
            self._write(found)
            self._height = 0 if last else len(found)
        elif (told := _line(rollout, members)) != self._told:
            self._told = told
            self._write([told])

    def say(self, text: str) -> None:
        """Say what happened, above the table."""
        self._clear()
        self._write([text])
        self._shown_s = float("-inf") if self._terminal else self._shown_s

    def _clear(self) -> None:
        if self._height:
            self._out.write(_UP.format(self._height) + _CLEAR)
            self._height = 0

    def _write(self, found: list[str]) -> None:
        if self._terminal:  # a line that goes on in the next row would be left behind
            found = [line[: shutil.get_terminal_size().columns - 1] for line in found]
        self._out.write("".join(f"{line}\n" for line in found))
        self._out.flush()


def _line(rollout: Rollout, members: Collection[Member]) -> str:
    """Return how it stands in one line."""
    if rollout.state is State.GOING_BACK:
        counted = {name: sum(one.outcome == name for one in members) for name in ("going-back", "back", "stays")}
    else:
        found = rules.tally([one for one in members if one.stage >= 0], rollout.plan, time.time())
        counted = {name: count for name, count in asdict(found).items() if count}
    stage = rollout.plan.stages[rollout.stage].name
    return f"stage {stage}: " + ", ".join(f"{count} {name}" for name, count in counted.items())


def _tally(rollout: Rollout, members: Collection[Member], stage: int, now_s: float) -> Tally:
    return rules.tally([one for one in members if one.stage == stage], rollout.plan, now_s)


def _row(rollout: Rollout, members: Collection[Member], stage: int, now_s: float) -> list[str]:
    found = _tally(rollout, members, stage, now_s)
    failed = found.failed + found.forgiven
    counts = {**asdict(found), "failed": failed}
    return [rollout.plan.stages[stage].name, *(str(counts[name]) for name in _COLUMNS[1:])]


def _back(rollout: Rollout, members: Collection[Member], now_s: float) -> list[str]:
    if rollout.state not in (State.GOING_BACK, State.BACK):
        return []
    counts = [sum(one.outcome == name for one in members) for name in ("going-back", "back", "stays")]
    late = sum(one.outcome is Outcome.GOING_BACK and rules.is_late(one, rollout.plan, now_s) for one in members)
    return ["", *_aligned([_BACK, [str(count) for count in (*counts, late)]])]


def _trouble(members: Collection[Member]) -> list[str]:
    """Return what is wrong with the first of those with whom something is."""
    found = [one for one in members if one.outcome in (Outcome.FAILED, Outcome.STAYS)]
    told = [f"{one.name}: {one.outcome}: {one.reason}" for one in found[:_TOLD]]
    return told + ([f"and {len(found) - _TOLD} more"] if len(found) > _TOLD else [])


def _aligned(rows: list[Any]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            f"{cell:<{width}}" if not n else f"{cell:>{width}}"
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
