"""`tapetum bench`: figures that anybody can print again on their own machine and clip (docs/ref/bench.md)."""

import argparse
import json
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tapetum import data
from tapetum.commands.settings import add_model, whole
from tapetum.errors import ConfigError
from tapetum.inference.settings import Inference


@dataclass(frozen=True, slots=True)
class _Bench:
    """One bench: what it measures, what it takes beside --json, and how it is done."""

    purpose: str
    takes: tuple[Callable[[argparse.ArgumentParser], object], ...]
    run: Callable[[argparse.Namespace], dict[str, Any]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `bench` takes: each bench has its own options, so one that belongs to another is refused."""
    benches = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    for name, bench in BENCHES.items():
        own = benches.add_parser(
            name, help=bench.purpose, description=bench.purpose[0].upper() + bench.purpose[1:] + "."
        )
        for add in bench.takes:
            add(own)
        own.add_argument("--json", action="store_true", help="print one JSON object")


def _add_clip(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--clip", type=Path, metavar="FILE", help="a video (default: the one that comes with Tapetum)")


def _add_truth(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--clip", type=Path, metavar="FILE", required=True, help="a video")
    parser.add_argument("--truth", type=Path, metavar="FILE", required=True, help="what is to be seen in it")


def _add_people(parser: argparse.ArgumentParser) -> None:
    wanted = "a video, or a folder as MOTChallenge has it"
    parser.add_argument("--clip", type=Path, metavar="PATH", required=True, help=wanted)
    truth = "a MOTChallenge file of who is where (default: gt/gt.txt of the folder)"
    parser.add_argument("--truth", type=Path, metavar="FILE", help=truth)


def _add_reference(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("clip", type=Path, metavar="CLIP", help="a video")
    bright = "the same scene seen better, to judge by: a dark clip by the bright one (default: CLIP itself)"
    parser.add_argument("--reference", type=Path, metavar="FILE", help=bright)
    judge = "a model whose tracks are the reference, as --model is named (default: the same)"
    parser.add_argument("--judge", metavar="FILE", help=judge)
    parser.add_argument("--judge-labels", metavar="FILE", help="its labels, one a line (default: those in it)")


def _add_sequence(parser: argparse.ArgumentParser) -> None:
    folder = "a video, or a folder as of ChangeDetection.net: input/, groundtruth/, ROI.bmp, temporalROI.txt"
    parser.add_argument("clip", type=Path, metavar="CLIP", help=folder)
    truth = "masks, numbered as the frames are: 255 moves, 0 does not (default: groundtruth/ in the folder CLIP)"
    parser.add_argument("--truth", type=Path, metavar="FOLDER", help=truth)
    pictures = "write some frames, their truth and every mask side by side, as PNG"
    parser.add_argument("--pictures", type=Path, metavar="FILE", help=pictures)


def _add_folders(parser: argparse.ArgumentParser) -> None:
    kinds = "pictures or a video with a truth: groundtruth_rect.txt (OTB), gt.txt (TLD) or groundtruth.txt (VOT)"
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER", help=kinds)
    seeds = "how often those are run that draw at random, each time with another seed (default: 5)"
    parser.add_argument("--seeds", type=whole(1), default=5, metavar="N", help=seeds)
    only = "run this one alone; may be given again (default: all, and those of OpenCV)"
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help=only)
    video = "write each sequence as FOLDER/NAME.mp4, with the truth and every box drawn into it"
    parser.add_argument("--save-video", type=Path, metavar="FOLDER", help=video)


def _add_pace(parser: argparse.ArgumentParser) -> None:
    pace = "how often the model is asked, at most (default: 2)"
    parser.add_argument("--per-s", type=whole(1), default=2, metavar="N", help=pace)


def _add_frames(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--frames", type=whole(1), default=20_000, metavar="N", help="how many (default: 20000)")


def _add_boxes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--tracks", type=whole(1), default=60, metavar="N", help="how many boxes (default: 60)")
    parser.add_argument("--frames", type=whole(20), default=600, metavar="N", help="how many (default: 600)")


def _add_faults(parser: argparse.ArgumentParser) -> None:
    kills = "how often the broker is killed (default: 50)"
    parser.add_argument("--kills", type=whole(0), default=50, metavar="N", help=kills)
    alerts = "how many alerts are sent meanwhile (default: 2000)"
    parser.add_argument("--alerts", type=whole(1), default=2_000, metavar="N", help=alerts)


def _add_blows(parser: argparse.ArgumentParser) -> None:
    kills = "how often the worker is killed (default: 100)"
    parser.add_argument("--kills", type=whole(0), default=100, metavar="N", help=kills)
    hangs = "how often it is let hang (default: 20)"
    parser.add_argument("--hangs", type=whole(0), default=20, metavar="N", help=hangs)


def _add_crops(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--crops", type=whole(1), default=500, metavar="N", help="how many of each (default: 500)")


def main(options: argparse.Namespace) -> int:
    """Measure one thing and print it."""
    from tapetum.bench import table

    log = logging.getLogger("tapetum")
    before = log.level
    log.setLevel(logging.ERROR)  # a broker that is killed on purpose is no news
    try:
        figures = {"bench": options.what} | BENCHES[options.what].run(options)
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

    return alarm.run(_clip(options), options.truth, _inference(options))


def _tracks(options: argparse.Namespace) -> dict[str, Any]:
    from tapetum.bench.tracks import report

    return report.run(options.clip, options.truth, _inference(options), options.per_s)


def _gating(options: argparse.Namespace) -> dict[str, Any]:
    from tapetum.bench import gating

    if options.judge_labels and not options.judge:
        raise ConfigError("--judge-labels: they are those of --judge, which is missing")
    judge = Inference(model=options.judge, labels=options.judge_labels or "") if options.judge else None
    return gating.run(_clip(options), options.reference or options.clip, _inference(options), judge)


def _motion(options: argparse.Namespace) -> dict[str, Any]:
    from tapetum.bench.motion import report

    return report.run(options.clip, options.truth, options.pictures)


def _tracking(options: argparse.Namespace) -> dict[str, Any]:
    from tapetum.bench.tracking import report

    return report.run(options.folders, options.seeds, options.only, options.save_video)


def _association(options: argparse.Namespace) -> dict[str, Any]:
    from tapetum.bench import association

    return association.run(options.tracks, options.frames)


def _delivery(options: argparse.Namespace) -> dict[str, Any]:
    from tapetum.bench import delivery

    return delivery.run(options.kills, options.alerts)


def _supervisor(options: argparse.Namespace) -> dict[str, Any]:
    from tapetum.bench import supervisor

    return supervisor.run(_inference(options), options.kills, options.hangs)


def _memory(options: argparse.Namespace) -> dict[str, Any]:
    from tapetum.bench import memory

    return memory.run(_clip(options), options.frames, _inference(options))


def _speed(options: argparse.Namespace) -> dict[str, Any]:
    from tapetum.bench import speed

    return speed.run(_clip(options), _inference(options), options.crops)


BENCHES = {
    "analysis": _Bench("CPU time of the analysis a frame, beside absdiff and MOG2", (_add_clip, add_model), _analysis),
    "motion": _Bench(
        "every method of motion beside MOG2 and KNN on a clip: time, F-measure, and which to take",
        (_add_sequence,),
        _motion,
    ),
    "alarm": _Bench(
        "whether each person gives one alert, how soon, and how often the model is asked",
        (_add_truth, add_model),
        _alarm,
    ),
    "tracks": _Bench(
        "HOTA, MOTA and IDF1 against a MOTChallenge file, beside ByteTrack",
        (_add_people, add_model, _add_pace),
        _tracks,
    ),
    "tracking": _Bench(
        "every follower of one thing beside OpenCV's on sequences with a truth: success, precision, time",
        (_add_folders,),
        _tracking,
    ),
    "association": _Bench(
        "CPU time of joining boxes into tracks beside ByteTrack, and of the stage of tracking beside MOG2",
        (_add_boxes,),
        _association,
    ),
    "gating": _Bench(
        "what is missed by asking the model seldom, against one that is asked about every frame",
        (_add_reference, add_model),
        _gating,
    ),
    "delivery": _Bench("alerts that arrive while the broker is killed again and again", (_add_faults,), _delivery),
    "supervisor": _Bench(
        "how soon the model answers again after its worker is killed or hangs", (_add_blows, add_model), _supervisor
    ),
    "speed": _Bench(
        "CPU time of a crop on its way through both processes, beside the model alone",
        (_add_clip, add_model, _add_crops),
        _speed,
    ),
    "memory": _Bench(
        "memory of the whole daemon over many frames, and its growth", (_add_clip, add_model, _add_frames), _memory
    ),
}


def _clip(options: argparse.Namespace) -> Path:
    clip: Path = options.clip or data.clip()
    if not clip.is_file():
        raise ConfigError(f"--clip {clip}: there is no such file")
    return clip


def _inference(options: argparse.Namespace) -> Inference:
    return Inference(model=options.model or "", labels=options.labels or "")
