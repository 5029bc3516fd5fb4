"""What the commands that publish do: each takes its options and returns its exit status."""

import argparse
import functools
import hashlib
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from tapetum.alerts.broker import Broker
from tapetum.alerts.broker import check as check_broker
from tapetum.config_errors import explained
from tapetum.errors import ConfigError
from tapetum.update.offer import EVERYBODY
from tapetum_trainer.publish import asking, ceremony, mirror, tokens
from tapetum_trainer.publish.answers import Answers
from tapetum_trainer.publish.ceremony import ONLINE, ROLES
from tapetum_trainer.publish.errors import PublishError
from tapetum_trainer.publish.repository import Repository
from tapetum_trainer.publish.ring import Ring
from tapetum_trainer.publish.shelf import Shelf

_SETTINGS = "publish.toml"
_TEMPLATE = """# Where bundles are published: the broker of the devices, as [broker] of tapetum.toml says it.
[broker]
host = ""
# tls = true
# ca = "/etc/tapetum/ca.crt"
# credentials = "publisher.toml"    # two lines: user = "publisher" and password = "..."
"""


def _told(command: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """Have it told in a line, and not as a fault of ours, what a disk does not take or give."""

    @functools.wraps(command)
    def run(options: argparse.Namespace) -> int:
        try:
            return command(options)
        except OSError as error:
            raise PublishError(error.strerror or str(error), error.filename or options.home) from None

    return run


@_told
def init(options: argparse.Namespace) -> int:
    """Make all keys, and say what is to be done with them."""
    home = options.home
    path = ceremony.begin(_repository(home), _keys(options), options.count, options.threshold)
    settings = home / _SETTINGS
    if not settings.exists():
        settings.write_text(_TEMPLATE, encoding="utf-8")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    print(f"{path}: bring it to each device, and there: tapetum enroll root.json")
    print(f"It says then: sha256 {digest}")
    print(
        f"{home / 'keys/root'}: take these keys away from this machine, each to another place; {options.threshold} of"
    )
    print(f"{options.count} sign, when another key is stolen or lost. Say in {settings} where the broker is.")
    return 0


@_told
def rotate(options: argparse.Namespace) -> int:
    """Give roles other keys, and publish that."""
    unknown = sorted(set(options.roles) - set(ROLES))
    if unknown:
        raise PublishError(f"{', '.join(unknown)}: roles are {', '.join(ROLES)}")
    if options.token and "targets" not in options.roles:
        raise PublishError("--token: the key of targets can be in one: keys rotate targets --token ...")
    ring, repository, broker = _keys(options), _repository(options.home), _broker(options)
    path = ceremony.rotate(repository, ring, options.roles, options.root_keys or ring.folder / "root")
    print(f"{path}: signed; keys of {', '.join(options.roles) or 'no role'} are others now")
    _publish(repository, options.folder, broker)
    return 0


@_told
def push(options: argparse.Namespace) -> int:
    """Sign a bundle, publish it, and wait for what devices make of it."""
    content = options.bundle.read_bytes()
    repository, ring, broker = _repository(options.home), _keys(options), _broker(options)
    signers = ring.signers(repository.metadata.root(), *ROLES[1:])
    to, classes = _names(options.to), _names(options.classes)
    if not to:
        raise PublishError(f"--to {options.to!r}: names of devices are wanted, with commas between them, or * for all")
    contract = repository.push(content, to, signers, options.epoch, classes)
    model = next(name for name, one in repository.contracts().items() if one.push == contract.push)
    print(f"{model}: signed for {', '.join(to)}, push {contract.push}", flush=True)
    _publish(repository, options.folder, Broker())
    if not broker.host:
        return 0
    try:
        with Shelf(broker) as shelf:
            answers = Answers(shelf, () if EVERYBODY in to else to, _say)
            _put(shelf, repository.files())
            return 0 if not options.wait or answers.wait(model, contract.push, options.wait) else 1
    except PublishError as error:
        raise PublishError(f"{error}; it is signed: tapetum-trainer refresh publishes it") from None


@_told
def refresh(options: argparse.Namespace) -> int:
    """Sign again what holds for a short time only, and publish it."""
    repository, ring, broker = _repository(options.home), _keys(options), _broker(options)
    root = repository.metadata.root()
    if options.targets:
        repository.refresh(ring.signers(root, *ROLES[1:]), "targets")
    else:
        repository.refresh(ring.signers(root, *ONLINE))
    timestamp = repository.metadata.timestamp()
    print(f"timestamp {timestamp.version} holds until {timestamp.expires:%Y-%m-%d}")
    _publish(repository, options.folder, broker)
    for role, until in repository.ending().items():
        command = "refresh --targets" if role == "targets" else "keys rotate"
        print(f"{role} holds only until {until:%Y-%m-%d}: tapetum-trainer {command}")
    return 0


def _publish(repository: Repository, folder: Path | None, broker: Broker) -> None:
    """Publish what is signed, wherever that is to be."""
    files = repository.files()
    if folder:
        mirror.publish(files, folder)
        print(f"{folder}: {len(files)} files")
    if broker.host:
        with Shelf(broker) as shelf:
            _put(shelf, files)


def _put(shelf: Shelf, files: Mapping[str, Path]) -> None:
    sent = shelf.publish(files)
    print(f"{shelf.where}: {len(files)} files, {sent / 1e6:.1f} MB of them new", flush=True)


def _say(text: str) -> None:
    print(text, flush=True)


def _repository(home: Path) -> Repository:
    return Repository(home / "repository")


def _keys(options: argparse.Namespace) -> Ring:
    """Return the keys; what opens them is asked for when it is wanted, and read at once where a file has it."""
    place = None
    if getattr(options, "token", None):
        place = tokens.Place(options.token, options.library)
    return Ring(options.home / "keys", asking.passphrases(options.passphrase), asking.pins(options.pin), place)


def _broker(options: argparse.Namespace) -> Broker:
    """Return the broker that `publish.toml` names, one without a host where a folder will do; raises PublishError."""
    found = _named(options.home / _SETTINGS)
    if not (found.host or options.folder):
        raise PublishError("it names no broker, and --folder no folder: where is it to be published?", _SETTINGS)
    return found


def _named(path: Path) -> Broker:
    try:
        values: Mapping[str, object] = tomllib.loads(path.read_text(encoding="utf-8"))
        if unknown := sorted(set(values) - {"broker"}):
            raise PublishError(f"{unknown[0]}: there is no such key; [broker] is the one table", path)
        found = msgspec.convert(values.get("broker", {}), Broker)
        check_broker(found)
    except FileNotFoundError:
        return Broker()
    except msgspec.ValidationError as error:
        raise PublishError(explained(str(error), Broker, values.get("broker"), "broker"), path) from None
    except (OSError, ValueError, ConfigError) as error:
        raise PublishError(str(error), path) from None
    return found


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
