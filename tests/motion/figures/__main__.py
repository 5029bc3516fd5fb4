"""Prints the tables of docs/ref/motion.md, and writes them there: `scripts/bench scenes [TABLE ...] [--page PAGE]`."""

import argparse
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tapetum.bench import table
from tapetum.bench.motion.contenders import default
from tests.motion.figures import tables
from tests.motion.figures.speed import speed

TABLES: dict[str, Callable[..., list[tables.Row]]] = {
    "accuracy": tables.accuracy,
    "night": tables.night,
    "quiet": tables.quiet,
    "events": tables.events,
    "speed": speed,
}
_NEEDS_DATA = ("accuracy", "night")
_LONG = 1000  # frames of each weather: 5,000 together


def main() -> int:
    """Measure, and print a table for each; returns the exit status."""
    parser = argparse.ArgumentParser(prog="scripts/bench scenes", description="Measure motion on scenes of many kinds.")
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=f"{', '.join(TABLES)} (default: all)")
    parser.add_argument(
        "--frames", type=int, default=100, metavar="N", help="of each weather in `quiet` (default: 100)"
    )
    parser.add_argument(
        "--long", action="store_const", const=_LONG, dest="frames", help=f"the same as --frames {_LONG}"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--page", type=Path, metavar="PAGE", help="write each table into PAGE, where it has the last one"
    )
    options = parser.parse_args()
    strange = sorted(set(options.tables) - set(TABLES))
    if strange or options.frames < 1:
        parser.error(f"{strange[0]} is none of {', '.join(TABLES)}" if strange else "--frames: at least 1")
    found: dict[str, Any] = {"bench": "scenes", "default": default()}
    for name in options.tables or TABLES:
        rows = _rows(name, options.frames)
        if rows is None:
            print(f"scenes {name}: TAPETUM_DATA names no folder of real data: left out.", file=sys.stderr)
            continue
        found[name] = [{key: _rounded(value) for key, value in row.items()} for row in rows]
        text = "\n".join([f"{name}, default {default()}", *table.lines({name: found[name]})])
        if not options.json:
            print(text + "\n", flush=True)
        if options.page:
            options.page.write_text(renewed(options.page.read_text(encoding="utf-8"), name, text), encoding="utf-8")
    if options.json:
        print(json.dumps(found))
    return 0


def _rows(name: str, frames: int) -> list[tables.Row] | None:
    place = os.environ.get("TAPETUM_DATA")
    data = Path(place) if place else None
    if name in _NEEDS_DATA:
        return None if data is None else TABLES[name](data)
    return tables.quiet(data, frames) if name == "quiet" else TABLES[name]()


def renewed(page: str, name: str, text: str) -> str:
    """Return `page` with `text` below the command that prints the table `name`, instead of what was there."""
    block = re.compile(rf"(^\$ scripts/bench scenes {name}\n).*?(?=\n```$)", re.MULTILINE | re.DOTALL)
    return block.sub(lambda found: found[1] + text, page)


def _rounded(value: Any) -> Any:
    return round(value, 3) if isinstance(value, float) else value


if __name__ == "__main__":
    raise SystemExit(main())
