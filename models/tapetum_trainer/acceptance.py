"""What a model must reach to be packed, as a recipe says it."""

from collections.abc import Iterator, Sequence
from typing import Annotated

from msgspec import Meta, field

from tapetum.settings import Count, Fraction, Settings
from tapetum_trainer.evaluate.moved import Loss

Points = Annotated[float, Meta(ge=0)]
"""Hundredths of AP50."""


class Acceptance(Settings, frozen=True, kw_only=True):
    """What is not given is not asked."""

    ap50: Fraction = 0.0  # mean over classes, int8, on the validation split
    quantization: Points = 1.0  # that int8 may lose against float, of all classes
    quantization_of: dict[str, Points] = field(default_factory=dict)  # the same of a class, person = 1.0
    bytes: Count = 4_000_000  # of the bundle

    def missed(self, ap50: float, lost: Sequence[Loss], size: int) -> Iterator[str]:
        """Yield what is not reached, in words. ap50: of int8; lost: by it; size: of the bundle, bytes."""
        if ap50 < self.ap50:
            yield f"acceptance.ap50: {self.ap50:.3f} is wanted, and it reaches {ap50:.3f}"
        yield from self.unjudged(lost)
        yield from self.beyond(lost)
        if size > self.bytes:
            yield f"acceptance.bytes: {size} bytes, and {self.bytes} at most are wanted"

    def beyond(self, lost: Sequence[Loss]) -> Iterator[str]:
        """Yield each loss that is more than is accepted, in words. lost: first that of all classes, if there is any."""
        for one in lost[:1]:
            if one.points > self.quantization:
                yield f"acceptance.quantization: int8 loses {_told(one)}, {self.quantization} at most"
        for one in lost[1:]:
            most = self.quantization_of.get(one.label)
            if most is not None and one.points > most:
                yield f"acceptance.quantization_of.{one.label}: int8 loses {_told(one)}, {most} at most"

    def unjudged(self, lost: Sequence[Loss]) -> Iterator[str]:
        """Yield the classes of which nothing is known though something is asked, in words."""
        for label in self.quantization_of.keys() - {one.label for one in lost[1:]}:
            yield f"acceptance.quantization_of.{label}: no picture that judges shows one"


def _told(loss: Loss) -> str:
    return f"{loss.points:.1f} +- {loss.error:.1f} points"
