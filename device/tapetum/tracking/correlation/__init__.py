"""Follow a thing by a filter of its shape and a histogram of its colours."""

from tapetum.tracking.correlation.follower import Correlation, CorrelationFollower

__all__ = ["Correlation", "CorrelationFollower"]
