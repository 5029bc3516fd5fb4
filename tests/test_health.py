"""What is a fault, and for how long."""

from dataclasses import replace

from tapetum.alerts.mqtt import BrokerState
from tapetum.health import Lately, faults
from tapetum.inference.state import InferenceState

MINUTE_NS = 60 * 10**9
WELL = BrokerState(
    connected=True,
    protocol="5",
    sent=0,
    acknowledged=0,
    resent=0,
    refused=0,
    lost=0,
    expired=0,
    waiting=0,
    waiting_bytes=0,
    last_error="",
)
OFF = InferenceState("off", "", {}, "", 0, 0, 0, 0, 0, 0, 0.0, "")


def test_what_was_lost_is_told_with_the_reason() -> None:
    assert faults({}, OFF, WELL, "") == ()
    full, late = faults({}, OFF, replace(WELL, lost=12, expired=5), "")
    assert full == "7 alerts were dropped in the last hour: the outbox is full"
    assert late.startswith("5 alerts were dropped in the last hour: they had waited for longer")


def test_what_was_lost_is_no_fault_an_hour_later() -> None:
    lately = Lately()

    def lost(count: int, minute: int, expired: int = 0) -> tuple[int, int]:
        found = lately.of(replace(WELL, lost=count, expired=expired), minute * MINUTE_NS)
        return found.lost, found.expired

    assert lost(0, 0) == (0, 0)
    assert lost(5, 10) == (5, 0)
    assert lost(5, 40) == (5, 0)
    assert lost(7, 50, expired=2) == (7, 2)
    assert lost(7, 71, expired=2) == (2, 2), "the first five were lost 61 minutes ago"
    assert lost(7, 111, expired=2) == (0, 0)
    assert lost(8, 300, expired=2) == (1, 0)
