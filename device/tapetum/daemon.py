"""The daemon: the only module that starts threads and processes. `docs/design/flow-and-pressure.md` shows them all."""

import logging
import os
import queue
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import msgspec

from tapetum import health, lock, systemd
from tapetum.alerts.mqtt import Publisher
from tapetum.alerts.outbox import Outbox
from tapetum.alerts.stamp import SequenceStamper
from tapetum.alerts.topics import Topics
from tapetum.camera import Camera
from tapetum.clock import Clock
from tapetum.config import CameraSettings, Config
from tapetum.ending import ended, kill_children
from tapetum.errors import ConfigError
from tapetum.install.probation import Tally
from tapetum.intake import Intake
from tapetum.outlet import Outlet
from tapetum.pipeline import Pipeline
from tapetum.store import FOLDER, Store
from tapetum.switch import Switch
from tapetum.unnamed import unnamed
from tapetum.update.state import Device, classes
from tapetum.update.updates import Updates

_log = logging.getLogger(__name__)
_CAMERAS_S = 0.4  # for cameras to end; a capture thread that its camera holds is left behind
_SERVICES_S = 1.1  # then for the others, the last goodbye to the broker in it
_LOOK_S = 0.5
_LOCK_S = 1.0  # a command that makes another model active holds the lock for a moment
_WRITE_S, _TELL_S = 2.0, 60.0  # between two status files, two messages of health
BUG = 70
"""Exit status after a bug (sysexits.h, EX_SOFTWARE): the supervisor starts the daemon again."""


@dataclass(frozen=True, slots=True)
class _Running:
    """A camera and its two threads."""

    camera: Camera
    threads: tuple[threading.Thread, threading.Thread]


