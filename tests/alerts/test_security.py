"""Who is let in, and by which broker's word: passwords, certificates and rights, with a real mosquitto."""

import logging
import signal

import pytest

from tests.alerts.making import TOPIC, Consumer, listening, publishing, sighting
from tests.simulators.daemon import until
from tests.simulators.mosquitto import Authority, Mosquitto, passwords

PAHO_LEAVES_ITS_SOCKET = pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")
"""paho leaves it to Python to close the socket on which a broker's certificate was found wanting."""
PASSWORD = "rosebud-7"  # noqa: S105  of a broker that lives for one test


def secret(folder, password):
    path = folder / "credentials.toml"
    path.write_text(f'user = "garage"\npassword = "{password}"\n')
    path.chmod(0o600)
    return str(path)


@pytest.fixture
def guarded(tmp_path):
    """A broker that lets in the user garage alone."""
    folder = tmp_path / "broker"
    folder.mkdir()
    with Mosquitto(folder, passwords(folder, garage=PASSWORD), anonymous=False) as broker:
        yield broker


def test_the_right_password_is_let_in(guarded, outbox, tmp_path):
    with publishing(outbox, port=guarded.port, credentials=secret(tmp_path, PASSWORD)):
        outbox.append(sighting(), TOPIC)
        until(lambda: outbox.waiting[0] == 0)


def test_a_wrong_password_is_said_where_to_mend_it_and_tried_again_slowly(guarded, outbox, tmp_path, caplog):
    wrong = secret(tmp_path, "rosebud-8")
    with caplog.at_level(logging.WARNING), publishing(outbox, port=guarded.port, credentials=wrong) as publisher:
        outbox.append(sighting(), TOPIC)
        until(lambda: "the broker refuses: Not authorized" in publisher.state().last_error)
        assert not publisher.state().connected
        with pytest.raises(AssertionError):  # two of the pauses after which a broker that is away is tried again
            until(lambda: guarded.log.count("not authorised") > 1, 2.0)
    assert "look at broker.credentials" in caplog.text
    assert "rosebud" not in caplog.text
    assert outbox.waiting[0] == 1


def test_a_password_that_is_mended_needs_no_restart(guarded, outbox, tmp_path, monkeypatch):
    monkeypatch.setattr("tapetum.alerts.mqtt._REFUSED_S", 0.2)  # a minute is long for a test
    path = secret(tmp_path, "rosebud-8")
    with publishing(outbox, port=guarded.port, credentials=path) as publisher:
        outbox.append(sighting(), TOPIC)
        until(lambda: "refuses" in publisher.state().last_error)
        secret(tmp_path, PASSWORD)
        until(lambda: outbox.waiting[0] == 0)
        assert publisher.state().last_error == ""


def test_a_credentials_file_that_vanishes_while_running_is_said_and_nothing_is_lost(guarded, outbox, tmp_path):
    path = tmp_path / "credentials.toml"
    with publishing(outbox, port=guarded.port, credentials=secret(tmp_path, PASSWORD)) as publisher:
        until(lambda: publisher.state().connected)
        path.unlink()
        guarded.kill()
        until(lambda: not publisher.state().connected)
        guarded.start()
        outbox.append(sighting(), TOPIC)
        until(lambda: "broker.credentials" in publisher.state().last_error)
    assert outbox.waiting[0] == 1


def test_a_listener_with_a_wrong_password_says_so(guarded, tmp_path):
    said = []
    wrong = secret(tmp_path, "rosebud-8")
    with listening(guarded.port, lambda *_: None, credentials=wrong, complain=said.append):
        until(lambda: said)
    assert "the broker refuses: Not authorized; look at broker.credentials" in said[0]


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ours"))


@pytest.fixture
def secured(tmp_path, authority):
    """A broker that shows a certificate of our authority, and asks for one."""
    with Mosquitto(tmp_path / "broker", *authority.lines()) as broker:
        yield broker


def test_certificates_of_both_sides_secure_the_way(secured, authority, outbox):
    certificate, key = authority.of("garage")
    with publishing(outbox, port=secured.port, tls=True, ca=authority.ca, certificate=certificate, key=key):
        outbox.append(sighting(), TOPIC)
        until(lambda: outbox.waiting[0] == 0)


