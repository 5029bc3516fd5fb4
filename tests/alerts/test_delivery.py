"""What is on its way, and what lets it go, with a real mosquitto that is killed again and again."""

import random
import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapetum.alerts.delivery import receipt_ids
from tapetum.bench import delivery
from tapetum.scene import Kind
from tests.alerts.making import RECEIPT, TOPIC, Consumer, listening, publishing, sighting
from tests.simulators.daemon import until

NESTED = b"[" * 100_000
NO_RECEIPTS = [b"", b"\xff\xfe", b"{", b"7", b"null", b'{"ids": 7}', b'{"ids":["\xff"]}', NESTED, b'{"ids":' + NESTED]


@pytest.mark.parametrize("word", ["broker", "receipt"])
def test_at_most_twenty_alerts_are_on_their_way_to_a_broker_that_is_silent(mosquitto, outbox, word):
    with publishing(outbox, port=mosquitto.port, delivery=word) as publisher:
        until(lambda: publisher.state().connected)
        mosquitto.stop()
        for seq in range(1, 101):
            outbox.append(sighting(seq, Kind.UPDATED), TOPIC)
        until(lambda: publisher.state().sent == 20)
        with pytest.raises(AssertionError):  # in which a hundred would have been sent many times
            until(lambda: publisher.state().sent > 20, 0.5)
        mosquitto.resume()
        until(lambda: publisher.state().acknowledged >= 100)


def test_at_most_two_hundred_alerts_wait_for_a_consumers_word(mosquitto, outbox):
    for seq in range(1, 301):
        outbox.append(sighting(seq, Kind.UPDATED), TOPIC)
    with (
        Consumer(mosquitto.port) as consumer,
        publishing(outbox, port=mosquitto.port, delivery="receipt", receipt_s=60.0) as publisher,
    ):
        until(lambda: publisher.state().acknowledged == 200)
        consumer.say(RECEIPT, msgspec.json.encode({"ids": consumer.ids()[:50]}))
        until(lambda: publisher.state().acknowledged == 250)
        assert outbox.waiting[0] == 250
        assert publisher.state().resent == 0


def test_an_alert_stays_and_is_sent_again_until_a_consumer_confirms_it(mosquitto, outbox):
    with publishing(outbox, port=mosquitto.port, delivery="receipt", receipt_s=0.2) as publisher:
        outbox.append(sighting(), TOPIC)
        until(lambda: publisher.state().resent >= 2)
        assert outbox.waiting[0] == 1
        heard = []
        with listening(mosquitto.port, lambda *told: heard.append(told), receipts=True):
            until(lambda: outbox.waiting[0] == 0)
        sent = publisher.state().sent
        with pytest.raises(AssertionError):
            until(lambda: publisher.state().sent > sent, 0.5)
    assert len(heard) == 1


@pytest.mark.parametrize("form", ['{"ids": ["%s"]}', '{"id": "%s"}', '["%s"]', '"%s"', "%s", " %s\n"])
def test_a_receipt_may_have_any_plain_form(mosquitto, outbox, form):
    one = sighting()
    with Consumer(mosquitto.port) as consumer, publishing(outbox, port=mosquitto.port, delivery="receipt"):
        outbox.append(one, TOPIC)
        until(lambda: consumer.on(TOPIC))
        consumer.say(RECEIPT, (form % one.id).encode())
        until(lambda: outbox.waiting[0] == 0)


def test_what_is_no_receipt_is_passed_over(mosquitto, outbox):
    one = sighting()
    with (
        Consumer(mosquitto.port) as consumer,
        publishing(outbox, port=mosquitto.port, delivery="receipt") as publisher,
    ):
        outbox.append(one, TOPIC)
        until(lambda: consumer.on(TOPIC))
        for payload in NO_RECEIPTS:
            consumer.say(RECEIPT, payload)
        consumer.say(RECEIPT, one.id.encode())
        until(lambda: outbox.waiting[0] == 0)
        assert publisher.state().connected


@given(st.binary(max_size=200) | st.from_regex(r'[\[{]"?(ids|id)?"?[:,\]} \["0-9a-f]*', fullmatch=True).map(str.encode))
def test_whatever_a_receipt_holds_its_ids_are_short_texts(payload):
    assert all(isinstance(id_, str) and 0 < len(id_) <= 64 for id_ in receipt_ids(payload))


def test_with_receipts_every_alert_arrives_however_often_the_broker_is_killed(mosquitto, outbox):
    """Also while the consumer is away: of its session the broker keeps nothing."""
    chance, taken, heard = random.Random(1), [], []
    with (
        listening(mosquitto.port, lambda _, told: heard.append(told.id), receipts=True, complain=lambda _: None),
        publishing(outbox, port=mosquitto.port, delivery="receipt", receipt_s=0.5) as publisher,
    ):
        for _ in range(10):
            until(lambda: publisher.state().connected)
            for _ in range(40):
                one = sighting(len(taken) + 1, Kind.ENDED)
                outbox.append(one, TOPIC)
                taken.append(one.id)
                time.sleep(chance.uniform(0, 0.01))
            mosquitto.kill()
            mosquitto.start()
        until(lambda: outbox.waiting[0] == 0, 60)
    assert set(heard) == set(taken)
    assert len(heard) == len(taken) == 400


@pytest.mark.long
@pytest.mark.timeout(900)
def test_of_two_thousand_alerts_and_fifty_kills_receipts_lose_none():
    by_receipt, by_broker = delivery.run(50, 2000)["modes"]
    print(f"without receipts {by_broker['lost']} of 2000 alerts were lost")
    assert (by_receipt["arrived"], by_receipt["lost"]) == (2000, 0)


def test_the_bench_counts_what_arrives_by_either_word():
    figures = delivery.run(1, 20)
    assert [mode["delivery"] for mode in figures["modes"]] == ["receipt", "broker"]
    for mode in figures["modes"]:
        assert mode["arrived"] + mode["lost"] == figures["alerts"] == 20
        assert mode["lost_share"] == pytest.approx(mode["lost"] / 20, abs=1e-4)
    assert figures["modes"][0]["lost"] == 0
