"""What devices make of a push: read from what they retain on the broker, so that one that is off answers later."""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

import msgspec

from tapetum.text import plain
from tapetum_trainer.publish.shelf import Shelf

_LONGEST = 200
_SOON_S = 5.0  # in which devices of which nothing is retained may begin to speak
_REFUSED = ("failed", "rolled-back")


class _Update(msgspec.Struct):
    """`model/fetch` of a device."""

    state: str
    push: int = 0
    fetched: int = 0
    bytes: int = 0
    reason: str = ""


class _Standing(msgspec.Struct):
    """`model/state` of a device."""

    active: str = ""
    pinned: bool = False
    state: str = ""
    model: str = ""
    reason: str = ""


@dataclass
class _Device:
    update: _Update | None = None
    heard: bool = False  # of it, whatever it was
    pinned: bool = False
    offered: bool = False
    said: str = ""
    outcome: bool | None = None  # whether it has the model; None: not known yet


class Answers:
    """Of the devices `to`, or of all that there are where none is named; listens from the beginning."""

    def __init__(self, shelf: Shelf, to: Collection[str], say: Callable[[str], None]) -> None:
        self._shelf = shelf
        self._devices = {name: _Device() for name in to}
        self._all = not to
        self._say = say
        for topic in ("tapetum/v1/+/model/fetch", "tapetum/v1/+/model/state"):
            shelf.listen(topic)

    def wait(self, model: str, push: int, seconds: float) -> bool:
        """Say how each does; return whether all have the model within that time."""
        start_s = time.monotonic()
        while time.monotonic() < start_s + (seconds if self._devices else min(seconds, _SOON_S)) and not self._complete:
            self._shelf.turn()
            while self._shelf.answers:
                self._take(*self._shelf.answers.popleft(), model, push)
        for name, device in sorted(self._devices.items()):
            if device.outcome is None:
                self._say(f"{name}: {_why(device)}; what is pushed waits for it")
        if not self._devices:
            self._say("no device that is enrolled has said anything here yet; what is pushed waits for the first")
        return bool(self._devices) and all(device.outcome for device in self._devices.values())

    @property
    def _complete(self) -> bool:
        devices = self._devices.values()
        return bool(devices) and all(device.outcome is not None for device in devices)

    def _take(self, topic: str, payload: bytes, model: str, push: int) -> None:
        name, _, kind = topic.removeprefix("tapetum/v1/").partition("/")
        device = self._devices.get(name)
        if device is None and self._all and payload and kind == "model/fetch":  # of one that is enrolled
            device = self._devices[name] = _Device()
        if device is None or device.outcome is not None:
            return
        device.heard = True
        try:
            if kind == "model/fetch":
                self._take_update(name, device, msgspec.json.decode(payload, type=_Update), push)
                return
            standing = msgspec.json.decode(payload, type=_Standing)
            device.pinned = standing.pinned
            if device.offered:
                self._take_standing(name, device, standing, model)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return

    def _take_update(self, name: str, device: _Device, update: _Update, push: int) -> None:
        if update.push != push or (device.offered and update.state == "current"):
            return
        device.offered = device.offered or update.state == "offered"
        text = f"{update.state} {plain(update.reason, _LONGEST)}".rstrip()
        if update.state == "downloading":
            text += f" {update.fetched / 1e6:.1f} of {update.bytes / 1e6:.1f} MB"
        self._tell(name, device, text)
        if update.state in ("refused", "current"):  # current: it has had the bundle before
            device.outcome = update.state == "current"

    def _take_standing(self, name: str, device: _Device, standing: _Standing, model: str) -> None:
        """Take in how far the model has come: it was handed over before. On trial it is active already."""
        if standing.model != model:
            return
        self._tell(name, device, f"{standing.state} {plain(standing.reason, _LONGEST)}".rstrip())
        if standing.state in _REFUSED:
            device.outcome = False
        elif standing.active == model:
            device.outcome = True

    def _tell(self, name: str, device: _Device, text: str) -> None:
        if text != device.said:
            device.said = text
            self._say(f"{name}: {text}")


def _why(device: _Device) -> str:
    """Return why nothing has come of it, as far as that is known."""
    if device.pinned:
        return "somebody pinned it (tapetum models pin --off, there)"
    return "no answer yet" if device.heard else "no device of that name has said anything here yet"
