"""Plays clips of nuisances, and of people, and prints what came of them: `scripts/bench nuisances [--clips N]`."""

import argparse
import json
import os
import sys
from pathlib import Path

from tapetum.bench import table
from tapetum.progress import Progress
from tests.tracking.nuisances.judge import Verdict, played, summary

_ALL = 100


def main() -> int:
    """Measure, and print a table; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="scripts/bench nuisances",
        description="Count false sightings in clips of insects, rain, webs, headlights and shadows, and people missed.",
    )
    parser.add_argument("--clips", type=int, default=_ALL, metavar="N", help=f"of each sort (default: {_ALL})")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    if not 1 <= options.clips <= _ALL:
        parser.error(f"--clips: 1 to {_ALL}")
    place = os.environ.get("TAPETUM_DATA")
    if not place:
        print("nuisances: TAPETUM_DATA names no folder of real data: left out.", file=sys.stderr)
        return 0
    verdicts: list[Verdict] = []
    with Progress("nuisances", 2 * options.clips) as bar:
        for verdict in played(Path(place), options.clips):
            verdicts.append(verdict)
            bar.step()
    rows = summary(verdicts)
    if options.json:
        print(json.dumps({"bench": "nuisances", "kinds": rows}))
    else:
        print("\n".join(table.lines({"nuisances": rows})))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
