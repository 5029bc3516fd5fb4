"""`tapetum bench`, as it is called."""

import json

import pytest

from tapetum.cli import CONFIG_ERROR, main


def test_a_bench_prints_one_object_for_machines(capsys):
    assert main(["bench", "analysis", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["bench"] == "analysis"
    assert {row["method"] for row in found["methods"]} >= {"tapetum", "absdiff", "MOG2"}
    assert all(row["median_ms"] > 0 for row in found["methods"])


@pytest.mark.parametrize("what", ["alarm", "tracks"])
def test_a_bench_that_needs_a_truth_says_so(capsys, what):
    assert main(["bench", what]) == CONFIG_ERROR
    assert "--clip and --truth are wanted" in capsys.readouterr().err


def test_a_clip_that_is_not_there_is_named(capsys, tmp_path):
    assert main(["bench", "analysis", "--clip", str(tmp_path / "none.mp4")]) == CONFIG_ERROR
    assert "none.mp4: there is no such file" in capsys.readouterr().err
