"""Everything a camera has to say, on its way to the topic it belongs to."""

import logging
from collections.abc import Collection, Sequence

import msgspec

from tapetum import __version__
from tapetum.alerts.homeassistant import discovery, topic, update_state
from tapetum.alerts.mqtt import Publisher
from tapetum.alerts.outbox import Outbox
from tapetum.alerts.snapshot import jpeg
from tapetum.alerts.topics import Topics
from tapetum.clock import Clock
from tapetum.motion.damping import Area
from tapetum.record import COMING, UNDER_WAY, Standing
from tapetum.scene import Condition, Frame, Kind, Sighting
from tapetum.update.state import State as Fetch

_log = logging.getLogger(__name__)


class Outlet:
    """The way out for all cameras; any thread may use it."""

    def __init__(self, topics: Topics, outbox: Outbox, publisher: Publisher, clock: Clock) -> None:
        self._topics = topics
        self._outbox = outbox
        self._publisher = publisher
        self._clock = clock
        self._introduced: set[str] = set()  # cameras, to Home Assistant
        self._step: Standing | None = None  # of an installing, told last
        self.alerts = 0  # that began

    def alert(self, sighting: Sighting, frame: Frame | None, snapshot: bool) -> None:
        """Put `sighting` on disk, and send a picture of what started it."""
        self._outbox.append(sighting, self._topics.of_camera(sighting.camera, "event"))
        self.alerts += sighting.kind is Kind.STARTED
        if sighting.kind is Kind.STARTED and snapshot and frame is not None:
            self._publisher.publish(self._topics.of_camera(sighting.camera, "snapshot"), jpeg(frame, sighting.box))
        if sighting.kind is Kind.ENDED:
            _log.info("camera %s: %s ended, track %d", sighting.camera, sighting.label, sighting.track)

    def motion(self, camera: str, on: bool) -> None:
        """Say whether anything moves."""
        self._publisher.publish(self._topics.of_camera(camera, "motion"), b"ON" if on else b"OFF", retain=True)

    def condition(self, camera: str, condition: Condition, since_ns: int) -> None:
        """Say what is true of the whole picture since `since_ns`."""
        payload = msgspec.json.encode({"condition": condition, "since": self._since(since_ns)})
        self._publisher.publish(self._topics.of_camera(camera, "condition"), payload, retain=True)
        if condition is not Condition.CHANGED:
            _log.info("camera %s: %s", camera, condition)

    def damped(self, camera: str, areas: Sequence[Area]) -> None:
        """Say what parts of the picture are passed over, since something moves there all the time."""
        said = [{"box": area.box, "since": self._since(area.since_ns)} for area in areas]
        self._publisher.publish(
            self._topics.of_camera(camera, "damped"), msgspec.json.encode({"areas": said}), retain=True
        )
        if areas:
            _log.info("camera %s: %d areas damped", camera, len(areas))

    def introduce(self, cameras: Collection[str]) -> None:
        """Tell Home Assistant which cameras there are, and of those that it was told of before and that are no more."""
        gone = self._introduced - set(cameras)
        self._introduced |= set(cameras)
        said = discovery(self._topics, cameras, sorted(gone), __version__)
        self._publisher.publish(topic(self._topics.device), msgspec.json.encode(said), retain=True)

    def forget(self, camera: str) -> None:
        """Take back what is retained of a camera that is no more (MQTT 3.1.1, 3.3.1.3: an empty payload does)."""
        for name in ("motion", "condition", "damped"):
            self._publisher.publish(self._topics.of_camera(camera, name), b"", retain=True)

    def device(self, name: str, value: object) -> None:
        """Say something of the whole device: health, inventory, config."""
        self._publisher.publish(self._topics.of_device(name), msgspec.json.encode(value), retain=True)

    def fetch(self, state: Fetch) -> None:
        """Say how a bundle that was pushed comes."""
        self.device("model/fetch", state)

    def model(self, standing: Standing, running: str) -> None:
        """Say which model is active and how far another one has come, and of each of its steps. running: which runs."""
        self.device("model/state", standing)
        under_way = standing.state in COMING | UNDER_WAY
        latest = standing.model if under_way else ""
        self.device("model/update", update_state(running, latest, under_way, standing.told))
        before, self._step = self._step, standing
        if before is not None and (standing.state, standing.model) != (before.state, before.model):
            step = {"model": standing.model, "state": standing.state, "reason": standing.reason, "at": self._now()}
            self._publisher.publish(self._topics.of_device("model/event"), msgspec.json.encode(step))

    def _now(self) -> str:
        return self._since(self._clock.now_ns())

    def _since(self, t_ns: int) -> str:
        return self._clock.utc(t_ns).isoformat(timespec="seconds").replace("+00:00", "Z")
