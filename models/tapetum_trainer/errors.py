"""What can go wrong at the desk, sorted by what must be mended. A message says what, where, and what would be right."""

from tapetum.errors import TapetumError


class TrainerError(TapetumError):
    """Base of the errors of the trainer."""


class DataError(TrainerError):
    """The pictures or their labels must be mended."""


class ModelError(TrainerError):
    """The model is not one with which this can be done."""


class RecipeError(TrainerError):
    """The recipe must be mended."""
