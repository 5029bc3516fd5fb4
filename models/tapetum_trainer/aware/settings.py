"""When and how long a detector learns with the steps of int8 in its way, as a recipe says it."""

from typing import Literal

import msgspec

from tapetum.settings import Count, Fraction, Positive, Settings
from tapetum_trainer.quantize import Quantization
from tapetum_trainer.schedule import Fit, Rates


class Aware(Settings, frozen=True, kw_only=True):
    """Fine-tuning behind the training, in which weights and activations are rounded as int8 rounds them."""

    when: Literal["needed", "always", "never"] = "needed"  # needed: int8 loses more than `acceptance.quantization`
    epochs: Count = 4
    peak: Positive = 1e-4  # of the rate; too high, and it forgets

    def schedule(self, whole: Fit) -> Fit:
        """Return how it is trained, by what the recipe says of its training."""
        return Fit(
            epochs=self.epochs,
            rates=Rates(peak=self.peak, decay=0.0, clip=whole.rates.clip),
            weights=msgspec.structs.replace(whole.weights, streams=0.0),  # they were found without rounding
            average=_AVERAGE,
            checkpoint_every_s=whole.checkpoint_every_s,
            log_every=whole.log_every,
        )


class AwareQuantization(Quantization, frozen=True, kw_only=True):
    """How a detector is quantized."""

    aware: Aware = Aware()


_AVERAGE: Fraction = 0.98  # about the last 50 steps: it is short
