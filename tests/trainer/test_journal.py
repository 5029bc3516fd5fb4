"""What a training writes down: lines of JSON, and the same figures in the files that TensorBoard reads."""

import json
import struct
from pathlib import Path

import pytest

proto = pytest.importorskip("tensorboardX.proto.event_pb2", reason="tensorboardX comes with the extra train")

from tapetum_trainer.journal import Journal, validated  # noqa: E402


def events(folder: Path) -> list[tuple[str, int, float]]:
    """Return (tag, step, value) of the scalars in the event files of `folder`, as TFRecord frames them.

    A record is its length (8 bytes), a checksum of that (4), the event, and a checksum of it (4).
    """
    found = []
    for path in sorted(folder.glob("events.out.tfevents.*")):
        content = path.read_bytes()
        while content:
            (size,) = struct.unpack("<Q", content[:8])
            event = proto.Event.FromString(content[12 : 12 + size])
            found += [(one.tag, event.step, round(one.simple_value, 6)) for one in event.summary.value]
            content = content[16 + size :]
    return found


def test_each_figure_is_in_the_journal_and_on_the_board(tmp_path: Path):
    with Journal(tmp_path, 0) as journal:
        journal.write("train", 20, 0, {"loss": 2.5, "pictures_per_s": 31.25})
        journal.write("validation", 40, 0, {"ap50": 0.125})
    lines = [json.loads(line) for line in (tmp_path / "journal.jsonl").read_text().splitlines()]
    assert lines == [
        {"kind": "train", "step": 20, "epoch": 0, "loss": 2.5, "pictures_per_s": 31.25},
        {"kind": "validation", "step": 40, "epoch": 0, "ap50": 0.125},
    ]
    assert events(tmp_path / "board") == [
        ("train/loss", 20, 2.5),
        ("train/pictures_per_s", 20, 31.25),
        ("validation/ap50", 40, 0.125),
    ]
    assert validated(tmp_path) == 1


def test_a_training_that_goes_on_tells_each_step_once(tmp_path: Path):
    with Journal(tmp_path, 0) as journal:
        for step in (20, 40, 60):
            journal.write("train", step, 0, {"loss": 1 / step})
    with Journal(tmp_path, 40) as journal:
        journal.write("train", 60, 0, {"loss": 0.5})
    lines = [json.loads(line) for line in (tmp_path / "journal.jsonl").read_text().splitlines()]
    assert [(line["step"], line["loss"]) for line in lines] == [(20, 0.05), (40, 0.025), (60, 0.5)]
    assert events(tmp_path / "board")[-1] == ("train/loss", 60, 0.5)
