"""Batches come in the order that seed and epoch say, whatever the number of workers, and end cleanly."""

import threading
import time

import numpy as np
import pytest

from tapetum_trainer.augment import Augmentation, Geometry
from tapetum_trainer.errors import RecipeError
from tapetum_trainer.feed import Feed, Feeding, Share, truth
from tapetum_trainer.sampling import Sampler, Sampling
from tests.trainer.pictures import Painted

SMALL = Augmentation(side=48)


def feed(pictures=None, augmentation=SMALL, **settings):
    return Feed(pictures or Painted(count=22), augmentation, Feeding(**{"batch": 4} | settings))


def same(one, other):
    of_truths = zip(one.truths, other.truths, strict=True)
    fields = ("boxes", "classes", "ignored", "scores")
    return np.array_equal(one.pixels, other.pixels) and all(
        np.array_equal(getattr(left, name), getattr(right, name)) for left, right in of_truths for name in fields
    )


def feeders():
    return [thread for thread in threading.enumerate() if thread.name.startswith("feed")]


def all_end(deadline_s=10):
    until = time.monotonic() + deadline_s
    while feeders() and time.monotonic() < until:
        time.sleep(0.01)
    return not feeders()


def test_the_number_of_workers_changes_nothing():
    one, three = (list(feed(workers=workers, ahead=ahead).batches(2)) for workers, ahead in ((1, 1), (3, 5)))
    assert len(one) == 5
    assert one[0].pixels.shape == (4, 48, 48, 3)
    assert all(map(same, one, three))


def test_the_shares_of_a_batch_are_together_the_batch():
    whole = list(feed().batches(1))
    halves = [list(Feed(Painted(count=22), SMALL, Feeding(batch=4), Share(place, 2)).batches(1)) for place in range(2)]
    for batch, *parts in zip(whole, *halves, strict=True):
        for place, part in enumerate(parts):
            assert np.array_equal(part.pixels, batch.pixels[place::2])
            assert len(part.truths) == 2
    with pytest.raises(RecipeError, match=r"feeding.batch: 4 examples cannot be shared evenly by 3 workers"):
        Feed(Painted(count=22), SMALL, Feeding(batch=4), Share(0, 3))


def test_an_epoch_is_taken_up_again_at_any_step():
    whole = list(feed().batches(1))
    for start in (0, 3, 5):
        rest = list(feed().batches(1, start))
        assert len(rest) == 5 - start
        assert all(map(same, whole[start:], rest))


def test_each_epoch_is_another():
    assert not any(same(one, other) for one, other in zip(feed().batches(0), feed().batches(1), strict=True))


def test_no_more_batches_are_made_than_may_wait():
    class Counting(Painted):
        def picture(self, index):
            taken.append(index)
            return super().picture(index)

    taken = []
    plain = Augmentation(side=48, geometry=Geometry(mosaic=0.0))
    batches = feed(Counting(count=200), plain, workers=2, ahead=3).batches(0)
    next(batches)
    time.sleep(0.3)  # as long as it would take to make all of them, if they were
    assert len(taken) <= 3 * 4
    batches.close()


def test_threads_end_with_the_epoch_and_with_whoever_stops_in_its_midst():
    list(feed().batches(0))
    assert all_end()
    batches = feed(Painted(count=400), ahead=8).batches(0)
    next(batches)
    assert feeders()
    batches.close()
    assert all_end()


def test_an_error_comes_where_its_batch_would_and_names_the_picture():
    class Broken(Painted):
        def picture(self, index):
            if index == 17:
                raise ValueError("no such row")
            return super().picture(index)

    broken, order = Broken(count=22), Sampler(Painted(count=22), Sampling()).order(0)
    step = int(np.flatnonzero(order[:20, 0] == 17)[0]) // 4
    batches = feed(broken, Augmentation(side=48, geometry=Geometry(mosaic=0.0)), workers=3).batches(0)
    for _ in range(step):
        next(batches)
    with pytest.raises(ValueError, match="no such row") as caught:
        next(batches)
    assert "painted/17.png" in caught.value.__notes__[0]
    assert all_end()


def test_less_than_a_batch_is_refused_with_both_numbers():
    with pytest.raises(RecipeError, match="22 pictures is less than one batch of 23"):
        feed(batch=23)


