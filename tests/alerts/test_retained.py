"""What a broker retains, read over the publisher's connection; with a real mosquitto."""

import json
import signal
import threading
import time

import pytest

from tapetum.alerts import retained
from tapetum.alerts.connection import Client, connected
from tapetum.alerts.retained import LARGEST, NotRetainedError, Reader
from tests.alerts.making import Consumer, publishing
from tests.simulators.daemon import until
from tests.simulators.mosquitto import Mosquitto

CHUNKS = "tapetum/v1/repository/blob/{}"


@pytest.fixture
def hearing(mosquitto):
    """Somebody who is connected, to say something with."""
    with Consumer(mosquitto.port, "elsewhere") as consumer:
        yield consumer


def retain(consumer: Consumer, count: int, size: int = 1000) -> list[bytes]:
    chunks = [bytes([number]) * size for number in range(1, count + 1)]
    for number, chunk in enumerate(chunks):
        consumer.say(CHUNKS.format(number), chunk, retain=True)
    return chunks


def written(broker: Mosquitto) -> None:
    """Have on the broker's disk what it retains (mosquitto(8), SIGUSR1)."""
    path = broker.folder / "mosquitto.db"
    before = path.stat().st_mtime_ns if path.exists() else 0
    broker.signal(signal.SIGUSR1)
    until(lambda: path.exists() and path.stat().st_mtime_ns > before and not path.with_suffix(".db.new").exists())


def topics(count: int) -> list[str]:
    return [CHUNKS.format(number) for number in range(count)]


def test_what_is_retained_comes_in_the_order_in_which_it_is_asked_for(mosquitto, outbox, hearing):
    chunks = retain(hearing, 40, LARGEST)
    with publishing(outbox, port=mosquitto.port) as publisher:
        assert list(publisher.reader.read(topics(40))) == chunks
        assert list(publisher.reader.read(topics(40))) == chunks, "and may be read again"
        until(lambda: publisher.reader.idle)


def test_a_broker_that_takes_packets_of_128_kib_is_enough(tmp_path, outbox):
    with Mosquitto(tmp_path / "narrow", "max_packet_size 131072") as broker, Consumer(broker.port, "x") as consumer:
        chunks = retain(consumer, 10, LARGEST)
        with publishing(outbox, port=broker.port) as publisher:
            assert list(publisher.reader.read(topics(10))) == chunks


def test_a_topic_on_which_nothing_is_retained_is_told_as_such(mosquitto, outbox, hearing):
    retain(hearing, 1)
    with publishing(outbox, port=mosquitto.port) as publisher:
        publisher.reader._patience_s = 0.5
        reading = publisher.reader.read(topics(2))
        assert next(reading) == b"\1" * 1000
        with pytest.raises(NotRetainedError, match="blob/1: nothing came"):
            next(reading)


@pytest.mark.parametrize("payload", [b"", b"x" * (LARGEST + 1)], ids=["nothing", "too much"])
def test_a_message_that_is_no_chunk_is_not_taken(mosquitto, outbox, hearing, payload):
    with publishing(outbox, port=mosquitto.port) as publisher:
        reading = publisher.reader.read(topics(1))
        threading.Timer(0.3, hearing.say, (topics(1)[0], payload)).start()
        with pytest.raises(NotRetainedError, match=f"{len(payload)} bytes are there; 1 to 65536 are taken"):
            next(reading)


def test_a_broker_that_is_killed_meanwhile_only_delays_the_rest(mosquitto, outbox, hearing, monkeypatch):
    monkeypatch.setattr(retained, "_AGAIN_S", 1000.0)  # the new connection is reason enough
    chunks = retain(hearing, 30)
    written(mosquitto)
    with publishing(outbox, port=mosquitto.port) as publisher:
        reading = publisher.reader.read(topics(30))
        first = [next(reading) for _ in range(10)]
        mosquitto.kill()
        mosquitto.start()
        assert first + list(reading) == chunks


def test_a_broker_that_refuses_a_topic_is_told_of_and_not_waited_for(tmp_path, outbox):
    acl = tmp_path / "acl"
    acl.write_text("topic write tapetum/v1/#\n")
    with Mosquitto(tmp_path / "strict", f"acl_file {acl}") as broker, publishing(outbox, port=broker.port) as publisher:
        publisher.reader._patience_s = 0.5  # mosquitto 2.0 grants such a subscription and sends nothing
        with pytest.raises(NotRetainedError):
            next(publisher.reader.read(topics(1)))


def test_what_is_followed_is_heard_at_once_and_each_time_it_changes_and_after_a_new_connection(mosquitto, outbox):
    with Consumer(mosquitto.port, "elsewhere") as consumer:
        consumer.say("tapetum/v1/repository/index", b"first", retain=True)
        heard: list[bytes] = []
        with publishing(outbox, port=mosquitto.port) as publisher:
            publisher.reader.follow("tapetum/v1/repository/index", heard.append)
            until(lambda: heard == [b"first"])
            consumer.say("tapetum/v1/repository/index", b"second", retain=True)
            until(lambda: heard == [b"first", b"second"])
            written(mosquitto)
            mosquitto.kill()
            mosquitto.start()
            until(lambda: len(heard) == 3)
    assert heard[2] == b"second"


def test_alerts_receipts_and_commands_go_on_while_a_bundle_comes(mosquitto, outbox, hearing):
    retain(hearing, 60, LARGEST)
    obeyed: list[str] = []
    with publishing(outbox, port=mosquitto.port) as publisher:
        publisher.obey("tapetum/v1/garage/cmd/clear_damped", obeyed.append)
        until(lambda: publisher.state().connected)
        reading = publisher.reader.read(topics(60))
        next(reading)
        publisher.publish("tapetum/v1/garage/model/fetch", json.dumps({}).encode(), retain=True)
        with Consumer(mosquitto.port) as late:
            until(lambda: late.on("tapetum/v1/garage/model/fetch"))
        assert len(list(reading)) == 59


def test_a_retained_message_that_nobody_asked_for_is_still_not_obeyed(mosquitto, outbox, hearing):
    hearing.say("tapetum/v1/garage/cmd/clear_damped", b"hall", retain=True)
    with Consumer(mosquitto.port, "elsewhere"):
        from tapetum.alerts.broker import Broker

        connection = connected(Broker(host="127.0.0.1", port=mosquitto.port), Client("somebody"))
        connection.subscribe("tapetum/v1/garage/cmd/clear_damped")
        for _ in range(5):
            connection.turn(0.05)
        assert not connection.received
        assert not connection.retained
        connection.ask("tapetum/v1/garage/cmd/+")
        until(lambda: connection.turn(0.05) or connection.retained)
        assert connection.retained.popleft() == ("tapetum/v1/garage/cmd/clear_damped", b"hall")
        connection.close()


def test_a_reader_holds_no_more_than_a_few_chunks_at_a_time():
    reader = Reader(patience_s=0.1)
    reading = reader.read(topics(1000))
    with pytest.raises(NotRetainedError):
        next(reading)
    assert reader.idle

    class Asked:
        def __init__(self) -> None:
            self.topics: list[str] = []

        ask = leave = lambda self, topic: self.topics.append(topic)

    def wait() -> None:
        with pytest.raises(NotRetainedError):
            next(reader.read(topics(1000)))

    asked = Asked()
    thread = threading.Thread(target=wait)
    reader._patience_s = 1.0
    thread.start()
    until(lambda: not reader.idle)
    time.sleep(0.1)
    reader.ask(asked)
    assert len(asked.topics) == 8
    thread.join()
