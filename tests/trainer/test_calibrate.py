"""The scores of an int8 model are moved and stretched in its numbers, and nothing else of it changes."""

from pathlib import Path

import numpy as np
import pytest

from tapetum import bundle
from tapetum.errors import TapetumError
from tapetum.inference.tflite import Detector
from tapetum_trainer.calibrate import calibrated, moved
from tapetum_trainer.centred import Calibration, logits_of
from tapetum_trainer.errors import ModelError
from tapetum_trainer.thresholds import BestF1
from tests.trainer import tiny
from tests.trainer.labelled import Made, One

SHIPPED = bundle.open(Path(__file__).parents[2] / "models/bundles/tapetum@3.tapetum")
DONE = Calibration(np.array([0.3, 0.4, 0.5, 0.6, 0.7], np.float32), 1.5)


def said(content: bytes, pixels: np.ndarray) -> list[np.ndarray]:
    """Return what each output holds, as it is stored; the heatmap's as scores."""
    detector = Detector(content, 1, SHIPPED.spec().contract)
    detector.detect(pixels, 0.5)
    found = [detector._interpreter.get_tensor(place)[0].copy() for place in detector._results]
    found[0] = detector.outputs[0].real(found[0])
    return found


def test_scores_are_moved_and_stretched_and_boxes_stay_to_the_bit():
    spec = SHIPPED.spec()
    pixels = next(probe.pixels for probe in spec.probes if probe.expected)
    (before, *boxes), (after, *others) = said(spec.content, pixels), said(moved(spec.content, DONE), pixels)
    middle = (before > 0.2) & (before < 0.8)
    expected = 1 / (1 + np.exp(-DONE.stretch * (logits_of(before) - logits_of(DONE.middles))))
    assert middle.sum() > 20
    assert abs(after - expected)[middle].max() < 0.03  # a step of int8 in 0..1, and one of the logits
    assert abs(after - before)[middle].max() > 0.1
    assert all(np.array_equal(one, other) for one, other in zip(boxes, others, strict=True))


class Clip(Made):
    """The pictures of the probes, and in each what the model is surest of."""

    def __init__(self) -> None:
        self.shown = [probe.pixels for probe in SHIPPED.spec().probes]
        told = [[one for one in probe.expected if one.label == "person"] for probe in SHIPPED.spec().probes]
        super().__init__(SHIPPED.spec().labels, [One([(0, *one.box) for one in found]) for found in told])

    def picture(self, index: int) -> np.ndarray:
        return self.shown[index]


def test_the_next_version_asks_its_probes_about_the_same_pictures():
    found = calibrated(SHIPPED, Clip(), Clip(), BestF1()).bundle
    again = bundle.open(found.content)
    assert again.name == "tapetum@4"
    assert again.manifest.provenance.recipe == SHIPPED.manifest.provenance.recipe
    shown = {probe.pixels.tobytes() for probe in SHIPPED.spec().probes}
    assert {probe.pixels.tobytes() for probe in again.spec().probes} <= shown
    assert "its scores, which were calibrated anew" in found.card


@pytest.mark.parametrize("content", [b"none", tiny.network().written()])
def test_a_model_that_was_not_made_here_is_refused(content: bytes):
    with pytest.raises(TapetumError):
        moved(content, DONE)


def test_other_classes_than_the_models_are_refused():
    with pytest.raises(ModelError, match="other classes than the 2"):
        moved(SHIPPED.spec().content, Calibration(DONE.middles[:2], 1.0))
