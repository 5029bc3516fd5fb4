"""Many devices against one mosquitto: a rollout in which too many fail stops, one in which few do completes."""

from typing import Any

import pytest

from tests.rollout.figures import measured

CASES = [
    pytest.param(100, 0.1, "halted", id="100-stops"),
    pytest.param(100, 0.01, "complete", id="100-completes"),
    pytest.param(1000, 0.03, "halted", id="1000-stops", marks=pytest.mark.long),
    pytest.param(1000, 0.005, "complete", id="1000-completes", marks=pytest.mark.long),
]


@pytest.mark.alone
@pytest.mark.parametrize(("devices", "failing", "state"), CASES)
def test_a_rollout_to_many_stops_at_the_threshold_or_completes(devices: int, failing: float, state: str):
    found = measured(devices, failing, "20%,all" if devices < 1000 else "canary=1%,10%,50%,all")
    print(found)
    assert found["state"] == state
    rows: list[dict[str, Any]] = found["stages"]
    asked, failed = sum(row["devices"] for row in rows), sum(row["failed"] for row in rows)
    if state == "halted":
        assert "that were asked failed: more than 0.02 of them" in found["reason"]
        assert asked < devices, "it stopped before all were asked"
        assert failed <= max(2, 0.07 * asked), "and not long after the threshold"
    else:
        assert (asked, failed) == (devices, round(failing * devices))
    assert found["began_twice"] == 0
    assert found["began"] <= asked
    assert found["have_it"] >= sum(row["committed"] for row in rows)
    assert found["broker_most_mb"] - found["broker_mb"] < 0.2 * devices, "of each device some kilobytes"
    assert found["desk_most_mb"] < 200
