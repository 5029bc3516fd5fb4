"""The publisher, with a real mosquitto that is absent, stands still, is narrow or knows an older version."""

import json
import logging
import subprocess
import sys
import threading
from pathlib import Path

from tapetum.alerts import embedded
from tapetum.alerts.broker import Broker
from tapetum.alerts.connection import Connection, ConnectionLostError
from tapetum.alerts.mqtt import Publisher, client_id
from tapetum.alerts.outbox import Outbox, OutboxSettings
from tapetum.alerts.topics import Topics
from tapetum.clock import SystemClock
from tapetum.scene import Kind
from tests.alerts.making import STATE, TOPIC, Consumer, publishing, running, sighting
from tests.simulators.daemon import until
from tests.simulators.mosquitto import Mosquitto

ROOT = Path(__file__).parents[2]
PICTURE = "tapetum/v1/garage/hall/snapshot"


def test_an_alert_arrives_and_leaves_the_outbox(mosquitto, outbox):
    one = sighting()
    with Consumer(mosquitto.port) as consumer, publishing(outbox, port=mosquitto.port):
        outbox.append(one, TOPIC)
        until(lambda: consumer.on(TOPIC))
        until(lambda: outbox.waiting == (0, 0))
    assert consumer.ids() == [one.id]


def test_alerts_are_sent_with_qos_1_and_never_retained(mosquitto, outbox):
    with Consumer(mosquitto.port) as consumer, publishing(outbox, port=mosquitto.port):
        outbox.append(sighting(), TOPIC)
        until(lambda: consumer.on(TOPIC))
        assert {message.qos for message in consumer.heard if message.topic == TOPIC} == {1}
        with Consumer(mosquitto.port) as late:
            until(lambda: late.on(STATE))
            assert TOPIC not in late.retained()


def test_the_state_says_online_and_the_boot_to_who_comes_later(mosquitto, outbox):
    with publishing(outbox, port=mosquitto.port) as publisher:
        until(lambda: publisher.state().connected)
        with Consumer(mosquitto.port) as late:
            until(lambda: late.on(STATE))
            assert json.loads(late.retained()[STATE]) == {"status": "online", "boot": outbox.boot}


def test_who_leaves_says_offline_once(mosquitto, outbox):
    with Consumer(mosquitto.port, STATE) as consumer:
        with publishing(outbox, port=mosquitto.port) as publisher:
            until(lambda: publisher.state().connected)
        until(lambda: len(consumer.states()) == 2)
        with Consumer(mosquitto.port) as late:
            until(lambda: late.on(STATE))
            assert late.states() == ["offline"]
    assert consumer.states() == ["online", "offline"]


DEVICE = """
import sys, threading
from pathlib import Path
from tapetum.alerts.broker import Broker
from tapetum.alerts.connection import Connection, ConnectionLostError
from tapetum.alerts.mqtt import Publisher
from tapetum.alerts.outbox import Outbox, OutboxSettings
from tapetum.alerts.topics import Topics
from tapetum.clock import SystemClock
from tapetum.scene import Kind
from tests.alerts.making import TOPIC, sighting
outbox = Outbox(Path(sys.argv[1]), OutboxSettings(), SystemClock())
publisher = Publisher(Broker(host="127.0.0.1", port=int(sys.argv[2])), Topics("garage"), outbox)
threading.Thread(target=publisher.run, args=(threading.Event(),), daemon=True).start()
for line in sys.stdin:
    one = sighting(outbox.last_seq + 1, Kind.ENDED)
    outbox.append(one, TOPIC)
    print(one.id, flush=True)
"""


def device(path, port):
    """A device as a process: for each line that it reads it makes an alert, and tells its id."""
    command = [sys.executable, "-c", DEVICE, str(path), str(port)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True)


def killed(process):
    """Kill it; return the ids that it told and nobody has read yet."""
    process.kill()
    with process:
        return process.stdout.read().split()


def test_of_who_is_killed_the_broker_says_offline(mosquitto, tmp_path):
    with Consumer(mosquitto.port, STATE) as consumer:
        process = device(tmp_path / "o.sqlite", mosquitto.port)
        until(consumer.states)
        killed(process)
        until(lambda: len(consumer.states()) == 2)
    assert consumer.states() == ["online", "offline"]


