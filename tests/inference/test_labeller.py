"""A model is asked only while its answer could change something, and its answers are counted for whom they show."""

from collections import deque
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from tapetum.inference.contract import Input
from tapetum.inference.crops import around
from tapetum.inference.labeller import MOTION, Labeller, Labelling
from tapetum.inference.model import Answer, Crop
from tapetum.inference.scheduler import Reason, Scheduling
from tapetum.scene import Box, Detection, Frame, Label, State, Track

HERE, THERE = Box(0.2, 0.2, 0.4, 0.6), Box(0.6, 0.3, 0.8, 0.7)
FPS = 10.0


class FakeModel:
    """Takes one question at a time, as the worker does, and answers when told to."""

    def __init__(self) -> None:
        self.input: Input | None = Input(width=30, height=30)
        self.places = True
        self.questions: list[Crop] = []
        self.under_way: list[Crop] = []
        self._answers: deque[Answer] = deque()

    def offer(self, crops: Sequence[Crop]) -> bool:
        if self.under_way:
            return False
        self.under_way = list(crops)
        self.questions += crops
        return True

    def collect(self) -> list[Answer]:
        found = list(self._answers)
        self._answers.clear()
        return found

    def answer(self, *detections: Detection) -> None:
        """Answer the question under way, in the next frame."""
        if self.under_way:
            crop = self.under_way.pop()
            self._answers.append(Answer(crop.track, crop.box, detections, "model@1", self.places))


