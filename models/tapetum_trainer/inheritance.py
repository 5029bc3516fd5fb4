"""The file of a recipe, and that of the one it is `like`: TOML, in which another recipe may be taken for granted.

`like` names the other's file, beside this one unless it leads elsewhere. What this one says is laid over it, key by key
through all tables. Taken whole are arrays, the tables whose keys are names of the recipe's own, and a table of another
`type` than the one it covers: half of the old one in it would mean nothing.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tapetum_trainer.errors import RecipeError

Values = Mapping[str, Any]
"""What a recipe says, as TOML gives it."""

LIKE = "like"
_OWN_NAMES = frozenset({"classes", "ignored", "means", "over"})


def written(path: Path) -> Values:
    """Return what the file of a recipe says, all that it inherits in its place, unchecked.

    Raises RecipeError naming the file that is not there, is no TOML, or is like itself by whatever detour.
    """
    return _resolved(path, ())


def values_of(text: str) -> Values:
    """Return what `text` says; raises RecipeError when it is no TOML."""
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise RecipeError(f"is no TOML: {error}") from None


def told(path: Path) -> str:
    """Return `path` with what it is like, as a mistake may stand in either; both can be read."""
    own = _read(path)
    return f"{path}, like {told(path.parent / own[LIKE])}" if LIKE in own else str(path)


def _resolved(path: Path, heirs: tuple[Path, ...]) -> Values:
    own = dict(_read(path))
    if LIKE not in own:
        return own
    like = own.pop(LIKE)
    if not isinstance(like, str) or not like:
        raise RecipeError(f'{path}: {LIKE}: the file of another recipe is wanted, as "base.toml"')
    other, chain = path.parent / like, (*heirs, path)
    if other.resolve() in {one.resolve() for one in chain}:
        raise RecipeError(f"{chain[0]}: {LIKE}: it leads in a circle: {', '.join(map(str, (*chain, other)))}")
    if not other.is_file():
        raise RecipeError(f"{path}: {LIKE}: there is no recipe {other}")
    return _laid_over(_resolved(other, chain), own)


def _laid_over(below: Values, above: Values) -> dict[str, Any]:
    return {**below, **{key: _covering(key, below.get(key), value) for key, value in above.items()}}


def _covering(key: str, old: Any, new: Any) -> Any:
    """Return what becomes of the `old` value under the `new` one."""
    if key in _OWN_NAMES or not (isinstance(old, Mapping) and isinstance(new, Mapping)):
        return new
    return _laid_over(old, new) if new.get("type", old.get("type")) == old.get("type") else new


def _read(path: Path) -> Values:
    try:
        return values_of(path.read_text("utf-8"))
    except OSError as error:
        raise RecipeError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise RecipeError(f"{path}: is no text in UTF-8") from None
    except RecipeError as error:
        raise RecipeError(f"{path}: {error}") from None
