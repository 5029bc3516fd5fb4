"""`scripts/bench scenes` prints the tables, as much of them as there is data for."""

import json
import sys

import cv2
import numpy as np
import pytest

from tapetum.bench.motion.contenders import METHODS, name_of
from tests.motion.figures import __main__ as command
from tests.motion.figures import speed, tables, traffic


def called(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["scenes", *arguments])
    return command.main()


def test_a_table_has_a_row_for_every_method_and_every_peer(monkeypatch, capsys):
    monkeypatch.delenv("TAPETUM_DATA", raising=False)
    assert called(monkeypatch, "quiet", "--frames", "2", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert {row["method"] for row in found["quiet"]} >= {name_of(kind) for kind in METHODS} | {"MOG2", "KNN"}
    assert set(found["quiet"][0]) == {"method", "noise", "dark", "drift", "rain", "leaves"}


@pytest.mark.parametrize("table", command._NEEDS_DATA)
def test_what_needs_real_data_is_left_out_with_the_reason_where_there_is_none(monkeypatch, capsys, table: str):
    monkeypatch.delenv("TAPETUM_DATA", raising=False)
    assert called(monkeypatch, table) == 0
    assert f"scenes {table}: TAPETUM_DATA names no folder of real data: left out." in capsys.readouterr().err


def test_a_page_gets_a_table_where_it_has_the_last_one_and_keeps_all_else():
    quiet, speed = "```\n$ scripts/bench scenes quiet\n", "```\n$ scripts/bench scenes speed\nold\n```\n"
    page = f"Before\n\n{quiet}old\n\nolder\n```\n\n{speed}"
    assert command.renewed(page, "quiet", r"new \1") == f"Before\n\n{quiet}new \\1\n```\n\n{speed}"
    assert command.renewed(page, "night", "new") == page


def test_a_table_that_is_not_known_is_refused_with_those_that_are(monkeypatch, capsys):
    with pytest.raises(SystemExit):
        called(monkeypatch, "sound")
    assert f"sound is none of {', '.join(command.TABLES)}" in capsys.readouterr().err


def test_mog2_on_raw_values_keeps_the_speckle_that_the_common_median_takes():
    speckle = np.zeros((9, 9), np.uint8)
    speckle[4, 4] = 255
    assert tables.Unsettled(speckle).settled().mask.sum() == 255
    assert tables.Answer(speckle, True).settled().mask.sum() == 0


@pytest.mark.parametrize("who", speed.alone(), ids=lambda who: who.name)
def test_a_method_alone_finds_what_comes_into_an_empty_road(who):
    masks = [who.find(cv2.blur(luma, (3, 3))).mask.copy() for luma in traffic.lumas("quiet", (90, 160), 12, 1)]
    still, moving = np.count_nonzero(masks[0]), np.count_nonzero(masks[-1])
    assert who.name in ("MOG2", "KNN") or still == 0
    assert 100 < moving < 600  # of the 14400 pixels it has 112
