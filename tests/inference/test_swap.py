"""Another model takes over from the running one, without a moment in which nobody answers, or it is refused."""

import dataclasses
import itertools
import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from tapetum import bundle
from tapetum.errors import BundleError, InferenceError, Unreadable, Unsuitable
from tapetum.inference.client import Worker
from tapetum.inference.contract import Expected, ModelSpec, Probe
from tapetum.inference.model import Crop
from tapetum.inference.settings import Inference
from tapetum.inference.tflite import Detector
from tapetum.scene import Box
from tests.inference.conftest import CHECKS_LITTLE, Picture
from tests.inference.running import Running, Start
from tests.simulators.daemon import until, workers

PERSON = Expected("person", 0.74, (0.36, 0.23, 0.98, 0.98))


@pytest.fixture
def newer(ssd: Inference, picture: Picture) -> ModelSpec:
    """The same model as a version 2, with two probes: a person, and nothing."""
    spec = bundle.load(ssd)
    assert spec is not None
    nothing = Probe(np.full_like(picture, 127), ())
    return dataclasses.replace(spec, name="detect@2", probes=(Probe(picture, (PERSON,)), nothing))


def expecting(spec: ModelSpec, *expected: Expected, **changed: float) -> ModelSpec:
    first = dataclasses.replace(spec.probes[0], expected=expected, **changed)
    return dataclasses.replace(spec, probes=(first, *spec.probes[1:]))


@contextmanager
def asked_meanwhile(running: Running, crop: Crop) -> Iterator[list[tuple[float, str]]]:
    """Ask one question after another from a thread; give when each was answered and by which model."""
    told: list[tuple[float, str]] = []
    end = threading.Event()

    def ask() -> None:
        while not end.is_set():
            if running.port.offer([crop]):
                running.worker.settle()
                told.extend((time.monotonic(), answer.model) for answer in running.port.collect())

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield told
    finally:
        end.set()
        thread.join()


def test_a_model_that_answers_its_probes_takes_over(running: Running, newer: ModelSpec, crop: Crop):
    assert running.ask(crop)[0].model == "detect@0"
    trial = running.worker.swap(newer)
    assert (trial.accelerator, trial.probes) == ("cpu", 2)
    assert 0.1 < trial.latency_ms < 5000
    (answer,) = running.ask(crop)
    assert (answer.model, answer.detections[0].label) == ("detect@2", "person")
    assert (running.worker.model, running.state().model, running.state().restarts) == ("detect@2", "detect@2", 0)
    until(lambda: len(workers(os.getpid())) == 2, what="the new one and its spare are left")


def test_every_question_is_answered_while_a_model_takes_over(running: Running, newer: ModelSpec, crop: Crop):
    with asked_meanwhile(running, crop) as told:
        until(lambda: len(told) > 3)
        running.worker.swap(newer)
        until(lambda: told[-1][1] == "detect@2")
    times, models = zip(*told, strict=True)
    assert list(models) == sorted(models)  # first the old one's, then the new one's
    assert max(later - sooner for sooner, later in itertools.pairwise(times)) < 1.0
    assert running.state().answered == running.state().asked == len(told)


