"""Two models beside each other: what they agree in, and how long it takes them."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from tapetum.inference.contract import Contract, Input, ModelSpec
from tapetum.inference.decode import Classification, Ssd
from tapetum.inference.model import Crop
from tapetum.install.settings import Trials
from tapetum.install.shadow import Comparison, Shadow, too_slow
from tapetum.scene import Box

CLASSES = ("person", "dog")
Rows = NDArray[np.float32]


def spec(name: str, labels: tuple[str, ...] = CLASSES, side: int = 8) -> ModelSpec:
    contract = Contract(input=Input(width=side, height=side), decoder=Ssd(boxes=0, classes=1, scores=2))
    return ModelSpec(name, b"", labels, contract)


class Answering:
    """A candidate that answers what it was told to."""

    def __init__(self, spec: ModelSpec, *answers: Rows, taken_ms: float = 10.0) -> None:
        self.spec, self.input = spec, spec.contract.input  # type: ignore[union-attr]
        self._answers, self._taken_ms = list(answers), taken_ms
        self.shown: list[NDArray[np.uint8]] = []

    def ask(self, pictures: list[NDArray[np.uint8]]) -> tuple[list[Rows], float]:
        self.shown += pictures
        return [self._answers.pop(0)], self._taken_ms


def rows(*found: tuple[float, float, float, float, float, float]) -> Rows:
    return np.array(found, np.float32).reshape(-1, 6)


PERSON, DOG = (0, 0.9, 0.1, 0.1, 0.4, 0.6), (1, 0.8, 0.5, 0.5, 0.9, 0.9)
FAINT = (0, 0.2, 0.1, 0.1, 0.4, 0.6)
ELSEWHERE = (0, 0.9, 0.6, 0.1, 0.9, 0.6)
AS_DOG = (1, 0.9, 0.1, 0.1, 0.4, 0.6)


def compared(old: Rows, new: Rows, *, labels: tuple[str, ...] = CLASSES) -> Comparison:
    shadow = Shadow(Answering(spec("new@1", labels), new), 0.5)  # type: ignore[arg-type]
    shadow.heed(spec("old@1"), [Crop(1, Box(0.2, 0.2, 0.6, 0.6), np.zeros((8, 8, 3), np.uint8))], [old], 5.0)
    shadow.look(0)
    return shadow.found


@pytest.mark.parametrize(
    ("old", "new", "shown", "agreed"),
    [
        (rows(PERSON, DOG), rows(DOG, PERSON), 4, 4),
        (rows(PERSON), rows(ELSEWHERE), 2, 0),
        (rows(PERSON), rows(AS_DOG), 2, 0),
        (rows(PERSON), rows(), 1, 0),
        (rows(), rows(PERSON), 1, 0),
        (rows(PERSON), rows(FAINT), 1, 1),  # on the other side of a threshold
        (rows(FAINT), rows(), 0, 0),
        (rows(), rows(), 0, 0),
    ],
)
def test_detections_of_the_same_label_in_the_same_place_agree(old: Rows, new: Rows, shown: int, agreed: int):
    found = compared(old, new)
    assert (found.crops, found.shown, found.agreed) == (1, shown, agreed)
    assert (list(found.old_ms), list(found.new_ms)) == ([5.0], [10.0])


def test_a_day_beside_the_old_one_takes_no_more_memory_than_an_hour():
    found = Comparison()
    for _ in range(100):
        found.new_ms += [3.0] * 100
    assert len(found.new_ms) == 1000


def test_labels_that_only_one_model_has_do_not_count():
    assert compared(rows(PERSON, DOG), rows(PERSON), labels=("person",)).shown == 2
    assert compared(rows(PERSON), rows(PERSON), labels=("face",)).shown == 0


def test_what_only_few_detections_say_is_nothing():
    assert Comparison(shown=9, agreed=0).fault(Trials()) == ""
    assert Comparison(crops=4, shown=10, agreed=2).fault(Trials()) == (
        "it sees something else than the model in use: they agree in 20% of 10 detections in 4 crops"
    )
    assert Comparison(shown=10, agreed=3).fault(Trials()) == ""
    assert Comparison(shown=10, agreed=5).fault(Trials(agreement=0.6))


def test_a_new_model_may_take_a_few_times_as_long():
    assert Comparison(old_ms=[10.0] * 9, new_ms=[50.0] * 9).fault(Trials()) == ""
    assert (
        Comparison(old_ms=[10.0] * 9, new_ms=[51.0] * 9).fault(Trials())
        == "an answer takes 51.0 ms; up to 50.0 are taken"
    )
    assert Comparison(old_ms=[10.0] * 4, new_ms=[99.0] * 4).fault(Trials()) == ""
    assert too_slow([99.0], 0.0, Trials()) == too_slow([], 10.0, Trials()) == ""


def test_a_crop_is_brought_to_the_size_and_the_colours_that_the_new_model_takes_and_its_answer_back():
    new = spec("new@1", side=16)
    candidate = Answering(new, rows(PERSON))
    shadow = Shadow(candidate, 0.5)  # type: ignore[arg-type]
    shadow.heed(
        spec("old@1"), [Crop(1, Box(0.2, 0.2, 0.6, 0.6), np.full((8, 8, 1), 77, np.uint8))], [rows(PERSON)], 5.0
    )
    shadow.look(0)
    assert [picture.shape for picture in candidate.shown] == [(16, 16, 3)]
    assert (candidate.shown[0] == 77).all()
    assert (shadow.found.shown, shadow.found.agreed) == (2, 2)


def test_nobody_waits_for_the_new_model():
    shadow = Shadow(Answering(spec("new@1"), rows()), 0.5)  # type: ignore[arg-type]
    crop = Crop(1, Box(0, 0, 1, 1), np.zeros((8, 8, 3), np.uint8))
    for _ in range(3):
        shadow.heed(spec("old@1"), [crop], [rows()], 5.0)
    shadow.look(0)
    shadow.look(0)
    assert shadow.found.crops == 1


def test_a_detector_and_a_classifier_agree_by_the_surest_label_of_each():
    """A classifier says no place: of two things in a crop it can but name the one."""
    whole = (0, 0.9, 0, 0, 1, 1)
    for old, answers, wanted in (
        (rows(PERSON, DOG), rows(whole), (2, 2)),
        (rows(PERSON), rows((1, 0.9, 0, 0, 1, 1)), (2, 0)),
        (rows(PERSON), rows(), (1, 0)),
    ):
        classifier = spec("new@1")
        classifier = replace(classifier, contract=Contract(input=classifier.contract.input, decoder=Classification()))  # type: ignore[union-attr]
        shadow = Shadow(Answering(classifier, answers), 0.5)  # type: ignore[arg-type]
        shadow.heed(spec("old@1"), [Crop(1, Box(0.2, 0.2, 0.6, 0.6), np.zeros((8, 8, 3), np.uint8))], [old], 5.0)
        shadow.look(0)
        assert (shadow.found.shown, shadow.found.agreed) == wanted
