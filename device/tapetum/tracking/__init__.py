"""Things followed over time: regions of motion and the pixels themselves, joined into tracks."""

from tapetum.tracking.tracker import Follower, Tracker, Tracking

__all__ = ["Follower", "Tracker", "Tracking"]
