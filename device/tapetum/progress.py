"""A bar on a terminal while something takes long; nothing where nobody looks."""

import sys
import time

_WIDTH = 30
_EVERY_S = 0.1


class Progress:
    """`with Progress("replay", total) as bar: ... bar.step()`; total 0: it is not known how much there is."""

    def __init__(self, what: str, total: int) -> None:
        self._what = what
        self._total = total
        self._done = 0
        self._start_s = self._shown_s = time.monotonic()
        self._shows = sys.stderr.isatty()

    def __enter__(self) -> "Progress":
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the line behind, clean."""
        if self._shows:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def step(self, count: int = 1) -> None:
        """Count `count` done."""
        self._done += count
        now_s = time.monotonic()
        if self._shows and now_s - self._shown_s > _EVERY_S:
            self._shown_s = now_s
            print(f"\r\x1b[K{self._line(now_s)}", end="", file=sys.stderr, flush=True)

    def _line(self, now_s: float) -> str:
        rate = self._done / max(1e-9, now_s - self._start_s)
        if not self._total:
            return f"{self._what} {self._done}  {rate:.0f}/s"
        share = min(1.0, self._done / self._total)
        bar = "#" * round(_WIDTH * share)
        left_s = max(0, self._total - self._done) / max(1e-9, rate)
        return f"{self._what} [{bar:<{_WIDTH}}] {share:4.0%}  {rate:.0f}/s  {left_s:.0f} s left"