@PAHO_LEAVES_ITS_SOCKET
def test_a_broker_with_the_certificate_of_another_host_gets_nothing(authority, outbox, tmp_path):
    certificate, key = authority.of("garage")
    files = {"ca": authority.ca, "certificate": certificate, "key": key}
    with Mosquitto(tmp_path / "broker", *authority.lines("DNS:elsewhere")) as broker:
        with publishing(outbox, port=broker.port, tls=True, **files) as publisher:
            outbox.append(sighting(), TOPIC)
            until(lambda: "IP address mismatch" in publisher.state().last_error)
        assert outbox.waiting[0] == 1


@PAHO_LEAVES_ITS_SOCKET
@pytest.mark.parametrize("known", ["another", "the system's"])
def test_a_broker_whose_authority_is_not_trusted_gets_nothing(secured, outbox, tmp_path, known):
    ca = Authority(tmp_path / "theirs").ca if known == "another" else ""
    with publishing(outbox, port=secured.port, tls=True, ca=ca) as publisher:
        outbox.append(sighting(), TOPIC)
        until(lambda: "certificate verify failed" in publisher.state().last_error)
    assert outbox.waiting[0] == 1
    assert "New client connected" not in secured.log


def test_a_broker_that_misses_the_certificate_is_said_to(secured, authority, outbox, caplog):
    with caplog.at_level(logging.WARNING):
        with publishing(outbox, port=secured.port, tls=True, ca=authority.ca) as publisher:
            outbox.append(sighting(), TOPIC)
            until(lambda: publisher.state().last_error)
        assert "look at broker.certificate" in caplog.text
    assert outbox.waiting[0] == 1


def test_nothing_is_said_in_the_clear_to_a_broker_that_wants_tls(secured, outbox):
    with publishing(outbox, port=secured.port) as publisher:
        outbox.append(sighting(), TOPIC)
        until(lambda: publisher.state().last_error)
    assert outbox.waiting[0] == 1


OTHER = "tapetum/v1/garage/gate/event"


@pytest.fixture
def strict(tmp_path):
    """A broker that takes the alerts of the hall and not of the gate, until `grant`."""
    rights = tmp_path / "rights"
    rights.write_text("topic read #\ntopic write tapetum/v1/garage/hall/event\ntopic write tapetum/v1/garage/state\n")
    with Mosquitto(tmp_path / "broker", f"acl_file {rights}") as broker:

        def grant():
            rights.write_text("topic readwrite #\n")
            broker.signal(signal.SIGHUP)

        yield broker, grant


@pytest.mark.parametrize("word", ["broker", "receipt"])
def test_alerts_that_the_broker_refuses_stand_in_nobodys_way_and_are_told_of(strict, outbox, word):
    broker, _ = strict
    for seq in range(1, 301):
        outbox.append(sighting(seq), OTHER)
    outbox.append(sighting(301), TOPIC)
    with Consumer(broker.port) as consumer, publishing(outbox, port=broker.port, delivery=word) as publisher:
        until(lambda: consumer.on(TOPIC))
        until(lambda: publisher.state().refused == 300)
        until(lambda: publisher.state().acknowledged)
        assert publisher.state().last_error == f"the broker refuses {OTHER}: Not authorized"
        assert outbox.waiting[0] >= 300
        assert not consumer.on(OTHER)


@pytest.mark.parametrize("word", ["broker", "receipt"])
def test_alerts_that_were_refused_are_sent_when_the_broker_takes_them(strict, outbox, monkeypatch, word):
    monkeypatch.setattr("tapetum.alerts.delivery._REFUSED_S", 0.2)  # a minute is long for a test
    broker, grant = strict
    for seq in range(1, 51):
        outbox.append(sighting(seq), OTHER)
    with publishing(outbox, port=broker.port, delivery=word) as publisher:
        until(lambda: publisher.state().refused >= 50)
        grant()
        heard = []
        with listening(broker.port, lambda *told: heard.append(told), receipts=word == "receipt"):
            until(lambda: outbox.waiting[0] == 0, 30)
        until(lambda: publisher.state().last_error == "")
