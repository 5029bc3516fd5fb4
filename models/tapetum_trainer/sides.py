"""How large the input of a detector is: a square of so many pixels, or width and height of another shape.

Cameras see 4:3 and 16:9. A square that such a picture is stretched to has more rows than the picture gives at that
width; an input of its own shape costs less and shows nearly as much.
"""

from msgspec import Meta

Sides = int | tuple[int, ...]
"""Pixels: the side of a square, or width and height."""
PAIR = Meta(min_length=2, max_length=2)
"""Of the tuple. One of fixed length beside a constrained number is where msgspec 0.22 breaks memory."""

COARSEST = 32
"""Pixels of a cell of the coarsest features: sides are multiples of it."""


def size_of(side: Sides) -> tuple[int, int]:
    """Return width and height, pixels."""
    width, height = (side, side) if isinstance(side, int) else side
    return width, height
