"""Having a device trust a root: whose bundles it takes from then on."""

import shutil
from pathlib import Path

from tapetum import durable
from tapetum.errors import UpdateError
from tapetum.update import floor

ROOT = "root.json"
"""The root of trust, in the folder of the updates; while it is not there, nothing is fetched."""
LARGEST_ROOT = 1 << 16
"""Bytes of it."""


def is_trusted(folder: Path, content: bytes) -> bool:
    """Return whether that root is trusted, and what was seen since is known."""
    try:
        floor.read(folder)
        return (folder / ROOT).read_bytes() == content
    except (UpdateError, FileNotFoundError):
        return False


def trust(folder: Path, version: int, content: bytes) -> None:
    """Trust the root `content` of that version, and nothing that was seen before; raises OSError.

    After a power cut on the way nothing is trusted, and so nothing is fetched.
    """
    (folder / ROOT).unlink(missing_ok=True)
    if folder.exists():
        durable.flush(folder)  # no floor of the new root with the old one
    shutil.rmtree(folder / "metadata", ignore_errors=True)
    floor.write(folder, floor.Floor(root=version))
    durable.write(folder / ROOT, content)
