"""What the commands that publish do: each takes its options and returns its exit status."""

import argparse
import hashlib
from collections.abc import Mapping
from pathlib import Path

from tapetum.alerts.broker import Broker
from tapetum.update.offer import EVERYBODY
from tapetum_trainer.publish import alone, ceremony, home, mirror
from tapetum_trainer.publish.answers import Answers
from tapetum_trainer.publish.ceremony import ONLINE, ROLES
from tapetum_trainer.publish.errors import PublishError
from tapetum_trainer.publish.home import SETTINGS
from tapetum_trainer.publish.repository import Repository
from tapetum_trainer.publish.shelf import Shelf

_TEMPLATE = """# Where bundles are published: the broker of the devices, as [broker] of tapetum.toml says it.
[broker]
host = ""
# tls = true
# ca = "/etc/tapetum/ca.crt"
# credentials = "publisher.toml"    # two lines: user = "publisher" and password = "..."
"""


@home.told
def init(options: argparse.Namespace) -> int:
    """Make all keys, and say what is to be done with them."""
    path = ceremony.begin(_repository(options.home), home.keys(options), options.count, options.threshold)
    settings = options.home / SETTINGS
    if not settings.exists():
        settings.write_text(_TEMPLATE, encoding="utf-8")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    print(f"{path}: bring it to each device, and there: tapetum enroll root.json")
    print(f"It says then: sha256 {digest}")
    print(f"{options.home / 'keys/root'}: take these keys away from this machine, each to another place; when another")
    print(f"key is stolen or lost, {options.threshold} of {options.count} sign. Say in {settings} where the broker is.")
    return 0


@home.told
def rotate(options: argparse.Namespace) -> int:
    """Give roles other keys, and publish that."""
    unknown = sorted(set(options.roles) - set(ROLES))
    if unknown:
        raise PublishError(f"{', '.join(unknown)}: roles are {', '.join(ROLES)}")
    if options.token and "targets" not in options.roles:
        raise PublishError("--token: the key of targets can be in one: keys rotate targets --token ...")
    ring, repository, broker = home.keys(options), _repository(options.home), home.broker(options)
    with alone.signing(options.home):
        path = ceremony.rotate(repository, ring, options.roles, options.root_keys or ring.folder / "root")
        print(f"{path}: signed; keys of {', '.join(options.roles) or 'no role'} are others now")
        _publish(repository, options.folder, broker)
    return 0


@home.told
def push(options: argparse.Namespace) -> int:
    """Sign a bundle, publish it, and wait for what devices make of it."""
    content = options.bundle.read_bytes()
    repository, ring, broker = _repository(options.home), home.keys(options), home.broker(options)
    signers = ring.signers(repository.metadata.root(), *ROLES[1:])
    to, classes = home.names(options.to), home.names(options.classes)
    if not to:
        raise PublishError(f"--to {options.to!r}: names of devices are wanted, with commas between them, or * for all")
    with alone.signing(options.home):
        contract = repository.push(content, to, signers, options.epoch, classes)
        model = next(name for name, one in repository.contracts().items() if one.push == contract.push)
        print(f"{model}: signed for {', '.join(to)}, push {contract.push}", flush=True)
        _publish(repository, options.folder, Broker())
    if not broker.host:
        return 0
    try:
        with Shelf(broker) as shelf:
            answers = Answers(shelf, () if EVERYBODY in to else to, _say)
            with alone.signing(options.home):
                _put(shelf, repository.files())
            return 0 if not options.wait or answers.wait(model, contract.push, options.wait) else 1
    except PublishError as error:
        raise PublishError(f"{error}; it is signed: tapetum-trainer refresh publishes it") from None


@home.told
def refresh(options: argparse.Namespace) -> int:
    """Sign again what holds for a short time only, and publish it."""
    repository, ring, broker = _repository(options.home), home.keys(options), home.broker(options)
    root = repository.metadata.root()
    first, roles = ("targets", ROLES[1:]) if options.targets else ("timestamp", ONLINE)
    signers = ring.signers(root, *roles)
    with alone.signing(options.home):
        repository.refresh(signers, first)
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
