"""`tapetum enroll`: puts the root of trust on the device; from then on it takes what is pushed, and nobody else's."""

import argparse
import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tapetum.commands.models import slots
from tapetum.commands.settings import add_config
from tapetum.errors import BundleError, ConfigError

if TYPE_CHECKING:
    from tuf.api.metadata import Root

_MISSING = 'enroll: tuf is missing, which decides what may be trusted: pip install "tapetum[update]"'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `enroll` takes."""
    parser.add_argument("root", metavar="FILE", help="root.json, as `tapetum-trainer keys init` wrote it")
    parser.add_argument("--again", action="store_true", help="in the place of another that the device trusts now")
    add_config(parser)


def main(options: argparse.Namespace) -> int:
    """Put it there and say whom it names; raises ConfigError when the file is no root, or another is there."""
    from tapetum.update import enrolment
    from tapetum.update.updates import FOLDER

    content = _read(Path(options.root))  # before we are somebody else
    root = _checked(options.root, content)
    config, _ = slots.opened(options)
    folder = Path(config.state_dir) / FOLDER
    there = folder / enrolment.ROOT
    try:
        if enrolment.is_trusted(folder, content):
            print("the device trusts it already: ", end="")
        elif there.exists() and there.read_bytes() != content and not options.again:
            raise ConfigError(f"{there}: the device trusts another root: --again has it trust this one, and no other")
        else:
            enrolment.trust(folder, root.version, content)
    except OSError as error:
        raise ConfigError(f"state_dir: {folder}: {error.strerror}; it must be writable and have room") from None
    print(_told(root, content))
    return 0


def _read(path: Path) -> bytes:
    from tapetum.update.enrolment import LARGEST_ROOT

    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_ROOT + 1)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    if len(content) > LARGEST_ROOT:
        raise ConfigError(f"{path}: it is no root.json: it has more than {LARGEST_ROOT} bytes")
    return content


def _checked(path: str, content: bytes) -> "Root":
    try:
        from tapetum.update.trust import checked_root
    except ModuleNotFoundError:
        raise ConfigError(_MISSING) from None
    try:
        return checked_root(content)
    except BundleError as error:
        raise ConfigError(f"{path}: it is no root that signs itself: {error}") from None


def _told(root: "Root", content: bytes) -> str:
    """Return what one compares with what the desk said when it made the keys."""
    signing = root.roles["root"]
    text = f"root {root.version}, sha256 {hashlib.sha256(content).hexdigest()}, "
    text += f"signed by {signing.threshold} of {len(signing.keyids)} keys, until {root.expires:%Y-%m-%d}"
    if root.expires < datetime.now(UTC):
        text += "; it has expired: nothing is taken until a newer one comes with what is pushed"
    return text
