"""What can go wrong where bundles are published."""

from tapetum_trainer.errors import TrainerError


class PublishError(TrainerError):
    """Nothing is published: the text says what must be mended. where: file, folder or broker."""

    def __init__(self, what: str, where: object = "") -> None:
        super().__init__(f"{where}: {what}" if where else what)


class UnreachableError(PublishError):
    """The broker cannot be reached now, or does not answer: nobody must act, it can be tried again."""
