"""One look at the repository: what is signed, whether the device lacks it, and then it is fetched and offered."""

import hashlib
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tapetum import bundle, durable
from tapetum.errors import BundleError, Untrusted, UpdateError
from tapetum.update import contracts, floor, state
from tapetum.update.enrolment import LARGEST_ROOT, ROOT
from tapetum.update.floor import Floor
from tapetum.update.messages import Setup, Target
from tapetum.update.offer import Installer, Offer
from tapetum.update.process import Files, Process
from tapetum.update.settings import Updates
from tapetum.update.state import Device, State

_COMING = "coming"  # the folder of the bundle that is being fetched
_PROGRESS_S = 1.0
_log = logging.getLogger(__name__)


class Look:
    """Looks with one process after the other; `close` breaks off the one that is under way, from any thread."""

    def __init__(self, folder: Path, settings: Updates, device: Device, installer: Installer) -> None:
        self._folder = folder
        self._settings = settings
        self._device = device
        self._installer = installer
        self._closing = threading.Lock()
        self._process: Process | None = None
        self._closed = False
        self._lack_told = ""
        self._held: Target | None = None  # what is not fetched while the installer is busy

    def look(self, files: Files, now_s: int, tell: Callable[[State], None]) -> State:
        """Fetch and offer what the device is to have and has not; return how that ended.

        now_s: Unix time; tell: hears how it goes meanwhile.
        """
        target = self._held = None
        try:
            seen, root = floor.read(self._folder), self._root()
            with self._started(files) as process:
                found = process.look(self._setup(seen, now_s), root)
                self._tell_lack(found.lacks)
                seen = self._risen(seen, found.floor)
                target = found.target
                if target is None:
                    self._clear()
                    return State("idle", reason="; ".join(found.passed_over))
                return self._considered(process, target, seen, tell)
        except (UpdateError, OSError) as error:
            return _ended(target, "failed", error)
        except BundleError as error:
            return _ended(target, "refused", error)

    @property
    def is_held(self) -> bool:
        """Whether what was found last still waits for what was pushed before it."""
        held = self._held
        return held is not None and not self._installer.needs(held.model, held.sha256, held.contract.push)

    def close(self) -> None:
        """End what is under way, and all that is begun later."""
        with self._closing:
            self._closed = True
            if self._process:
                self._process.kill()

    def _started(self, files: Files) -> Process:
        with self._closing:
            if self._closed:
                raise UpdateError("the daemon ends")
            self._process = Process(files)
            return self._process

    def _root(self) -> bytes:
        with (self._folder / ROOT).open("rb") as file:
            return file.read(LARGEST_ROOT + 1)

    def _setup(self, seen: Floor, now_s: int) -> Setup:
        folders = self._folder / "metadata", self._folder / _COMING
        for folder in folders:
            folder.mkdir(exist_ok=True)
        return Setup(
            metadata=str(folders[0]),
            coming=str(folders[1]),
            device=self._device.name,
            classes=self._device.classes,
            floor=seen,
            now_s=now_s,
            address=self._settings.address,
            ca=self._settings.ca,
        )

    def _tell_lack(self, lacks: str) -> None:
        """Say once that the kernel does not lock the process in; it fetches all the same."""
        if lacks != self._lack_told:
            _log.warning("what is pushed is fetched by a process that may open all files that we may: %s", lacks)
        self._lack_told = lacks

    def _risen(self, before: Floor, after: Floor) -> Floor:
        """Have the floor on the disk before anything is taken that lies on it."""
        if after != before:
            floor.write(self._folder, after)
        return after

    def _considered(self, process: Process, target: Target, seen: Floor, tell: Callable[[State], None]) -> State:
        """Fetch and offer the bundle, where it is to be; raises BundleError, UpdateError or OSError."""
        push, epoch, sha256 = target.contract.push, target.contract.epoch, target.sha256
        if seen.has(push, sha256):
            self._clear()
            return state.of(target, "current")
        if self._installer.had(target.model, push):
            floor.write(self._folder, seen.taken(push, sha256, epoch))
            self._clear()
            return state.of(target, "current")
        try:
            contracts.check_version(target.contract)
            if not self._installer.needs(target.model, sha256, push):
                self._held = target
                return state.of(target, "waiting", "another model is being tried, or no update is wanted")
            offer = self._fetched(process, target, tell)
            tell(state.of(target, "offered", fetched=target.bytes))
            self._installer.take(offer)
        except Untrusted:  # of who fetched it: it may come otherwise
            raise
        except BundleError:
            floor.write(self._folder, seen.taken(push, sha256))
            self._clear()
            raise
        floor.write(self._folder, seen.taken(push, sha256, epoch))
        self._clear()
        return state.of(target, "offered", fetched=target.bytes)

    def _fetched(self, process: Process, target: Target, tell: Callable[[State], None]) -> Offer:
        """Return the bundle, every byte of it verified; raises Untrusted, Unreadable or Unsuitable, and UpdateError."""
        path = self._folder / _COMING / f"{target.sha256}.tapetum"
        self._clear(path.name, path.name + durable.PART)
        self._installer.downloading(target.model)
        progress = _Progress(target, tell)
        progress.add(0)
        process.fetch(path, progress.add)
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != target.sha256:
            raise Untrusted(f"{target.model} on the disk is not what was signed")
        found = bundle.open(content)
        if found.name != target.model:
            path.unlink()
            raise Untrusted(f"the bundle in {target.path} is {found.name}")
        contracts.check(found.manifest, target.contract)
        name, _, version = target.model.rpartition("@")
        return Offer(name, int(version), path, target.sha256, target.contract)

    def _clear(self, *kept: str) -> None:
        """Remove what was left of bundles that came, but for these files: one comes at a time."""
        for path in (self._folder / _COMING).iterdir():
            if path.name not in kept:
                path.unlink()


class _Progress:
    """Tells how much has come, now and then."""

    def __init__(self, target: Target, tell: Callable[[State], None]) -> None:
        self._target, self._tell = target, tell
        self._fetched = 0
        self._told_s = float("-inf")

    def add(self, count: int) -> None:
        """Take in that `count` bytes more have come."""
        self._fetched += count
        if time.monotonic() - self._told_s >= _PROGRESS_S:
            self._told_s = time.monotonic()
            self._tell(state.of(self._target, "downloading", fetched=self._fetched))


def _ended(target: Target | None, how: str, error: Exception) -> State:
    """Return how it ended, with the reason."""
    text = (error.strerror if isinstance(error, OSError) else "") or str(error)
    told = State(how, reason=text) if target is None else state.of(target, how, text)
    _log.error("update %s%s: %s", f"{told.model} " if told.model else "", how, text)
    return told
