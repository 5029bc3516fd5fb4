"""What a new model must show."""

from typing import Annotated

from msgspec import Meta

from tapetum.settings import Fraction, Settings


class Trials(Settings, frozen=True):
    """How a new model is tried, and when the old one comes back. Times the old one's: measured on this device."""

    shadow_s: Annotated[float, Meta(ge=0, le=86400)] = 30.0  # beside the old one, on what cameras see; 0: not at all
    agreement: Fraction = 0.3  # of what both saw there, in the same place and by the same name
    slower: Annotated[float, Meta(ge=1, le=1000)] = 4.0  # an answer may take so many times as long as the old one's
    trial_s: Annotated[float, Meta(ge=0, le=2_592_000)] = 600.0  # in which the old one may come back; 0: none
    frames: Fraction = 0.8  # times the share of pictures that were analysed before
    fewest_alerts: Fraction = 0.1  # times as many as before, in the same time
    most_alerts: Annotated[float, Meta(ge=1, le=1000)] = 10.0
    restarts: Annotated[int, Meta(ge=0, le=100)] = (
        2  # of a daemon that ended meanwhile; one more, and the old one is back
    )
