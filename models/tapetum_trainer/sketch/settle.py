"""A command that was given a folder of pictures, and no recipe, gets one: written the first time, read afterwards."""

import argparse
from pathlib import Path

from tapetum_trainer.data.readers.kept import cache
from tapetum_trainer.errors import RecipeError
from tapetum_trainer.inheritance import values_of
from tapetum_trainer.sketch.beginning import beginning
from tapetum_trainer.sketch.recipe import Sketch, name_of, sketched

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
    if own.exists():
        print(f"{own}: the recipe of {folder}; without it, one would be written anew")
        return
    begun = beginning(options.bundle) if options.command == "fine-tune" else None
    found = sketched(folder, begun)
    if options.command not in _WRITING:
        options.recipe = cache() / "sketches" / f"{name_of(folder)}.toml"
    try:
        options.recipe.parent.mkdir(parents=True, exist_ok=True)
        options.recipe.write_text(_written(found, folder), encoding="utf-8")
    except OSError as error:
        raise RecipeError(f"{options.recipe.absolute()}: the recipe cannot be written: {error.strerror}") from None
    print("\n".join([*found.told, f"{options.recipe}: all of that, as a recipe"]))


def _written(found: Sketch, folder: Path) -> str:
    """Return the text of the recipe."""
    import tomli_w  # noqa: PLC0415  an extra

    told = "\n".join(f"# {line}" for line in found.told)
    text = f"""# Of what lies in {folder}, written by tapetum-trainer. Change what you like: it is read as it stands.
{told}

{tomli_w.dumps(dict(found.values))}"""
    values_of(text)
    return text
