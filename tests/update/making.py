"""A desk, a broker's shelf that an attacker may write too, and a device that looks; nothing between them is faked."""

import copy
import random
import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, Root, Targets
from tuf.api.serialization.json import JSONSerializer

from tapetum.alerts.broker import Broker
from tapetum.alerts.mqtt import Publisher
from tapetum.alerts.outbox import Outbox, OutboxSettings
from tapetum.alerts.topics import Topics
from tapetum.clock import SystemClock
from tapetum.errors import BundleError
from tapetum.inference.contract import Contract, Input, ModelSpec
from tapetum.inference.decode import Ssd
from tapetum.update import floor
from tapetum.update.enrolment import ROOT
from tapetum.update.library import Library
from tapetum.update.look import Look
from tapetum.update.offer import Offer
from tapetum.update.settings import Updates
from tapetum.update.state import Device, State
from tapetum_trainer.pack import pack
from tapetum_trainer.publish.repository import Repository
from tapetum_trainer.publish.shelf import Shelf
from tests.bundle.flat import model, tensor
from tests.simulators.daemon import until
from tests.simulators.mosquitto import Mosquitto
from tests.store.making import PROVENANCE

DAY_S = 86400
NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
"""When it is in these tests, on every clock that is right."""
NOW_S = int(NOW.timestamp())


