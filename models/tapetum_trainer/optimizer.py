"""AdamW that lets the backbone wait: what was learned from a million pictures is not shaken by a head that is random.

I. Loshchilov and F. Hutter, "Decoupled weight decay regularization", 2019. The rate rises in a straight line, then
falls as half a cosine (the same authors, "SGDR", 2017), over the whole of the training, so that a leg of it can be
stopped and continued. Biases and normalisation are not decayed.
"""

from typing import Any

import keras
from keras import ops

from tapetum_trainer.schedule import Rates
from tapetum_trainer.sharing import summed, workers
from tapetum_trainer.weights import of_backbone


@keras.saving.register_keras_serializable("tapetum")
class Patient(keras.optimizers.AdamW):  # type: ignore[misc]  # Keras comes without types
    """AdamW with a rate of its own for the backbone, which is 0 for the first `frozen` steps."""

    def __init__(self, backbone: float = 1.0, frozen: int = 0, **others: Any) -> None:
        super().__init__(**others)
        self.backbone = backbone
        self.frozen = frozen

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        """Change all variables: by the gradient of the whole batch, its length cut, where workers share it."""
        if workers() > 1:
            grads = [gradient / workers() for gradient in summed(list(grads))]
        super().apply(grads, trainable_variables)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Change one variable."""
        if of_backbone(self._trainable_variables[self._get_variable_index(variable)].path):
            learns = ops.cast(self.iterations >= self.frozen, "float32")
            learning_rate = learning_rate * self.backbone * learns
        super().update_step(gradient, variable, learning_rate)

    def get_config(self) -> dict[str, Any]:
        """Return what makes the same optimizer again."""
        return {**super().get_config(), "backbone": self.backbone, "frozen": self.frozen}


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
        learning_rate=schedule,
        weight_decay=rates.decay,
        global_clipnorm=rates.clip / workers(),  # of the mean over workers, which Keras then adds up
        epsilon=1e-7,
    )
    found.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return found
