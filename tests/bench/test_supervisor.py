"""However often a worker dies or hangs: the model answers again within two seconds, and the camera's frames go on."""

from pathlib import Path

import pytest

from tapetum.bench import supervisor
from tapetum.errors import ConfigError
from tapetum.inference.settings import Inference

pytestmark = pytest.mark.alone


def figures(data: Path, kills: int, hangs: int) -> dict[str, object]:
    folder = data / "models/coco_ssd_mobilenet_v1_quant"
    inference = Inference(model=str(folder / "detect.tflite"), labels=str(folder / "labelmap.txt"))
    found = supervisor.run(inference, kills, hangs)
    print(found)
    return found


@pytest.mark.parametrize(
    ("kills", "hangs", "lost"),
    [(4, 2, 1), pytest.param(100, 20, 0, marks=[pytest.mark.long, pytest.mark.timeout(1200)])],
)
def test_it_answers_again_in_two_seconds_and_no_frame_waits_for_that(data: Path, kills: int, hangs: int, lost: int):
    """lost: how many frames may be, none but one where other programs take the processor for a moment."""
    found = figures(data, kills, hangs)
    assert (found["kills"], found["hangs"]) == (kills, hangs)
    assert 0 < found["kill_median_s"] <= found["kill_max_s"] < 2  # type: ignore[operator]
    assert found["deadline_s"] < found["hang_median_s"] <= found["hang_max_s"] < found["deadline_s"] + 2  # type: ignore[operator]
    assert found["frames"] > 15 * (kills + hangs)  # type: ignore[operator]
    assert found["lost_frames"] <= lost  # type: ignore[operator]
    assert found["late"] <= lost  # type: ignore[operator]
    assert found["left"] == []


def test_without_a_model_there_is_nothing_to_kill():
    with pytest.raises(ConfigError, match="--model is wanted"):
        supervisor.run(Inference(), 1, 1)
