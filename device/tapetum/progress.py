"""A bar on a terminal while something takes long; nothing where nobody looks."""

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_WIDTH = 30
_EVERY_S = 0.1
_CLEAR = "\r\x1b[K"  # to the line's begin, and erase to its end (ECMA-48, EL)
_lock = threading.RLock()  # the terminal's last line: a bar is drawn and cleared there, and logs come from any thread
_bars: list["Progress"] = []  # under way, the one that is seen last


class Progress:
    """`with Progress("replay", total) as bar: ... bar.step()`; total 0: it is not known how much there is."""

    def __init__(self, what: str, total: int) -> None:
        self._what = what
        self._total = total
        self._done = 0
        self._start_s = self._shown_s = time.monotonic()
        self._shows = sys.stderr.isatty()
        self._text = ""

    def __enter__(self) -> "Progress":
        """Begin."""
        _bars.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the line behind, clean."""
        with _lock:
            _bars.remove(self)
            self.clear()

    def step(self, count: int = 1) -> None:
        """Count `count` done."""
        self._done += count
        now_s = time.monotonic()
        if self._shows and now_s - self._shown_s > _EVERY_S:
            self._shown_s = now_s
            with _lock:
                self._text = self._line(now_s)[: _columns() - 1]  # what wraps is not erased whole
                self.draw()

    def print(self, line: str) -> None:
        """Write `line` to standard output, where it is seen at once and whole."""
        with above():
            print(line, flush=True)

    def clear(self) -> None:
        """Take the bar off the terminal."""
        if self._shows:
            print(_CLEAR, end="", file=sys.stderr, flush=True)

    def draw(self) -> None:
        """Show the bar as it was last, if it was shown yet."""
        if self._text:
            print(_CLEAR + self._text, end="", file=sys.stderr, flush=True)

    def _line(self, now_s: float) -> str:
        rate = self._done / max(1e-9, now_s - self._start_s)
        if not self._total:
            return f"{self._what} {self._done}  {rate:.0f}/s"
        share = min(1.0, self._done / self._total)
        bar = "#" * round(_WIDTH * share)
        left_s = max(0, self._total - self._done) / max(1e-9, rate)
        return f"{self._what} [{bar:<{_WIDTH}}] {share:4.0%}  {rate:.0f}/s  {left_s:.0f} s left"


@contextmanager
def above() -> Iterator[None]:
    """Let lines be written above the bar, if one is shown: it is cleared before them and drawn again after them."""
    with _lock:
        bar = _bars[-1] if _bars else None
        if bar:
            bar.clear()
        yield
        if bar:
            bar.draw()


def _columns() -> int:
    """Return how wide the terminal is; plenty where it does not say so."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 1000
    except (OSError, ValueError):
        return 1000
