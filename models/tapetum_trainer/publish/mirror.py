"""The repository as a folder of static files, for any web server."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from tapetum import durable
from tapetum_trainer.publish.errors import PublishError

_LAST = "metadata/timestamp.json"


def publish(files: Mapping[str, Path], folder: Path) -> None:
    """Have exactly these files in `folder`, timestamp last, and what no metadata name gone; raises PublishError."""
    try:
        for name in sorted(files, key=lambda name: (name == _LAST, name)):
            _put(files[name], folder / name)
        for kind in ("metadata", "targets"):
            for path in (folder / kind).glob("*"):
                if f"{kind}/{path.name}" not in files:
                    path.unlink()
    except (OSError, shutil.Error) as error:
        raise PublishError(str(error), folder) from None


def _put(source: Path, target: Path) -> None:
    content = source.read_bytes()
    if not target.exists() or target.read_bytes() != content:
        durable.write(target, content)
