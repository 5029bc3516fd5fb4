"""What int8 loses is held against what a recipe accepts: of all classes, and of those that matter to it."""

import pytest

from tapetum_trainer import recipe as recipes
from tapetum_trainer.acceptance import Acceptance
from tapetum_trainer.errors import RecipeError
from tapetum_trainer.evaluate import Loss
from tests.trainer.boxes import RECIPE

BEFORE = "ec4fbfab05986b8a2ae447e7ce272fdc6589f56cb97eee0d5103c0c863b7511b"
LOST = (Loss("all", 0.5, 0.492, 0.001), Loss("person", 0.4, 0.38, 0.4), Loss("dog", 0.6, 0.5, 0.1))


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({}, []),
        ({"quantization": 0.5}, ["acceptance.quantization: int8 loses 0.8 +- 0.0 points, 0.5 at most"]),
        ({"quantization_of": {"person": 2.5}}, []),
        (
            {"quantization_of": {"person": 1.5}},
            ["acceptance.quantization_of.person: int8 loses 2.0 +- 0.4 points, 1.5 at most"],
        ),
    ],
)
def test_more_than_is_accepted_is_told_with_its_key(asked: dict[str, object], told: list[str]):
    assert list(Acceptance(**asked).beyond(LOST)) == told  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("ap50", "size", "told"),
    [
        (0.5, 1000, []),
        (0.499, 1000, ["acceptance.ap50: 0.500 is wanted, and it reaches 0.499"]),
        (0.5, 1001, ["acceptance.bytes: 1001 bytes, and 1000 at most are wanted"]),
    ],
)
def test_too_little_and_too_large_is_told_with_its_key(ap50: float, size: int, told: list[str]):
    assert list(Acceptance(ap50=0.5, bytes=1000).missed(ap50, LOST, size)) == told


def test_a_class_that_nothing_judges_is_told():
    accepted = Acceptance(quantization_of={"person": 1.0, "cat": 1.0})
    assert list(accepted.unjudged(LOST)) == ["acceptance.quantization_of.cat: no picture that judges shows one"]


def test_a_class_that_a_recipe_does_not_have_is_told():
    with pytest.raises(RecipeError, match=r"acceptance\.quantization_of\.green: there is no such class; known are red"):
        recipes.parse(f"{RECIPE}quantization_of.green = 1.0\n")


def test_a_training_goes_on_by_a_recipe_that_says_nothing_new():
    """Its hash is that of before there was `aware`, and `quantization_of`."""
    assert recipes.parse(RECIPE).sha256 == BEFORE
    assert recipes.parse(f"{RECIPE}quantization_of.red = 1.0\n").sha256 != BEFORE
    said = RECIPE.replace("pictures = 16", 'pictures = 16\naware.when = "never"')
    assert recipes.parse(said).sha256 != BEFORE
