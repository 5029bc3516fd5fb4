"""A classifier with its loss, in the form in which Keras trains it on every backend."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from tapetum_trainer.crops.settings import Weights
from tapetum_trainer.scaling import real
from tapetum_trainer.targets import Truth

Floats = NDArray[np.float32]


class Learner(keras.Model):  # type: ignore[misc]  # Keras comes without types
    """Trains `network`, whose weights are its own, by cross-entropy; each crop counts by its class."""

    def __init__(self, network: Any, weights: Weights) -> None:
        """weights: of each class in their order, or of none, and all count alike."""
        super().__init__()
        self.network = network
        self._classes = network.output_shape[-1]
        self._counts = np.array([*weights.classes.values()] or [1.0] * self._classes, np.float32)
        self._entropy = keras.losses.CategoricalCrossentropy(label_smoothing=weights.smoothing)
        self._right = keras.metrics.CategoricalAccuracy(name="top1")

    def asked(self, lesson: Any) -> tuple[Floats, Floats, Floats]:
        """Return what is learned from a batch: its pictures, which class each shows, how much each counts."""
        classes = shown(lesson.truths)
        there = classes >= 0
        counts = np.where(there, self._counts[classes], np.float32(0))
        return real(lesson.pixels), np.eye(self._classes, dtype=np.float32)[classes] * there[:, None], counts

    def call(self, pictures: Any, training: bool | None = None) -> Any:
        """Return the scores."""
        return self.network(pictures, training=training)

    def compute_loss(
        self,
        x: Any = None,  # noqa: ARG002
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,  # noqa: ARG002
    ) -> Any:
        """Return the mean over the batch."""
        return self._entropy(y, y_pred, sample_weight)

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:  # noqa: ARG002
        """Return the means of the loss, and of what was said right, since the last reset."""
        self._right.update_state(y, y_pred, sample_weight)
        return dict(self.get_metrics_result())


def shown(truths: Sequence[Truth]) -> NDArray[np.int32]:
    """Return (n,) the class of each crop; -1 where there is nothing to be seen of it."""
    found = [truth.classes[~truth.ignored][:1] for truth in truths]
    return np.array([one[0] if len(one) else -1 for one in found], np.int32)
