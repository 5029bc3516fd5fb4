"""One connection to a real mosquitto."""

import contextlib
import gc
import socket
import threading
import time
from pathlib import Path

import pytest

from tapetum.alerts.broker import Broker
from tapetum.alerts.connection import Client, ConnectionLostError, Will, connected
from tests.simulators.mosquitto import Mosquitto, free_port

CLIENT = Client("a client", Will("state", b"offline"))


def descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


def turn_until(condition, connection):
    deadline_s = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline_s:
        connection.turn(0.1)


def test_a_connection_that_is_gone_leaves_no_descriptor_behind(mosquitto):
    here, nowhere = Broker(host="127.0.0.1", port=mosquitto.port), Broker(host="127.0.0.1", port=free_port())
    gc.collect()
    gc.disable()  # it may not be needed: a device whose broker is away tries for weeks
    try:
        before = descriptors()
        for _ in range(20):
            connected(here, CLIENT).close()
            connected(here, CLIENT).drop()
            with pytest.raises(ConnectionLostError, match="refused"):
                connected(nowhere, CLIENT)
        assert descriptors() <= before
    finally:
        gc.enable()


def test_why_a_broker_ends_a_connection_is_told(tmp_path):
    with Mosquitto(tmp_path / "narrow", "max_packet_size 20000") as broker:
        connection = connected(Broker(host="127.0.0.1", port=broker.port), CLIENT)
        assert connection.takes("topic", bytes(19_900))
        assert not connection.takes("topic", bytes(20_000))
        connection.publish("topic", bytes(20_000), qos=1)
        with pytest.raises(ConnectionLostError, match="the broker ends the connection: Packet too large"):
            turn_until(lambda: False, connection)
        connection.drop()


def test_what_is_small_does_not_wait_for_more(mosquitto: Mosquitto):
    connection = connected(Broker(host="127.0.0.1", port=mosquitto.port), CLIENT)
    sock = connection._client.socket()
    assert sock is not None
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    connection.close()


def test_what_the_broker_says_it_takes_it_takes(tmp_path):
    with Mosquitto(tmp_path / "narrow", "max_packet_size 20000") as broker:
        connection = connected(Broker(host="127.0.0.1", port=broker.port), CLIENT)
        largest = max(size for size in range(19_900, 20_001) if connection.takes("topic", bytes(size)))
        mid = connection.publish("topic", bytes(largest), qos=1)
        turn_until(lambda: connection.acknowledged, connection)
        assert list(connection.acknowledged) == [(mid, "")]
        connection.close()


def endless(server, sent):
    """Be a broker that greets (MQTT 5, 3.2), and then sends one message of 200 MB, with nothing in it."""
    caller, _ = server.accept()
    with caller, contextlib.suppress(OSError):
        caller.recv(4096)
        caller.sendall(bytes.fromhex("2003000000") + b"\x30\x80\x84\xaf\x5f\x00\x01x\x00")
        while True:
            sent.append(caller.send(bytes(65536)))


def test_a_message_that_is_far_too_large_is_not_taken_into_memory(tmp_path):
    sent = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=endless, args=(server, sent))
        thread.start()
        connection = connected(Broker(host="127.0.0.1", port=server.getsockname()[1]), CLIENT)
        with pytest.raises(ConnectionLostError, match="larger than any that was asked for"):
            turn_until(lambda: False, connection)
        connection.drop()
        thread.join(10)
    assert not thread.is_alive()
    assert sum(sent) < 50e6