def test_what_an_area_does_not_know_is_neither_wanted_nor_punished_there():
    pictures = Painted(count=4, things=1)  # picture 0 knows all but squares, 1 all but bars, 2 all but spots, 3 all
    made = feed(pictures, Augmentation(side=48, geometry=Geometry(mosaic=1.0, nine=0.0)))
    example = made._augmenter.example(0, 0)
    found = truth(example)
    assert found.scores.shape == found.ignored.shape == found.classes.shape == (len(found.boxes),)
    unknown = {
        (tuple(area), kind) for area, known in zip(example.areas, example.known, strict=True)
        for kind in np.flatnonzero(~known)
    }  # fmt: skip
    added = slice(len(example.boxes), None)
    assert found.ignored[added].all()
    assert {(tuple(box), kind) for box, kind in zip(found.boxes[added], found.classes[added], strict=True)} == unknown
    assert unknown


# Sampling


def test_every_picture_is_shown_once_where_all_weigh_the_same():
    order = Sampler(Painted(count=50), Sampling(rare=0)).order(7)
    assert sorted(order[:, 0]) == list(range(50))
    assert (order[:, 1] == 0).all()
    assert order[:, 0].tolist() != list(range(50))


@pytest.mark.parametrize("epoch", [10, 50, 333])
def test_an_epoch_has_the_pictures_it_should_have_each_as_often_as_expected(epoch):
    pictures = Painted(count=50, things=1)
    sampler = Sampler(pictures, Sampling(epoch=epoch, sources={"painted/1": 3.0, "painted/17": 0.0}))
    assert sampler.expected.sum() == pytest.approx(epoch)
    for number in range(20):
        order = sampler.order(number)
        times = np.bincount(order[:, 0], minlength=50)
        assert len(order) == epoch
        assert (np.abs(times - sampler.expected) < 1).all()
        assert times[17] == 0
        assert len({tuple(row) for row in order.tolist()}) == epoch, "a repeated picture is another example"
    assert sampler.expected[12] == pytest.approx(3 * sampler.expected[20])


def test_where_an_epoch_is_shorter_every_picture_has_its_turn():
    sampler = Sampler(Painted(count=50), Sampling(epoch=10, rare=0))
    times = np.bincount(np.concatenate([sampler.order(epoch)[:, 0] for epoch in range(200)]), minlength=50)
    assert times.sum() == 2000
    assert times.min() >= 20


def test_a_picture_shown_again_in_an_epoch_is_another_example():
    made = feed(Painted(count=2), sampling=Sampling(epoch=12))
    pictures = [pixels.tobytes() for batch in made.batches(0) for pixels in batch.pixels]
    assert len(set(pictures)) == 12


def test_a_rare_class_is_shown_more_often_by_the_root_of_its_rarity():
    pictures = Painted(count=100, things=1)
    pictures._classes[40] = np.array([2], np.int32)
    expected = Sampler(pictures, Sampling(rare=0.25)).expected
    assert expected[40] / expected[0] == pytest.approx(5)
    assert Sampler(pictures, Sampling(rare=0)).expected[40] == 1


def test_classes_and_emptiness_weigh_what_they_are_told_to():
    pictures = Painted(count=10, things=1)
    pictures._classes[3], pictures._boxes[3] = np.zeros(0, np.int32), np.zeros((0, 4), np.float32)
    pictures._classes[5] = np.array([1], np.int32)
    expected = Sampler(pictures, Sampling(rare=0, empty=0.5, classes={"bar": 4.0})).expected
    assert (expected / expected[0])[[3, 5]] == pytest.approx([0.5, 4])


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"classes": {"squid": 2.0}}, "no 'squid' among square, bar, spot"),
        ({"sources": {"panted/": 2.0}}, "no picture is of 'panted/'; the first is of 'painted/0.png'"),
        ({"sources": {"painted/": 0.0}}, "no picture weighs more than 0"),
    ],
)
def test_sampling_that_makes_no_sense_is_refused_with_what_would(settings, reason):
    with pytest.raises(RecipeError, match=reason):
        Sampler(Painted(count=4), Sampling(**settings))
