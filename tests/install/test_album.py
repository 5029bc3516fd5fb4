"""What the model in use saw is there when another one is to be compared with it, hours later too."""

from dataclasses import replace

import numpy as np

from tapetum.inference.model import Crop
from tapetum.install.album import Album
from tapetum.install.settings import Trials
from tapetum.install.shadow import Shadow
from tapetum.scene import Box
from tests.install.test_shadow import DOG, FAINT, PERSON, Answering, rows, spec

OLD = replace(spec("old@1"), content=b"what runs")


class Time:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def crop(level: int = 0) -> Crop:
    return Crop(1, Box(0, 0, 1, 1), np.full((8, 8, 3), level, np.uint8))


def filled(time: Time, seconds: int) -> Album:
    """Return an album of so many seconds in which a person was always seen."""
    album = Album(time)
    for second in range(seconds):
        time.now_s = float(second)
        album.heed(OLD, [crop(second % 256)], [rows(PERSON, DOG)], 5.0)
    return album


def test_it_is_full_soon_and_then_holds_what_came_at_different_times():
    assert len(filled(Time(), 12).of("old@1")) == 12
    levels = [int(seen.crops[0].pixels[0, 0, 0]) for seen in filled(Time(), 250).of("old@1")]
    assert levels == [4, 5, 6, 7, 8, 9, 10, 11, 41, 71, 101, 131, 161, 191, 221][-12:]


def test_what_shows_nothing_for_sure_is_not_kept():
    album = Album(Time())
    album.heed(OLD, [crop(), crop()], [rows(), rows(FAINT)], 5.0)
    assert album.of("old@1") == []
    album.heed(OLD, [crop(1), crop(2)], [rows(FAINT), rows(PERSON)], 5.0)
    assert [int(seen.crops[0].pixels[0, 0, 0]) for seen in album.of("old@1")] == [2]


def test_what_another_model_saw_is_not_compared_with():
    album = filled(Time(), 3)
    assert album.of("other@1") == []


def test_what_the_model_before_saw_goes_when_the_one_in_use_has_seen_something():
    time = Time()
    album, new = filled(time, 20), spec("new@1")
    time.now_s += 1
    album.heed(new, [crop()], [rows()], 5.0)
    assert len(album.of("old@1")) == 12, "it may be gone back to"
    for _ in range(3):
        time.now_s += 1
        album.heed(new, [crop()], [rows(PERSON)], 5.0)
    assert (album.of("old@1"), len(album.of("new@1"))) == ([], 3), "and many come soon, as at first"


def test_no_model_is_kept_for_what_it_saw():
    (seen,) = filled(Time(), 1).of("old@1")
    assert (seen.spec.content, seen.spec.probes, seen.spec.labels) == (b"", (), OLD.labels)


def test_a_model_that_is_silent_is_found_out_where_nothing_happens_any_more():
    album = filled(Time(), 12)
    silent = Shadow(Answering(spec("new@1"), *[rows()] * 12), 0.5)  # type: ignore[arg-type]
    good = Shadow(Answering(spec("new@1"), *[rows(PERSON, DOG)] * 12), 0.5)  # type: ignore[arg-type]
    for seen in album.of("old@1"):
        silent.compare(seen)
        good.compare(seen)
    assert "they agree in 0% of 24 detections in 12 crops" in silent.found.fault(Trials())
    assert good.found.fault(Trials()) == ""
    assert list(good.found.new_ms) == [], "how long it took then is not known"


def test_who_compares_hears_of_every_batch():
    album, heard = Album(Time()), []
    album.also = lambda *batch: heard.append(batch)
    album.heed(OLD, [crop()], [rows()], 5.0)
    album.heed(OLD, [crop()], [rows()], 5.0)
    assert len(heard) == 2
