"""`tapetum bench`: figures that anybody can print again on their own machine and clip (docs/ref/bench.md)."""

import argparse
import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tapetum import data
from tapetum.commands.settings import add_model
from tapetum.errors import ConfigError
from tapetum.inference.settings import Inference

_WHAT = {
    "analysis": "CPU time of the analysis a frame, beside cv2.absdiff and MOG2",
    "alarm": "whether each person gives one alert, how soon, and how often the model is asked (--clip, --truth)",
    "tracks": "MOTA and IDF1 against a MOTChallenge file (--clip, --truth)",
    "delivery": "alerts that arrive while the broker is killed again and again (--kills, --alerts)",
    "memory": "memory of the whole daemon over many frames, and its growth (--frames)",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `bench` takes."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "\n".join(f"  {name:<10}{purpose}" for name, purpose in _WHAT.items())
    parser.add_argument("what", choices=_WHAT, metavar="WHAT", help=", ".join(_WHAT))
    parser.add_argument("--clip", type=Path, metavar="FILE", help="a video (default: the one that comes with Tapetum)")
    parser.add_argument("--truth", type=Path, metavar="FILE", help="what is to be seen in it")
    add_model(parser)
    parser.add_argument("--frames", type=int, default=20_000, metavar="N", help="of the memory bench (default: 20000)")
    parser.add_argument("--kills", type=int, default=50, metavar="N", help="of the broker (default: 50)")
    parser.add_argument("--alerts", type=int, default=2_000, metavar="N", help="sent meanwhile (default: 2000)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def main(options: argparse.Namespace) -> int:
    """Measure one thing and print it."""
    from tapetum.bench import table

    log = logging.getLogger("tapetum")
    before = log.level
    log.setLevel(logging.ERROR)  # a broker that is killed on purpose is no news
    try:
        figures = {"bench": options.what} | _BENCHES[options.what](options)
    finally:
        log.setLevel(before)
    if options.json:
        print(json.dumps(figures))
    else:
        print("\n".join(table.lines(figures)))
    sys.stdout.flush()
    return 0


def _analysis(options: argparse.Namespace) -> dict[str, Any]:
    from tapetum.bench import analysis

    return analysis.run(_clip(options), _inference(options))


def _alarm(options: argparse.Namespace) -> dict[str, Any]:
    from tapetum.bench import alarm

    return alarm.run(_clip(options), _truth(options), _inference(options))


def _tracks(options: argparse.Namespace) -> dict[str, Any]:
    from tapetum.bench import tracks

    return tracks.run(_clip(options), _truth(options), _inference(options))


def _delivery(options: argparse.Namespace) -> dict[str, Any]:
    from tapetum.bench import delivery

    return delivery.run(options.kills, options.alerts)


def _memory(options: argparse.Namespace) -> dict[str, Any]:
    from tapetum.bench import memory

    return memory.run(_clip(options), options.frames, _inference(options))


_BENCHES: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "analysis": _analysis,
    "alarm": _alarm,
    "tracks": _tracks,
    "delivery": _delivery,
    "memory": _memory,
}


def _clip(options: argparse.Namespace) -> Path:
    clip: Path = options.clip or data.clip()
    if not clip.is_file():
        raise ConfigError(f"--clip {clip}: there is no such file")
    return clip


def _truth(options: argparse.Namespace) -> Path:
    if options.truth is None or options.clip is None:
        raise ConfigError(f"bench {options.what}: --clip and --truth are wanted: a video, and what is to be seen in it")
    return Path(options.truth)


def _inference(options: argparse.Namespace) -> Inference:
    return Inference(model=options.model or "", labels=options.labels or "")
