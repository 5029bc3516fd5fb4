"""A device of a simulation: with its own connection, session, trust, record and floor, as a real one has them.

What decides and what is said is the daemon's own code: `Look` (with python-tuf's client in this process, in the place
of a process of its own), `Intake`, `Ledger`, `Record`, `Outlet`. Simulated are a camera and a worker, of which a device
here has none: how a model that was taken does is known beforehand (`Fate`), and each step takes `step_s`.
`tests/rollout/test_contract.py` holds what they say against what a real daemon says.
"""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from tuf.api.exceptions import DownloadHTTPError

from tapetum import durable, health
from tapetum.alerts.topics import Topics
from tapetum.clock import SystemClock
from tapetum.intake import Intake
from tapetum.inventory import digest
from tapetum.ledger import Ledger
from tapetum.outlet import Outlet
from tapetum.record import TRIED, Install, Record, Wish
from tapetum.record import State as Step
from tapetum.update import floor, repository
from tapetum.update.fetchers import Fetcher
from tapetum.update.look import ROOT, Look
from tapetum.update.messages import Found, Setup, Target
from tapetum.update.repository import INDEX, Blob
from tapetum.update.settings import Updates
from tapetum.update.state import Device as Asking
from tapetum.update.trust import Client

if TYPE_CHECKING:
    from tests.rollout.simulation import Simulation

_WINDOW = 8  # topics that are read at a time, as `tapetum.alerts.retained` does
Fate = Callable[[str, str], str]
"""What becomes of a model on a device: "" all is well, `probes` or `trial` where it fails, `hang`: it never ends."""


class Lacking(Exception):
    """The bundle must come first."""

    def __init__(self, target: Target) -> None:
        self.target = target


class Slots:
    """What `Intake` and `Ledger` need of a store, without a disk."""

    folder = Path("/nowhere")

    def __init__(self, active: str, push: int) -> None:
        self._record, self._wish = Record(active, push=push), Wish()
        self._count = 0

    def record(self) -> Record:
        return self._record

    def keep(self, record: Record) -> None:
        self._record = record

    def wish(self) -> Wish:
        return self._wish

    def want(self, model: str, push: int = 0) -> Wish:
        self._count += 1
        self._wish = replace(self._wish, model=model, id=str(self._count), push=push)
        return self._wish

    def pin(self, pinned: bool) -> None:
        self._wish = replace(self._wish, pinned=pinned)

    def adopt(self, path: Path, name: str) -> None:
        path.unlink()

    def sweep(self) -> None: ...

    def tidy(self) -> None: ...