def packed(version: int, size: int = 200_000, label: str = "person") -> bytes:
    """Return a sound bundle of about `size` bytes, `street@version`, of a model that nobody runs."""
    picture = Input(width=2, height=2, scale=1.0, std=(1.0, 1.0, 1.0), mean=(0.0, 0.0, 0.0))
    contract = Contract(input=picture, decoder=Ssd(boxes=0, classes=1, scores=2))
    outputs = [tensor("o", shape, 0) for shape in ((1, 9, 4), (1, 9), (1, 9), (1,))]
    content = model([tensor(), *outputs], [0], [1, 2, 3, 4])
    card = random.Random(version).randbytes(size // 2).hex()
    return pack(ModelSpec(f"street@{version}", content, (label,), contract), PROVENANCE, {}, card=card)


class Desk:
    """A publisher with all keys in memory. `at` is when it is there."""

    def __init__(self, folder: Path, at: datetime = NOW) -> None:
        self.at = at
        self.repository = Repository(folder, at)
        self.root_keys = [CryptoSigner.generate_ed25519() for _ in range(3)]
        self.keys = {role: CryptoSigner.generate_ed25519() for role in ("targets", "snapshot", "timestamp")}
        self.root = Root(consistent_snapshot=True)
        for signer in self.root_keys:
            self.root.add_key(signer.public_key, "root")
        self.root.roles["root"].threshold = 2
        for role, signer in self.keys.items():
            self.root.add_key(signer.public_key, role)
        self.enrolled = self.repository.metadata.write_root(self.root, self.root_keys[:2]).read_bytes()
        (folder / "targets").mkdir()
        self.repository.metadata.write_targets(Targets(version=1), self.signers)

    def copied(self, folder: Path) -> "Desk":
        """Return another desk with the same keys, and what it has published so far in a folder of its own."""
        shutil.copytree(self.repository.folder, folder)
        found = copy.copy(self)
        found.repository, found.keys, found.root = (
            Repository(folder, self.at),
            dict(self.keys),
            copy.deepcopy(self.root),
        )
        return found

    @property
    def signers(self) -> Mapping[str, Sequence[CryptoSigner]]:
        return {role: [signer] for role, signer in self.keys.items()}

    def push(self, content: bytes, *to: str, **how: Any) -> None:
        self.repository.push(content, to or ("*",), self.signers, **how)

    def refresh(self, first: str = "timestamp") -> None:
        self.repository.refresh(self.signers, first)

    def later(self, days: float) -> None:
        """Let time pass at the desk."""
        self.at += timedelta(days=days)
        self.repository = Repository(self.repository.folder, self.at)

    def rotate(self, *roles: str, kind: str = "ed25519") -> None:
        """Give roles other keys, by a root that the old ones of root sign."""
        for role in roles:
            old, self.keys[role] = self.keys[role], getattr(CryptoSigner, f"generate_{kind}")()
            self.root.revoke_key(old.public_key.keyid, role)
            self.root.add_key(self.keys[role].public_key, role)
        self.root.version += 1
        self.repository.metadata.write_root(self.root, self.root_keys[:2])
        self.refresh("targets" if "targets" in roles else "snapshot")

    def files(self) -> dict[str, bytes]:
        """All that is published, as it is now."""
        return {name: path.read_bytes() for name, path in self.repository.files().items()}


def named(files: Mapping[str, bytes], kind: str) -> str:
    """Return which of the files is root, timestamp, snapshot, targets (the newest), or the bundle."""
    ending = {"bundle": ".tapetum", "timestamp": "timestamp.json"}.get(kind, f".{kind}.json")
    return max(name for name in files if name.endswith(ending))


def altered(content: bytes, signers: Sequence[CryptoSigner], **fields: Any) -> bytes:
    """Return metadata with other fields, signed by somebody."""
    metadata = Metadata[Any].from_bytes(content)
    metadata.signatures.clear()
    for name, value in fields.items():
        setattr(metadata.signed, name, value)
    for signer in signers:
        metadata.sign(signer, append=True)
    return metadata.to_bytes(JSONSerializer(compact=True))


class Taking:
    """An installer that takes all, and remembers."""

    def __init__(self) -> None:
        self.taken: list[Offer] = []
        self.contents: list[bytes] = []
        self.free = True
        self.refusal = ""
        self.steps: list[str] = []

    def had(self, model: str, push: int) -> bool:
        return False

    def downloading(self, model: str) -> None:
        self.steps.append(model)

    def needs(self, model: str, sha256: str, push: int) -> bool:
        return self.free

    def take(self, offer: Offer) -> None:
        if self.refusal:
            raise BundleError(self.refusal)
        self.taken.append(offer)
        self.contents.append(offer.path.read_bytes())


class Camera:
    """A device named `gate` that is enrolled, with its connection to the broker, but for the daemon's other parts."""

    def __init__(self, folder: Path, port: int, root: bytes, credentials: str = "", **settings: Any) -> None:
        self.folder = folder / "update"
        self.folder.mkdir(parents=True, exist_ok=True)
        if not (self.folder / ROOT).exists():
            (self.folder / ROOT).write_bytes(root)
            floor.write(self.folder, floor.Floor())
        self.installer = Taking()
        self.outbox = Outbox(folder / "outbox.sqlite", OutboxSettings(), SystemClock())
        self.publisher = Publisher(
            Broker(host="127.0.0.1", port=port, credentials=credentials), Topics("gate"), self.outbox
        )
        self.publisher.reader._patience_s = 3.0
        self.looking = Look(self.folder, Updates(**settings), Device("gate", ("x86_64", "cpu")), self.installer)
        self.library = Library(self.publisher.reader, lambda: None)
        self.told: list[State] = []

    @property
    def floor(self) -> floor.Floor:
        return floor.read(self.folder)

    @property
    def models(self) -> list[str]:
        """What was installed, in order."""
        return [offer.model for offer in self.installer.taken]

    def look(self, now_s: int = NOW_S) -> State:
        return self.looking.look(self.library, now_s, self.told.append)

    def wipe_cache(self) -> None:
        """Lose what python-tuf keeps, as a damaged file system does."""
        for path in sorted((self.folder / "metadata").rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()


@contextmanager
def connected(camera: Camera) -> Iterator[Camera]:
    stop = threading.Event()
    thread = threading.Thread(target=camera.publisher.run, args=(stop,))
    thread.start()
    try:
        yield camera
    finally:
        stop.set()
        thread.join(20)
        camera.outbox.close()
        assert not thread.is_alive()


class Scene:
    """A desk, a broker and a device; `show` is what the broker has, whoever put it there."""

    def __init__(self, folder: Path, broker: Mosquitto, desk: Desk, camera: Camera) -> None:
        self.folder, self.broker, self.desk, self.camera = folder, broker, desk, camera
        self._count = 0

    def show(self, files: Mapping[str, bytes] | None = None) -> None:
        """Have the broker retain these files, those of the desk by itself, and the device know of it."""
        wanted = self.show_to_others(files)
        until(lambda: self.camera.library.edition == wanted, what="the device has the index")

    def show_to_others(self, files: Mapping[str, bytes] | None = None) -> bytes:
        """Have the broker retain these files; return by what a device knows that edition."""
        self._count += 1
        folder = self.folder / f"shown-{self._count}"
        paths = {}
        for name, content in (self.desk.files() if files is None else files).items():
            paths[name] = folder / name
            paths[name].parent.mkdir(parents=True, exist_ok=True)
            paths[name].write_bytes(content)
        with Shelf(Broker(host="127.0.0.1", port=self.broker.port)) as shelf:
            shelf.publish(paths)
            return msgspec.json.encode(shelf.index().files, order="sorted")

    def refuses(self, kind: str, because: str, now_s: int = NOW_S) -> State:
        """Look, and check that nothing more is taken than before."""
        before = len(self.camera.installer.taken)
        found = self.camera.look(now_s)
        assert (found.state, because in found.reason) == (kind, True), found
        assert len(self.camera.installer.taken) == before
        return found

    def takes(self, model: str, now_s: int = NOW_S) -> None:
        """Look, and check that this is what is taken."""
        found = self.camera.look(now_s)
        assert (found.state, found.model) == ("offered", model), found
        assert self.camera.models[-1] == model

    def takes_what_comes(self, model: str) -> None:
        """Look until this is taken: what was published is on its way to the device."""

        def taken() -> bool:
            self.camera.look()
            return self.camera.models[-1:] == [model]

        until(taken)


def memory_mb(pid: int | str = "self") -> tuple[float, float]:
    """Resident memory of a process, now and at most, megabytes; raises ProcessLookupError where it has ended."""
    status = Path(f"/proc/{pid}/status").read_text()
    if "VmRSS:" not in status:
        raise ProcessLookupError(f"process {pid} has ended, and nobody has waited for it")
    now, most = (int(status.partition(f"{key}:")[2].split()[0]) / 1000 for key in ("VmRSS", "VmHWM"))
    return now, most
