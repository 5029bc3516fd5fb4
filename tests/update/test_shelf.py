"""The repository on a real broker: what is there, who may write it, how it goes through a bridge."""

import time
from pathlib import Path

import pytest

from tapetum.alerts.broker import Broker
from tapetum.update.repository import INDEX, Blob, Index, parse
from tapetum_trainer.publish.errors import PublishError
from tapetum_trainer.publish.shelf import Shelf
from tests.alerts.making import Consumer
from tests.simulators.daemon import until
from tests.simulators.mosquitto import Mosquitto, passwords
from tests.update.making import Camera, Desk, Scene, connected, packed

ACL = Path(__file__).parents[2] / "firmware-config/mosquitto/tapetum.acl"


def retained(port: int) -> dict[str, bytes]:
    """All that a broker has of the repository: whoever comes now hears it."""
    with Consumer(port, "tapetum/v1/repository/#") as consumer:
        until(lambda: consumer.on(INDEX))
        before = -1
        while len(consumer.heard) != before:
            before = len(consumer.heard)
            time.sleep(0.3)
        return consumer.retained()


def shelf(port: int, **how: object) -> Shelf:
    return Shelf(Broker(host="127.0.0.1", port=port, **how))  # type: ignore[arg-type]


@pytest.fixture
def own(tmp_path: Path):
    with Mosquitto(tmp_path / "own") as running:
        yield running


def test_exactly_what_the_metadata_name_is_on_the_broker(own: Mosquitto, desk: Desk):
    for version in (1, 2, 3):
        desk.push(packed(version))
        with shelf(own.port) as running:
            running.publish(desk.repository.files())
    found = retained(own.port)
    blobs = parse(found.pop(INDEX)).files
    assert blobs.keys() == desk.files().keys()
    assert found.keys() == {topic for blob in blobs.values() for topic in blob.topics()}
    for name, content in desk.files().items():
        assert b"".join(found[topic] for topic in blobs[name].topics()) == content
    assert max(map(len, found.values())) == 65536


def test_what_is_there_is_not_sent_again(own: Mosquitto, desk: Desk):
    desk.push(packed(1))
    with shelf(own.port) as running:
        assert running.publish(desk.repository.files()) > 200_000
        desk.refresh()
        assert running.publish(desk.repository.files()) < 1000, "a timestamp"
        assert running.publish(desk.repository.files()) == 0


def test_a_push_that_is_cut_off_is_gone_on_with_and_leaves_nothing(own: Mosquitto, desk: Desk, monkeypatch):
    desk.push(packed(1))
    with shelf(own.port) as running:
        running.publish(desk.repository.files())
    before = desk.files()
    desk.push(packed(2))
    count = 0

    def cut(self: Shelf, topic: str, payload: bytes, retain: bool = True) -> None:
        nonlocal count
        count += 1
        if count == 8:
            raise KeyboardInterrupt
        send(self, topic, payload, retain)

    send = Shelf._send
    monkeypatch.setattr(Shelf, "_send", cut)
    with pytest.raises(KeyboardInterrupt), shelf(own.port) as running:
        running.publish(desk.repository.files())
    monkeypatch.undo()
    with shelf(own.port) as running:
        index = running.index()
        assert index.files.keys() == before.keys(), "devices still have what was"
        assert index.clearing
        desk.push(packed(3))  # what was cut off is not wanted any more
        running.publish(desk.repository.files())
        assert running.index().clearing == ()
    found = retained(own.port)
    assert found.keys() - {INDEX} == {topic for blob in parse(found[INDEX]).blobs() for topic in blob.topics()}


@pytest.mark.parametrize("junk", [b"{", b"[]", b'{"schema":2}'])
def test_an_index_that_is_none_is_replaced(own: Mosquitto, desk: Desk, junk: bytes):
    with Consumer(own.port, "x") as consumer:
        consumer.say(INDEX, junk, retain=True)
    with shelf(own.port) as running:
        assert running.index() == Index()
        running.publish(desk.repository.files())
        assert running.index().files.keys() == desk.files().keys()


def test_the_acl_that_ships_lets_the_publisher_write_and_devices_read(tmp_path: Path, desk: Desk):
    users = {"publisher": "p", "gate": "g", "consumer": "c", "operator": "o"}
    folder = tmp_path / "strict"
    folder.mkdir()
    lines = [f"acl_file {ACL}", passwords(folder, **users), "max_packet_size 131072"]
    with Mosquitto(folder, *lines, anonymous=False) as broker:
        for user, password in users.items():
            (tmp_path / user).touch(0o600)
            (tmp_path / user).write_text(f'user = "{user}"\npassword = "{password}"\n')
        desk.push(packed(1))
        for user in ("gate", "consumer", "operator"):
            with shelf(broker.port, credentials=str(tmp_path / user)) as running, pytest.raises(PublishError) as caught:
                running.publish(desk.repository.files())
            assert "it refuses what is published: Not authorized; look at its access rules" in str(caught.value)
        with shelf(broker.port, credentials=str(tmp_path / "publisher")) as running:
            running.publish(desk.repository.files())
        camera = Camera(tmp_path / "device", broker.port, desk.enrolled, credentials=str(tmp_path / "gate"))
        with connected(camera):
            Scene(tmp_path, broker, desk, camera).takes_what_comes("street@1")


def test_through_a_bridge_a_device_has_what_was_pushed_before_and_after(tmp_path: Path, desk: Desk, own: Mosquitto):
    desk.push(packed(1))
    with shelf(own.port) as running:
        running.publish(desk.repository.files())
    lines = [
        "connection house", f"address 127.0.0.1:{own.port}", "topic tapetum/v1/repository/# in 1",
        "topic tapetum/v1/+/model/# out 1", "max_packet_size 131072",
    ]  # fmt: skip
    with Mosquitto(tmp_path / "far", *lines) as far:
        camera = Camera(tmp_path / "device", far.port, desk.enrolled)
        with connected(camera):
            scene = Scene(tmp_path, far, desk, camera)
            scene.takes_what_comes("street@1")
            desk.push(packed(2))
            with shelf(own.port) as running:
                running.publish(desk.repository.files())
            scene.takes_what_comes("street@2")


def test_a_broker_that_is_not_there_or_takes_too_little_is_told(tmp_path: Path, desk: Desk):
    with pytest.raises(PublishError, match=r"broker 127\.0\.0\.1:1: nothing listens there"):
        shelf(1)
    desk.push(packed(1))
    with (
        Mosquitto(tmp_path / "narrow", "max_packet_size 20000") as broker,
        shelf(broker.port) as running,
        pytest.raises(PublishError, match="it takes no messages of 65536 bytes: look at its max_packet_size"),
    ):
        running.publish(desk.repository.files())


def test_a_blob_has_as_many_topics_as_chunks():
    sizes = {1: 1, 65535: 1, 65536: 1, 65537: 2, 3 * 65536: 3}
    for size, count in sizes.items():
        topics = Blob(sha256="0" * 64, bytes=size).topics()
        assert (len(topics), topics[0][-2:]) == (count, "/0")
        assert Blob(sha256="0" * 64, bytes=size).topics(count) == []
