"""Many devices in one thread, which is told when each has something to read, to write or to do."""

import contextlib
import heapq
import selectors
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.rollout.simulated import Fate, Simulated

_PING_S = 10.0


class Simulation:
    """All of them; `run` is the body of one thread, `later` has something done in it."""

    def __init__(self, folder: Path, port: int, fate: Fate = lambda *_: "", step_s: float = 0.2) -> None:
        self.folder, self.port, self.fate, self.step_s = folder, port, fate, step_s
        self.least_s, self.again_s = 2.0, 2.0  # between two looks, as the daemon's; before what waits is tried again
        self.devices: dict[str, Simulated] = {}
        self.sent = self.heard = self.fetched = 0
        self._selector = selectors.DefaultSelector()
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._number = 0
        self._later: deque[Callable[[], None]] = deque()
        self._pinged_s = time.monotonic()

    def add(self, name: str, root: bytes = b"", active: str = "street@1", push: int = 0) -> Simulated:
        """Have one more, by which that push was answered; before `run`, or `later`."""
        self.devices[name] = Simulated(self, name, active, push, root)
        return self.devices[name]

    def later(self, what: Callable[[], None]) -> None:
        """Have something done in the thread of `run`."""
        self._later.append(what)

    def at(self, when_s: float, what: Callable[[], None]) -> None:
        """Have something done then, by the monotonic clock."""
        self._number += 1
        heapq.heappush(self._queue, (when_s, self._number, what))

    def run(self, stop: threading.Event) -> None:
        """Connect all, and serve them."""
        for device in self.devices.values():
            device.connect()
        while not stop.is_set():
            self._turn()
        for device in self.devices.values():
            device.drop()

    def watch(self, device: Simulated) -> None:
        self._selector.register(device.socket, selectors.EVENT_READ, device)

    def forget(self, device: Simulated) -> None:
        self._selector.unregister(device.socket)  # closed or not: it is known as what it is

    def write(self, device: Simulated) -> None:
        """Send what waits, or have it sent when the socket takes more."""
        client = device.client
        if client is None:
            return
        if client.want_write():
            client.loop_write()
        if client.socket() is None:
            self._lost(device)
            return
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if client.want_write() else 0)
        self._selector.modify(device.socket, events, device)

    def _turn(self) -> None:
        now_s = time.monotonic()
        while self._later:
            self._later.popleft()()
        while self._queue and self._queue[0][0] <= now_s:
            heapq.heappop(self._queue)[2]()
        wait_s = min(0.05, max(0.0, self._queue[0][0] - now_s)) if self._queue else 0.05
        for key, _ in self._selector.select(wait_s):
            self._serve(key.data)
        if now_s - self._pinged_s > _PING_S:
            self._pinged_s = now_s
            for device in self.devices.values():
                if device.client is not None:
                    device.client.loop_misc()

    def _serve(self, device: Simulated) -> None:
        client = device.client
        if client is None:
            return
        client.loop_read()
        if client.socket() is None:
            self._lost(device)
        else:
            self.write(device)

    def _lost(self, device: Simulated) -> None:
        """Connect again after a while: the broker is gone."""
        if device.client is None:
            return  # it was noticed already, by what was sent meanwhile
        device.drop()
        self.at(time.monotonic() + 1.0, lambda: self._again(device))

    def _again(self, device: Simulated) -> None:
        try:
            device.connect()
        except OSError:
            self.at(time.monotonic() + 1.0, lambda: self._again(device))


@contextlib.contextmanager
def running(simulation: Simulation) -> Iterator[Simulation]:
    """Serve it in a thread."""
    stop = threading.Event()
    thread = threading.Thread(target=simulation.run, args=(stop,))
    thread.start()
    try:
        yield simulation
    finally:
        stop.set()
        thread.join(30)
        assert not thread.is_alive()
