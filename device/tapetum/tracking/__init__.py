"""Things followed over time: regions of motion and the pixels themselves, joined into tracks.

Pixels are followed by a choice of methods behind one contract, `PixelFollower`. A method's settings class is a member
of the union `Follower`; its `start` makes what runs. A new method is one module and one name in the union.
"""

from tapetum.tracking.camshift import CamShift
from tapetum.tracking.compressive import Compressive
from tapetum.tracking.correlation import Correlation
from tapetum.tracking.follower import Followed, PixelFollower
from tapetum.tracking.methods import Follower
from tapetum.tracking.particle import Particle
from tapetum.tracking.tld import Tld
from tapetum.tracking.tracker import Tracker, Tracking

__all__ = [
    "CamShift",
    "Compressive",
    "Correlation",
    "Followed",
    "Follower",
    "Particle",
    "PixelFollower",
    "Tld",
    "Tracker",
    "Tracking",
]
