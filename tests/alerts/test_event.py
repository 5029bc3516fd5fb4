"""The payload: one JSON object, as its schema says."""

import json
import threading
from datetime import UTC, datetime
from pathlib import Path
from uuid import RFC_4122, UUID

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
from tests.simulators.clock import FakeClock

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


NESTED = b'{"a":' + b"[" * 100_000
NO_TEXT = b'{"schema":1,"id":"\xff"}'


@pytest.mark.parametrize(
    "payload", [b"", b"[]", b"{}", b"\xff", b'{"schema": 2}', b'{"schema": 1, "id": 3}', NESTED, NO_TEXT]
)
def test_what_is_no_alert_is_refused(payload):
    with pytest.raises(ValueError, match=r"schema|sighting"):
        decode(payload)


@given(st.binary(max_size=300))
def test_whatever_comes_is_an_alert_or_is_refused(payload):
    with pytest.raises(ValueError, match=r"schema|sighting"):
        decode(payload)


@given(ANY, st.data())
def test_an_alert_with_a_byte_changed_is_an_alert_or_is_refused(one, data):
    payload = bytearray(encode(one))
    payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    try:
        assert encode(decode(bytes(payload)))
    except ValueError as error:
        assert "schema" in str(error) or "sighting" in str(error)  # noqa: PT017  either may happen


@pytest.mark.parametrize("field", ["schema", "id", "seq", "camera", "kind", "track", "label", "score", "box", "at"])
def test_an_alert_that_lacks_a_field_is_neither_read_nor_valid(field):
    less = {name: value for name, value in json.loads(encode(sighting())).items() if name != field}
    with pytest.raises(ValueError, match=r"schema|sighting"):
        decode(json.dumps(less).encode())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(less, SCHEMA, jsonschema.Draft202012Validator)


def test_the_schema_itself_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_a_name_is_a_uuid_of_version_7_with_the_time_in_it():
    found = UUID(uuid7(1_700_000_000_123))
    assert (found.version, found.variant) == (7, RFC_4122)
    assert found.int >> 80 == 1_700_000_000_123


def test_names_given_in_the_same_moment_differ():
    assert len({uuid7(1_700_000_000_000) for _ in range(10_000)}) == 10_000


def test_threads_get_each_number_once():
    stamper, numbers = SequenceStamper(SystemClock(), 1), []

    def work():
        numbers.extend(stamper.stamp(0).seq for _ in range(500))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == list(range(1, 2001))


def test_an_alert_is_dated_by_when_its_picture_was_taken():
    clock = FakeClock()
    stamp = SequenceStamper(clock, 1).stamp(90_061_002_000_000)  # a day, an hour, a minute, a second, two milliseconds
    assert (stamp.at, stamp.clock) == ("2026-01-02T01:01:01.002Z", "synced")
    assert UUID(stamp.id).int >> 80 == datetime(2026, 1, 2, 1, 1, 1, 2000, tzinfo=UTC).timestamp() * 1000


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
