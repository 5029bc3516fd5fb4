"""`tapetum models list`: the slots, and which of them is active."""

import argparse
import json
from typing import TYPE_CHECKING, Any

from tapetum.commands.models import slots
from tapetum.commands.settings import add_config
from tapetum.errors import BundleError

if TYPE_CHECKING:
    from tapetum.store import Store


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `models list` takes."""
    add_config(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def main(options: argparse.Namespace) -> int:
    """Print them; each is read and checked."""
    config, store = slots.opened(options)
    record = store.record()
    standing = record.standing(store.wish().pinned)
    found = [_slot(store, name) for name in store.slots()]
    if options.json:
        told = {name: getattr(standing, name) for name in ("active", "previous", "state", "model", "reason", "pinned")}
        print(json.dumps(told | {"slots": found}))
        return 0
    for slot in found:
        roles = [role for role in ("active", "previous") if slot["model"] == getattr(record, role)]
        marks = roles + [f"damaged: {slot['problem']}"] * bool(slot["problem"])
        print(f"{slot['model']}  {slot['bytes'] / 1e6:.1f} MB  {', '.join(marks)}".rstrip())
    for line in (standing.told, "pinned: no update is taken" if standing.pinned else ""):
        if line:
            print(line)
    if not record.active:
        print(f"none is active; inference.model is used: {config.inference.model or 'none, motion alone'}")
    return 0


def _slot(store: "Store", name: str) -> dict[str, Any]:
    try:
        store.open(name)
        problem = ""
    except BundleError as error:
        problem = str(error)
    return {"model": name, "bytes": store.path(name).stat().st_size, "problem": problem}
