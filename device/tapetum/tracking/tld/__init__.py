"""Follow a thing that leaves and comes back: by flow, by a detector, and by what each learns of the other."""

from tapetum.tracking.tld.follower import Tld, TldFollower

__all__ = ["Tld", "TldFollower"]
