"""A broker that cannot be reached: what is said names host, port, what failed, and the keys to look at."""

import logging
import socket
from contextlib import closing

import pytest

from tests.alerts.making import publishing
from tests.alerts.test_security import PAHO_LEAVES_ITS_SOCKET
from tests.simulators.daemon import until

PLACE = "look at broker.host and broker.port"


def said(outbox, **broker):
    """What a publisher says of a broker."""
    with publishing(outbox, **broker) as publisher:
        return until(lambda: publisher.state().last_error)


@pytest.fixture
def mute():
    """What takes connections and answers nothing, as another service may; its port."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield server.getsockname()[1]


def test_nothing_listens(outbox, caplog):
    with socket.socket() as unused, caplog.at_level(logging.WARNING):
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        text = said(outbox, port=port)
    question = "is it running, and is the port right?"
    assert text == f"127.0.0.1:{port}: nothing listens there (Connection refused); {question} {PLACE}"
    assert f"broker {text}; alerts wait in the outbox" in caplog.text


def test_no_such_name(outbox):
    text = said(outbox, host="broker.invalid", tls=True)
    assert text.startswith("broker.invalid:8883: its name ")
    assert text.endswith(PLACE)


def test_no_answer_to_mqtt(outbox, mute):
    text = said(outbox, port=mute)
    assert "the broker does not answer a connection; is that an MQTT broker, and does it want TLS?" in text
    assert text.endswith("look at broker.port and broker.tls")


@PAHO_LEAVES_ITS_SOCKET
def test_no_tls_where_it_is_wanted(outbox, mosquitto):
    text = said(outbox, port=mosquitto.port, tls=True)
    assert text.startswith(f"127.0.0.1:{mosquitto.port}: ")
    assert text.endswith("? look at broker.port and broker.tls")


def test_another_service_that_hangs_up(outbox):
    server = socket.create_server(("127.0.0.1", 0))
    with closing(server), publishing(outbox, port=server.getsockname()[1]) as publisher:
        for _ in range(2):  # MQTT 5 is tried, then 3.1.1
            server.accept()[0].close()
        text = until(lambda: publisher.state().last_error)
    assert text.endswith("look at broker.port and broker.tls")