class InProcess:
    """The process that fetches, as `Look` uses it, with what was read before."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files
        self._found: Target | None = None

    def __enter__(self) -> "InProcess":
        return self

    def __exit__(self, *_: object) -> None: ...

    def kill(self) -> None: ...

    def look(self, setup: Setup, root: bytes) -> Found:
        self._client = Client(setup, root, Files(self._files))
        found = self._client.found()
        self._found = found.target
        return found

    def fetch(self, path: Path, told: Callable[[int], None]) -> None:
        assert self._found is not None
        content = self._files.get(f"targets/{self._found.sha256}.{self._found.path}")
        if content is None:
            raise Lacking(self._found)
        self._client.signed(self._found).verify_length_and_hashes(content)
        told(len(content))
        path.write_bytes(content)


class Files(Fetcher):
    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files

    def chunks(self, name: str, start: int) -> Iterator[bytes]:
        if name not in self._files:
            raise DownloadHTTPError(f"{name}: there is no such file", 404)
        yield self._files[name]


class Looking(Look):
    """`Look`, but for the process."""

    files: Mapping[str, bytes]

    def _started(self, files: Any) -> Any:
        return InProcess(self.files)


class Simulated:
    """One device. `offered` counts by (model, push) how often an installing was begun."""

    def __init__(self, fleet: "Simulation", name: str, active: str, push: int, root: bytes) -> None:
        self.name, self._fleet = name, fleet
        self.folder = fleet.folder / name
        (self.folder / "update").mkdir(parents=True)
        if root:
            durable.write(self.folder / "update" / ROOT, root)
            floor.write(self.folder / "update", floor.Floor())
        self.slots = Slots(active, push)
        self.ledger = Ledger(self.slots)  # type: ignore[arg-type]
        self._outlet = Outlet(Topics(name), None, self, SystemClock())  # type: ignore[arg-type]
        self._intake = Intake(self.ledger, self.tell)
        asking = Asking(name, ("x86_64", "cpu"))
        self._look = Looking(self.folder / "update", Updates(), asking, self._intake)
        self.offered: Counter[tuple[str, int]] = Counter()
        self.connects = self.looks = 0
        self._retained: dict[str, bytes] = {}
        self._reading: Iterator[list[str]] | None = None
        self._wanted: deque[str] = deque()
        self._came: dict[str, bytes | None] = {}
        self._index = b""
        self._edition = b""
        self._looked_s = float("-inf")
        self._next_s = float("inf")
        self._stepping = self._muted = False
        self.client: paho.Client | None = None
        self.socket: Any = None
        self.publish(Topics(name).of_device("state"), self._state("online"), retain=True)
        self.tell()

    # --- what it says

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> None:
        """As of `Publisher.publish`."""
        if retain:
            self._retained[topic] = payload
        if self.client is not None and self.client.is_connected():
            self._fleet.sent += 1
            self.client.publish(topic, payload, qos=1 if retain else 0, retain=retain)
            self._fleet.write(self)

    def tell(self) -> None:
        """As of the daemon's `_say_what_runs`."""
        if self._muted:
            return
        record, root = self.ledger.record, digest(self.folder / "update" / ROOT)
        self._outlet.model(record.standing(self.slots.wish().pinned), record.active)
        kinds = {"room": "synthetic"}
        self._outlet.device("inventory", health.inventory(record.active, kinds, ("x86_64", "cpu"), root))

    @staticmethod
    def _state(status: str) -> bytes:
        return b'{"status":"%s","boot":"simulated"}' % status.encode()

    # --- its connection

    def connect(self) -> None:
        """Have a session of its own, with a will."""
        client = paho.Client(CallbackAPIVersion.VERSION2, f"simulated-{self.name}", protocol=MQTTProtocolVersion.MQTTv5)
        client.will_set(Topics(self.name).of_device("state"), self._state("offline"), qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_message = self._on_message
        properties = Properties(PacketTypes.CONNECT)
        properties.MaximumPacketSize = 1 << 17
        client.connect("127.0.0.1", self._fleet.port, 300, clean_start=True, properties=properties)
        self.client, self.socket = client, client.socket()
        self._fleet.watch(self)

    def drop(self) -> None:
        """Lose the connection without a word: the broker speaks the will."""
        if self.client is not None:
            self._fleet.forget(self)
            self.socket.close()
        self.client = None
        self._stop_reading()
        self._index, self._edition = b"", b""

    def _on_connect(self, client: paho.Client, *_: Any) -> None:
        self.connects += 1
        for topic, payload in self._retained.items():
            self._fleet.sent += 1
            client.publish(topic, payload, 1, retain=True)
        client.subscribe(INDEX, 1)

    def _on_message(self, client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        self._fleet.heard += 1
        if message.topic == INDEX:
            self._index = bytes(message.payload)
            self._stop_reading()  # what it waits for may be gone
            self._fleet.at(max(time.monotonic(), self._looked_s + self._fleet.least_s), self._consider)
        elif message.topic in self._came:
            self._came[message.topic] = bytes(message.payload)
            client.unsubscribe(message.topic)
            self._ask()
            if not self._wanted and None not in self._came.values():
                self._go_on()

    # --- how it looks for updates

    def _consider(self) -> None:
        """Look, where the files are others than when it looked last, and no look is under way."""
        if self._reading is not None or not (self.folder / "update" / ROOT).exists() or not self._index:
            return
        files = repository.parse(self._index).files
        edition = b"|".join(sorted(name.encode() for name in files))
        if edition == self._edition or not files:
            return
        self._edition, self._looked_s = edition, time.monotonic()
        self._reading = self._steps(files)
        self._go_on()

    def _stop_reading(self) -> None:
        if self._reading is not None:
            self._reading, self._edition = None, b""
            self._came.clear()
            self._wanted.clear()

    def _steps(self, files: Mapping[str, Blob]) -> Iterator[list[str]]:
        """Look, as the daemon's thread does: yields the topics that must be read before it goes on."""
        read: dict[str, bytes] = {}
        yield from self._read(files, [name for name in files if name.startswith("metadata/")], read)
        self._look.files = read
        before, self._muted = self.slots.record(), True  # the first time is to find out what must be read
        try:
            state = self._looked()
        except Lacking as lacking:
            self.ledger.demand(lambda _: before)
            self._muted = False
            name = f"targets/{lacking.target.sha256}.{lacking.target.path}"
            yield from self._read(files, [name], read)
            state = self._looked()
            if state.state == "offered":
                self._fleet.fetched += len(read[name])
        self._muted = False
        self._outlet.fetch(state)
        self.looks += 1
        if state.state == "waiting":
            self._edition = b""
            self._fleet.at(time.monotonic() + self._fleet.again_s, self._consider)
        self._install()

    def _looked(self) -> Any:
        tell = (lambda _: None) if self._muted else self._outlet.fetch
        return self._look.look(None, int(time.time()), tell)  # type: ignore[arg-type]

    def _read(self, files: Mapping[str, Blob], names: list[str], read: dict[str, bytes]) -> Iterator[list[str]]:
        for name in names:
            if name in files:
                topics = files[name].topics()
                yield topics
                read[name] = b"".join(self._came[topic] or b"" for topic in topics)

    def _go_on(self) -> None:
        """Run the look until it must read, or has come to its end."""
        if self._reading is None:
            return
        try:
            topics = next(self._reading)
        except StopIteration:
            self._reading = None
            self._came.clear()
            self._consider()
            return
        self._wanted, self._came = deque(topics), {}
        self._ask()

    def _ask(self) -> None:
        while self._wanted and list(self._came.values()).count(None) < _WINDOW:
            topic = self._wanted.popleft()
            self._came[topic] = None
            assert self.client is not None
            self.client.subscribe(topic, 1)

    # --- how it installs

    def _install(self) -> None:
        """Begin with what was taken or is wished for, if nothing is under way."""
        self._obey()
        if not self._stepping and self.ledger.record.install.state in TRIED:
            self._stepping = True
            self._begun()
            self._fleet.at(time.monotonic() + self._fleet.step_s, self._step)

    def _begun(self) -> None:
        install = self.ledger.record.install
        self.offered[(install.model, install.push)] += 1

    def _obey(self) -> None:
        """As of `Switch.run` and `Installing.begin`."""
        wish, record = self.slots.wish(), self.ledger.record
        if wish.id in ("", record.answered, record.install.wish):
            return
        back = wish.model == record.previous
        if record.install.state is Step.TRIAL:
            self._change(lambda record: record.left() if back else record.come_to(Step.COMMITTED))
        install = Install(Step.VERIFIED, wish.model, wish=wish.id, push=wish.push, back=back)
        self._change(lambda record: record.begun(install))

    def _step(self) -> None:
        """Take the model one step further."""
        self._obey()
        install = self.ledger.record.install
        fate = "" if install.back else self._fleet.fate(self.name, install.model)
        following = {Step.VERIFIED: Step.TESTED, Step.TESTED: Step.SHADOW}.get(install.state)
        if install.state is Step.VERIFIED and fate == "probes":
            self._change(lambda record: record.unwilling("probe 1 of 2 on cpu: person of 0.92 is expected"))
        elif install.state is Step.TRIAL and fate == "trial":
            self._change(lambda record: record.rolled_back("its worker failed on trial: killed by SIGSEGV"))
        elif install.state is Step.TRIAL and fate == "hang":
            self._stepping = False
            return
        elif install.state is Step.TRIAL:
            self._change(lambda record: record.come_to(Step.COMMITTED))
        elif following and not (following is Step.SHADOW and (install.back or not self.ledger.record.active)):
            self._change(lambda record: record.come_to(following))
        elif install.state in TRIED:
            end = Step.COMMITTED if install.back else Step.TRIAL
            self._change(lambda record: record.activated(None, end))
        self._stepping = self.ledger.record.install.state in TRIED | {Step.TRIAL}
        if self._stepping:
            self._fleet.at(time.monotonic() + self._fleet.step_s, self._step)

    def _change(self, change: Callable[[Record], Record]) -> None:
        self.ledger.change(change)
        self.tell()
