"""Which part of a frame is shown to a model: around what it is asked about, in the shape of what it takes.

The scheduler cuts questions with this, and the desk what a classifier learns from: both see things alike.
"""

from tapetum.scene import Box

CONTEXT = 0.15
"""Of a track's size, shown on each side of it where nothing is said."""
_NEAREST = 0.5  # of the model's input side: the smallest crop, enlarged twice; a smaller one shows nothing more

Size = tuple[int, int]
"""(width, height), pixels."""


def around(box: Box, context: float, frame: Size, wanted: Size) -> Box:
    """Return the crop that shows what is in `box` with `context` of its size on each side. Else as of `shaped`."""
    return shaped(box.grown(context), frame, wanted)


def shaped(box: Box, frame: Size, wanted: Size) -> Box:
    """Return the smallest crop around `box` with the shape of the model's input, moved and cut to lie in the frame.

    frame: of the frame, wanted: of the model's input.
    """
    scale = nearest(box, frame, wanted)
    width, height = min(1.0, scale * wanted[0] / frame[0]), min(1.0, scale * wanted[1] / frame[1])
    x, y = box.centre
    left = min(max(0.0, x - width / 2), 1 - width)
    top = min(max(0.0, y - height / 2), 1 - height)
    return Box(left, top, left + width, top + height)


def scale(box: Box, frame: Size, wanted: Size) -> float:
    """Return how many pixels of the frame one of the model's input stands for, in the smallest crop around `box`."""
    return max(box.width * frame[0] / wanted[0], box.height * frame[1] / wanted[1])


def nearest(box: Box, frame: Size, wanted: Size) -> float:
    """Return as `scale`, no less than what a crop may be enlarged by."""
    return max(scale(box, frame, wanted), _NEAREST)
