"""`tapetum check-config`: whether a configuration can be used, the model tried and all."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from tapetum.commands.settings import check_cameras, naming
from tapetum.config import Config, load
from tapetum.errors import ConfigError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `check-config` takes."""
    parser.add_argument("file", type=Path, help="tapetum.toml")


def main(options: argparse.Namespace) -> int:
    """Say that it can be used, or raise ConfigError that says why not."""
    from tapetum import bundle
    from tapetum.inference.client import Worker
    from tapetum.unnamed import unnamed

    config = load(options.file)
    check_cameras(config, options.file)
    with naming(options.file):
        worker = Worker(bundle.load(config.inference), config.inference)
        worker.close()
        found = unnamed(config.camera, worker.model, worker.labels)
        if found and worker.model:
            raise ConfigError(found[0])
    for text in (*_missing(config), *_active(config), *found):
        print(f"tapetum: {options.file}: {text}", file=sys.stderr)
    model = worker.model or "motion alone"
    print(f"{options.file}: can be used: device {config.name}, cameras {', '.join(config.camera)}, {model}")
    return 0


def _active(config: Config) -> Iterator[str]:
    """Yield that a slot goes before what the file names, where one is active: it is not tried, `doctor` does."""
    from tapetum.store import FOLDER, Store

    slot = Store(Path(config.state_dir) / FOLDER).record().active
    if slot:
        yield f"inference.model: the slot {slot} is active, and is used instead; tapetum doctor tries it"


def _missing(config: Config) -> Iterator[str]:
    """Yield what cameras need and do not find now: `run` waits for it."""
    for name, camera in config.camera.items():
        reason = camera.source.missing()
        if reason:
            yield f"camera.{name}.source.{camera.source.key}: {reason}; the camera is lost until it is there"
