"""Pictures of which a teacher tells what nobody looked for: a set of dogs learns of its people, a video of everything.

Of a class that is known in a picture its own boxes count. Of the others the teacher is asked: what it is sure of is a
box, weighing as much as its score; what it is in doubt of is ignored; where it says nothing, there is nothing.

On 277 pictures of COCO and VOC, of the labels by both teachers (`together`) with a score of at least .4 were right: of
person .80 (.60 of all persons found), vehicle .75 (.40), bicycle .78 (.58), cat .90 (.82), dog .64 (.84); at .2 .25
(.82), .19 (.57), .32 (.75), .26 (.91), .17 (.95). So the doubtful matter: without them, what is missed at .4 would be
called nothing.
"""

from typing import Annotated

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from tapetum.settings import Settings
from tapetum_trainer.augment.example import Flags, Floats, Outlined, Pictures, Pixels
from tapetum_trainer.data.sample import Outline
from tapetum_trainer.errors import RecipeError
from tapetum_trainer.teachers.pseudo import Labeller, Labels

Score = Annotated[float, Meta(gt=0, le=1)]


class Trust(Settings, frozen=True, kw_only=True):
    """From which score on a teacher is believed."""

    sure: Score = 0.4
    doubt: Score = 0.2  # from here to `sure` it is neither wanted nor punished

    def __post_init__(self) -> None:
        if self.doubt > self.sure:
            raise ValueError(f"doubt ({self.doubt}) is no more than sure ({self.sure})")


class Taught:
    """Pictures with a teacher's boxes beside their own, and how sure each is.

    The teacher is asked when a picture is first looked at, which takes half a second: ask for all in advance
    (`learn`), and let the labeller keep the answers.
    """

    def __init__(self, pictures: Pictures, labeller: Labeller, trust: Trust) -> None:
        """Ask `labeller` of `pictures`; raises RecipeError when it knows none of their labels."""
        self._pictures, self._labeller, self._trust = pictures, labeller, trust
        self.labels = pictures.labels
        taught = labeller.seer.labels
        self._numbers = np.array(
            [self.labels.index(label) if label in self.labels else -1 for label in taught], np.int32
        )
        if (self._numbers < 0).all():
            raise RecipeError(f"the teacher knows {', '.join(taught)}: none of {', '.join(self.labels)}")
        self._guesses: dict[int, Labels] = {}

    def __len__(self) -> int:
        return len(self._pictures)

    def learn(self) -> None:
        """Ask the teacher about every picture that it can tell something of."""
        for index in range(len(self)):
            self._guess(index)

    def picture(self, index: int) -> Pixels:
        """Return as of `Pictures`."""
        return self._pictures.picture(index)

    def boxes(self, index: int) -> Floats:
        """Return (k, 4), the picture's own boxes first."""
        return np.concatenate([self._pictures.boxes(index), self._guess(index).boxes])

    def classes(self, index: int) -> NDArray[np.int32]:
        """Return (k,)."""
        return np.concatenate([self._pictures.classes(index), self._guess(index).classes])

    def ignored(self, index: int) -> Flags:
        """Return (k,): as the picture has it; of the teacher's, what it is in doubt of."""
        return np.concatenate([self._pictures.ignored(index), self._guess(index).scores < self._trust.sure])

    def scores(self, index: int) -> Floats:
        """Return (k,): 1 for the picture's own."""
        own = np.ones(len(self._pictures.classes(index)), np.float32)
        return np.concatenate([own, self._guess(index).scores])

    def known(self, index: int) -> Flags:
        """Return (labels,): what was known, and what the teacher can tell."""
        known = self._pictures.known(index).copy()
        known[self._numbers[self._numbers >= 0]] = True
        return known

    def outlines(self, index: int) -> tuple[Outline, ...]:
        """Return as of `Outlined`, of the picture's own boxes."""
        return self._pictures.outlines(index) if isinstance(self._pictures, Outlined) else ()

    def origin(self, index: int) -> str:
        """Return as of `Pictures`."""
        return self._pictures.origin(index)

    def _guess(self, index: int) -> Labels:
        """Return what the teacher says of the classes that are not known in a picture, by the pictures' numbers."""
        if index not in self._guesses:
            self._guesses[index] = self._asked(index)
        return self._guesses[index]

    def _asked(self, index: int) -> Labels:
        wanted = np.zeros(len(self.labels) + 1, bool)  # the last stands for what has no number here
        wanted[self._numbers] = True
        wanted[:-1] &= ~self._pictures.known(index)
        wanted[-1] = False
        if not wanted.any():
            return Labels(np.zeros((0, 4), np.float32), np.zeros(0, np.int32), np.zeros(0, np.float32))
        said = self._labeller.labels(self._pictures.picture(index), self._trust.doubt)
        classes = self._numbers[said.classes]
        taken = wanted[classes]
        return Labels(said.boxes[taken], classes[taken], said.scores[taken])
