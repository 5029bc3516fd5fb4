"""What the commands of a rollout do: each takes its options and returns its exit status."""

import argparse
import json
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from tapetum_trainer.publish import alone, home
from tapetum_trainer.publish.ceremony import ROLES
from tapetum_trainer.publish.errors import PublishError
from tapetum_trainer.publish.repository import Repository
from tapetum_trainer.rollout import beginning, table
from tapetum_trainer.rollout.book import DRIVEN, Book, Rollout, State
from tapetum_trainer.rollout.driver import Driver
from tapetum_trainer.rollout.ears import Ears
from tapetum_trainer.rollout.fleet import Fleet
from tapetum_trainer.rollout.signing import Bench

_LOOK_S = 0.2
_PATIENCE_S = 120.0  # for another process to do what is wished
_INTERRUPTED = 130
_WELL = frozenset({State.COMPLETE, State.PAUSED, State.BACK})
_STOPPED = frozenset({State.PAUSED, State.HALTED})


@home.told
def start(options: argparse.Namespace) -> int:
    """Begin a rollout and drive it, or say what it would be."""
    begun = beginning.planned(options, home.broker(options))
    if options.dry_run:
        print(json.dumps(begun.values()) if options.json else "\n".join(begun.lines()))
        return 0
    for line in begun.lines(brief=True):
        print(line, flush=True)
    bench = _bench(options, begun.rollout.id)
    with _driving(options, begun.rollout.id), closing(_book(options)) as book:
        bench.keep(begun.rollout.model, begun.content)
        for model in sorted({one.before for one in begun.members if one.before and one.stage >= 0}):
            bench.keep(model)
        book.begin(begun.rollout, begun.members)
        return _driven(options, book, bench, begun.rollout.id, lambda _: None)


@home.told
def devices(options: argparse.Namespace) -> int:
    """Name all devices, with what they say of themselves."""
    fleet = beginning.heard(home.broker(options))
    told = beginning.inventory(fleet)
    if options.json:
        print(json.dumps(told))
        return 0
    for one in told:
        print("  ".join(f"{value}" for value in one.values() if value != ""))
    print(f"{len(told)} devices, {fleet.refused} messages that are none")
    return 0


@home.told
def listed(options: argparse.Namespace) -> int:
    """Name all rollouts."""
    with closing(_book(options)) as book:
        found = [book.rollout(name) for name in book.ids()]
    if options.json:
        print(
            json.dumps([{"id": one.id, "model": one.model, "state": one.state, "reason": one.reason} for one in found])
        )
    for one in [] if options.json else found:
        begun = time.strftime("%Y-%m-%d %H:%M", time.localtime(one.begun_s))
        print(f"{one.id}: {one.model}: {one.state}{f': {one.reason}' if one.reason else ''}, begun {begun}")
    return 0


@home.told
def status(options: argparse.Namespace) -> int:
    """Tell how a rollout stands, whoever drives it."""
    with closing(_book(options)) as book:
        found = book.rollout(_named(options, book))
        members, events = book.members(found.id).values(), book.events(found.id)
    if options.json:
        told = [{"at_s": at_s, "what": what} for at_s, what in events]
        print(json.dumps({**table.values(found, members, time.time()), "events": told}))
        return 0
    for at_s, what in events:
        print(f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(at_s))}  {what}")
    print("\n".join(table.lines(found, members, time.time())))
    return 0


@home.told
def watch(options: argparse.Namespace) -> int:
    """Drive one on that nobody drives."""
    return _mine(options, DRIVEN, lambda _: None)


@home.told
def resume(options: argparse.Namespace) -> int:
    """Go on with one that is paused or has stopped by itself."""
    return _mine(options, _STOPPED, lambda driver: driver.resume(beginning.limited(options, driver.rollout.plan)))


@home.told
def pause(options: argparse.Namespace) -> int:
    """Begin no further stage."""
    return _wished(options, "pause", {State.RUNNING}, lambda driver: driver.pause())


@home.told
def abort(options: argparse.Namespace) -> int:
    """Ask nobody any more."""
    return _wished(options, "abort", {State.RUNNING, *_STOPPED}, lambda driver: driver.abort())


