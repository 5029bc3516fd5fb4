"""What can go wrong at the desk, sorted by what must be mended. A message says what, where, and what would be right."""

from tapetum.errors import TapetumError


class TrainerError(TapetumError):
    """Base of the errors of the trainer."""


class DataError(TrainerError):
    """The pictures or their labels must be mended.

    what: what is wrong, and what would be right. where: file, and line or picture; "": said by `what`.
    """

    def __init__(self, what: str, where: object = "") -> None:
        self.what, self.where = what, str(where)
        super().__init__(f"{where}: {what}" if self.where else what)


class Doubt(DataError):
    """It is probably not what was meant, and can be trained on."""


class ModelError(TrainerError):
    """The model is not one with which this can be done."""


class Refused(TrainerError):
    """The model does not reach what its recipe asks of it."""


class RecipeError(TrainerError):
    """The recipe must be mended."""


def asked_here(error: Exception) -> str:
    """Return what the device's code says of a model, without the table of a daemon's configuration before its keys."""
    return str(error).removeprefix("inference.")
