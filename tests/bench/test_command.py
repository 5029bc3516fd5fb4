"""`tapetum bench`, as it is called."""

import json
import re

import pytest

from tapetum import data
from tapetum.cli import _COMMANDS, CONFIG_ERROR, main
from tapetum.commands.bench import BENCHES


def test_the_summary_of_all_commands_names_every_bench():
    assert _COMMANDS["bench"] == f"measure: {', '.join(BENCHES)}"


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


def misused(capsys, *arguments):
    """Call `tapetum bench` in a way that it refuses; return what it says."""
    with pytest.raises(SystemExit) as refused:
        main(["bench", *arguments])
    assert refused.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(("what", "needed"), [("alarm", "--clip, --truth"), ("tracks", "--clip")])
def test_a_bench_that_needs_a_clip_of_ones_own_says_so(capsys, what, needed):
    said = misused(capsys, what)
    assert f"usage: tapetum bench {what}" in said
    assert f"the following arguments are required: {needed}\n" in said


@pytest.mark.parametrize(
    ("what", "option"),
    [("alarm", "--kills"), ("analysis", "--frames"), ("analysis", "--truth"), ("delivery", "--clip")],
)
def test_an_option_of_another_bench_is_refused_with_the_usage_of_this_one(capsys, what, option):
    given = [option, "3"] + (["--clip", "a", "--truth", "b"] if what == "alarm" else [])
    said = misused(capsys, what, *given)
    assert f"usage: tapetum bench {what}" in said
    assert f"tapetum bench {what}: error: unrecognized arguments: {option} 3" in said


@pytest.mark.parametrize(
    "arguments", [("delivery", "--alerts", "0"), ("delivery", "--kills", "-1"), ("memory", "--frames", "many")]
)
def test_a_count_that_cannot_be_is_refused(capsys, arguments):
    _, option, value = arguments
    assert f"argument {option}: '{value}' is no whole number from" in misused(capsys, *arguments)


@pytest.mark.parametrize("what", BENCHES)
def test_the_help_of_a_bench_tells_of_its_own_options_alone(capsys, what):
    with pytest.raises(SystemExit) as shown:
        main(["bench", what, "--help"])
    assert shown.value.code == 0
    told = set(re.findall(r"^  (--[a-z-]+)", capsys.readouterr().out, re.MULTILINE))
    assert (
        told
        == {
            "analysis": {"--clip", "--model", "--labels", "--json"},
            "motion": {"--truth", "--pictures", "--json"},
            "alarm": {"--clip", "--truth", "--model", "--labels", "--json"},
            "tracks": {"--clip", "--truth", "--model", "--labels", "--per-s", "--json"},
            "tracking": {"--seeds", "--only", "--save-video", "--json"},
            "association": {"--tracks", "--frames", "--json"},
            "gating": {"--reference", "--judge", "--judge-labels", "--model", "--labels", "--json"},
            "delivery": {"--kills", "--alerts", "--json"},
            "supervisor": {"--model", "--labels", "--kills", "--hangs", "--json"},
            "speed": {"--clip", "--model", "--labels", "--crops", "--json"},
            "memory": {"--clip", "--model", "--labels", "--frames", "--json"},
        }[what]
    )


def test_labels_of_a_judge_that_is_missing_are_refused(capsys):
    assert (
        main(["bench", "gating", str(data.clip()), "--model", "shipped", "--judge-labels", "labels.txt"])
        == CONFIG_ERROR
    )
    assert capsys.readouterr().err == "tapetum: --judge-labels: they are those of --judge, which is missing\n"


def test_a_clip_that_is_not_there_is_named(capsys, tmp_path):
    assert main(["bench", "analysis", "--clip", str(tmp_path / "none.mp4")]) == CONFIG_ERROR
    assert "none.mp4: there is no such file" in capsys.readouterr().err
