"""`tapetum run`: the daemon."""

import argparse
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from tapetum import data
from tapetum.capture import File
from tapetum.commands.settings import add_config, add_model, config_of, start_log, with_model
from tapetum.config import CameraSettings, Config
from tapetum.errors import ConfigError


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
    config, path = config_of(options)
    config = with_model(config, options)
    if options.first_run:
        with _completed(config) as complete:
            return _run(complete, path)
    if not config.camera:
        raise ConfigError(f"{path or 'no configuration'}: names no camera: add a table [camera.NAME] with its source")
    return _run(config, path)


def _run(config: Config, path: Path | None) -> int:
    from tapetum.clock import SystemClock
    from tapetum.daemon import Daemon

    return Daemon(config, path, SystemClock()).run()


@contextmanager
def _completed(config: Config) -> Iterator[Config]:
    """Give `config` what a first look needs and it does not name: a camera, a broker, somebody who listens."""
    from tapetum.alerts import embedded

    config = _with_state(_with_camera(config))
    if not config.inference.model:
        _say("No model is given: working with motion alone.")
        _say("  --model detect.tflite --labels labelmap.txt gives labels.")
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
    home = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state")
    return msgspec.structs.replace(config, state_dir=str(home / "tapetum"))


def _listen(config: Config, stop: threading.Event) -> None:
    from tapetum.alerts.listen import Listener, line

    Listener(config.broker, lambda device, sighting: print(line(device, sighting), flush=True)).run(stop)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
