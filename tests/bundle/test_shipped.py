"""The models that come along: as small as they are said to be, and with probes that they answer."""

from pathlib import Path

import pytest

from tapetum import bundle
from tapetum.inference import takeover
from tapetum.inference.settings import Inference

FOLDER = Path(__file__).parents[2] / "models/bundles"


@pytest.mark.parametrize(
    ("name", "most"), [("tapetum@3", 4_000_000), ("tapetum-small@1", 1 << 20), ("tapetum-nano@1", 1 << 20)]
)
def test_a_detector_that_comes_along_is_small_and_answers_its_probes(name: str, most: int):
    spec = bundle.open(FOLDER / f"{name}.tapetum").spec()
    assert spec.name == name
    assert spec.labels == ("person", "vehicle", "bicycle", "cat", "dog")
    assert len(spec.content) <= most
    assert len(spec.probes) >= 1
    takeover.alone(spec, Inference())  # raises where a probe is not answered as it should be


def test_the_classifier_that_comes_along_is_small_and_answers_its_probes():
    spec = bundle.open(FOLDER / "crops@1.tapetum").spec()
    assert (spec.name, spec.labels) == ("crops@1", ("person", "vehicle", "animal", "???"))
    assert len(spec.content) <= 1 << 20
    assert len(spec.probes) >= 1
    takeover.alone(spec, Inference())


def test_the_smallest_is_below_a_mebibyte_with_all_that_belongs_to_it():
    assert (FOLDER / "tapetum-nano@1.tapetum").stat().st_size <= 1 << 20


@pytest.mark.parametrize(
    ("name", "recipe"),
    [
        ("tapetum@3", "anew"),
        ("tapetum-small@1", "small"),
        ("tapetum-nano@1", "nano"),
        ("crops@1", "crops"),
        ("night-curve@1", "night"),
    ],
)
def test_the_recipe_that_a_model_was_made_by_is_the_one_that_lies_here(name: str, recipe: str):
    from tapetum_trainer import tasks

    found = tasks.load(FOLDER.parent / f"recipes/{recipe}.toml").sha256
    assert f"recipe {found}, " in (FOLDER / f"{name}.md").read_text()
