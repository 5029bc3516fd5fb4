"""A detector with its losses, in the form in which Keras trains it on every backend."""

from typing import Any

import keras
import msgspec
import numpy as np
from keras import ops
from numpy.typing import NDArray

from tapetum_trainer.losses import losses
from tapetum_trainer.scaling import real
from tapetum_trainer.schedule import Weights
from tapetum_trainer.sharing import workers
from tapetum_trainer.streams import with_streams
from tapetum_trainer.targets import with_hints


class Learner(keras.Model):  # type: ignore[misc]  # Keras comes without types
    """Trains `network`, whose weights are its own; the truth is a dictionary of the fields of `Targets`."""

    def __init__(self, network: Any, weights: Weights) -> None:
        super().__init__()
        self.network = network
        self._says = with_streams(network) if weights.streams else network
        self._counts = msgspec.structs.asdict(weights)
        self._means = {name: keras.metrics.Mean(name=name) for name in self._counts}

    def asked(self, lesson: Any) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Return what is learned from a batch: its pictures, and the truth on the grid of the network's outputs."""
        _, height, width, classes = self.network.get_layer("heatmap").output.shape
        truth = with_hints(lesson.truths, lesson.hints, (height, width), classes)
        return real(lesson.pixels), {**truth, **lesson.maps}

    def call(self, pictures: Any, training: bool | None = None) -> Any:
        """Return what the network says, and what flows in it where that is learned."""
        return self._says(pictures, training=training)

    def train_step(self, *given: Any) -> Any:
        """Learn from a batch; the means have a dimension more where workers share it, along which Keras joins them."""
        figures = super().train_step(*given)
        return figures if workers() == 1 else {name: ops.expand_dims(value, 0) for name, value in figures.items()}

    def compute_loss(
        self,
        x: Any = None,  # noqa: ARG002
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,  # noqa: ARG002
        training: bool = True,  # noqa: ARG002
    ) -> Any:
        """Return the weighted sum of the parts."""
        return sum(self._counts[name] * part for name, part in losses(y, y_pred).items())

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:  # noqa: ARG002
        """Return the means of the loss and its parts since the last reset."""
        told = ["loss"]
        for name, part in losses(y, y_pred).items():
            self._means[name].update_state(workers() * part)
            told.append(name)
        return {name: value for name, value in self.get_metrics_result().items() if name in told}