REFUSED = {
    "another label": (Expected("dog", 0.74, PERSON.box), {}, "dog of 0.74 is expected, and not found: person of 0.7"),
    "another score": (Expected("person", 0.99, PERSON.box), {}, "person of 0.99 is expected"),
    "another place": (Expected("person", 0.74, (0, 0, 0.3, 0.3)), {}, "person of 0.74 is expected"),
    "a narrow tolerance": (Expected("person", 0.70, PERSON.box), {"score_tolerance": 0.001}, "person of 0.70"),
    "nothing": (None, {}, "nothing is expected, and found is person of 0.7"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_model_that_answers_a_probe_otherwise_is_refused_and_the_old_one_stays(
    running: Running, newer: ModelSpec, crop: Crop, what: str
):
    expected, changed, reason = REFUSED[what]
    before = running.worker.pid
    with pytest.raises(Unsuitable, match=f"^probe 1 of 2 on cpu: {reason}"):
        running.worker.swap(expecting(newer, *[expected] if expected else [], **changed))
    assert running.ask(crop)[0].model == "detect@0"
    assert (running.worker.pid, running.state().restarts) == (before, 0)
    until(lambda: len(workers(os.getpid())) <= 2, what="its worker is gone")


@CHECKS_LITTLE
def test_a_model_that_cannot_be_loaded_or_has_other_labels_is_refused(running: Running, newer: ModelSpec, crop: Crop):
    with pytest.raises(Unreadable, match="not a valid Flatbuffer"):
        running.worker.swap(dataclasses.replace(newer, content=newer.content[:5000]))
    with pytest.raises(Unsuitable, match="2 labels are given, and detect@2 tells 90 classes apart"):
        running.worker.swap(dataclasses.replace(newer, labels=("a", "b")))
    assert running.ask(crop)[0].model == "detect@0"


def test_a_model_can_be_refused_again_and_again_and_leaves_nothing(running: Running, newer: ModelSpec, crop: Crop):
    running.ask(crop)
    for _ in range(3):
        with pytest.raises(BundleError):
            running.worker.swap(dataclasses.replace(newer, content=b"no model"))
    until(lambda: len(workers(os.getpid())) <= 2)
    assert running.worker.swap(newer).probes == 2


def test_where_there_was_no_model_one_can_be_swapped_in(start: Start, newer: ModelSpec, crop: Crop):
    running = start(Inference())
    assert running.state().mode == "off"
    running.worker.swap(newer)
    assert (running.state().mode, running.port.input.size) == ("cpu", (300, 300))
    assert running.ask(crop)[0].model == "detect@2"


def test_crops_of_another_size_than_the_model_takes_now_are_refused(running: Running, crop: Crop):
    small = Crop(crop.track, crop.box, crop.pixels[:200, :200])
    assert not running.port.offer([small])
    assert not running.port.offer([crop, small])
    assert running.port.offer([crop])
    assert running.state().refused == 2


def test_a_label_s_own_least_score_counts_for_it_alone(start: Start, ssd: Inference, newer: ModelSpec, crop: Crop):
    low = msgspec.structs.replace(ssd, min_score=0.2)
    all_of_it = start(low, newer).ask(crop)[0].detections
    strict = start(low, dataclasses.replace(newer, min_score={"person": 0.95})).ask(crop)[0].detections
    assert "person" in {found.label for found in all_of_it}
    assert [found for found in all_of_it if found.label != "person"] == list(strict)
    lax = start(ssd, dataclasses.replace(newer, min_score={"umbrella": 0.05})).ask(crop)[0].detections
    assert min(found.score for found in lax) < 0.3
    assert {found.label for found in lax if found.score < 0.3} == {"umbrella"}


def test_a_swap_is_broken_off_when_the_daemon_ends(ssd: Inference, newer: ModelSpec):
    worker, stop = Worker(bundle.load(ssd), ssd), threading.Event()
    threads = [threading.Thread(target=body, args=(stop,)) for body in (worker.run, worker.try_others)]
    for thread in threads:
        thread.start()
    outcome: list[BaseException] = []

    def swap() -> None:
        try:
            worker.swap(newer)
        except (InferenceError, BundleError) as error:
            outcome.append(error)

    swapping = threading.Thread(target=swap)
    swapping.start()
    time.sleep(0.1)  # it has begun; whenever it is broken off, it must end
    stop.set()
    worker.close()
    for thread in [swapping, *threads]:
        thread.join(5)
        assert not thread.is_alive()
    assert outcome
    assert workers(os.getpid()) == []


def test_a_question_taken_at_the_moment_of_a_takeover_is_answered_by_the_model_it_was_made_for(
    running: Running, newer: ModelSpec, crop: Crop, monkeypatch: pytest.MonkeyPatch
):
    let_go, taken = running.worker._let_go, []

    def offering(*served: list[Crop]) -> None:
        if not taken:  # it woke for the takeover alone
            taken.append(running.port.offer([crop]))
        let_go(*served)

    monkeypatch.setattr(running.worker, "_let_go", offering)
    running.worker.swap(newer)
    running.worker.settle()
    assert taken == [True]
    assert [answer.model for answer in running.port.collect()] == ["detect@0"]
    assert running.ask(crop)[0].model == "detect@2"
    assert running.state().answered == running.state().asked == 2


def test_crops_that_one_model_died_over_are_shown_to_another(running: Running, newer: ModelSpec, crop: Crop):
    running.fail(crop)
    running.ask(Crop(crop.track, crop.box, np.full_like(crop.pixels, 127)))
    running.fail(crop)
    running.worker.settle()
    assert running.state().quarantined == 1
    assert not running.port.offer([crop])
    running.worker.swap(newer)
    assert running.state().quarantined == 0
    assert running.ask(crop)[0].model == "detect@2"


class _Emptied(deque[float]):
    """Times that a swap empties as soon as one has seen that there are some."""

    def __bool__(self) -> bool:
        some = len(self) > 0
        self.clear()
        return some


def test_health_can_be_told_while_a_swap_forgets_the_times(running: Running, crop: Crop):
    running.ask(crop)
    running.worker._ms = _Emptied(running.worker._ms)
    assert running.state().median_ms > 0


NEGATIVE = {
    "face_landmark_with_attention": "unresolved custom op: Landmarks2TransformMatrix",
    "model_invoking_error": "unresolved custom op: fake-op-double",
    "person_detect": "has invalid quantization parameters",
    "truncated_detect": "not a valid Flatbuffer",
}


@CHECKS_LITTLE
@pytest.mark.parametrize("name", NEGATIVE)
def test_a_real_model_that_cannot_be_used_is_refused_with_a_reason_and_the_old_one_answers(
    running: Running, data: Path, crop: Crop, name: str
):
    running.ask(crop)
    before = running.worker.pid
    content = (data / f"models/negative/{name}.tflite").read_bytes()
    with pytest.raises(BundleError, match=NEGATIVE[name]):
        running.worker.swap(ModelSpec(f"{name}@1", content, ("person", "none")))
    assert running.ask(crop)[0].model == "detect@0"
    assert (running.worker.pid, running.state().restarts) == (before, 0)


def classifier(data: Path, picture: Picture, *, named: bool) -> ModelSpec:
    """A real classifier, that is asked what it surely says of `picture`; named: or is to say nothing of it."""
    folder = data / "models/coral"
    spec = bundle.of_tflite(folder / "mobilenet_v1_0.25_128_quant.tflite", str(folder / "imagenet_labels.txt"))
    assert spec.contract is not None
    pixels = np.ascontiguousarray(picture)
    rows = Detector(spec.content, 1, spec.contract).detect(pixels, 0.1)
    best = int(rows[0, 0])
    labels = tuple("???" if not named and place == best else label for place, label in enumerate(spec.labels))
    expected = (Expected(labels[best], round(float(rows[0, 1]), 3), (0, 0, 1, 1)),) if named else ()
    probe = Probe(pixels, expected)
    return dataclasses.replace(spec, name="cat@1", labels=labels, min_score={}, probes=(probe,))


@pytest.fixture(scope="session")
def cat(data: Path) -> Picture:
    seen = cv2.imread(str(data / "models/coral/cat.bmp"))
    assert seen is not None
    return np.asarray(cv2.cvtColor(cv2.resize(seen, (128, 128)), cv2.COLOR_BGR2RGB), np.uint8)


def test_a_classifier_takes_over_from_a_detector_and_its_answers_say_no_place(
    running: Running, data: Path, cat: Picture, crop: Crop
):
    assert running.port.places
    assert running.ask(crop)[0].places
    assert running.worker.swap(classifier(data, cat, named=True)).probes == 1
    assert not running.port.places
    (answer,) = running.ask(Crop(3, Box(0.2, 0.2, 0.6, 0.6), cat))
    assert (answer.track, answer.model, answer.places) == (3, "cat@1", False)
    assert "cat" in answer.detections[0].label
    assert answer.detections[0].box == answer.box


def test_a_plain_classifier_without_a_contract_says_no_place_either(start: Start, data: Path, cat: Picture):
    folder = data / "models/coral"
    given = {"model": "mobilenet_v1_0.25_128_quant.tflite", "labels": "imagenet_labels.txt"}
    running = start(Inference(**{key: str(folder / name) for key, name in given.items()}))
    assert not running.port.places
    assert not running.ask(Crop(3, Box(0.2, 0.2, 0.6, 0.6), cat))[0].places


def test_where_a_probe_expects_nothing_a_class_without_a_name_is_nothing(running: Running, data: Path, cat: Picture):
    nameless = classifier(data, cat, named=False)
    assert running.worker.swap(nameless).probes == 1
    assert running.ask(Crop(3, Box(0.2, 0.2, 0.6, 0.6), cat))[0].detections == ()
