"""Where a box will be: an alpha-beta filter for its centre and its size.

The steady state of a Kalman filter with constant velocity, at a fraction of its cost. P. R. Kalata, "The tracking
index", IEEE Transactions on Aerospace and Electronic Systems 20(2):174-182, 1984, gives beta for an alpha.
"""

from tapetum.scene import Box

_ALPHA = 0.6  # of the way to a measured centre: motion regions are good to a few pixels, people turn quickly
_BETA = 0.25  # Kalata's relation gives 0.27 for alpha = 0.6
_SIZE = 0.3  # of the way to a measured size: arms and shadows come and go, bodies do not grow in a frame
_SLOWEST_S = 0.02  # seconds: frames closer together are taken as this far apart


class Predictor:
    """The filtered centre, velocity and size of one thing; fractions of the frame, and per second."""

    def __init__(self, box: Box, t_ns: int) -> None:
        (self.x, self.y), self.width, self.height = box.centre, box.width, box.height
        self.vx = self.vy = 0.0
        self.t_ns = t_ns

    @property
    def box(self) -> Box:
        """The box where the filter holds it to be."""
        dx, dy = self.width / 2, self.height / 2
        return Box(self.x - dx, self.y - dy, self.x + dx, self.y + dy)

    def predicted(self, t_ns: int) -> Box:
        """Return where the box will be at `t_ns`, its size unchanged; for half a second at most it is believed."""
        dt = min(0.5, (t_ns - self.t_ns) / 1e9)
        dx, dy = self.width / 2, self.height / 2
        x, y = self.x + self.vx * dt, self.y + self.vy * dt
        return Box(x - dx, y - dy, x + dx, y + dy)

    def correct(self, box: Box, t_ns: int, resize: bool = True) -> None:
        """Take in the box measured at `t_ns`; its size too, unless it is known to be someone else's as well."""
        dt = max(_SLOWEST_S, (t_ns - self.t_ns) / 1e9)
        expected_x, expected_y = self.predicted(t_ns).centre
        x, y = box.centre
        self.x = expected_x + _ALPHA * (x - expected_x)
        self.y = expected_y + _ALPHA * (y - expected_y)
        self.vx += _BETA * (x - expected_x) / dt
        self.vy += _BETA * (y - expected_y) / dt
        if resize:
            self.width += _SIZE * (box.width - self.width)
            self.height += _SIZE * (box.height - self.height)
        self.t_ns = t_ns

    def rest(self) -> None:
        """Forget the velocity: what is not seen is not carried on."""
        self.vx = self.vy = 0.0
