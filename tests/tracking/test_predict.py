"""Boxes are expected where their ways lead, for a while, and as large as they were."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapetum.scene import Box
from tapetum.tracking.predict import Predictors, edges

SECOND = 1_000_000_000


def box(x: float, y: float, width: float = 0.1, height: float = 0.2) -> Box:
    """Return a box around (x, y)."""
    return Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def of(*boxes: Box) -> Predictors:
    predictors = Predictors()
    predictors.add(edges(boxes), 0)
    return predictors


def now(predictors: Predictors, row: int = 0) -> Box:
    return Box(*predictors.boxes[row].tolist())


def ahead(predictors: Predictors, t_ns: int, row: int = 0) -> Box:
    return Box(*predictors.predicted(t_ns)[row].tolist())


def followed(speed: tuple[float, float], fps: float, seconds: float, noise: float = 0.0) -> tuple[Predictors, int]:
    """Return predictors that have seen something move with `speed` (fractions a second), and when last."""
    random = np.random.default_rng(1)
    predictors, t_ns = of(box(0.2, 0.5)), 0
    for number in range(1, round(seconds * fps) + 1):
        t_ns = round(number * SECOND / fps)
        x, y = 0.2 + speed[0] * t_ns / SECOND, 0.5 + speed[1] * t_ns / SECOND
        measured = box(x + random.normal(0, noise), y + random.normal(0, noise))
        predictors.correct([0], edges([measured]), t_ns)
    return predictors, t_ns


@pytest.mark.parametrize("fps", [5, 10, 25, 30])
@pytest.mark.parametrize("speed", [(0.1, 0.0), (-0.05, 0.08), (0.4, -0.1)])
def test_what_moves_evenly_is_expected_where_it_will_be(fps: float, speed: tuple[float, float]) -> None:
    predictors, t_ns = followed(speed, fps, seconds=30 / fps)
    expected = (0.2 + speed[0] * (t_ns / SECOND + 0.2), 0.5 + speed[1] * (t_ns / SECOND + 0.2))
    assert ahead(predictors, t_ns + SECOND // 5).centre == pytest.approx(expected, abs=0.003)
    assert predictors.velocity[0] == pytest.approx(speed, abs=0.01)


def test_what_is_measured_with_noise_is_known_better_than_it_was_measured() -> None:
    noise, errors = 0.01, []
    random = np.random.default_rng(2)
    predictors = of(box(0.2, 0.5))
    for number in range(1, 300):
        x = 0.2 + 0.002 * number
        predictors.correct([0], edges([box(x + random.normal(0, noise), 0.5)]), number * SECOND // 10)
        errors.append(now(predictors).centre[0] - x)
    assert np.std(errors[30:]) < 0.9 * noise


def test_a_prediction_changes_nothing() -> None:
    predictors, t_ns = followed((0.1, 0.0), 10, 3)
    before, again = now(predictors), ahead(predictors, t_ns + SECOND)
    assert now(predictors) == before
    assert ahead(predictors, t_ns + SECOND) == again


def test_a_way_is_believed_for_half_a_second_and_the_size_stays() -> None:
    predictors, t_ns = followed((0.1, 0.0), 10, 3)
    half, hour = ahead(predictors, t_ns + SECOND // 2), ahead(predictors, t_ns + 3600 * SECOND)
    assert hour == half
    size = (now(predictors).width, now(predictors).height)
    assert (hour.width, hour.height) == pytest.approx(size)


def test_what_rests_stays_where_it_is() -> None:
    predictors, t_ns = followed((0.2, 0.1), 10, 2)
    predictors.rest([0])
    assert ahead(predictors, t_ns + SECOND) == now(predictors)


def test_where_the_clock_is_set_back_a_thing_is_where_it_was() -> None:
    predictors, t_ns = followed((0.2, 0.1), 10, 2)
    assert ahead(predictors, t_ns - 3600 * SECOND) == now(predictors)


def test_a_size_is_followed_slowly_and_not_at_all_when_it_is_another_s_too() -> None:
    predictors, large = of(box(0.5, 0.5, 0.1, 0.2)), edges([box(0.5, 0.5, 0.3, 0.6)])
    predictors.correct([0], large, SECOND // 10, 0.0)
    assert (now(predictors).width, now(predictors).height) == pytest.approx((0.1, 0.2))
    predictors.correct([0], large, SECOND // 5)
    assert 0.1 < now(predictors).width < 0.3
    for number in range(3, 30):
        predictors.correct([0], large, number * SECOND // 10)
    assert (now(predictors).width, now(predictors).height) == pytest.approx((0.3, 0.6), rel=0.01)


def test_each_is_corrected_by_its_own_and_the_others_stay() -> None:
    predictors = of(box(0.2, 0.5), box(0.5, 0.5), box(0.8, 0.5))
    predictors.correct([2, 0], edges([box(0.81, 0.5), box(0.2, 0.52)]), SECOND // 10, np.array([0.3, 0.0]))
    assert [now(predictors, row).centre for row in range(3)] == [
        pytest.approx((0.2, 0.512)),
        pytest.approx((0.5, 0.5)),
        pytest.approx((0.806, 0.5)),
    ]


def test_who_stays_keeps_what_is_known_of_them() -> None:
    predictors = of(box(0.2, 0.5), box(0.5, 0.5), box(0.8, 0.5))
    last = now(predictors, 2)
    predictors.keep([2])
    assert len(predictors) == 1
    assert now(predictors) == last


def test_where_the_camera_turned_all_are_elsewhere_and_as_fast_as_they_were() -> None:
    predictors, t_ns = followed((0.1, 0.0), 10, 3)
    before, speed = ahead(predictors, t_ns + SECOND // 10), predictors.velocity.copy()
    predictors.shift(0.02, -0.01)
    x, y = before.centre
    assert ahead(predictors, t_ns + SECOND // 10).centre == pytest.approx((x + 0.02, y - 0.01))
    assert np.array_equal(predictors.velocity, speed)


@given(st.lists(st.tuples(st.floats(-0.5, 1.5), st.integers(-SECOND, 3 * SECOND)), max_size=20))
def test_whatever_comes_and_when_the_box_stays_near_what_was_measured(steps: list[tuple[float, int]]) -> None:
    predictors, t_ns = of(box(0.5, 0.5)), 0
    for x, later_ns in steps:
        t_ns += later_ns  # the same instant twice too, and a clock set back
        predictors.correct([0], edges([box(x, 0.5)]), t_ns)
        assert np.isfinite(predictors.boxes).all()
        assert np.isfinite(predictors.velocity).all()
        assert now(predictors).width == pytest.approx(0.1)
