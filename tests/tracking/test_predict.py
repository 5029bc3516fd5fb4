"""A box is expected where its way leads, for a while, and as large as it was."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapetum.scene import Box
from tapetum.tracking.predict import Predictor

SECOND = 1_000_000_000


def box(x: float, y: float, width: float = 0.1, height: float = 0.2) -> Box:
    """Return a box around (x, y)."""
    return Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def followed(speed: tuple[float, float], fps: float, seconds: float, noise: float = 0.0) -> tuple[Predictor, int]:
    """Return a predictor that has seen something move with `speed` (fractions a second), and when last."""
    random = np.random.default_rng(1)
    predictor, t_ns = Predictor(box(0.2, 0.5), 0), 0
    for number in range(1, round(seconds * fps) + 1):
        t_ns = round(number * SECOND / fps)
        x, y = 0.2 + speed[0] * t_ns / SECOND, 0.5 + speed[1] * t_ns / SECOND
        predictor.correct(box(x + random.normal(0, noise), y + random.normal(0, noise)), t_ns)
    return predictor, t_ns


@pytest.mark.parametrize("fps", [5, 10, 25, 30])
@pytest.mark.parametrize("speed", [(0.1, 0.0), (-0.05, 0.08), (0.4, -0.1)])
def test_what_moves_evenly_is_expected_where_it_will_be(fps: float, speed: tuple[float, float]) -> None:
    predictor, t_ns = followed(speed, fps, seconds=30 / fps)
    ahead = predictor.predicted(t_ns + SECOND // 5)
    expected = (0.2 + speed[0] * (t_ns / SECOND + 0.2), 0.5 + speed[1] * (t_ns / SECOND + 0.2))
    assert ahead.centre == pytest.approx(expected, abs=0.003)
    assert (predictor.vx, predictor.vy) == pytest.approx(speed, abs=0.01)


def test_what_is_measured_with_noise_is_known_better_than_it_was_measured() -> None:
    noise, errors = 0.01, []
    random = np.random.default_rng(2)
    predictor = Predictor(box(0.2, 0.5), 0)
    for number in range(1, 300):
        x = 0.2 + 0.002 * number
        predictor.correct(box(x + random.normal(0, noise), 0.5), number * SECOND // 10)
        errors.append(predictor.box.centre[0] - x)
    assert np.std(errors[30:]) < 0.9 * noise


def test_a_prediction_changes_nothing() -> None:
    predictor, t_ns = followed((0.1, 0.0), 10, 3)
    before = predictor.box
    predictor.predicted(t_ns + SECOND)
    assert predictor.box == before
    assert predictor.t_ns == t_ns


def test_a_way_is_believed_for_half_a_second_and_the_size_stays() -> None:
    predictor, t_ns = followed((0.1, 0.0), 10, 3)
    half, hour = predictor.predicted(t_ns + SECOND // 2), predictor.predicted(t_ns + 3600 * SECOND)
    assert hour == half
    assert (hour.width, hour.height) == pytest.approx((predictor.box.width, predictor.box.height))


def test_what_rests_stays_where_it_is() -> None:
    predictor, t_ns = followed((0.2, 0.1), 10, 2)
    predictor.rest()
    assert predictor.predicted(t_ns + SECOND) == predictor.box


def test_a_size_is_followed_slowly_and_not_at_all_when_it_is_another_s_too() -> None:
    predictor = Predictor(box(0.5, 0.5, 0.1, 0.2), 0)
    predictor.correct(box(0.5, 0.5, 0.3, 0.6), SECOND // 10, resize=False)
    assert (predictor.width, predictor.height) == pytest.approx((0.1, 0.2))
    predictor.correct(box(0.5, 0.5, 0.3, 0.6), SECOND // 5)
    assert 0.1 < predictor.width < 0.3
    for number in range(3, 30):
        predictor.correct(box(0.5, 0.5, 0.3, 0.6), number * SECOND // 10)
    assert (predictor.width, predictor.height) == pytest.approx((0.3, 0.6), rel=0.01)


@given(st.lists(st.tuples(st.floats(-0.5, 1.5), st.integers(0, 3 * SECOND)), max_size=20))
def test_whatever_comes_and_when_the_box_stays_near_what_was_measured(steps: list[tuple[float, int]]) -> None:
    predictor, t_ns = Predictor(box(0.5, 0.5), 0), 0
    for x, later_ns in steps:
        t_ns += later_ns  # the same instant twice too
        predictor.correct(box(x, 0.5), t_ns)
        assert np.isfinite([predictor.x, predictor.y, predictor.vx, predictor.vy]).all()
        assert predictor.box.width == pytest.approx(0.1)
