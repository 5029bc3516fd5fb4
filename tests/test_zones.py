"""Zones are drawn where they were named, weigh what is looked for in them, and are refused when they make no sense."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tapetum.config import parse
from tapetum.errors import ConfigError
from tapetum.scene import Box
from tapetum.zones import Sensitivity, Zone

LEFT = Zone(name="left", points=((0, 0), (0.5, 0), (0.5, 1), (0, 1)))
STAR = "[[0, 0], [1, 1], [1, 0], [0, 1]]"


def limits(*zones: Zone, shape: tuple[int, int] = (100, 200), limit: int = 20) -> np.ndarray:
    plane = np.full(shape, limit, np.uint8)
    Sensitivity(zones, shape).apply(plane, plane)
    return plane


def config(zones: str, rules: str = "") -> str:
    return f'[camera.front]\nsource = {{ type = "synthetic" }}\n{rules}\n{zones}'


def zone(points: str, name: str = "drive") -> str:
    return f'[[camera.front.zones]]\nname = "{name}"\npoints = {points}\n'


def test_within_a_zone_the_least_difference_is_divided_by_its_sensitivity():
    for sensitivity, limit in ((2.0, 10), (1.0, 20), (0.5, 40), (0.25, 80)):
        plane = limits(Zone(name="a", points=LEFT.points, sensitivity=sensitivity))
        assert (plane[:, :99] == limit).all()
        assert (plane[:, 101:] == 20).all()


def test_where_nothing_is_to_be_looked_for_no_difference_is_enough():
    blind = Zone(name="a", points=LEFT.points, sensitivity=0)
    assert (limits(blind, limit=1)[:, :99] == 255).all()
    assert Sensitivity([blind], (100, 200)).looked_at == pytest.approx(0.5, abs=0.01)


def test_of_zones_that_overlap_the_last_counts():
    blind = Zone(name="a", points=LEFT.points, sensitivity=0)
    window = Zone(name="b", points=((0.1, 0.2), (0.4, 0.2), (0.4, 0.8), (0.1, 0.8)), sensitivity=2)
    plane = limits(blind, window)
    assert plane[50, 50] == 10
    assert plane[5, 5] == 255


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=3, max_size=3), st.integers(20, 200))
def test_a_triangle_covers_as_much_of_the_picture_as_it_has_area(corners: list[tuple[float, float]], width: int):
    area = abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(corners, corners[1:] + corners[:1], strict=True))) / 2
    assume(area > 0.05)
    height = width // 2
    drawn = 1 - Sensitivity([Zone(name="a", points=tuple(corners), sensitivity=0)], (height, width)).looked_at
    assert drawn == pytest.approx(area, abs=4 / height)


@pytest.mark.parametrize(
    ("box", "inside"),
    [
        (Box(0.1, 0.1, 0.3, 0.5), True),
        (Box(0.4, 0.1, 0.7, 0.5), False),  # it reaches in, but stands beside
        (Box(0.6, 0.1, 0.8, 0.5), False),
        (Box(0.1, 0.5, 0.3, 1.0), True),  # on the picture's edge
    ],
)
def test_a_thing_is_in_a_zone_when_it_stands_there(box: Box, inside: bool):
    assert LEFT.holds(box) is inside


def test_a_zone_with_a_notch_does_not_hold_what_stands_in_the_notch():
    notched = Zone(name="a", points=((0, 0), (1, 0), (1, 1), (0.6, 1), (0.6, 0.4), (0.4, 0.4), (0.4, 1), (0, 1)))
    notched.check("zone")
    assert not notched.holds(Box(0.45, 0.5, 0.55, 0.9))
    assert notched.holds(Box(0.1, 0.5, 0.2, 0.9))


@pytest.mark.parametrize(
    ("zones", "rules", "said"),
    [
        (zone("[[0, 0], [1, 1]]"), "", r"camera\.front\.zones\[0\]\.points: .*>= 3"),
        (zone("[[0, 0], [1, 0], [1.2, 1]]"), "", r"zones\[0\]\.points\[2\]\[0\]: .*<= 1"),
        (zone("[[0, 0], [1, 0], [1, -0.1]]"), "", r"zones\[0\]\.points\[2\]\[1\]: .*>= 0"),
        (zone(STAR), "", r"zones\[0\]\.points: .*cross"),
        (zone("[[0.1, 0.1], [0.9, 0.1], [0.5, 0.1]]"), "", r"zones\[0\]\.points: there is no area"),
        (zone("[[0, 0], [1, 0], [1, 1], [0.5, 0], [0, 1]]"), "", r"zones\[0\]\.points: .*cross"),
        (zone("[[0, 0], [1, 0], [1, 1]]") * 2, "", r"zones\[1\]\.name: 'drive' is the name of another"),
        (zone("[[0, 0], [1, 0], [1, 1]]", name=" "), "", r"zones\[0\]\.name: it is empty"),
        (zone("[[0, 0], [1, 0], [1, 1]]") + "sensitivity = -1", "", r"zones\[0\]\.sensitivity: .*>= 0"),
        (zone("[[0, 0], [1, 0], [1, 1]]"), 'rules.zones = ["road"]', r"no zone .road.; known are drive"),
        ("", 'rules.zones = ["road"]', r"rules\.zones: there is no zone 'road'; there is none"),
        (zone("[[0, 0], [1, 0], [1, 1]]") + "colour = 1", "", r"zones\[0\]\.colour: there is no such key"),
    ],
)  # fmt: skip
def test_a_zone_that_cannot_be_is_refused_with_what_would_be_right(zones: str, rules: str, said: str):
    with pytest.raises(ConfigError, match=said):
        parse(config(zones, rules))


def test_a_zone_that_rules_name_is_taken():
    taken = parse(config(zone("[[0, 0.5], [1, 0.5], [1, 1]]"), 'rules.zones = ["drive"]')).camera["front"]
    assert (taken.zones[0].name, taken.rules.zones, taken.zones[0].sensitivity) == ("drive", ("drive",), 1.0)
