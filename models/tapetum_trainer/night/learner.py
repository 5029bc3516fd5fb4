"""The curve network with its losses, in the form in which Keras trains it on every backend."""

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from tapetum_trainer.night.losses import losses
from tapetum_trainer.night.settings import Wanted
from tapetum_trainer.scaling import MIDDLE, real

_WHITE = 255.0


class Learner(keras.Model):  # type: ignore[misc]  # Keras comes without types
    """Trains `network`, whose weights are its own, by dark pictures alone."""

    def __init__(self, network: Any, wanted: Wanted) -> None:
        super().__init__()
        self.network = network
        self._wanted = wanted
        self._counts = wanted.counts
        self._means = {name: keras.metrics.Mean(name=name) for name in self._counts}

    def asked(self, lesson: Any) -> tuple[NDArray[np.float32], None]:
        """Return what is learned from a batch: its pictures, and no truth."""
        return real(lesson.pixels), None

    def call(self, pictures: Any, training: bool | None = None) -> Any:
        """Return the curves."""
        return self.network(pictures, training=training)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,  # noqa: ARG002  there is none
        y_pred: Any = None,
        sample_weight: Any = None,  # noqa: ARG002
        training: bool = True,  # noqa: ARG002
    ) -> Any:
        """Return the weighted sum of the parts."""
        return sum(self._counts[name] * part for name, part in self._parts(x, y_pred).items())

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:  # noqa: ARG002
        """Return the means of the loss and its parts since the last reset."""
        for name, part in self._parts(x, y_pred).items():
            self._means[name].update_state(part)
        return dict(self.get_metrics_result())

    def _parts(self, x: Any, curve: Any) -> dict[str, Any]:
        return losses((x + 1) * (MIDDLE / _WHITE), curve, self._wanted)