class Daemon:
    """Everything that runs, from `run` until a signal or the end of all clips."""

    def __init__(self, config: Config, again: Callable[[], Config] | None, clock: Clock) -> None:
        """Make all parts, start none. `again` reads the configuration anew; without it, SIGHUP ends the daemon.

        Raises ConfigError when a part cannot be had: the model, the outbox, the broker's certificates.
        """
        cv2.setNumThreads(1)
        self._config = config
        self._again = again
        self._clock = clock
        self._lock = lock.held(Path(config.state_dir), _LOCK_S)
        topics = Topics(config.name)
        self._outbox = Outbox(Path(config.state_dir) / "outbox.sqlite", config.outbox, clock)
        self._publisher = Publisher(config.broker, topics, self._outbox)
        self._publisher.obey(topics.clear_damped, lambda name: self._wishes.put(f"clear {name}"))
        self._outlet = Outlet(topics, self._outbox, self._publisher, clock)
        self._stamper = SequenceStamper(clock, self._outbox.last_seq + 1)
        self._switch = Switch(Store(Path(config.state_dir) / FOLDER), config.inference, config.trial)
        asking = Device(config.name, classes(config.inference))
        intake = Intake(self._switch.ledger, self._say_what_runs)
        self._updates = Updates(config.update, Path(config.state_dir), asking, intake, clock)
        self._worker = self._switch.worker
        self._check_labels(config)
        self._telling = threading.Lock()  # what runs: two threads tell of it
        self._watchdog = systemd.Watchdog(())
        self._cameras: dict[str, _Running] = {}
        self._services: list[threading.Thread] = []
        self._held: list[threading.Thread] = []  # by cameras that were closed and do not let go of them
        self._wishes: queue.SimpleQueue[str] = queue.SimpleQueue()  # its put alone is safe in a signal handler
        self._stop = threading.Event()  # the worker ends
        self._goodbye = threading.Event()  # then the publisher
        self._status = 0
        self._started_ns = clock.now_ns()
        self._faults: tuple[str, ...] | None = None  # told last
        self._unwritten = ""  # why the disk did not take the last status
        self._trusted = ""  # the root that was told last
        self._lately = health.Lately()
        self._written_s = self._told_s = float("-inf")

    @property
    def left_behind(self) -> bool:
        """Whether `run` returned with threads that something holds: then the interpreter must not be torn down."""
        return any(thread.is_alive() for thread in self._services + self._held)

    def run(self) -> int:
        """Run until SIGTERM, SIGINT or the end of all clips; return the exit status."""
        wishes = {signal.SIGTERM: "end", signal.SIGINT: "end", signal.SIGHUP: "reload" if self._again else "end"}
        for number, wish in wishes.items():
            signal.signal(number, lambda *_, wish=wish: self._wishes.put(wish))
        self._services += [
            self._thread("mqtt", lambda: self._publisher.run(self._goodbye)),
            self._thread("inference", lambda: self._worker.run(self._stop)),
            self._thread("trials", lambda: self._worker.try_others(self._stop)),
            self._thread("models", lambda: self._switch.run(self._stop, self._say_what_runs, self._tally)),
            self._thread("updates", lambda: self._updates.run(self._stop, self._publisher.reader, self._outlet.fetch)),
        ]
        try:
            self._apply(self._config)
            systemd.notify("READY=1")
            self._look_after()
        except Exception:
            _log.critical("a bug in the main thread", exc_info=True)
            self._status = BUG
        systemd.notify("STOPPING=1")
        self._end()
        return self._status

    def _look_after(self) -> None:
        """Write and tell how all does, and take a new configuration, until it is time to stop."""
        while True:
            self._report()
            wish = self._wish(_LOOK_S)
            if wish == "end":
                return
            if wish == "reload":
                self._take_new_config()
            if wish.startswith("clear "):
                self._clear_damped(wish.removeprefix("clear "))
            if all(running.camera.ended for running in self._cameras.values()):
                _log.info("all clips have come to their end")
                return

    def _wish(self, timeout_s: float) -> str:
        try:
            return self._wishes.get(timeout=timeout_s)
        except queue.Empty:
            return ""

    def _report(self) -> None:
        """Write the status now and then, and tell the broker when something changes, and now and then."""
        now_s = time.monotonic()
        if now_s - self._written_s < _WRITE_S:
            return
        self._written_s = now_s
        if self._updates.root != self._trusted:
            self._say_what_runs()
        found = self._health()
        self._unwritten = health.write(Path(self._config.state_dir) / "status.json", found)
        if found.faults != self._faults or now_s - self._told_s >= _TELL_S:
            self._faults, self._told_s = found.faults, now_s
            self._outlet.device("health", found)

    def _apply(self, config: Config) -> None:
        """Let exactly the cameras of `config` run; one whose source is the same goes on, analysed as it now says."""
        for name in self._close([name for name in self._cameras if not self._goes_on(name, config)]):
            if name not in config.camera:
                self._outlet.forget(name)
        for name, settings in config.camera.items():
            if name not in self._cameras:
                self._start_camera(name, settings)
            elif settings != self._cameras[name].camera.settings:
                self._cameras[name].camera.change(settings, self._worker.port(name), self._stamper)
        self._config = config
        self._watchdog.watch(config.camera)
        self._say_what_runs()
        self._say_config("")

    def _goes_on(self, name: str, config: Config) -> bool:
        return name in config.camera and config.camera[name].source == self._cameras[name].camera.settings.source

    def _start_camera(self, name: str, settings: CameraSettings) -> None:
        pipeline = Pipeline.start(settings, self._worker.port(name), self._stamper)
        camera = Camera(name, settings, pipeline, self._outlet, self._clock)
        analyse = self._thread(name, lambda: camera.analyse(self._watchdog))
        self._cameras[name] = _Running(camera, (self._thread(name, camera.capture), analyse))

    def _close(self, names: list[str]) -> list[str]:
        """Let the cameras `names` end, and return `names`; threads that do not end in time are left behind."""
        gone = [self._cameras.pop(name) for name in names]
        for running in gone:
            running.camera.close()
        held = ended(_CAMERAS_S, (thread for running in gone for thread in running.threads))
        self._held = [thread for thread in self._held if thread.is_alive()] + held
        return names

    def _take_new_config(self) -> None:
        """Take the configuration anew, whole or not at all."""
        systemd.notify("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
        try:
            self._apply(self._read_again())
            _log.info("configuration taken")
        except ConfigError as error:
            _log.error("configuration refused, the old one stays in force: %s", error)
            self._say_config(str(error))
        systemd.notify("READY=1")

    def _clear_damped(self, name: str) -> None:
        """Let the camera `name` forget what it passes over, or all cameras where none is named."""
        for camera in [running.camera for running in self._cameras.values() if name in ("", running.camera.name)]:
            camera.clear_damped()

    def _read_again(self) -> Config:
        """Return the configuration as it now is; raises ConfigError when it cannot be taken while running."""
        config = self._again() if self._again else self._config
        fixed = ("device", "state_dir", "broker", "outbox", "inference", "trial", "update")
        changed = [name for name in fixed if getattr(config, name) != getattr(self._config, name)]
        if changed:
            raise ConfigError(f"{', '.join(changed)}: only [camera] is taken without a restart: restart the daemon")
        self._check_labels(config)
        return config

    def _check_labels(self, config: Config) -> None:
        """Raise ConfigError for a label that its own model lacks; what another model lacks is only said."""
        found = self._unnamed(config)
        if found and self._worker.model and not self._switch.standing.active:
            raise ConfigError(found[0])
        for text in found:
            _log.warning("%s", text)

    def _unnamed(self, config: Config) -> list[str]:
        return unnamed(config.camera, self._worker.model, self._worker.labels)

    def _say_what_runs(self) -> None:
        """Tell which model is active, and of what the device consists."""
        kinds = {name: type(settings.source).__name__.lower() for name, settings in self._config.camera.items()}
        with self._telling:
            self._outlet.model(self._switch.standing, self._worker.model)
            self._trusted, now = self._updates.root, classes(self._config.inference)
            self._outlet.device("inventory", health.inventory(self._worker.model, kinds, now, self._trusted))

    def _say_config(self, refused: str) -> None:
        """Tell the configuration in force, without what is secret, and why a newer one was refused."""
        cameras = msgspec.to_builtins(self._config.camera)
        for camera in cameras.values():
            camera["source"] = {"type": camera["source"]["type"]}
        self._outlet.device("config", {"refused": refused, "camera": cameras})
        if self._config.broker.homeassistant:
            self._outlet.introduce(cameras)

    def _health(self) -> health.Health:
        cameras = {name: running.camera.state() for name, running in self._cameras.items()}
        inference, broker = self._worker.state(), self._publisher.state()
        now_ns, full = self._clock.now_ns(), self._outbox.trouble or self._unwritten or self._switch.ledger.trouble
        return health.Health(
            pid=os.getpid(),
            at_ns=now_ns,
            uptime_s=round((now_ns - self._started_ns) / 1e9, 1),
            clock="synced" if self._clock.synced() else "unsynced",
            faults=(
                *health.faults(cameras, inference, self._lately.of(broker, now_ns), full),
                *self._unnamed(self._config),
                *filter(None, [self._updates.fault]),
            ),
            cameras=cameras,
            inference=inference,
            models=self._switch.standing,
            broker=broker,
        )

    def _tally(self) -> Tally:
        """Return what was done since the start."""
        counts = [running.camera.counts for running in list(self._cameras.values())]
        captured, analysed = (sum(count) for count in zip(*counts, strict=True)) if counts else (0, 0)
        return Tally(time.monotonic(), captured, analysed, self._outlet.alerts)

    def _end(self) -> None:
        """Stop in the order of the flow, so that what is under way still reaches the outbox and the broker."""
        self._close(list(self._cameras))
        self._stop.set()
        self._worker.close()
        self._updates.close()
        self._goodbye.set()
        self._held += ended(_SERVICES_S, self._services)
        if self.left_behind:
            _log.warning("left behind: %s", ", ".join(thread.name for thread in self._held))
            kill_children()
        else:  # else it may still be used; SQLite does without
            self._outbox.close()
        (Path(self._config.state_dir) / "status.json").unlink(missing_ok=True)
        self._lock.close()

    def _thread(self, name: str, body: Callable[[], None]) -> threading.Thread:
        """Return a thread, started, whose unforeseen end is the daemon's."""

        def guarded() -> None:
            try:
                body()
            except Exception:
                _log.critical("a bug in the thread of %s", name, exc_info=True)
                self._status = BUG
                self._wishes.put("end")

        thread = threading.Thread(target=guarded, name=name, daemon=True)
        thread.start()
        return thread
