"""Follow a thing by a few random sums of its pixels."""

from tapetum.tracking.compressive.follower import Compressive, CompressiveFollower

__all__ = ["Compressive", "CompressiveFollower"]