def test_a_device_that_is_killed_again_and_again_sends_all_that_it_had_taken(mosquitto, tmp_path):
    told = []
    with Consumer(mosquitto.port) as consumer:
        for _ in range(5):
            process = device(tmp_path / "o.sqlite", mosquitto.port)
            process.stdin.write("\n" * 200)
            process.stdin.flush()
            told += [process.stdout.readline().strip() for _ in range(20)]
            told += killed(process)
        assert len(told) >= 100
        process = device(tmp_path / "o.sqlite", mosquitto.port)
        until(lambda: set(told) <= set(consumer.ids()), 30)
        killed(process)


def test_a_broker_that_is_absent_at_the_start_gets_all_in_order_when_it_comes(tmp_path, outbox):
    broker = Mosquitto(tmp_path / "broker")
    taken = [sighting(seq) for seq in range(1, 101)]
    with publishing(outbox, port=broker.port) as publisher:
        for one in taken:
            outbox.append(one, TOPIC)
        until(lambda: publisher.state().last_error)
        assert not publisher.state().connected
        assert outbox.waiting[0] == 100
        with broker, Consumer(broker.port) as consumer:
            until(lambda: len(consumer.on(TOPIC)) == 100)
            until(lambda: outbox.waiting[0] == 0)
            assert publisher.state().last_error == ""
            assert consumer.ids() == [one.id for one in taken]


def test_a_broker_that_stands_still_is_waited_for(mosquitto, outbox):
    with Consumer(mosquitto.port) as consumer, publishing(outbox, port=mosquitto.port) as publisher:
        until(lambda: publisher.state().connected)
        mosquitto.stop()
        for seq in range(1, 31):
            outbox.append(sighting(seq), TOPIC)
        until(lambda: publisher.state().sent)
        assert outbox.waiting[0] == 30
        mosquitto.resume()
        until(lambda: outbox.waiting[0] == 0)
        until(lambda: len(set(consumer.ids())) == 30)


def test_a_broker_that_was_slow_to_answer_is_still_spoken_to_in_mqtt_5(mosquitto, outbox):
    mosquitto.stop()
    with publishing(outbox, port=mosquitto.port) as publisher:
        until(lambda: "does not answer" in publisher.state().last_error)
        mosquitto.resume()
        until(lambda: publisher.state().connected)
        assert publisher.state().protocol == "5"


def test_a_broker_that_knows_no_version_5_is_talked_to_in_3_1_1(outbox):
    broker, port = embedded.start()
    try:
        with publishing(outbox, port=port) as publisher:
            outbox.append(sighting(), TOPIC)
            until(lambda: outbox.waiting[0] == 0, 30)
            assert publisher.state().protocol == "3.1.1"
    finally:
        broker.stop()


