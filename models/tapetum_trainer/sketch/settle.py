"""A command that was given a folder of pictures, and no recipe, gets one: written the first time, read afterwards."""

import argparse
import re
from pathlib import Path

from tapetum_trainer.data.readers.kept import cache
from tapetum_trainer.errors import RecipeError
from tapetum_trainer.inheritance import values_of
from tapetum_trainer.sketch.beginning import Beginning, beginning
from tapetum_trainer.sketch.recipe import Sketch, name_of, sketched

_GOING_ON = frozenset({"fine-tune", "calibrate"})  # commands whose classes are those of a bundle
_HEAD = re.compile(r"# Of what lies in (?P<folder>.*?)(, to go on from (?P<bundle>\S+))?, written by tapetum-trainer\.")
_WRITING = frozenset({"train", "fine-tune"})  # commands that leave the recipe where they were called


def settle(options: argparse.Namespace) -> None:
    """Let `options` name a recipe where they name a folder of labelled pictures, and that folder as the data's.

    It is written where the command was called, by those that train; it may be changed then, and is read the next time.
    Raises DataError when nothing is labelled in the folder, ModelError when a bundle to go on from is none of ours,
    RecipeError where the recipe cannot be written.
    """
    folder: Path = options.recipe
    if not folder.is_dir():
        return
    own = Path(f"{name_of(folder)}.toml")
    options.recipe, options.data = own, folder
    begun = beginning(options.bundle) if options.command in _GOING_ON else None
    if own.exists():
        _check_own(own, _head(folder, begun), training=options.command in _WRITING)
        print(f"{own}: the recipe of {folder}; without it, one would be written anew")
        return
    found = sketched(folder, begun)
    if options.command not in _WRITING:
        options.recipe = cache() / "sketches" / f"{name_of(folder)}.toml"
    try:
        options.recipe.parent.mkdir(parents=True, exist_ok=True)
        options.recipe.write_text(_written(found, _head(folder, begun)), encoding="utf-8")
    except OSError as error:
        raise RecipeError(f"{options.recipe.absolute()}: the recipe cannot be written: {error.strerror}") from None
    print("\n".join([*found.told, f"{options.recipe}: all of that, as a recipe"]))


def _head(folder: Path, begun: Beginning | None) -> str:
    """Return the first line of the recipe, which tells what it was written for."""
    going_on = f", to go on from {begun.name}" if begun else ""
    return f"# Of what lies in {folder.resolve()}{going_on}, written by tapetum-trainer."


def _check_own(own: Path, head: str, *, training: bool) -> None:
    """Raise RecipeError where the recipe `own` was written for another folder, or for a training of another kind."""
    try:
        first = own.read_text("utf-8").partition("\n")[0]
    except (OSError, UnicodeDecodeError):
        return  # whoever reads all of it tells that
    said, wanted = (_HEAD.fullmatch(line) for line in (first, head))
    if said and wanted and (said["folder"] != wanted["folder"] or (training and said["bundle"] != wanted["bundle"])):
        told = f"it was written for something else: {first[2:]}"
        raise RecipeError(f"{own.absolute()}: {told} Move it, or name it in the folder's place")


def _written(found: Sketch, head: str) -> str:
    """Return the text of the recipe."""
    import tomli_w  # noqa: PLC0415  an extra

    told = "\n".join(f"# {line}" for line in found.told)
    text = f"""{head}
# Change what you like: it is read as it stands.
{told}

{tomli_w.dumps(dict(found.values))}"""
    values_of(text)
    return text
