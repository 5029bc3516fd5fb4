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


def test_the_analysis_stands_beside_peers_on_the_full_picture_and_on_the_reduced_one(capsys):
    assert main(["bench", "analysis", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["size"], found["analysis_size"]) == ("768x576", "384x288")
    rows = {row["method"]: row for row in found["methods"]}
    for method in ("MOG2", "absdiff"):  # a quarter of the pixels
        assert rows[f"{method}, analysis size"]["median_ms"] < 0.6 * rows[method]["median_ms"]
    for peer, ratio in (("MOG2", "of_mog2"), ("MOG2, analysis size", "of_mog2_analysis_size")):
        assert rows[peer][ratio] == 1
        found_ratio = rows["tapetum"]["median_ms"] / rows[peer]["median_ms"]
        assert rows["tapetum"][ratio] == pytest.approx(found_ratio, rel=0.01)


@pytest.mark.parametrize("what", ["alarm", "tracks"])
def test_a_bench_that_needs_a_truth_says_so(capsys, what):
    assert main(["bench", what]) == CONFIG_ERROR
    assert "--clip and --truth are wanted" in capsys.readouterr().err


def test_a_clip_that_is_not_there_is_named(capsys, tmp_path):
    assert main(["bench", "analysis", "--clip", str(tmp_path / "none.mp4")]) == CONFIG_ERROR
    assert "none.mp4: there is no such file" in capsys.readouterr().err
