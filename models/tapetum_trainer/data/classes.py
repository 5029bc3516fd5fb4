"""From the labels of many sources to the classes of one model."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from tapetum_trainer.data.sample import Labelled, Thing
from tapetum_trainer.errors import RecipeError


class Classes:
    """The classes of a model, each with the labels that mean it; and labels that are ignored wherever they are.

    A thing with any other label is left out. What is ignored looks so much like a class that it may neither be wanted
    nor punished: a picture of a person for `person`, say.
    """

    def __init__(self, meaning: Mapping[str, Sequence[str]], ignored: Mapping[str, str] | None = None) -> None:
        """meaning: class -> labels. ignored: label -> the class it is not to be punished for.

        Raises RecipeError when a label means two classes.
        """
        self.names = tuple(meaning)
        self._of = {label: name for name, labels in meaning.items() for label in (name, *labels)}
        self._ignored = dict(ignored or {})
        for name, labels in meaning.items():
            for label in labels:
                if self._of[label] != name:
                    raise RecipeError(f"classes: {label} means {name} and {self._of[label]}; one of them is wanted")
        for label, name in self._ignored.items():
            if name not in meaning:
                raise RecipeError(f"ignored: {label} = {name}: there is no such class; there are {', '.join(meaning)}")

    def of(self, picture: Labelled) -> Labelled:
        """Return the picture with our classes alone, and of which of them it tells each one."""
        things = tuple(filter(None, map(self._thing, picture.things)))
        return replace(picture, things=things, known=self._known(picture))

    @property
    def labels(self) -> tuple[str, ...]:
        """All labels that mean a class, or are ignored for one."""
        return (*self._of, *self._ignored)

    def means(self, label: str) -> bool:
        """Whether a label means a class, or is ignored for one."""
        return label in self._of or label in self._ignored

    def _thing(self, thing: Thing) -> Thing | None:
        if thing.label in self._of:
            return replace(thing, label=self._of[thing.label])
        if thing.label in self._ignored:
            return replace(thing, label=self._ignored[thing.label], crowd=True)
        return None

    def _known(self, picture: Labelled) -> frozenset[str]:
        if picture.known is None:
            return frozenset(self.names)
        return frozenset(self._of[label] for label in picture.known if label in self._of)
