"""A part of the rows in each frame, all of them in turn: for what need not be done everywhere each time.

So each frame takes as long as the next, where to do it all in every fourth would make that one slow.
"""


def stripe(height: int, number: int, of: int) -> slice:
    """Return the rows of part `number`, counted on and on, of the `of` equal parts of `height` rows."""
    part = number % of
    return slice(height * part // of, height * (part + 1) // of)
