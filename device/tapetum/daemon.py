"""The daemon: the only module that starts threads and processes. `docs/design/flow-and-pressure.md` shows them all."""

import fcntl
import logging
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO

import cv2
import msgspec

from tapetum import health, systemd
from tapetum.alerts.mqtt import Publisher
from tapetum.alerts.outbox import Outbox
from tapetum.alerts.stamp import SequenceStamper
from tapetum.alerts.topics import Topics
from tapetum.camera import Camera
from tapetum.clock import Clock
from tapetum.config import CameraSettings, Config, load
from tapetum.errors import ConfigError
from tapetum.inference.client import Worker
from tapetum.outlet import Outlet
from tapetum.pipeline import Pipeline

_log = logging.getLogger(__name__)
_JOIN_S = 0.9  # for a thread to end: a capture thread held by its camera is left behind
_WRITE_EVERY, _TELL_EVERY = 2, 60  # seconds between two status files, two messages of health
BUG = 70
"""Exit status after a bug (sysexits.h, EX_SOFTWARE): the supervisor starts the daemon again."""


class Daemon:
    """Everything that runs, from `run` until a signal or the end of all clips."""

    def __init__(self, config: Config, path: Path | None, clock: Clock) -> None:
        """Make all parts, start none.

        Raises ConfigError when a part cannot be had: the model, the outbox, the broker's certificates.
        """
        cv2.setNumThreads(1)
        self._config = config
        self._path = path
        self._clock = clock
        self._lock = _locked(Path(config.state_dir))
        topics = Topics(config.name)
        self._outbox = Outbox(Path(config.state_dir) / "outbox.sqlite", config.outbox, clock)
        self._publisher = Publisher(config.broker, topics, self._outbox)
        self._outlet = Outlet(topics, self._outbox, self._publisher, clock)
        self._stamper = SequenceStamper(clock, self._outbox.last_seq + 1)
        self._worker = Worker(config.inference)
        self._watchdog = systemd.Watchdog(())
        self._cameras: dict[str, Camera] = {}
        self._threads: dict[str, list[threading.Thread]] = {}
        self._stop = threading.Event()  # the cameras and the worker end
        self._goodbye = threading.Event()  # then the publisher
        self._reload = threading.Event()
        self._status = 0
        self._started_ns = clock.now_ns()

    def run(self) -> int:
        """Run until SIGTERM, SIGINT or the end of all clips; return the exit status."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop.set())
        signal.signal(signal.SIGHUP, lambda *_: self._reload.set())
        self._thread("mqtt", lambda: self._publisher.run(self._goodbye))
        self._thread("inference", lambda: self._worker.run(self._stop))
        self._apply(self._config)
        systemd.notify("READY=1")
        self._look_after()
        systemd.notify("STOPPING=1")
        self._end()
        return self._status

    def _look_after(self) -> None:
        """Write and tell how all does, and take a new configuration, until it is time to stop."""
        seconds = 0
        while not self._stop.wait(1.0):
            if self._reload.is_set():
                self._reload.clear()
                self._take_new_config()
            if all(camera.ended for camera in self._cameras.values()) and self._cameras:
                _log.info("all clips have come to their end")
                return
            if seconds % _WRITE_EVERY == 0:
                health.write(Path(self._config.state_dir) / "status.json", self._health())
            if seconds % _TELL_EVERY == 0:
                self._outlet.device("health", self._health())
            seconds += 1

    def _apply(self, config: Config) -> None:
        """Let exactly the cameras of `config` run, leaving alone those whose settings are the same."""
        for name in [name for name, camera in self._cameras.items() if camera.settings != config.camera.get(name)]:
            self._end_camera(name)
        for name, settings in config.camera.items():
            if name not in self._cameras:
                self._start_camera(name, settings)
        self._config = config
        self._watchdog.watch(config.camera)
        kinds = {name: type(settings.source).__name__.lower() for name, settings in config.camera.items()}
        self._outlet.device("inventory", health.inventory(self._worker.model, kinds))
        self._say_config("")

    def _start_camera(self, name: str, settings: CameraSettings) -> None:
        pipeline = Pipeline.start(settings, self._worker.port(name), self._stamper)
        self._cameras[name] = camera = Camera(name, settings, pipeline, self._outlet, self._clock)
        self._thread(name, camera.capture)
        self._thread(name, lambda: camera.analyse(self._watchdog))

    def _end_camera(self, name: str) -> None:
        self._cameras.pop(name).close()
        for thread in self._threads.pop(name, []):
            thread.join(_JOIN_S)

    def _take_new_config(self) -> None:
        """Take the configuration anew, whole or not at all."""
        systemd.notify("RELOADING=1", f"MONOTONIC_USEC={self._clock.now_ns() // 1000}")
        try:
            config = self._read_again()
            self._apply(config)
            _log.info("configuration taken")
        except ConfigError as error:
            _log.error("configuration refused, the old one stays in force: %s", error)
            self._say_config(str(error))
        systemd.notify("READY=1")

    def _read_again(self) -> Config:
        """Return the file's configuration; raises ConfigError when it is not one that can be taken while running."""
        if self._path is None:
            raise ConfigError("there is no configuration file to be read again")
        config = load(self._path)
        fixed = ("device", "state_dir", "broker", "outbox", "inference")
        changed = [name for name in fixed if getattr(config, name) != getattr(self._config, name)]
        if changed:
            raise ConfigError(f"{self._path}: {', '.join(changed)}: only [camera] is taken without a restart")
        return config

    def _say_config(self, refused: str) -> None:
        """Tell the configuration in force, without what is secret, and why a newer one was refused."""
        cameras = msgspec.to_builtins(self._config.camera)
        for camera in cameras.values():
            camera["source"] = {"type": camera["source"]["type"]}
        self._outlet.device("config", {"refused": refused, "camera": cameras})

    def _health(self) -> health.Health:
        cameras = {name: camera.state() for name, camera in list(self._cameras.items())}
        inference, broker = self._worker.state(), self._publisher.state()
        now_ns = self._clock.now_ns()
        return health.Health(
            pid=os.getpid(),
            at_ns=now_ns,
            uptime_s=round((now_ns - self._started_ns) / 1e9, 1),
            clock="synced" if self._clock.synced() else "unsynced",
            faults=health.faults(cameras, inference, broker),
            cameras=cameras,
            inference=inference,
            broker=broker,
        )

    def _end(self) -> None:
        """Stop in the order of the flow, so that what is under way still reaches the outbox and the broker."""
        self._stop.set()
        for camera in self._cameras.values():
            camera.close()
        for name in list(self._cameras):
            self._end_camera(name)
        self._worker.close()
        self._goodbye.set()
        for thread in self._threads.pop("inference") + self._threads.pop("mqtt"):
            thread.join(_JOIN_S)
        self._outbox.close()
        (Path(self._config.state_dir) / "status.json").unlink(missing_ok=True)
        self._lock.close()

    def _thread(self, name: str, body: Callable[[], None]) -> None:
        """Start a thread whose unforeseen end is the daemon's."""

        def guarded() -> None:
            try:
                body()
            except Exception:
                _log.critical("a bug in the thread of %s", name, exc_info=True)
                self._status = BUG
                self._stop.set()

        thread = threading.Thread(target=guarded, name=name, daemon=True)
        self._threads.setdefault(name, []).append(thread)
        thread.start()


def _locked(state_dir: Path) -> IO[str]:
    """Return the held lock of `state_dir`: two daemons on one outbox would send everything twice."""
    try:
        state_dir.mkdir(parents=True, exist_ok=True)
        lock = (state_dir / "lock").open("w")
    except OSError as error:
        raise ConfigError(f"state_dir: {state_dir}: {error.strerror}; it must be a writable folder") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise ConfigError(f"state_dir: {state_dir} is in use by another tapetum") from None
    return lock
