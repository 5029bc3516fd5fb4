"""What the references show as printed is what is printed, but for times."""

import re
from pathlib import Path
from typing import Any

import pytest

from tapetum import data as shipped
from tapetum.cli import main
from tapetum.commands import status
from tests.test_docs import ROOT

STATUS = {
    "uptime_s": 18.4,
    "pid": 27790,
    "clock": "unsynced",
    "cameras": {
        "front": {
            "condition": "clear",
            "fps": 10.0,
            "analysis_ms": 3.31,
            "tracks": 8,
            "rejected": {"light": 2, "scattered": 1},
            "damped": 0,
            "dropped": 0,
            "corrupt": 0,
        }
    },
    "inference": {
        "mode": "cpu",
        "model": "detect@0",
        "answered": 40,
        "median_ms": 70.6,
        "refused": 2,
        "restarts": 0,
        "confinement": "landlock+seccomp",
        "pid": 27827,
        "accelerators": {"cpu": {"state": "in use", "reason": ""}},
    },
    "models": {"active": "", "previous": "", "refused": None, "state": "idle", "model": "", "pinned": False},
    "broker": {"connected": False, "protocol": "", "acknowledged": 18, "waiting": 3, "lost": 0},
    "faults": [
        "broker: localhost:1883: nothing listens there (Connection refused); is it running, and is the port right? "
        "look at broker.host and broker.port"
    ],
}


def sample(command: str) -> list[str]:
    """Return the lines that the command line's page shows for a command."""
    text = (ROOT / "docs/ref/cli.md").read_text(encoding="utf-8")
    found = re.search(rf"^```\n\$ tapetum {re.escape(command)}.*\n((?:(?!\$ |```).*\n)+)", text, re.MULTILINE)
    assert found, command
    return found[1].splitlines()


@pytest.fixture
def model(data: Path) -> str:
    return str(data / "models/coco_ssd_mobilenet_v1_quant/detect.tflite")


def test_the_sample_of_a_status_is_as_it_is_printed():
    assert sample("status") == status._lines(STATUS)


def test_the_sample_of_a_replay_is_what_the_clip_comes_to(model: str, capsys: Any):
    assert main(["replay", str(shipped.clip()), "--model", model]) == 0
    printed = capsys.readouterr()
    first, summary = sample("replay")
    untimed = re.compile(r'"id":"[^"]*"|[\d.]+ ms')
    assert untimed.sub("", printed.out.splitlines()[0]).startswith(untimed.sub("", first).removesuffix("..."))
    assert untimed.sub("", printed.err.splitlines()[-1]) == untimed.sub("", summary)


def test_the_sample_of_a_model_is_as_it_is_printed(model: str, capsys: Any):
    assert main(["models", "show", model]) == 0
    printed = iter(capsys.readouterr().out.splitlines())
    for line in sample("models show"):
        assert line == "..." or line in printed, line
