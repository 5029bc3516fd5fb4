"""Each degradation does to light what its formula says, and gives a picture again whatever it is given."""

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapetum_trainer.degrade import (
    FULL_WELL,
    GAIN,
    READ_NOISE,
    DarkSensor,
    Lamp,
    blurred,
    defocus_kernel,
    exposed,
    h264,
    hazy,
    infrared,
    jpeg,
    levels,
    light,
    motion_kernel,
    plausible_depth,
    shake_kernel,
    transmission,
)
from tapetum_trainer.degrade.blur import spread
from tapetum_trainer.degrade.infrared import lit, scattered

SENSOR = DarkSensor(0.1, 1)


def noisy(shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def smooth(height=96, width=128):
    """A picture that a codec likes: gradients and a disc."""
    y, x = np.mgrid[:height, :width]
    picture = np.stack([x * 255 / width, y * 255 / height, (x + y) * 127 / height], axis=2).astype(np.uint8)
    return cv2.circle(picture, (width // 2, height // 2), height // 4, (230, 60, 40), -1)


def psnr(one, other):
    return 10 * math.log10(255**2 / ((one.astype(float) - other) ** 2).mean())


EACH = {
    "dark": SENSOR.picture,
    "haze": lambda picture, random: hazy(picture, plausible_depth(picture.shape, random), 3),
    "motion": lambda picture, random: blurred(picture, motion_kernel(random.uniform(0, 12), random.uniform(0, 3))),
    "shake": lambda picture, random: blurred(picture, shake_kernel(random.uniform(0, 12), random)),
    "defocus": lambda picture, random: blurred(picture, defocus_kernel(random.uniform(0, 4))),
    "infrared": lambda picture, random: infrared(picture, Lamp(power=random.uniform(0.1, 4))),
    "exposure": lambda picture, random: exposed(picture, random.uniform(-3, 3), random.uniform(0.5, 2, 3)),
    "jpeg": lambda picture, random: jpeg(picture, int(random.integers(1, 101))),
    "h264": lambda picture, random: h264([picture], crf=int(random.integers(0, 52)))[0],
}


@pytest.mark.parametrize("name", EACH)
@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 2**32 - 1), height=st.integers(16, 60), width=st.integers(16, 60))
def test_a_picture_of_any_size_stays_a_picture_of_its_size_and_a_seed_gives_it_twice(name, seed, height, width):
    picture = noisy((height, width, 3), seed)
    before = picture.copy()
    picture.setflags(write=False)
    found, again = (EACH[name](picture, np.random.default_rng(seed)) for _ in range(2))
    assert (found.dtype, found.shape) == (np.uint8, picture.shape)
    assert np.array_equal(found, again)
    assert np.array_equal(picture, before)


def test_every_level_comes_back_from_light():
    all_levels = np.arange(256, dtype=np.uint8)[None]
    assert np.array_equal(levels(light(all_levels)), all_levels)


def test_more_than_white_is_white_and_less_than_black_is_black():
    assert levels(np.array([[-1, 0, 1, 7]], np.float32)).tolist() == [[0, 0, 255, 255]]


# Night


@pytest.mark.parametrize("level", [90, 160, 230])
def test_the_noise_of_the_night_has_the_variance_of_photons_and_amplifier(level):
    electrons = (level / 255) ** 2.2 * 0.1 * FULL_WELL
    taken = light(DarkSensor(0.1, 3).picture(np.full((500, 500), level, np.uint8))).astype(float)
    counted = taken * FULL_WELL / GAIN
    assert counted.mean() == pytest.approx(electrons, rel=0.02)
    assert counted.var() == pytest.approx(electrons + READ_NOISE**2, rel=0.06)


def test_a_night_of_a_given_generator_does_not_depend_on_the_nights_before():
    gray = np.full((40, 40), 120, np.uint8)
    fresh = DarkSensor(0.1, 1).picture(gray, np.random.default_rng(5))
    used = DarkSensor(0.1, 1)
    used.picture(gray)
    assert np.array_equal(used.picture(gray, np.random.default_rng(5)), fresh)


# Haze


def test_light_is_lost_exponentially_and_to_five_hundredths_at_the_optical_range():
    depth = np.array([[0, 1, 2, 3.0]], np.float32)
    assert np.allclose(transmission(depth, 1.0), [[1, 1 / math.e, math.e**-2, 0.05]], atol=3e-4)
    near, far = transmission(depth, 0.7)[0, 1:3]
    assert far == pytest.approx(near**2)


def test_near_things_keep_their_light_and_far_ones_have_the_airs():
    picture = np.full((20, 30, 3), (20, 90, 200), np.uint8)
    assert np.array_equal(hazy(picture, np.zeros((20, 30), np.float32), 5), picture)
    lost = hazy(picture, np.full((20, 30), 99, np.float32), 5, air=(0.5, 0.6, 0.7))
    assert np.allclose(light(lost), (0.5, 0.6, 0.7), atol=0.005)


@pytest.mark.parametrize("beta", [0.3, 1.0, 2.5])
def test_haze_is_koschmieders_formula_in_light_and_contrast_falls_by_the_transmission(beta):
    picture, depth = noisy((30, 40, 3)), np.full((30, 40), 0.8, np.float32)
    left = math.exp(-0.8 * beta)
    found = light(hazy(picture, depth, beta)).astype(float)
    assert np.allclose(found, light(picture) * left + 0.8 * (1 - left), atol=0.006)
    assert np.ptp(found) == pytest.approx(np.ptp(light(picture)) * left, abs=0.01)


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_plausible_depth_is_of_0_to_1_and_the_ground_comes_nearer_downwards(seed):
    depth = plausible_depth((60, 80), np.random.default_rng(seed))
    assert (depth.dtype, depth.shape) == (np.float32, (60, 80))
    assert depth.min() > 0
    assert depth.max() <= 1
    assert depth[-1].mean() < depth[30].mean() + 1e-6
    assert np.abs(np.diff(depth, axis=1)).max() < 0.05, "an edge where nothing stands"


# Blur


@given(length=st.floats(0, 30), angle=st.floats(-7, 7))
def test_a_moved_point_keeps_its_light_and_its_place_and_is_as_long_as_the_motion(length, angle):
    kernel = motion_kernel(length, angle).astype(float)
    assert kernel.sum() == pytest.approx(1, abs=1e-5)
    mean, spread_ = moments(kernel)
    assert mean == pytest.approx((0, 0), abs=1e-4)
    along = np.array([math.cos(angle), math.sin(angle)])
    # An even motion has the variance length^2 / 12; sharing a place among pixels adds at most a quarter each way.
    assert along @ spread_ @ along == pytest.approx(length**2 / 12, abs=0.3 + 0.03 * length)
    across = np.array([-along[1], along[0]])
    assert across @ spread_ @ across <= 0.3


@settings(deadline=None)
@given(extent=st.floats(0, 25), seed=st.integers(0, 2**32 - 1))
def test_a_shake_keeps_light_and_place_and_reaches_over_its_extent(extent, seed):
    kernel = shake_kernel(extent, np.random.default_rng(seed))
    assert kernel.sum() == pytest.approx(1, abs=1e-5)
    assert moments(kernel)[0] == pytest.approx((0, 0), abs=1e-3)
    rows, columns = np.nonzero(kernel)
    assert extent - 1e-3 <= max(np.ptp(rows), np.ptp(columns)) <= extent + 2


@given(radius=st.floats(0.8, 12))
def test_a_disc_is_round_keeps_its_light_and_has_the_variance_of_a_disc(radius):
    kernel = defocus_kernel(radius).astype(float)
    assert kernel.sum() == pytest.approx(1, abs=1e-5)
    assert np.allclose(kernel, kernel.T)
    assert np.allclose(kernel, kernel[::-1])
    assert moments(kernel)[1][0, 0] == pytest.approx(radius**2 / 4 + 1 / 12, abs=0.1)


def moments(kernel):
    """Mean and covariance of a kernel's mass, x and y in pixels from its middle."""
    half = kernel.shape[0] // 2
    y, x = np.mgrid[-half : half + 1, -half : half + 1]
    mean = np.array([(kernel * x).sum(), (kernel * y).sum()])
    places = np.stack([x - mean[0], y - mean[1]])
    return mean, np.einsum("ihw,jhw,hw->ij", places, places, kernel)


@pytest.mark.parametrize(
    "kernel", [motion_kernel(9.3, 0.4), shake_kernel(8, np.random.default_rng(1)), defocus_kernel(3)]
)
def test_blur_moves_light_and_makes_none(kernel):
    amount = np.zeros((64, 64), np.float32)
    amount[30, 20], amount[40, 41] = 1, 0.3
    found = spread(amount, kernel)
    assert found.sum() == pytest.approx(1.3, rel=1e-4)
    assert found.min() >= -1e-6
    half = kernel.shape[0] // 2
    assert np.allclose(found[30 - half : 31 + half, 20 - half : 21 + half], kernel, atol=1e-6), "a point is the kernel"


def test_a_bright_lamp_that_moved_is_brighter_than_blurring_levels_would_make_it():
    picture = np.zeros((40, 40), np.uint8)
    picture[20, 20] = 255
    found = blurred(picture, motion_kernel(8, 0.0))
    assert light(found).sum() == pytest.approx(1, rel=0.03)
    assert found[20, 20] > 255 / 8 * 1.5


def test_no_motion_changes_nothing():
    picture = noisy((30, 30, 3))
    assert np.array_equal(blurred(picture, motion_kernel(0, 1.0)), picture)


# Infrared


def test_the_night_camera_sees_no_colour_and_red_before_blue():
    found = infrared(np.full((20, 20, 3), (200, 0, 0), np.uint8), Lamp())
    other = infrared(np.full((20, 20, 3), (0, 0, 200), np.uint8), Lamp())
    assert np.ptp(found, axis=2).max() == 0
    assert found.mean() > other.mean()


def test_the_lamp_is_hottest_on_its_axis_and_falls_by_the_bell_and_the_lens():
    lamp = Lamp(power=2, width=0.4, field=1.0)
    shape = (301, 401)
    found = lit(shape, lamp)
    assert np.unravel_index(found.argmax(), shape) == (150, 200)
    assert found.max() == pytest.approx(2, rel=1e-4)
    away = math.hypot(150, 200) / math.hypot(301, 401)  # of the corner, in diagonals
    cosine = math.cos(math.atan(2 * math.tan(0.5) * away))
    assert found[0, 0] == pytest.approx(2 * math.exp(-(away**2) / (2 * 0.4**2)) * cosine**4, rel=0.01)
    assert np.unravel_index(lit(shape, Lamp(x=0.2, y=0.9)).argmax(), shape)[1] < 170


def test_what_is_twice_as_far_has_a_quarter_of_the_lamps_light():
    picture = np.full((16, 16, 3), 200, np.uint8)
    lamp = Lamp(width=99, field=0.01, glare=0, bloom=0)
    at, beyond = (light(infrared(picture, lamp, np.full((16, 16), depth, np.float32))).mean() for depth in (0.5, 1.0))
    assert beyond / at == pytest.approx(0.25, rel=0.03)


def test_glare_lifts_the_dark_around_a_bright_thing_and_makes_no_light():
    amount = np.zeros((64, 96), np.float32)
    amount[24:40, 40:56] = 1
    found = scattered(amount, Lamp(glare=0.04, bloom=0.1))
    assert found.mean() == pytest.approx(amount.mean(), rel=0.02)
    assert found[0, 0] == pytest.approx(0.04 * amount.mean(), rel=0.01)
    assert found[32, 60] > 2 * found[0, 0]


# Exposure


def test_a_stop_is_a_factor_of_two_in_light_and_balance_one_for_each_channel():
    picture = np.full((4, 4, 3), 100, np.uint8)
    assert np.allclose(light(exposed(picture, 1)), 2 * light(picture), rtol=0.01)
    found = light(exposed(picture, -1, (1.5, 1, 0.5))) / light(picture)
    assert np.allclose(found, (0.75, 0.5, 0.25), rtol=0.03)
    assert (exposed(picture, 9) == 255).all()
    assert np.array_equal(exposed(noisy((9, 9, 3)), 0), noisy((9, 9, 3)))


# Codecs


def test_coarser_coding_leaves_less_of_a_picture():
    picture = smooth()
    by_crf = [psnr(h264([picture], crf=crf)[0], picture) for crf in (10, 30, 45)]
    assert by_crf == sorted(by_crf, reverse=True)
    assert by_crf[0] > 30
    by_quality = [psnr(jpeg(picture, quality), picture) for quality in (95, 40, 5)]
    assert by_quality == sorted(by_quality, reverse=True)
    assert by_quality[0] > 30


def test_a_clip_keeps_its_frames_and_their_order_and_a_higher_rate_more_of_them():
    clip = [np.roll(smooth(97, 131), 4 * shift, axis=1) for shift in range(6)]
    poor, rich = (h264(clip, kbit_s=rate) for rate in (40, 1500))
    assert [frame.shape for frame in poor] == [frame.shape for frame in clip]
    for index, frame in enumerate(rich):
        nearest = min(range(6), key=lambda other: np.abs(frame.astype(int) - clip[other]).sum())
        assert nearest == index
    assert psnr(rich[5], clip[5]) > psnr(poor[5], clip[5])


@pytest.mark.parametrize("what", [{}, {"crf": 20, "kbit_s": 100}])
def test_h264_wants_either_a_quality_or_a_rate(what):
    with pytest.raises(ValueError, match="either crf or kbit_s"):
        h264([smooth()], **what)
