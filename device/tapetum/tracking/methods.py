"""All followers of a thing's pixels: a new one is one module, one name in the union and what it costs."""

from tapetum.tracking.camshift import CamShift
from tapetum.tracking.compressive import Compressive
from tapetum.tracking.correlation import Correlation
from tapetum.tracking.particle import Particle
from tapetum.tracking.tld import Tld

Follower = CamShift | Compressive | Correlation | Particle | Tld

_COSTS: dict[type[Follower], float] = {CamShift: 1.0, Compressive: 5.0, Particle: 4.0, Tld: 18.0}
_CELLS = 26  # of a correlation as it comes


def cost_of(method: Follower) -> float:
    """Return what an update takes, in those of CamShift: the medians of `scripts/bench peers`, rounded up."""
    if isinstance(method, Correlation):
        return 3.7 + 4.4 * (method.cells / _CELLS) ** 2 + 8.0 * method.resize
    return _COSTS[type(method)]
