"""What moves before a camera and is nobody, and real people in the same places: the clips that the filter is held to.

`scripts/bench nuisances` plays them; docs/ref/tracking.md says what comes of it.
"""