class Plain:
    """Makes nothing of a crop."""

    def enhance(self, crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return crop


class Watch:
    """A labeller that looks at frames at 10 a second."""

    def __init__(self, settings: Labelling | None = None, scheduling: Scheduling | None = None) -> None:
        self.model = FakeModel()
        scheduling = scheduling or Scheduling(look_s=0)
        self.labeller: Labeller = (settings or Labelling()).start(scheduling, self.model, Plain())
        self.asked_s: list[float] = []
        self.seq = 0

    def see(self, *tracks: Track) -> dict[int, Label]:
        """Look at one more frame with these tracks in it."""
        before = self.labeller.asked
        t_ns = int(self.seq * 1e9 / FPS)
        labels = self.labeller.label(frame(self.seq, t_ns), tracks)
        self.asked_s += [t_ns / 1e9] * (self.labeller.asked - before)
        self.seq += 1
        return dict(labels)

    def see_for(self, seconds: float, *tracks: Track, saying: Sequence[Detection] = ()) -> dict[int, Label]:
        """Look for `seconds`; the model answers each question with `saying` at once."""
        labels: dict[int, Label] = {}
        for _ in range(round(seconds * FPS)):
            labels = self.see(*tracks)
            self.model.answer(*saying)
        return labels

    @property
    def asked(self) -> list[int]:
        """The tracks asked about, in order."""
        return [crop.track for crop in self.model.questions]

    @property
    def waits_s(self) -> list[float]:
        """Between one question and the next, seconds."""
        return [round(after - before, 3) for before, after in zip(self.asked_s, self.asked_s[1:], strict=False)]


def frame(seq: int, t_ns: int) -> Frame:
    y = np.full((120, 160), 100, np.uint8)
    chroma = np.full((60, 80), 128, np.uint8)
    return Frame("camera", seq, t_ns, y, chroma, chroma, y)


def track(number: int = 1, box: Box = HERE, state: State = State.CONFIRMED) -> Track:
    return Track(number, box, 0, 0, 5, state)


def person(box: Box = HERE, score: float = 0.8) -> Detection:
    return Detection("person", score, box)


@pytest.fixture
def watch() -> Watch:
    return Watch()


def test_a_new_track_is_asked_about_at_once(watch: Watch):
    watch.see()
    watch.see(track())
    assert watch.asked == [1]
    assert watch.asked_s == [0.1]


@pytest.mark.parametrize("state", [State.TENTATIVE, State.LOST])
def test_what_is_not_believed_or_not_seen_is_not_asked_about(watch: Watch, state: State):
    watch.see_for(5, track(state=state))
    assert watch.asked == []


def test_an_empty_scene_asks_nothing(watch: Watch):
    watch.see_for(60)
    assert watch.asked == []


def test_never_more_than_one_question_is_under_way(watch: Watch):
    for _ in range(50):
        watch.see(track(1), track(2, THERE))
    assert watch.asked == [1]
    assert watch.labeller.asked == 1
    assert watch.labeller.refused == 46  # both are in the question, and due again four frames later


def test_a_question_refused_is_asked_in_the_next_frame(watch: Watch):
    watch.see(track(1))
    watch.see(track(1), track(2, THERE))
    watch.model.answer()
    watch.see(track(1), track(2, THERE))
    assert watch.asked == [1, 2]


def test_two_answers_make_a_label(watch: Watch):
    watch.see(track())
    watch.model.answer(person())
    assert watch.see(track()) == {}
    watch.see_for(1, track(), saying=[person()])
    assert watch.see(track()) == {1: Label("person", pytest.approx(0.8), "model@1")}


def test_a_label_stays_while_the_track_is_not_seen(watch: Watch):
    watch.see_for(2, track(), saying=[person()])
    assert watch.see(track(state=State.LOST))[1].name == "person"


def test_a_track_that_vanished_takes_its_label_with_it(watch: Watch):
    watch.see_for(2, track(), saying=[person()])
    watch.see()
    assert watch.see(track()) == {}


def test_an_answer_for_a_track_that_vanished_is_passed_over(watch: Watch):
    watch.see(track(1))
    watch.model.answer(person())
    assert watch.see() == {}
    assert watch.see(track(2)) == {}
    assert watch.labeller.confirmed == frozenset()


def test_an_answer_counts_for_the_track_that_it_shows(watch: Watch):
    watch.see_for(3, track(1), track(2, THERE), saying=[person(THERE)])
    assert set(watch.see(track(1), track(2, THERE))) == {2}


def test_an_answer_counts_for_where_its_track_was_when_it_was_asked(watch: Watch):
    settings = Labelling(evidence=0.5)
    watch = Watch(settings)
    watch.see(track(1, HERE))
    for _ in range(5):
        watch.see(track(1, THERE))
    watch.model.answer(person(HERE))
    assert watch.see(track(1, THERE))[1].name == "person"


def test_an_answer_that_shows_no_track_is_passed_over(watch: Watch):
    assert watch.see_for(3, track(1), saying=[person(Box(0.7, 0.7, 0.9, 0.9))]) == {}


def test_an_answer_of_a_low_score_is_passed_over(watch: Watch):
    assert watch.see_for(30, track(), saying=[person(score=0.39)]) == {}
    assert watch.see_for(60, track(), saying=[person(score=0.41)]) != {}


def test_of_two_answers_for_one_track_the_better_counts(watch: Watch):
    labels = watch.see_for(3, track(), saying=[Detection("dog", 0.5, HERE), person(score=0.8)])
    assert labels[1].name == "person"


def test_what_may_be_half_in_view_needs_more_answers():
    edge, middle = Watch(), Watch()
    at_edge = Box(0.0, 0.2, 0.2, 0.6)
    edge.see_for(0.5, track(box=at_edge), saying=[person(at_edge, 0.7)])
    middle.see_for(0.5, track(), saying=[person(score=0.7)])
    assert edge.see(track(box=at_edge)) == {}
    assert middle.see(track())[1].name == "person"


def test_a_track_seen_to_be_what_it_is_held_to_be_is_confirmed_in_that_frame_alone(watch: Watch):
    watch.see(track())
    assert watch.labeller.confirmed == frozenset()
    watch.model.answer(person())
    watch.see(track())
    assert watch.labeller.confirmed == {1}
    watch.see(track())
    assert watch.labeller.confirmed == frozenset()


def test_without_a_model_everything_is_motion(watch: Watch):
    watch.model.input = None
    assert watch.see(track(1), track(2, THERE)) == {1: MOTION, 2: MOTION}
    assert watch.asked == []


def test_while_the_model_is_given_up_what_is_known_stays_and_what_is_new_is_motion(watch: Watch):
    watch.see_for(2, track(1), saying=[person()])
    watch.model.input = None
    labels = watch.see(track(1), track(2, THERE))
    assert labels[1].name == "person"
    assert labels[2] == MOTION


def test_what_a_letterboxed_crop_shows_is_where_it_is_in_the_frame():
    watch = Watch(scheduling=EVERYTHING)
    watch.model.input = Input(width=40, height=40, fit="letterbox")
    watch.see()
    crop = watch.model.questions[0]
    assert crop.pixels.shape == (40, 40, 3)
    assert (crop.pixels[:4] == watch.model.input.pad).all()  # 40 x 30 pixels of a frame of 160 x 120, and gray around
    assert (crop.box.left, crop.box.right) == pytest.approx((0, 1))
    assert (crop.box.top, crop.box.bottom) == pytest.approx((-1 / 6, 7 / 6))


def test_a_model_of_another_input_that_takes_over_gets_its_own_crops(watch: Watch):
    watch.see(track())
    watch.model.answer()
    watch.model.input = Input(width=50, height=20, channels=1)
    watch.see_for(1, track())
    assert [crop.pixels.shape for crop in watch.model.questions] == [(30, 30, 3), (20, 50, 1)]


def test_a_crop_is_made_judgeable_before_it_is_asked_about():
    class Brighter:
        def enhance(self, crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
            return crop + np.uint8(50)

    model = FakeModel()
    labeller = Labelling().start(Scheduling(look_s=0), model, Brighter())
    labeller.label(frame(1, 0), [track()])
    plain = FakeModel()
    Labelling().start(Scheduling(look_s=0), plain, Plain()).label(frame(1, 0), [track()])
    assert (model.questions[0].pixels == plain.questions[0].pixels + 50).all()


EVERYTHING = Scheduling(look_s=10)
AWAY = Box(0.7, 0.7, 0.9, 0.9)


def looked(scheduling: Scheduling, *tracks: Track, saying: Detection) -> Watch:
    """Return a watch whose model has just answered a look at the whole frame."""
    watch = Watch(scheduling=scheduling)
    watch.see(*tracks)
    assert watch.model.questions[0].box == Box(0, 0, 1, 1)
    watch.model.answer(saying)
    watch.see(*tracks)
    return watch


def test_what_a_look_at_the_whole_frame_shows_and_motion_did_not_is_told_in_that_frame_alone():
    watch = looked(EVERYTHING, saying=person(AWAY))
    assert watch.labeller.unmoved == (AWAY,)
    watch.see()
    assert watch.labeller.unmoved == ()


@pytest.mark.parametrize("saying", [person(AWAY, 0.39), Detection("chair", 0.9, AWAY)], ids=["faint", "not wanted"])
def test_a_look_begins_nothing_of_what_is_faint_or_not_looked_for(saying: Detection):
    assert looked(EVERYTHING, saying=saying).labeller.unmoved == ()


def test_a_look_for_everything_takes_everything():
    everything = Scheduling(look_s=10, look_for=())
    assert looked(everything, saying=Detection("chair", 0.9, AWAY)).labeller.unmoved == (AWAY,)


@pytest.mark.parametrize("state", [State.TENTATIVE, State.LOST])
def test_a_look_begins_nothing_where_a_track_is(state: State):
    assert looked(EVERYTHING, track(box=AWAY, state=state), saying=person(AWAY)).labeller.unmoved == ()


def test_only_a_look_at_the_whole_frame_begins_anything(watch: Watch):
    watch.see(track())
    watch.model.answer(person(AWAY))
    watch.see(track())
    assert watch.labeller.unmoved == ()


# --- a model that says what a crop shows, and not where in it


@pytest.fixture
def classifying() -> Watch:
    """A watch whose model is a classifier: its answer is about all of the crop."""
    watch = Watch(scheduling=Scheduling(look_s=0.5))
    watch.model.places = False
    return watch


def whole(watch: Watch, label: str, score: float = 0.8) -> Detection:
    """What a classifier says of the crop under way."""
    return Detection(label, score, watch.model.under_way[0].box)


def test_a_classifier_is_asked_about_one_track_at_a_time_and_never_about_a_whole_frame(classifying: Watch):
    near = Box(HERE.right, HERE.top, HERE.right + 0.1, HERE.bottom)
    classifying.see_for(3, track(1), track(2, near))
    assert {1, 2} == set(classifying.asked)
    frame_size, input_size = (160, 120), (30, 30)
    shown = {1: around(HERE, 0.15, frame_size, input_size), 2: around(near, 0.15, frame_size, input_size)}
    for crop in classifying.model.questions:
        assert crop.box.iou(shown[crop.track]) > 0.95


def test_what_a_classifier_says_counts_for_the_track_that_it_was_asked_about_alone(classifying: Watch):
    inside = Box(0.25, 0.3, 0.35, 0.5)
    tracks = track(1), track(2, inside)
    labels: dict[int, Label] = {}
    for _ in range(20):
        labels = classifying.see(*tracks)
        if classifying.model.under_way:
            crop = classifying.model.under_way[0]
            classifying.model.answer(
                whole(classifying, "person" if crop.track == 1 else "bag"), whole(classifying, "dog")
            )
        if len(labels) == 2:
            break
    assert {number: label.name for number, label in labels.items()} == {1: "person", 2: "bag"}


def test_a_classifier_says_of_no_place_that_somebody_is_there(classifying: Watch):
    for _ in range(20):
        classifying.see(track(1, Box(0.0, 0.0, 1.0, 1.0)))
        if classifying.model.under_way:
            classifying.model.answer(whole(classifying, "person"))
        assert classifying.labeller.unmoved == ()
        assert not any(found.boxes for found in classifying.labeller.findings)


def test_a_track_that_a_classifier_takes_for_nobody_is_told_as_missing(classifying: Watch):
    missing: set[int] = set()
    for _ in range(20):
        classifying.see(track(1), track(2, THERE))
        missing.update(*(found.missing for found in classifying.labeller.findings))
        if classifying.model.under_way:
            nobody = classifying.model.under_way[0].track == 2
            classifying.model.answer(*([] if nobody else [whole(classifying, "person")]))
    assert missing == {2}


def test_what_a_detector_was_asked_is_not_taken_for_a_place_when_a_classifier_answers(watch: Watch):
    watch = Watch(scheduling=Scheduling(look_s=0.5))
    watch.see()
    assert watch.labeller.scheduler.asked[Reason.LOOK] == 1
    watch.model.places = False
    watch.model.answer(person(Box(0.0, 0.0, 1.0, 1.0)))
    watch.see()
    assert (watch.labeller.unmoved, watch.labeller.confirmed) == ((), frozenset())
