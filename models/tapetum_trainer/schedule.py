"""How a network is trained, as a recipe says it: apart from what does it, which takes seconds to import."""

from typing import Annotated, Any

from msgspec import Meta

from tapetum.settings import Count, Fraction, Positive, Seconds, Settings
from tapetum_trainer.precision import Precision


class Rates(Settings, frozen=True, kw_only=True):
    """How fast what is learned."""

    peak: Positive = 1e-3  # of AdamW, for batches of 16
    end: Fraction = 0.01  # of the peak, at the end
    warmup: Fraction = 0.03  # of all steps, in which the rate rises
    decay: Annotated[float, Meta(ge=0)] = 0.02  # of a weight, at rate 1, in each step
    clip: Positive = 10.0  # the gradient's length
    backbone: Fraction = 1.0  # of the rate, for the backbone; less where its weights are pretrained
    frozen: Fraction = 0.0  # of all steps, in which the backbone does not learn
    relative: bool = False  # times the size of a channel's weights: where normalisation is folded into them


class Weights(Settings, frozen=True, kw_only=True):
    """What each part of the loss counts."""

    heatmap: Positive = 1.0
    overlap: Positive = 2.0
    distance: Positive = 2.0
    teacher: Positive = 1.0  # what it says of a picture, beside the truth, where a recipe has one
    streams: Annotated[float, Meta(ge=0)] = 0.0  # what flows between its blocks; 0: that is not asked for


class Schedule(Settings, frozen=True, kw_only=True):
    """How a network is trained, whatever for."""

    epochs: Count = 60
    rates: Rates = Rates()
    weights: Settings  # of the parts of its loss
    average: Fraction = 0.998  # decay of the weights' moving average: about the last 500 steps
    precision: Precision = "float32"  # in which layers compute; bfloat16 where the processor is faster by it
    patience: Count | None = None  # epochs without a better validation, after which it ends
    checkpoint_every_s: Seconds = 300.0
    log_every: Count = 20  # steps

    def learner(self, network: Any) -> Any:
        """Return what trains `network`: a Keras model with the network's variables, its losses, and `asked(lesson)`."""
        raise NotImplementedError


class Fit(Schedule, frozen=True, kw_only=True):
    """How a detector is trained."""

    weights: Weights = Weights()

    def learner(self, network: Any) -> Any:
        """Return what trains `network`."""
        from tapetum_trainer.learner import Learner  # noqa: PLC0415  Keras takes seconds

        return Learner(network, self.weights)
