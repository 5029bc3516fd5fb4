"""The command line of the desk; what a command needs is imported when it is the one."""

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tapetum.errors import TapetumError
from tapetum_trainer.errors import DataError, RecipeError
from tapetum_trainer.publish import arguments
from tapetum_trainer.rollout import arguments as of_rollouts
from tapetum_trainer.sketch import settle

CONFIG_ERROR = 78
"""Exit status when the recipe or the data must be mended (sysexits.h, EX_CONFIG), as of `tapetum`."""
_EXTRAS = {
    "ray": "train,scale",
    "tuf": "update",
    "securesystemslib": "update",
    "cryptography": "update",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status: 0 done, 1 not, 2 misused, 78 recipe or data must be mended."""
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    options = _parser().parse_args(arguments)
    try:
        desk = importlib.import_module(getattr(options, "desk", "tapetum_trainer.desk"))  # it takes seconds
        _check_places(options)
        if isinstance(getattr(options, "recipe", None), Path):
            settle(options)
        command: Callable[[argparse.Namespace], int] = getattr(desk, options.command.replace("-", "_"))
        return command(options)
    except ModuleNotFoundError as error:
        extra = _EXTRAS.get((error.name or "").partition(".")[0], "train")
        print(f"tapetum-trainer: {error.name} is not installed: pip install 'tapetum[{extra}]'", file=sys.stderr)
        return CONFIG_ERROR
    except (RecipeError, DataError) as error:
        print(f"tapetum-trainer: {error}", file=sys.stderr)
        return CONFIG_ERROR
    except TapetumError as error:
        print(f"tapetum-trainer: {error}", file=sys.stderr)
        return 1


def _check_places(options: argparse.Namespace) -> None:
    """Raise DataError where a file is to be written into a folder that is not there, before minutes of work."""
    for option in ("html", "json"):
        path = getattr(options, option, None)
        if isinstance(path, Path) and not path.parent.is_dir():
            raise DataError(f"--{option}: there is no folder {path.parent} to write it into")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("tapetum-trainer", description="Train, quantize, measure, pack and push models.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    dataset = commands.add_parser("dataset", help="look at a recipe's pictures: dataset check")
    train = commands.add_parser("train", help="train by a recipe, in legs, and pack the bundle when it is done")
    tune = commands.add_parser("fine-tune", help="go on from a bundle that was made here, with other pictures")
    search = commands.add_parser("tune", help="try a recipe in the ways that its [search] tells, and write the best")
    calibrate = commands.add_parser("calibrate", help="let the scores of a bundle tell how often they are right")
    evaluate = commands.add_parser("evaluate", help="judge a model on a recipe's pictures")
    compare = commands.add_parser("compare", help="judge two models on the same pictures, side by side")
    pace = commands.add_parser("pace", help="say how fast a recipe trains here, beside the bare network")
    brighten = commands.add_parser("brighten", help="judge a curve network on pairs of a dark and a bright picture")
    operators = commands.add_parser("operators", help="tell what a .tflite consists of, and what takes it")

    checks = dataset.add_subparsers(required=True, metavar="check")
    check = checks.add_parser("check", help="tell what a recipe's pictures show, and all that is wrong with them")
    check.set_defaults(command="dataset-check")

    brighten.add_argument("bundle", type=Path, help="of a recipe whose task is night")
    brighten.add_argument("pairs", type=Path, help="a folder with low and high, in which the pictures have one name")
    tune.add_argument("bundle", type=Path, help="where it begins")
    calibrate.add_argument("bundle", type=Path, help="that was made here; the next version is written")
    calibrate.add_argument("--folder", type=Path, help="of the next version; the current one by itself")
    operators.add_argument("model", type=Path, help="a bundle, a .tflite, or shipped: the detector that comes along")
    rewritten = "write the model to this file as the Edge TPU's compiler takes it; it gives the same answers"
    operators.add_argument("--edge-tpu", type=Path, metavar="FILE", help=rewritten)
    evaluate.add_argument("model", type=Path, help="a bundle, a .tflite, or a teacher of detectors: objectron, nanodet")
    for name in ("first", "second"):
        compare.add_argument(name, type=Path, help="a bundle, a .tflite, or a teacher: objectron, nanodet")
    check.add_argument("--html", type=Path, help="write a page with pictures and their boxes drawn to this file")
    for one in (check, train, tune, calibrate, search, evaluate, compare, pace):
        one.add_argument("recipe", type=Path, help="a .toml; models/recipes has some; or a folder of labelled pictures")
        one.add_argument("--data", type=Path, default=_root(), help="the folder that its paths begin in; TAPETUM_DATA")
    search.add_argument("--folder", type=Path, help="of the trials; one of the bundle's name by itself")
    search.add_argument("--workers", type=int, default=1, help="trials at once; 1 by itself")
    for one in (train, tune):
        one.add_argument("--folder", type=Path, help="of the training; one of the bundle's name by itself")
        one.add_argument("--minutes", type=float, help="stop after so long; the same command goes on from there")
        one.add_argument("--workers", type=int, default=1, help="processes that share each batch; 1 by itself")
        one.add_argument("--layers", action="store_true", help="at the end, tell what int8 costs operator by operator")
    for one in (evaluate, compare):
        _add_judging(one)
    pace.add_argument("--rounds", type=int, default=3, help="3 by itself")
    _add_quantize(commands)
    arguments.add(commands)
    of_rollouts.add(commands)
    evaluate.add_argument("--json", type=Path, help="write all figures to this file")
    return parser


def _add_judging(one: argparse.ArgumentParser) -> None:
    one.add_argument("--split", choices=("train", "valid", "test"), default="test", help="test by itself")
    one.add_argument("--labels", default="", help="file of labels, for a .tflite that brings none")
    one.add_argument("--html", type=Path, help="write a page with the worst mistakes drawn to this file")
    one.add_argument("--means", action="append", default=[], metavar="OURS=THEIRS,...", help="labels that differ")
    one.add_argument("--conditions", action="store_true", help="also by night, in haze, moved, by infrared, H.264")


def _add_quantize(commands: Any) -> None:
    quantize = commands.add_parser("quantize", help="make a bundle of anybody's float detector, in whole numbers")
    quantize.set_defaults(desk="tapetum_trainer.quantizing")
    quantize.add_argument("model", type=Path, help="a float .tflite")
    quantize.add_argument("recipe", type=Path, help="whose pictures calibrate and judge; or a folder of labelled ones")
    quantize.add_argument("--data", type=Path, default=_root(), help="the folder that its paths begin in; TAPETUM_DATA")
    quantize.add_argument("--labels", default="", help="file of the model's labels, where it brings none")
    quantize.add_argument("--means", action="append", default=[], metavar="OURS=THEIRS,...", help="labels that differ")
    quantize.add_argument("--name", default="", help="of the bundle; that of the file by itself")
    quantize.add_argument("--version", type=int, default=1, help="of the bundle; 1 by itself")
    quantize.add_argument("--licence", default="not said", help="of the model, as SPDX writes it: Apache-2.0")
    quantize.add_argument("--input", choices=("int8", "uint8"), help="of the bundle's model; as the recipe says")
    quantize.add_argument("--pictures", type=int, help="for calibration; as the recipe says")
    quantize.add_argument("--edge-tpu", action="store_true", help="rewrite what the Edge TPU's compiler refuses")
    quantize.add_argument("--folder", type=Path, help="of the bundle; the current one by itself")


def _root() -> Path:
    return Path(os.environ.get("TAPETUM_DATA") or ".")


if __name__ == "__main__":
    sys.exit(main())
