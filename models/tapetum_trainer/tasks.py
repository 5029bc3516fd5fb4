"""What there is a recipe for: each task a type, which `task` in the file names; without that it is a detector's."""

from collections.abc import Callable, Mapping
from pathlib import Path

from tapetum_trainer import recipe as detection
from tapetum_trainer.crops import recipe as classification
from tapetum_trainer.crops.recipe import CropRecipe
from tapetum_trainer.errors import RecipeError
from tapetum_trainer.inheritance import Values, told, written
from tapetum_trainer.night import recipe as night
from tapetum_trainer.night.recipe import NightRecipe
from tapetum_trainer.recipe import Recipe

AnyRecipe = Recipe | CropRecipe | NightRecipe

_OF: Mapping[str, Callable[[Values], AnyRecipe]] = {
    "detection": detection.of,
    "classification": classification.of,
    "night": night.of,
}


def load(path: Path) -> AnyRecipe:
    """Return the recipe in the file `path`; raises RecipeError naming file, key and what would be right."""
    values = written(path)
    try:
        return of(values)
    except RecipeError as error:
        raise RecipeError(f"{told(path)}: {error}") from None


def of(values: Values) -> AnyRecipe:
    """Return the recipe of these values, by its task; raises RecipeError naming the key."""
    task = values.get("task", "detection")
    if task not in _OF:
        raise RecipeError(f"task: {task!r} is none; one of {', '.join(_OF)} is wanted")
    return _OF[task](values)