def test_a_thousand_alerts_of_four_threads_arrive_once_each_while_pictures_are_sent(mosquitto, outbox):
    def work(first):
        for seq in range(first, first + 250):
            outbox.append(sighting(seq, Kind.UPDATED), TOPIC)
            publisher.publish("tapetum/v1/garage/hall/motion", b"ON", retain=True)
            publisher.publish(PICTURE, b"a picture")

    with Consumer(mosquitto.port) as consumer, publishing(outbox, port=mosquitto.port) as publisher:
        threads = [threading.Thread(target=work, args=(1 + 1000 * number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        until(lambda: outbox.waiting[0] == 0, 60)
        until(lambda: len(consumer.on(TOPIC)) >= 1000)
    assert len(consumer.ids()) == len(set(consumer.ids())) == 1000


def test_a_picture_is_sent_and_not_retained(mosquitto, outbox):
    with Consumer(mosquitto.port) as consumer, publishing(outbox, port=mosquitto.port) as publisher:
        publisher.publish(PICTURE, b"too early")
        until(lambda: publisher.state().connected)
        publisher.publish(PICTURE, b"a picture")
        until(lambda: b"a picture" in consumer.on(PICTURE))
        with Consumer(mosquitto.port) as late:
            until(lambda: late.on(STATE))
            assert PICTURE not in late.retained()


def test_a_picture_larger_than_the_broker_takes_costs_no_alert_and_no_connection(tmp_path, outbox, caplog):
    lines = ["max_packet_size 20000"]
    with Mosquitto(tmp_path / "narrow", *lines) as broker, publishing(outbox, port=broker.port) as publisher:
        with Consumer(broker.port) as consumer, caplog.at_level(logging.WARNING):
            until(lambda: publisher.state().connected)
            publisher.publish(PICTURE, bytes(30_000))
            publisher.publish(PICTURE, bytes(19_000))
            outbox.append(sighting(), TOPIC)
            until(lambda: consumer.on(TOPIC) and consumer.on(PICTURE))
            until(lambda: outbox.waiting[0] == 0)
        assert [len(payload) for payload in consumer.on(PICTURE)] == [19_000]
        assert consumer.states() == ["online"]
    assert "more than the broker takes" in caplog.text


def test_of_each_topic_the_last_word_is_retained_however_many_there_are(tmp_path, outbox):
    topics = [f"tapetum/v1/garage/camera{number}/motion" for number in range(150)]
    broker = Mosquitto(tmp_path / "broker")
    with publishing(outbox, port=broker.port) as publisher:
        for word in (b"ON", b"OFF"):
            for topic in topics:
                publisher.publish(topic, word, retain=True)
        for _ in range(2):  # a broker that lost all hears all again
            with broker:
                until(lambda: publisher.state().connected)
                with Consumer(broker.port, "tapetum/v1/garage/+/motion") as late:
                    until(lambda: len(late.heard) >= 150)
                    until(lambda: all(late.on(topic)[-1:] == [b"OFF"] for topic in topics))
            (tmp_path / "broker" / "mosquitto.db").unlink(missing_ok=True)


def test_what_is_said_last_is_said(mosquitto, outbox):
    with Consumer(mosquitto.port) as consumer:
        with publishing(outbox, port=mosquitto.port) as publisher:
            until(lambda: publisher.state().connected)
            publisher.publish("tapetum/v1/garage/hall/motion", b"OFF", retain=True)
        until(lambda: consumer.on("tapetum/v1/garage/hall/motion") == [b"OFF"])


def test_one_who_stays_away_from_a_broker_keeps_the_alerts(outbox):
    with publishing(outbox, host="") as publisher:
        outbox.append(sighting(), TOPIC)
        assert not publisher.state().connected
    assert outbox.waiting[0] == 1


def test_a_device_has_one_client_id_and_no_other_device_has_it():
    assert client_id("garage") == client_id("garage") != client_id("kitchen")
    assert client_id("garage").isascii()
    assert len(client_id("garage")) <= 24


def test_devices_do_not_push_each_other_off_the_broker(mosquitto, outbox, tmp_path):
    other = Outbox(tmp_path / "other.sqlite", OutboxSettings(), SystemClock())
    with publishing(outbox, port=mosquitto.port) as one, publishing(other, "kitchen", port=mosquitto.port) as two:
        until(lambda: one.state().connected and two.state().connected)
        outbox.append(sighting(1), TOPIC)
        other.append(sighting(2), TOPIC)
        until(lambda: outbox.waiting[0] == 0 and other.waiting[0] == 0)
        assert one.state().connected
        assert two.state().connected
    other.close()


COMMAND = "tapetum/v1/garage/cmd/clear_damped"


def test_a_command_is_obeyed_once_and_one_that_is_retained_never(mosquitto, outbox):
    heard, publisher = [], Publisher(Broker(host="127.0.0.1", port=mosquitto.port), Topics("garage"), outbox)
    publisher.obey(COMMAND, heard.append)
    with Consumer(mosquitto.port) as consumer:
        consumer.say(COMMAND, b"yard", retain=True)
        with running(publisher.run):
            until(lambda: publisher.state().connected)
            consumer.say(COMMAND, b"hall")
            until(lambda: heard)
    assert heard == ["hall"]


def test_a_broker_that_lets_the_device_hear_no_command_still_gets_its_alerts(mosquitto, outbox, monkeypatch, caplog):
    def refuse(_connection, topic):  # mosquitto grants every subscription, and then delivers nothing
        raise ConnectionLostError(f"the broker refuses a subscription to {topic}", "look", refused=True)

    monkeypatch.setattr(Connection, "subscribe", refuse)
    publisher = Publisher(Broker(host="127.0.0.1", port=mosquitto.port), Topics("garage"), outbox)
    publisher.obey(COMMAND, lambda _: None)
    with Consumer(mosquitto.port, TOPIC) as consumer, running(publisher.run):
        outbox.append(sighting(), TOPIC)
        until(lambda: consumer.on(TOPIC))
    assert f"refuses a subscription to {COMMAND}" in caplog.text
