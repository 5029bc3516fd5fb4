"""A model brought to a fleet in stages, each begun when the one before has done well: `docs/design/rollouts.md`.

What a device takes is decided by what is signed, as with any push; here is decided when it is signed for whom.
"""
