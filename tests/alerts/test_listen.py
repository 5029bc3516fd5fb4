"""A consumer of alerts: nothing twice, gaps counted, each confirmed once it was heard."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapetum.alerts.broker import Broker
from tapetum.alerts.event import encode
from tapetum.alerts.listen import Listener, Numbers, line
from tapetum.errors import ConfigError
from tapetum.scene import Box, Kind
from tests.alerts.making import RECEIPT, TOPIC, Consumer, listening, running, sighting
from tests.simulators.daemon import until


def test_an_alert_is_heard_once_however_often_it_comes(mosquitto):
    heard = []
    one, two = sighting(1), sighting(2)
    with Consumer(mosquitto.port) as device, listening(mosquitto.port, lambda *told: heard.append(told)) as listener:
        until(lambda: listener.listening)
        for payload in [encode(one)] * 3 + [encode(two)]:
            device.say(TOPIC, payload)
        until(lambda: len(heard) == 2)
        assert listener.duplicates == 2
    assert heard == [("garage", one), ("garage", two)]


def test_each_alert_is_confirmed_each_time_it_comes(mosquitto):
    one = sighting()
    with Consumer(mosquitto.port) as device, listening(mosquitto.port, lambda *_: None, receipts=True) as listener:
        until(lambda: listener.listening)
        for _ in range(2):
            device.say(TOPIC, encode(one))
        until(lambda: len(device.on(RECEIPT)) == 2)
    assert device.on(RECEIPT) == [f'{{"ids":["{one.id}"]}}'.encode()] * 2


def test_one_who_fails_to_take_an_alert_does_not_confirm_it(mosquitto):
    def fails(_device, told):
        if told.seq == 2:
            raise BrokenPipeError("nobody reads on")

    ended = []

    def listen(stop):
        with pytest.raises(BrokenPipeError):
            Listener(Broker(host="127.0.0.1", port=mosquitto.port), fails, receipts=True).run(stop)
        ended.append(True)

    one, two = sighting(1), sighting(2)
    with Consumer(mosquitto.port) as device, running(listen):
        until(lambda: device.say(TOPIC, encode(one)) or device.on(RECEIPT))
        device.say(TOPIC, encode(two))
        until(lambda: ended)
    assert two.id not in "".join(map(bytes.decode, device.on(RECEIPT)))


def test_one_who_stays_silent_confirms_nothing(mosquitto):
    heard = []
    with Consumer(mosquitto.port) as device, listening(mosquitto.port, lambda *told: heard.append(told)) as listener:
        until(lambda: listener.listening)
        device.say(TOPIC, encode(sighting()))
        until(lambda: heard)
        assert not device.on(RECEIPT)


def test_what_is_no_alert_is_said_and_passed_over(mosquitto):
    heard, said = [], []
    with (
        Consumer(mosquitto.port) as device,
        listening(mosquitto.port, lambda *told: heard.append(told), complain=said.append) as listener,
    ):
        until(lambda: listener.listening)
        for payload in (b"", b"\xff", b'{"schema":1,"id":"\xff"}', b'{"a":' + b"[" * 100_000, b'{"schema": 2}'):
            device.say(TOPIC, payload)
        device.say(TOPIC, encode(sighting()))
        until(lambda: heard)
        assert listener.listening
    assert said
    assert all(text.startswith(TOPIC) for text in said)


def test_one_with_a_session_hears_what_came_while_it_was_away(mosquitto):
    heard = []

    def listen():
        return listening(mosquitto.port, lambda _, told: heard.append(told.seq), session="a consumer")

    with Consumer(mosquitto.port) as device:
        with listen() as listener:
            until(lambda: listener.listening)
        device.say(TOPIC, encode(sighting(5)))
        with listen():
            until(lambda: heard == [5])


def test_one_whose_broker_is_killed_hears_on_when_it_is_back(mosquitto):
    heard, said = [], []
    with listening(mosquitto.port, lambda _, told: heard.append(told.seq), complain=said.append) as listener:
        until(lambda: listener.listening)
        mosquitto.kill()
        until(lambda: said)
        mosquitto.start()
        until(lambda: listener.listening)
        with Consumer(mosquitto.port) as device:
            device.say(TOPIC, encode(sighting(1)))
            until(lambda: heard == [1])
    assert said[0].startswith(f"127.0.0.1:{mosquitto.port}: ")


def test_a_broker_in_the_clear_on_another_machine_is_not_listened_to():
    with pytest.raises(ConfigError, match=r"broker\.tls"):
        Listener(Broker(host="broker.lan"), lambda *_: None).run(None)


def test_numbers_count_by_device(mosquitto):
    with Consumer(mosquitto.port) as device, listening(mosquitto.port, lambda *_: None) as listener:
        until(lambda: listener.listening)
        device.say(TOPIC, encode(sighting(1)))
        device.say("tapetum/v1/kitchen/hob/event", encode(sighting(7)))
        device.say(TOPIC, encode(sighting(4)))
        device.say("tapetum/v1/kitchen/hob/event", encode(sighting(8)))
        until(lambda: listener.missing == 2)


@given(st.lists(st.integers(1, 60), unique=True), st.randoms(use_true_random=False))
def test_a_number_that_comes_late_is_missing_no_more(kept, chance):
    numbers, wanted = Numbers(0), range(1, max(kept, default=0) + 1)
    for seq in kept_in_a_window(kept, chance):
        numbers.take(seq)
    assert numbers.missing == len(wanted) - len(kept)


def kept_in_a_window(kept, chance):
    """In order but for some that come late; none comes before the first of all."""
    kept = sorted(kept)
    late = [seq for seq in kept[:-1] if chance.random() < 0.3]
    return [seq for seq in kept if seq not in late] + chance.sample(late, len(late))


def test_a_new_boot_begins_at_one_and_nothing_is_missing_for_it():
    numbers = Numbers(0)
    for seq in [1, 2, 3, 1, 2, 5]:
        numbers.take(seq)
    assert numbers.missing == 2


@pytest.mark.parametrize("seq", [10**6, 10**12, 2**70])
def test_a_leap_of_numbers_is_counted_however_wide(seq):
    numbers = Numbers(0)
    for one in (seq, seq + 1, random.randrange(1, 9)):
        numbers.take(one)
    assert numbers.missing >= seq - 1


def test_a_line_tells_when_where_and_what():
    told = sighting(1, Kind.STARTED, track=12, label="person", score=0.8, box=Box(0.1, 0.2, 0.34, 0.4))
    assert (
        line("garage", told) == "03:04:05.678  garage/hall  started  person 80%     track 12   at 0.10,0.20-0.34,0.40"
    )


def test_a_line_puts_a_time_in_brackets_that_cannot_be_trusted():
    assert line("garage", sighting(clock="unsynced")).startswith("(03:04:05.678)")