@home.told
def rollback(options: argparse.Namespace) -> int:
    """Have every device that was asked go back to what it had."""
    states = {State.RUNNING, *_STOPPED, State.ABORTED, State.COMPLETE}
    return _wished(options, "rollback", states, lambda driver: driver.begin_back())


Act = Callable[[Driver], None]


def _mine(options: argparse.Namespace, states: frozenset[State], act: Act) -> int:
    """Do something with a rollout that nobody else drives, and drive it on."""
    with closing(_book(options)) as book:
        name = _named(options, book)
        with _driving(options, name):
            _check(book.rollout(name), states)
            return _driven(options, book, _bench(options, name), name, act)


def _wished(options: argparse.Namespace, wish: str, states: set[State], act: Act) -> int:
    """Do something with a rollout, or have it done by who drives it."""
    with closing(_book(options)) as book:
        name, until_s = _named(options, book), time.monotonic() + _PATIENCE_S
        _check(book.rollout(name), frozenset(states))
        bench = None if wish == "pause" else _bench(options, name)
        while time.monotonic() < until_s:
            try:
                with _driving(options, name):
                    if book.wished(name) != wish and book.rollout(name).state not in states:
                        break  # it was done meanwhile
                    return _driven(options, book, bench or _bench(options, name, signs=False), name, act)
            except alone.BusyError:
                book.wish(name, wish)
            while book.wished(name) == wish and time.monotonic() < until_s and _is_driven(options, name):
                time.sleep(_LOOK_S)
            if book.wished(name) != wish:
                break
        found = book.rollout(name)
        print(f"{name}: {found.state}{f': {found.reason}' if found.reason else ''}: by the process that drives it")
        return 0 if book.wished(name) != wish else 1


def _driven(options: argparse.Namespace, book: Book, bench: Bench, name: str, act: Act) -> int:
    """Drive a rollout until there is nothing to be driven, and say how it ended."""
    screen = table.Screen(sys.stdout)
    ears = Ears(home.broker(options), Fleet(), screen.say)
    driver = Driver(book, book.rollout(name), bench, ears, screen.say)
    try:
        act(driver)
        found = driver.run(screen.show)
    except KeyboardInterrupt:
        screen.say(f"devices that were asked go on; so does this: tapetum-trainer rollout watch {name}")
        return _INTERRUPTED
    finally:
        ears.close()
    screen.show(found, driver.members.values(), last=True)
    if found.state in _STOPPED:
        print(f"tapetum-trainer rollout resume {name}, abort {name} or rollback {name}")
    return 0 if found.state in _WELL or options.command == "abort" else 1


def _check(rollout: Rollout, states: frozenset[State]) -> None:
    if rollout.state not in states:
        reason = f": {rollout.reason}" if rollout.reason else ""
        raise PublishError(f"{rollout.id} is {rollout.state}{reason}; it can be when {', '.join(sorted(states))}")


def _named(options: argparse.Namespace, book: Book) -> str:
    """Return which rollout is meant: the last one where none is named."""
    found = book.ids()
    if not options.id and not found:
        raise PublishError("there is no rollout yet: tapetum-trainer rollout start BUNDLE")
    return book.rollout(options.id).id if options.id else found[-1]


def _book(options: argparse.Namespace) -> Book:
    return Book(options.home / "rollouts.sqlite")


def _folder(options: argparse.Namespace, name: str) -> Path:
    """Return where a rollout keeps its bundles."""
    return Path(options.home) / "rollouts" / name


def _driving(options: argparse.Namespace, name: str) -> alone.Held:
    """Be the one that drives it; raises BusyError, which names the process, while another one does."""
    return alone.held(_folder(options, name) / "lock", 0.0, f"{name} is driven by another command")


def _is_driven(options: argparse.Namespace, name: str) -> bool:
    try:
        with _driving(options, name):
            return False
    except alone.BusyError:
        return True


def _bench(options: argparse.Namespace, name: str, signs: bool = True) -> Bench:
    """Return where a rollout is signed, with the keys that sign."""
    root = Repository(options.home / "repository").metadata.root()
    signers = home.keys(options).signers(root, *ROLES[1:]) if signs else {}
    return Bench(options.home, _folder(options, name), signers, home.broker(options))
