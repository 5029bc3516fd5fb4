"""What a recipe's [search] says is checked before anything is tried, and changes nothing else of the recipe."""

import pytest

from tapetum_trainer import recipe as recipes
from tapetum_trainer.errors import RecipeError
from tapetum_trainer.inheritance import values_of
from tapetum_trainer.search import Range, changed, corners
from tests.trainer.boxes import RECIPE

OVER = """
[search]
over."fit.rates.peak" = { low = 1e-4, high = 1e-2, log = true }
over."network.size" = ["nano", "small"]
"""


def test_a_trial_is_the_recipe_but_for_what_is_tried():
    values = values_of(RECIPE + OVER)
    found = recipes.varied(
        values, {"fit.rates.peak": 2e-3, "network.size": "small", "augmentation.geometry.mosaic": 0.5}
    )
    whole = recipes.parse(RECIPE)
    assert (found.fit.rates.peak, found.network.size, found.augmentation.geometry.mosaic) == (2e-3, "small", 0.5)
    assert (found.search, found.fit.epochs, found.classes) == (None, whole.fit.epochs, whole.classes)
    assert "search" in values
    assert values["fit"] == {"epochs": 2}


def test_what_is_tried_is_no_part_of_what_is_trained():
    assert recipes.parse(RECIPE + OVER).sha256 == recipes.parse(RECIPE).sha256
    assert recipes.parse(RECIPE.replace("epochs = 2", "epochs = 3")).sha256 != recipes.parse(RECIPE).sha256


def test_the_ends_of_ranges_and_all_choices_are_looked_at():
    search = recipes.parse(RECIPE + OVER).search
    assert search is not None
    assert list(corners(search)) == [
        {"fit.rates.peak": 1e-4}, {"fit.rates.peak": 1e-2}, {"network.size": "nano"}, {"network.size": "small"},
    ]  # fmt: skip


def test_whole_numbers_are_drawn_where_both_ends_are_whole():
    assert Range(low=1, high=4).whole
    assert not Range(low=1.0, high=4).whole


@pytest.mark.parametrize(
    ("over", "told"),
    [
        ('"fit.rates.peek" = [1e-3, 1e-2]', r"search.over: with fit.rates.peek = 0.001, fit.rates.peek: .*mean peak"),
        ('"network.size" = ["nano", "huge"]', "search.over: with network.size = huge, network.size: .*small"),
        ('"fit.epochs" = { low = 0, high = 9 }', "search.over: with fit.epochs = 0, fit.epochs"),
        ('"fit.epochs.more" = [1, 2]', "search.over: fit.epochs.more leads through what is no table"),
        ('"fit.rates.peak" = { low = 1e-2, high = 1e-4 }', "low .0.01. is less than high"),
        ('"fit.rates.peak" = { low = 0, high = 1e-4, log = true }', "above 0 where log is wanted"),
        ('"fit.rates.peak" = [1e-3]', "length >= 2"),
        ("", "length >= 1"),
    ],
)
def test_what_cannot_be_tried_is_told_with_its_key(over: str, told: str):
    with pytest.raises(RecipeError, match=told):
        recipes.parse(f"{RECIPE}[search]\nover = {{ {over} }}\n")


def test_a_path_through_what_is_no_table_is_refused():
    with pytest.raises(KeyError, match=r"name\.more"):
        changed({"name": "boxes"}, {"name.more": 1})
