"""The payload: one JSON object, as its schema says."""

import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapetum.alerts.event import decode, encode
from tapetum.alerts.stamp import SequenceStamper, uuid7
from tapetum.alerts.topics import Topics, checked_name
from tapetum.clock import SystemClock
from tapetum.errors import ConfigError
from tapetum.scene import Box, Kind
from tests.alerts.making import sighting

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "ref" / "sighting.schema.json").read_text())
FRACTION = st.floats(0, 1)
ANY = st.builds(
    sighting,
    seq=st.integers(1, 2**53),
    kind=st.sampled_from(Kind),
    track=st.integers(1, 2**31),
    label=st.text(max_size=40),
    score=FRACTION,
    box=st.builds(Box, FRACTION, FRACTION, FRACTION, FRACTION),
    clock=st.sampled_from(["synced", "unsynced"]),
    model=st.text(max_size=40),
)


@given(ANY)
def test_every_alert_is_what_its_schema_says(one):
    jsonschema.validate(json.loads(encode(one)), SCHEMA, jsonschema.Draft202012Validator)


@given(ANY)
def test_what_is_sent_is_what_is_read(one):
    found = decode(encode(one))
    assert (found.id, found.seq, found.kind, found.label, found.at) == (one.id, one.seq, one.kind, one.label, one.at)
    assert found.box.left == pytest.approx(one.box.left, abs=1e-4)
    assert found.score == pytest.approx(one.score, abs=1e-4)


def test_the_schema_names_every_field_that_is_sent():
    assert set(json.loads(encode(sighting()))) == set(SCHEMA["properties"])


def test_a_field_that_is_not_known_yet_is_passed_over():
    one = sighting()
    later = json.loads(encode(one)) | {"zone": "door"}
    assert decode(json.dumps(later).encode()) == one


@pytest.mark.parametrize("payload", [b"", b"[]", b"{}", b"\xff", b'{"schema": 2}', b'{"schema": 1, "id": 3}'])
def test_what_is_no_alert_is_refused(payload):
    with pytest.raises(ValueError, match=r"schema|sighting"):
        decode(payload)


def test_a_stamp_has_a_number_a_name_and_a_date_of_its_own():
    stamper = SequenceStamper(SystemClock(), 7)
    stamps = [stamper.stamp(SystemClock().now_ns()) for _ in range(100)]
    assert [stamp.seq for stamp in stamps] == list(range(7, 107))
    assert len({stamp.id for stamp in stamps}) == 100


def test_names_sort_by_the_time_they_were_given():
    assert uuid7(1_700_000_000_000) < uuid7(1_700_000_000_001)


@pytest.mark.parametrize("unix_ms", [-1, 0, 2**48])
def test_a_clock_that_is_wrong_still_gives_a_name(unix_ms):
    assert len(uuid7(unix_ms)) == 36


def test_topics_lie_below_the_device():
    assert Topics("garage").of_device("state") == "tapetum/v1/garage/state"
    assert Topics("garage").of_camera("hall", "event") == "tapetum/v1/garage/hall/event"


@pytest.mark.parametrize("name", ["", "a/b", "#", "+", "a b", "-a", "é", "a" * 65, "repository", "a\n"])
def test_a_name_that_cannot_be_a_level_of_a_topic_is_refused(name):
    with pytest.raises(ConfigError, match="device: "):
        checked_name(name, "device")
