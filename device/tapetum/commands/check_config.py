"""`tapetum check-config`: whether a configuration can be used, the model tried and all."""

import argparse
from pathlib import Path

from tapetum.commands.settings import naming
from tapetum.config import load


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `check-config` takes."""
    parser.add_argument("file", type=Path, help="tapetum.toml")


def main(options: argparse.Namespace) -> int:
    """Say that it can be used, or raise ConfigError that says why not."""
    from tapetum import bundle
    from tapetum.inference.client import Worker

    config = load(options.file)
    with naming(options.file):
        worker = Worker(bundle.load(config.inference), config.inference)
    worker.close()
    model = worker.model or "motion alone"
    print(f"{options.file}: can be used: device {config.name}, cameras {', '.join(config.camera) or 'none'}, {model}")
    return 0
