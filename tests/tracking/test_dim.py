"""In a picture of ten steps who moves is followed too: what is behind him is raised as the picture is."""

import numpy as np
import pytest

from tapetum.motion.adaptive import Adaptive
from tapetum.scene import Frame, State
from tapetum.tracking import Tracking
from tapetum_trainer.degrade import DarkSensor
from tests.motion.figures import traffic

SIZE = (180, 320)


@pytest.mark.parametrize("light", [0.06, 0.04])
def test_who_moves_in_a_dim_picture_is_believed(light: float) -> None:
    sensor = DarkSensor(light, 3, gain=1, gamma=1)
    detector, tracker, followed, seen = Adaptive().start(), Tracking().start(), 0, 0
    for number, luma in enumerate(traffic.lumas("quiet", SIZE, 80, 1)):
        picture = sensor.picture(luma)
        motion = detector.detect(picture, keep=tracker.held())
        assert motion.dim or not number
        tracks = tracker.update(motion, frame(picture, number))
        seen += bool(motion.regions)
        followed += any(track.state is State.CONFIRMED for track in tracks)
    assert seen > 60
    assert followed > 0.7 * seen


def frame(luma: np.ndarray, number: int) -> Frame:
    half = np.full((SIZE[0] // 2, SIZE[1] // 2), 128, np.uint8)
    return Frame(camera="road", seq=number, t_ns=number * 100_000_000, y=luma, u=half, v=half, luma=luma)
