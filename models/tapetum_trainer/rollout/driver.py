"""Drives one rollout: hears devices, decides by its rules, signs for those who are next.

Each step is on the disk before the one that builds on it, and can be done twice; so whoever drives it on after this
process has ended asks nobody again, and forgets nobody.
"""

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace

from tapetum_trainer.publish.errors import UnreachableError
from tapetum_trainer.rollout import rules
from tapetum_trainer.rollout.book import DRIVEN, Book, Member, Rollout, State
from tapetum_trainer.rollout.ears import Ears
from tapetum_trainer.rollout.fleet import topics
from tapetum_trainer.rollout.outcome import OPEN, Outcome, before_of, judged
from tapetum_trainer.rollout.plan import Plan
from tapetum_trainer.rollout.rules import Verdict
from tapetum_trainer.rollout.signing import Bench

_LOOK_S = 0.5  # between two looks at wishes, and at what is to be done
_READ_S, _READ_EACH_S = 30.0, 0.05  # between two readings of what is waited for; for each device of it
_LONGEST_S = 30.0  # between two tries to publish
HEARD = OPEN | {Outcome.GOING_BACK, Outcome.FAILED, Outcome.WITHDRAWN}
"""Of whom what they say is taken in; what has come to a good end stays so."""


class Driver:
    """`run` until there is nothing to be driven."""

    def __init__(self, book: Book, rollout: Rollout, bench: Bench, ears: Ears, say: Callable[[str], None]) -> None:
        """Go on where the book says that it has come to. say: hears what happens."""
        self.rollout = rollout
        self.members = book.members(rollout.id)
        self._book, self._bench, self._ears, self._fleet, self._say = book, bench, ears, ears.fleet, say
        self._looked_s = self._read_s = float("-inf")
        self._publish_s, self._delay_s = 0.0, 1.0  # when to try again
        self._published = 0  # over which of the connections it was known to be there

    def run(self, show: Callable[[Rollout, Collection[Member]], None]) -> Rollout:
        """Drive it; `show` hears how it stands now and then. Return it as it then is."""
        while self.rollout.state in DRIVEN:
            changed = self._ears.turn()
            if changed:
                self._judge(changed)
            if time.monotonic() - self._looked_s >= _LOOK_S:
                self._looked_s = time.monotonic()
                self._step()
                show(self.rollout, self.members.values())
        return self.rollout

    def _step(self) -> None:
        """Do what is to be done now; a broker that is away is tried again."""
        if time.monotonic() < self._publish_s:
            return
        try:
            self._obey()
            if self.rollout.state not in DRIVEN:
                return
            if self.rollout.state is State.RUNNING and not self.rollout.signed:
                self._ask()
            elif self._ears.ready:
                self._publish_again()
                self._read()
                self._decide() if self.rollout.state is State.RUNNING else self._go_back()
            self._delay_s = 1.0
        except UnreachableError as error:
            self._say(f"{error}; trying again")
            self._publish_s = time.monotonic() + self._delay_s
            self._delay_s = min(_LONGEST_S, 2 * self._delay_s)

    def _publish_again(self) -> None:
        """Have what is signed on a broker that was away, and may have lost what it retained."""
        if self._ears.connections != self._published:
            self._bench.publish()
            self._published = self._ears.connections

    # --- what devices say

    def _judge(self, names: Iterable[str]) -> None:
        """Take in what these say, in one commit."""
        changed = []
        for name in names:
            member = self.members.get(name)
            if member is None or member.outcome not in HEARD:
                continue
            found = self._back(member) if member.outcome is Outcome.GOING_BACK else self._forth(self._known(member))
            if found != member:
                self.members[name] = found
                changed.append(found)
        if changed:
            self._book.keep(self.rollout, changed)

    def _known(self, member: Member) -> Member:
        """Return it with what it has to go back to, which an earlier push may have changed since the rollout began.

        A device is believed where it has inference.model, and where it names what is signed for it.
        """
        standing = self._fleet.of(member.name).standing
        before = before_of(standing, self.rollout.model) if standing else None
        if before is None or before == member.before or (before and not self._bench.gave(before, member.name)):
            return member
        return replace(member, before=before)

    def _forth(self, member: Member) -> Member:
        outcome, reason = judged(self._fleet.of(member.name), self.rollout.model, self.rollout.push)
        if outcome is Outcome.ASKED and member.outcome not in (Outcome.ASKED, Outcome.COMING):
            return member
        return replace(member, outcome=outcome, reason=reason)

    def _back(self, member: Member) -> Member:
        outcome, reason = judged(self._fleet.of(member.name), member.before, self.rollout.back)
        if outcome is Outcome.COMMITTED:
            return replace(member, outcome=Outcome.BACK, reason="")
        if outcome in (Outcome.FAILED, Outcome.ELSEWHERE):
            return replace(member, outcome=Outcome.STAYS, reason=reason)
        return replace(member, reason=reason)

    def _read(self) -> None:
        """Now and then read again what is waited for: what was said live may have been dropped on its way."""
        waited = [one.name for one in self.members.values() if one.outcome in OPEN | {Outcome.GOING_BACK}]
        if not self._ears.looking and time.monotonic() - self._read_s > max(_READ_S, _READ_EACH_S * len(waited)):
            self._read_s = time.monotonic()
            self._ears.look(topics(iter(waited), "model/state", "model/fetch"))

    # --- what is wished

    def _obey(self) -> None:
        wish = self._book.wished(self.rollout.id)
        if wish == "pause" and self.rollout.state is State.RUNNING:
            self.pause()
        elif wish == "abort" and self.rollout.state is State.RUNNING:
            self.abort()
        elif wish == "rollback" and self.rollout.state is State.RUNNING:
            self.begin_back()
        elif wish:
            self._book.keep(self.rollout, obeyed=wish)

    def pause(self) -> None:
        """Begin no further stage; who was asked goes on."""
        self._keep(State.PAUSED, "somebody paused it", obeyed="pause")

    def abort(self) -> None:
        """Ask nobody any more; who has begun goes on, and who has it keeps it."""
        changed = self._withdrawn(Outcome.WITHDRAWN)
        self._bench.settle(self.rollout.model, self._having())
        self._bench.publish()
        self._keep(State.ABORTED, "somebody aborted it", changed, obeyed="abort")

    def begin_back(self) -> None:
        """Have those that were asked go back to what they had."""
        self._keep(State.GOING_BACK, "somebody wants what was before", obeyed="rollback", signed=False)

    def resume(self, plan: Plan) -> None:
        """Go on: who was withdrawn is asked again, who failed is forgiven, who is late has its time once more."""
        self.rollout = replace(self.rollout, plan=plan)
        changed, now_s = [], time.time()
        for member in self.members.values():
            if member.outcome in (Outcome.ASKED, Outcome.WITHDRAWN):
                changed.append(replace(member, outcome=Outcome.WAITING, reason=""))
            elif member.outcome is Outcome.FAILED:
                changed.append(replace(member, forgiven=True))
            elif member.outcome in OPEN:
                changed.append(replace(member, asked_s=now_s))
        self._keep(State.RUNNING, "", changed, obeyed="pause", signed=False)

    # --- forth

    def _ask(self) -> None:
        """Have it signed for all whose stage has come and who were not asked, and then known that they are."""
        wanted = [one for one in self.members.values() if self._is_due(one)]
        if wanted:
            names = [one.name for one in wanted]
            elsewhere = self._bench.ask(self.rollout.model, names, self.rollout.push, self._number)
            self._bench.publish()
        now_s, changed = time.time(), []
        for one in wanted:
            outcome = Outcome.ELSEWHERE if one.name in elsewhere else Outcome.ASKED
            reason = "something was pushed to it meanwhile" if one.name in elsewhere else ""
            changed.append(replace(one, outcome=outcome, asked_s=now_s, reason=reason))
        stage = self.rollout.plan.stages[self.rollout.stage].name
        self._keep(State.RUNNING, "", changed, event=f"stage {stage}: {len(wanted)} asked", signed=True)
        self._judge([one.name for one in changed])

    def _is_due(self, member: Member) -> bool:
        return 0 <= member.stage <= self.rollout.stage and member.outcome is Outcome.WAITING

    def _number(self, push: int) -> None:
        self.rollout = self._book.keep(replace(self.rollout, push=push))

    def _decide(self) -> None:
        rollout, now_s = self.rollout, time.time()
        asked = [one for one in self.members.values() if 0 <= one.stage <= rollout.stage]
        of_stage = rules.tally([one for one in asked if one.stage == rollout.stage], rollout.plan, now_s)
        found, reason = rules.verdict(rollout.plan, rollout.stage, of_stage, rules.tally(asked, rollout.plan, now_s))
        if found is Verdict.NEXT:
            self.rollout = self._book.keep(replace(rollout, stage=rollout.stage + 1, signed=False))
        elif found is Verdict.HALT:
            changed = self._withdrawn(Outcome.WAITING)
            self._bench.publish()
            self._keep(State.HALTED, reason, changed)
        elif found is Verdict.DONE:
            self._bench.settle(rollout.model, self._having())
            self._bench.publish()
            self._keep(State.COMPLETE, "")

    def _withdrawn(self, outcome: Outcome) -> list[Member]:
        """Have it signed no more for those who have not begun; return them with what has become of them."""
        gone = [one for one in self.members.values() if one.outcome is Outcome.ASKED]
        self._bench.withdraw(self.rollout.model, [one.name for one in gone])
        return [replace(one, outcome=outcome, reason="") for one in gone]

    def _having(self) -> list[str]:
        return [one.name for one in self.members.values() if one.outcome in (Outcome.TRIAL, Outcome.COMMITTED)]

    # --- back

    def _go_back(self) -> None:
        self._see_back() if self.rollout.signed else self._ask_back()

    def _ask_back(self) -> None:
        """Have what was before signed anew for each that may have it, and then known that they are asked."""
        asked = [one for one in self.members.values() if one.outcome in OPEN | {Outcome.COMMITTED}]
        before: dict[str, list[str]] = {}
        for one in asked:
            before.setdefault(one.before if one.before and self._bench.keep(one.before) else "", []).append(one.name)
        lost, now_s, changed = set(before.pop("", ())), time.time(), []
        self._bench.back(self.rollout.model, self.members, before, self.rollout.back, self._number_back)
        self._bench.publish()
        for one in asked:
            outcome, reason = Outcome.GOING_BACK, ""
            if one.name in lost:
                outcome = Outcome.WITHDRAWN if one.outcome is Outcome.ASKED else Outcome.STAYS
                reason = f"it had {one.before or 'inference.model'}, which is not signed here: tapetum models rollback"
            changed.append(replace(one, outcome=outcome, reason=reason, asked_s=now_s))
        self._keep(State.GOING_BACK, self.rollout.reason, changed, event=f"{len(asked)} asked to go back", signed=True)
        self._judge([one.name for one in changed])

    def _number_back(self, push: int) -> None:
        self.rollout = self._book.keep(replace(self.rollout, back=push))

    def _see_back(self) -> None:
        now_s, plan = time.time(), self.rollout.plan
        going = [one for one in self.members.values() if one.outcome is Outcome.GOING_BACK]
        late = [one for one in going if rules.is_late(one, plan, now_s)]
        if len(late) == len(going):
            told = f"{len(late)} have not answered; what is signed waits for them" if late else ""
            self._keep(State.BACK, told)

    def _keep(
        self,
        state: State,
        reason: str,
        changed: Collection[Member] = (),
        *,
        event: str = "",
        obeyed: str = "",
        signed: bool | None = None,
    ) -> None:
        """Have a step on the disk, and say it."""
        told = event or f"{state}{f': {reason}' if reason else ''}"
        signed = self.rollout.signed if signed is None else signed
        rollout = replace(self.rollout, state=state, reason=reason, signed=signed)
        self.rollout = self._book.keep(rollout, changed, told, obeyed)
        self.members.update((one.name, one) for one in changed)
        self._say(told)
