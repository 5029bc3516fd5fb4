"""How long the methods take beside MOG2, in one run on the same pictures, as `scripts/bench scenes speed` prints it.

The limits are goals that were reached on the machines at hand; in CI, on any machine, half as much again passes.
"""

import pytest

from tapetum.bench.motion.contenders import default
from tests.motion.figures import speed, traffic

pytestmark = [pytest.mark.alone, pytest.mark.timeout(300)]
ALONE = {
    "frame-difference": {"empty": 1 / 20, "quiet": 1 / 20, "busy": 1 / 20},
    "sigma-delta": {"empty": 1 / 15, "quiet": 1 / 15, "busy": 1 / 15},
    "vibe": {"empty": 1 / 12, "quiet": 1 / 8, "busy": 1 / 5},
}
WHOLE = {default(): {"empty": 1 / 2, "quiet": 1 / 2, "busy": 1 / 2}}
SLACK = 1.5
RUNS = 4
STEADY = 2.0
"""p99 of the frames' times beside their median."""


def too_slow(part: str, scene: str, frames: int, slack: float = 1.0) -> dict[str, float]:
    """Return the methods above their limits, with the ratio that each has."""
    limits, everyone = (ALONE, speed.alone) if part == "alone" else (WHOLE, speed.everyone)
    records = speed.timed(
        part, scene, traffic.SIZE, frames, lambda: [one for one in everyone() if one.name in (*limits, "MOG2")], 1
    )
    least = speed.SETTLE
    ratios = {name: records[name].median_ms(least) / records["MOG2"].median_ms(least) for name in limits}
    print(part, scene, {name: round(ratio, 4) for name, ratio in ratios.items()})
    return {name: ratio for name, ratio in ratios.items() if ratio > slack * limits[name][scene]}


@pytest.mark.parametrize("part", ["alone", "whole"])
@pytest.mark.parametrize("scene", traffic.SCENES)
def test_a_frame_takes_a_small_part_of_what_mog2_takes(part: str, scene: str) -> None:
    assert too_slow(part, scene, 128, SLACK) == {}


@pytest.mark.long
@pytest.mark.parametrize("part", ["alone", "whole"])
@pytest.mark.parametrize("scene", traffic.SCENES)
def test_a_frame_takes_as_small_a_part_as_is_promised(part: str, scene: str) -> None:
    """Once in some runs: whoever else uses the memory slows what is light more than what computes much."""
    assert any(not too_slow(part, scene, 256) for _ in range(RUNS))


@pytest.mark.long
@pytest.mark.parametrize("scene", traffic.SCENES)
def test_no_frame_takes_much_longer_than_the_others(scene: str) -> None:
    records = speed.timed("alone", scene, traffic.SIZE, 256, speed.alone, 1)
    ratios = {name: speed.p99(record) for name, record in records.items() if name in (*ALONE, default())}
    print(scene, {name: round(ratio, 2) for name, ratio in ratios.items()})
    assert {name: ratio for name, ratio in ratios.items() if ratio > STEADY} == {}
