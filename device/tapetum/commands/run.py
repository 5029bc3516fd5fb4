"""`tapetum run`: the daemon."""

import argparse
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from tapetum import data, heap
from tapetum.capture import File
from tapetum.commands.settings import (
    add_config,
    add_model,
    check_cameras,
    config_file,
    config_of,
    first_run_dir,
    naming,
    start_log,
    with_model,
)
from tapetum.config import CameraSettings, Config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `run` takes."""
    add_config(parser)
    add_model(parser)
    parser.add_argument(
        "--first-run",
        action="store_true",
        help="start an embedded broker and take the first camera, or a clip, where none is configured; show the alerts",
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="log more")


def main(options: argparse.Namespace) -> int:
    """Run until a signal."""
    start_log(options.verbose)
    if options.first_run:
        with _completed(options) as config:
            return _run(options, config, None)  # SIGHUP, its terminal being closed, ends a first run
    return _run(options, _read(options), lambda: _read(options))


def _read(options: argparse.Namespace) -> Config:
    config, path = config_of(options)
    check_cameras(config, path)
    return with_model(config, options.model, options.labels)


def _run(options: argparse.Namespace, config: Config, again: Callable[[], Config] | None) -> int:
    from tapetum.clock import SystemClock
    from tapetum.daemon import Daemon

    heap.bound()
    with naming(config_file(options)):
        daemon = Daemon(config, again, SystemClock())
    status = daemon.run()
    if daemon.left_behind:  # C++ that such a thread comes back to while the interpreter is torn down aborts
        logging.shutdown()
        sys.stdout.flush()
        os._exit(status)
    return status


@contextmanager
def _completed(options: argparse.Namespace) -> Iterator[Config]:
    """Give the configuration with what a first look needs and it does not name: a camera, a broker, a listener."""
    from tapetum import bundle, lock
    from tapetum.alerts import embedded

    config = _with_state(with_model(config_of(options)[0], options.model, options.labels))
    with naming(config_file(options)):
        lock.held(Path(config.state_dir)).close()  # a second one is refused before it says what it would do
    config = _with_camera(config)
    if not config.inference.model:
        _say("Model: the one that comes along. --model FILE takes another.")
        config = with_model(config, bundle.SHIPPED)
    own = None
    if not config.broker.host:
        own, port = embedded.start()
        broker = msgspec.structs.replace(config.broker, host="127.0.0.1", port=port)
        config = msgspec.structs.replace(config, broker=broker)
        _say(f"Broker: an embedded one, on 127.0.0.1:{port}, for this run only.")
    else:
        _say(f"Broker: {config.broker.host}.")
    _say("Alerts, as they arrive from the broker (Ctrl-C ends):")
    stop = threading.Event()
    listener = threading.Thread(target=_listen, args=(config, stop), daemon=True)
    listener.start()
    try:
        yield config
    finally:
        stop.set()
        listener.join(1.0)
        if own is not None:
            own.stop()


def _with_camera(config: Config) -> Config:
    from tapetum.capture.find import first_camera

    if config.camera:
        _say(f"Cameras: {', '.join(config.camera)}.")
        return config
    found = first_camera()
    if found is None:
        _say("Camera: none found, so a clip of a real one is played, again and again.")
        source: object = File(path=str(data.clip()), loop=True)
    else:
        _say(f"Camera: {msgspec.to_builtins(found)}.")
        source = found
    camera = {"first": CameraSettings(source=source)}  # type: ignore[arg-type]
    return msgspec.structs.replace(config, camera=camera)


def _with_state(config: Config) -> Config:
    """Keep the state of a first run in the user's own folder, where the configuration names none."""
    if config.state_dir != Config().state_dir:
        return config
    return msgspec.structs.replace(config, state_dir=str(first_run_dir()))


def _listen(config: Config, stop: threading.Event) -> None:
    from tapetum.alerts.listen import Listener, line

    Listener(config.broker, lambda device, sighting: print(line(device, sighting), flush=True)).run(stop)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
