"""Takes what was fetched: the other side of `update.offer.Installer`. What comes of it, `installing` decides."""

import contextlib
import errno
import os
from collections.abc import Callable
from dataclasses import replace

from tapetum.errors import BundleError
from tapetum.ledger import Ledger
from tapetum.record import TRIED, UNDER_WAY, Install, Record, State
from tapetum.update.offer import Offer


class Intake:
    """Any thread may call any method."""

    def __init__(self, ledger: Ledger, tell: Callable[[], None]) -> None:
        """Put what comes into the ledger's slots; `tell` is called after each step."""
        self._ledger = ledger
        self._tell = tell

    def had(self, model: str, push: int) -> bool:
        """As of `Installer.had`."""
        record = self._ledger.record
        return push <= record.push or (model == record.active and record.install.state not in TRIED)

    def needs(self, model: str, sha256: str, push: int) -> bool:  # noqa: ARG002  a slot never changes: its name is enough
        """As of `Installer.needs`; no, too, while somebody wants no updates."""
        record = self._ledger.record
        if self._ledger.store.wish().pinned or self.had(model, push):
            return False
        if _goes_back(record, model):
            return True
        if record.install.state in UNDER_WAY:
            return False
        self._comes(State.OFFERED, model, push)
        return True

    def downloading(self, model: str) -> None:
        """Have it known that the bundle, of which `needs` said yes, comes now."""
        install = self._ledger.record.install
        if (install.state, install.model) == (State.OFFERED, model):
            self._comes(State.DOWNLOADING, model, install.push)

    def take(self, offer: Offer) -> None:
        """As of `Installer.take`; what goes back is wished for, as by a command: one on trial gives way at once."""
        if self._ledger.store.wish().pinned:
            raise _not_now("somebody wants no updates")
        if _goes_back(self._ledger.record, offer.model):
            self._ledger.store.adopt(offer.path, offer.model)
            self._ledger.store.want(offer.model, offer.contract.push)
            return
        _free(self._ledger.record)
        install = Install(State.VERIFIED, offer.model, push=offer.contract.push)
        try:
            self._ledger.store.adopt(offer.path, offer.model)
        except BundleError as error:
            reason = str(error)
            self._ledger.demand(lambda record: _free(record).begun(install).unwilling(reason))
            self._tell()
            raise
        self._ledger.demand(lambda record: _free(record).begun(install))
        self._tell()

    def _comes(self, state: State, model: str, push: int) -> None:
        """Have a step of what is not yet here; what nobody needs any more makes room for it."""
        install = Install(state, model, push=push)
        if self._ledger.record.install == install:
            return
        self._ledger.change(lambda record: _coming(record, install))
        with contextlib.suppress(OSError):  # then it lies there until the next one comes
            self._ledger.store.sweep()
        self._tell()


def _coming(record: Record, install: Install) -> Record:
    """Return `record` with a bundle on its way, unless another one has come before it."""
    return record if record.install.state in UNDER_WAY else replace(record, install=install)


def _goes_back(record: Record, model: str) -> bool:
    """Return whether `model` was active before the one that is, and nothing is tried that is not active yet."""
    return model == record.previous and record.install.state not in TRIED


def _free(record: Record) -> Record:
    """Return `record`; raises OSError while another one is being installed."""
    if record.install.state in UNDER_WAY:
        raise _not_now(f"{record.install.model} is being installed")
    return record


def _not_now(why: str) -> OSError:
    return OSError(errno.EBUSY, f"{os.strerror(errno.EBUSY)}: {why}")
