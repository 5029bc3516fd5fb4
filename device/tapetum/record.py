"""What the device keeps of its models beside the slots: which is active, and how far the installing of one has come.

These are values: `store` writes them, whole, and each step of an installing is one such writing.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from tapetum.inference.probes import Trial
from tapetum.install.probation import Pace

SLOT = r"^[a-z0-9][a-z0-9_.-]{0,63}@[1-9][0-9]{0,9}\Z"
"""As a bundle may be called: no slash, no dot in front."""
_LONGEST = 1000  # characters of a reason

Name = Annotated[str, Meta(pattern=rf"{SLOT}|^\Z")]
"""`name@version` of a slot; "": the model to begin with, `inference.model`."""


class State(StrEnum):
    """How far an installing has come, in this order; the last three are ends."""

    IDLE = "idle"
    OFFERED = "offered"
    DOWNLOADING = "downloading"
    VERIFIED = "verified"
    TESTED = "sandbox-tested"
    SHADOW = "shadow"
    TRIAL = "trial"
    COMMITTED = "committed"
    ROLLED_BACK = "rolled-back"
    FAILED = "failed"

    @property
    def words(self) -> str:
        """What is said of a model that has come so far."""
        return _WORDS[self]


_WORDS = {
    State.IDLE: "is as it was",
    State.OFFERED: "is offered",
    State.DOWNLOADING: "is on its way",
    State.VERIFIED: "is here, and is being tried",
    State.TESTED: "has answered its probes",
    State.SHADOW: "runs beside the one in use",
    State.TRIAL: "is on trial",
    State.COMMITTED: "is in use, and stays",
    State.ROLLED_BACK: "was rolled back",
    State.FAILED: "was refused",
}


COMING = frozenset({State.OFFERED, State.DOWNLOADING})
"""Its bundle is not here yet: whoever fetches it begins anew after a start."""
TRIED = frozenset({State.VERIFIED, State.TESTED, State.SHADOW})
"""Its bundle is here, and it is not active yet."""
UNDER_WAY = TRIED | {State.TRIAL}
"""What a start goes on with."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A model that was not taken, and why."""

    model: Name
    reason: str


@dataclass(frozen=True, slots=True)
class Install:
    """How far the last installing has come.

    wish: the id of the command that asked for it, "" for an update. push: of an update. back: it goes back to a model
    that was active before. older: the one before the active one when it began. ends: how often the daemon ended over
    it, other than in order. before: how the device did without it.
    """

    state: State = State.IDLE
    model: Name = ""
    reason: str = ""
    wish: str = ""
    push: int = 0
    back: bool = False
    older: Name = ""
    ends: int = 0
    orderly: bool = False
    before: Pace | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """Which model is active, and how far another one has come: what is told.

    trial: what the active one's probes came to; refused: the last model that was not taken, since then. state, model,
    reason, push: of the last installing; push: 0: a command's. pinned: no update is taken.
    """

    active: Name
    previous: Name
    refused: Refusal | None
    trial: Trial | None
    state: State
    model: Name
    reason: str
    push: int
    pinned: bool

    @property
    def told(self) -> str:
        """How far the last installing has come, in words; "" before the first."""
        if self.state is State.IDLE:
            return ""
        said = f"{self.model or 'inference.model'} {self.state.words}"
        return f"{said}: {self.reason}" if self.reason else said


@dataclass(frozen=True, slots=True)
class Record:
    """What is kept. answered: the id of the last wish that was; push: the last update that was."""

    active: Name = ""
    previous: Name = ""
    refused: Refusal | None = None
    trial: Trial | None = None
    answered: str = ""
    push: int = 0
    install: Install = Install()

    def standing(self, pinned: bool) -> Standing:
        """Return what is told of it."""
        found = self.install
        return Standing(
            active=self.active,
            previous=self.previous,
            refused=self.refused,
            trial=self.trial,
            state=found.state,
            model=found.model,
            reason=found.reason,
            push=found.push,
            pinned=pinned,
        )

    def needed(self) -> set[str]:
        """Return the slots that must stay."""
        found = self.install
        coming = {found.model, found.older} if found.state in UNDER_WAY | COMING else set()
        return {self.active, self.previous} | coming

    @property
    def leftover(self) -> Name:
        """The slot that the last installing has left behind, when it has come to its end; "" for none.

        One that a command put there and that was refused is not: somebody may try it again.
        """
        found = self.install
        left = found.older if found.state is State.COMMITTED else ""
        if found.push and found.state in (State.FAILED, State.ROLLED_BACK):
            left = found.model
        return "" if left in self.needed() else left

    def begun(self, install: Install) -> "Record":
        """Return it with another installing begun."""
        return replace(self, install=replace(install, older=self.previous))

    def come_to(self, state: State) -> "Record":
        """Return it with the installing one step further."""
        return replace(self, install=replace(self.install, state=state))

    def activated(self, trial: Trial | None, state: State = State.COMMITTED) -> "Record":
        """Return it with the model of the installing active; the one that was is the one before."""
        model = self.install.model
        previous = self.previous if model == self.active else self.active
        return _ended(replace(self, active=model, previous=previous, refused=None, trial=trial), state)

    def unwilling(self, reason: str) -> "Record":
        """Return it with what was active, and why the model that was to be is not."""
        return _ended(replace(self, refused=Refusal(self.install.model, reason[:_LONGEST])), State.FAILED, reason)

    def rolled_back(self, reason: str) -> "Record":
        """Return it with the model that was active before the one on trial."""
        older = self.install.older if self.install.older != self.previous else ""
        refused = Refusal(self.install.model, reason[:_LONGEST])
        found = replace(self, active=self.previous, previous=older, refused=refused, trial=None)
        return _ended(found, State.ROLLED_BACK, reason)

    def left(self) -> "Record":
        """Return it with the one on trial given up by somebody who goes back: it is active until the other one is."""
        install = replace(self.install, state=State.ROLLED_BACK, reason="somebody goes back to the one before")
        return replace(self, install=install)

    def fallen_back(self, name: Name, failed: Refusal) -> "Record":
        """Return it with `name` active, where a start could use none of those before it, and the first `failed`."""
        found = replace(self, active=name, previous="", refused=failed, trial=None)
        if self.install.state is State.TRIAL and self.install.model == failed.model:
            return _ended(found, State.ROLLED_BACK, failed.reason)
        return found


def _ended(record: Record, state: State, reason: str = "") -> Record:
    """Return `record` with the installing come to `state`, and whoever asked for it answered."""
    install = replace(record.install, state=state, reason=reason[:_LONGEST])
    answered = install.wish or record.answered
    return replace(record, install=install, answered=answered, push=max(install.push, record.push))


@dataclass(frozen=True, slots=True)
class Wish:
    """That a model be active. id: by which its answer is known; pinned: that no update be taken.

    push: by which it is gone back to; 0: a command wants it.
    """

    model: Name = ""
    id: str = ""
    pinned: bool = False
    push: int = 0
