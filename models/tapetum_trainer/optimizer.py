"""AdamW that lets the backbone wait: what was learned from a million pictures is not shaken by a head that is random.

I. Loshchilov and F. Hutter, "Decoupled weight decay regularization", 2019. The rate rises in a straight line, then
falls as half a cosine (the same authors, "SGDR", 2017), over the whole of the training, so that a leg of it can be
stopped and continued. Biases and normalisation are not decayed.

Where normalisation is folded into the kernels, the channels of one are of very different sizes, and a step that is
right for one shakes another: there each takes steps of its own size, as in Y. You et al., "Large batch training of
convolutional networks", 2017, with a channel in the place of a layer (A. Brock et al., "High-performance large-scale
image recognition without normalization", 2021, section 4.1).
"""

from typing import Any

import keras
from keras import ops

from tapetum_trainer.schedule import Rates
from tapetum_trainer.sharing import summed, workers
from tapetum_trainer.weights import of_backbone

_LEAST = 1e-3  # of what counts as a channel's size


@keras.saving.register_keras_serializable("tapetum")
class Patient(keras.optimizers.AdamW):  # type: ignore[misc]  # Keras comes without types
    """AdamW with a rate of its own for the backbone, which is 0 for the first `frozen` steps.

    relative: each rate is one of the size of the channel's weights, the root of their mean square.
    """

    def __init__(self, backbone: float = 1.0, frozen: int = 0, *, relative: bool = False, **others: Any) -> None:
        super().__init__(**others)
        self.backbone = backbone
        self.frozen = frozen
        self.relative = relative

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        """Change all variables: by the gradient of the whole batch, its length cut, where workers share it."""
        if workers() > 1:
            grads = [gradient / workers() for gradient in summed(list(grads))]
        super().apply(grads, trainable_variables)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Change one variable."""
        path = self._trainable_variables[self._get_variable_index(variable)].path
        if of_backbone(path):
            learns = ops.cast(self.iterations >= self.frozen, "float32")
            learning_rate = learning_rate * self.backbone * learns
        if self.relative:
            learning_rate = learning_rate * _size(variable, path)
        super().update_step(gradient, variable, learning_rate)

    def get_config(self) -> dict[str, Any]:
        """Return what makes the same optimizer again."""
        return {**super().get_config(), "backbone": self.backbone, "frozen": self.frozen, "relative": self.relative}


def _size(variable: Any, path: str) -> Any:
    """Return the root of the mean square of a channel's weights, in a shape that fits `variable`; of biases, of all.

    It is `_LEAST` at least: what is nothing yet, as biases are at first, is to become something.
    """
    depthwise = "depthwise" in path  # (h, w, channels, 1)
    axes = (0, 1, 3) if depthwise and len(variable.shape) == 4 else tuple(range(max(1, len(variable.shape) - 1)))
    found = ops.sqrt(ops.mean(ops.square(ops.convert_to_tensor(variable)), axis=axes, keepdims=True))
    return ops.maximum(found, _LEAST)


def optimizer(rates: Rates, steps: int) -> Patient:
    """Return the optimizer of a training of `steps` steps in all."""
    rising = round(rates.warmup * steps)
    schedule = keras.optimizers.schedules.CosineDecay(
        rates.peak * (0.01 if rising else 1.0),
        max(1, steps - rising),
        alpha=rates.end,
        warmup_target=rates.peak if rising else None,
        warmup_steps=rising,
    )
    found = Patient(
        rates.backbone,
        round(rates.frozen * steps),
        relative=rates.relative,
        learning_rate=schedule,
        weight_decay=rates.decay,
        global_clipnorm=rates.clip / workers(),  # of the mean over workers, which Keras then adds up
        epsilon=1e-7,
    )
    found.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return found
