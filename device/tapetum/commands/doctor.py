"""`tapetum doctor`: what is missing on this machine, and the command that mends it."""

import argparse
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

from tapetum.doctor.finding import Finding, Machine


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `doctor` takes."""
    parser.add_argument(
        "--config", metavar="FILE", type=Path, help="tapetum.toml (default: /etc/tapetum/tapetum.toml)"
    )  # not by commands.settings: that needs packages, and they may be what is missing
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def main(options: argparse.Namespace) -> int:
    """Print a line for each check; return 0 when nothing that is needed is missing, else 1."""
    found = []
    for finding in findings(Machine(), options.config):
        found.append(finding)
        if not options.json:
            print(finding.line, flush=True)
    healthy = all(finding.state != "missing" for finding in found)
    if options.json:
        print(json.dumps({"ok": healthy, "checks": [dataclasses.asdict(finding) for finding in found]}))
    return 0 if healthy else 1


def findings(machine: Machine, file: Path | None) -> Iterator[Finding]:
    """Look at everything; what needs packages only where they are there. file: the configuration that was named."""
    from tapetum.doctor import software

    core = [software.python(), *software.packages()]
    yield from core
    if any(finding.state == "missing" for finding in core):
        what = "not looked at, and neither is what it needs, before all packages are there"
        yield Finding("configuration", "warning", what)
        return
    from tapetum.doctor import service

    system = machine.root / "etc/tapetum/tapetum.toml"
    yield from service.look(machine, file or (system if system.is_file() else None))
