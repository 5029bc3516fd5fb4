"""All followers of a thing's pixels: a new one is one module, one name in the union and what it costs."""

from tapetum.tracking.camshift import CamShift
from tapetum.tracking.correlation import Correlation
from tapetum.tracking.particle import Particle
from tapetum.tracking.tld import Tld

Follower = CamShift | Correlation | Particle | Tld

_COSTS: dict[type[Follower], float] = {CamShift: 1.0, Particle: 4.0, Correlation: 16.0, Tld: 18.0}
_UNSIZED = 9.0  # of a correlation that follows no size


def cost_of(method: Follower) -> float:
    """Return what an update takes, in those of CamShift: the medians of `scripts/bench peers`, rounded up."""
    if isinstance(method, Correlation) and not method.resize:
        return _UNSIZED
    return _COSTS[type(method)]
