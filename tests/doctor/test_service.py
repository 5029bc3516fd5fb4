"""What the doctor sees of the configuration and of what that needs: extras, cameras, broker, model."""

import socket
import sys
from pathlib import Path

import msgspec
import pytest

from tapetum import record, store
from tapetum.alerts.broker import Broker
from tapetum.capture import File, Picamera, Stream, Synthetic, V4l2
from tapetum.config import CameraSettings, Config
from tapetum.doctor import models, service
from tapetum.doctor.finding import Finding, Machine, tapetum
from tapetum.inference.accelerators import Cpu, EdgeTpu
from tapetum.inference.settings import Inference
from tests.doctor.making import outcome, pi, written
from tests.simulators.bundles import packed, ssd, yolo
from tests.simulators.mosquitto import Authority, Mosquitto


def configured(root: Path, *sources: object, **settings: object) -> list[Finding]:
    """Return what is found with a configuration of such sources, on an empty system."""
    cameras = {f"c{number}": CameraSettings(source=source) for number, source in enumerate(sources)}  # type: ignore[arg-type]
    return list(service._extras(Machine(root), Config(camera=cameras, **settings)))  # type: ignore[arg-type]


def test_an_extra_is_missing_only_where_a_camera_needs_it(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("av", "iotcore", "picamera2"):
        monkeypatch.setitem(sys.modules, module, None)
    states = {
        source: {finding.check: finding.state for finding in configured(root, *source)}
        for source in [(), (V4l2(),), (File(path="a.mp4"),), (V4l2(), Stream(url="rtsp://camera"))]
    }
    assert [states[source].get("av") for source in states] == ["warning", None, "missing", "missing"]
    assert all(found["iotcore"] == "warning" for found in states.values())
    assert not any("picamera2" in found for found in states.values())
    named = configured(root, V4l2(), broker=Broker(host="localhost"))
    assert named == []


def test_picamera2_is_looked_for_on_a_pi_or_where_a_camera_wants_it(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", None)
    (elsewhere,) = (one for one in configured(root, Picamera()) if one.check == "picamera2")
    assert (elsewhere.state, "no Raspberry Pi" in elsewhere.what) == ("missing", True)
    pi(root)
    for sources, state in (((), "warning"), ((Picamera(),), "missing")):
        (found,) = (one for one in configured(root, *sources) if one.check == "picamera2")
        assert found.state == state
    assert not any(one.check == "picamera2" for one in configured(root, V4l2()))


def test_every_device_and_command_of_the_configuration_is_looked_at(root: Path, tmp_path: Path) -> None:
    text = f"""
state_dir = "{tmp_path}"
[camera.a]
source = {{ type = "v4l2", device = "/dev/video7" }}
[camera.b]
source = {{ type = "pipe", command = ["no-such-camera", "--y4m"] }}
"""
    found = list(service.look(Machine(root), written(tmp_path / "tapetum.toml", text)))
    missing = {finding.what.partition(" ")[0] for finding in found if finding.state == "missing"}
    assert missing == {"/dev/video7:", "no-such-camera"}


def test_a_configuration_that_cannot_be_used_ends_neither_the_report_nor_the_reader(root: Path, tmp_path: Path) -> None:
    file = written(tmp_path / "tapetum.toml", "[broker]\nport = 70000\n")
    checks = {finding.check: finding for finding in service.look(Machine(root), file)}
    assert outcome(checks["configuration"]) == ("missing", f"editor {file}")
    assert "broker.port: " in checks["configuration"].what
    assert {"state_dir", "clock", "service"} <= set(checks)
    assert not {"broker", "model", "camera"} & set(checks), "what it names is not known"


def test_a_configuration_that_is_not_there_or_names_no_camera_is_told(tmp_path: Path) -> None:
    assert service.configuration(Machine(), None)[0].state == "warning"
    missing, config = service.configuration(Machine(), tmp_path / "no.toml")
    assert (missing.state, config) == ("missing", Config())
    assert "No such file or directory" in missing.what
    assert service.configuration(Machine(), written(tmp_path / "empty.toml"))[0].state == "warning"


def test_a_broker_that_answers_is_told_and_one_that_does_not_is_missing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings = Broker(host="127.0.0.1", port=server.getsockname()[1])
        assert outcome(service.broker(Machine(), settings, tmp_path)) == ("ok", "")
    finding = service.broker(Machine(), settings, tmp_path)
    assert outcome(finding) == ("missing", "sudo systemctl start mosquitto")
    assert finding.what == f"127.0.0.1:{settings.port}: Connection refused"


def test_a_broker_that_says_nothing_is_given_two_seconds() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        finding = service.broker(Machine(), Broker(host="127.0.0.1", port=server.getsockname()[1], tls=True), None)
    assert finding.state == "missing"
    assert finding.what.endswith("no answer within 2 s")


def test_a_broker_s_certificate_must_be_right(tmp_path: Path) -> None:
    authority, stranger = Authority(tmp_path / "ours"), Authority(tmp_path / "another")
    certificate, key = authority.of("device")
    with Mosquitto(tmp_path / "broker", *authority.lines()) as running:
        settings = Broker(
            host="127.0.0.1", port=running.port, tls=True, ca=authority.ca, certificate=certificate, key=key
        )
        assert service.broker(Machine(), settings, None).what.endswith("answers, and shows the right certificate")
        wrong = service.broker(Machine(), Broker(host="127.0.0.1", port=running.port, tls=True, ca=stranger.ca), None)
        assert wrong.state == "missing"
        assert "its certificate is not right" in wrong.what
        assert wrong.mend == f"openssl s_client -connect 127.0.0.1:{running.port} -CAfile {stranger.ca}"


def test_how_a_broker_that_is_not_found_is_looked_for() -> None:
    far = Broker(host="broker.example", tls=True)
    assert (
        service._look_at(Machine(), far, socket.gaierror(-2, "Name or service not known"))
        == "getent hosts broker.example"
    )
    assert service._look_at(Machine(), far, TimeoutError()) == "ping -c 3 broker.example"
    refused = service._look_at(Machine(), far, ConnectionRefusedError(111, "Connection refused"))
    assert refused == "ssh broker.example sudo systemctl start mosquitto"


def test_a_model_must_load(tmp_path: Path, data: Path) -> None:
    folder = data / "models/coco_ssd_mobilenet_v1_quant"
    config = Config(inference=Inference(model=str(folder / "detect.tflite")))
    finding = models.look(Machine(), config, None)
    assert finding.what.startswith(f"{folder / 'detect.tflite'} loads, on cpu; locked in by ")


def test_an_accelerator_that_is_not_there_is_told_with_its_model(data: Path) -> None:
    model = str(data / "models/coco_ssd_mobilenet_v1_quant/detect.tflite")
    chain = (EdgeTpu(library="libnowhere.so.1"), Cpu())
    finding = models.look(Machine(), Config(inference=Inference(model=model, accelerators=chain)), None)
    assert finding.state == "warning"
    assert "loads, on cpu; " in finding.what
    assert "accelerator edgetpu: libnowhere.so.1 cannot be used" in finding.what


def test_a_model_that_cannot_be_had_is_missing_and_none_is_none(tmp_path: Path) -> None:
    file = tmp_path / "tapetum.toml"
    assert outcome(models.look(Machine(), Config(), file)) == ("ok", "")
    for path in (tmp_path / "no.tflite", written(tmp_path / "broken.tflite", "no model")):
        written(tmp_path / "labelmap.txt", "person")
        finding = models.look(Machine(), Config(inference=Inference(model=str(path))), file)
        assert outcome(finding) == ("missing", f"editor {file}")
        assert finding.what.startswith("inference.model: ")


def device(folder: Path, data: Path, *, damaged: bool = False, previous: bool = False, named: bool = False) -> Config:
    """Return the configuration of a device with an active slot, one before it, and a model to begin with."""
    slots = store.Store(folder / store.FOLDER)
    for spec in (yolo, ssd) if previous else (ssd,):
        slots.keep(record.Record(slots.install(packed(spec(data))), slots.record().active))
    if damaged:
        slots.path("ssd@1").write_bytes(b"PK")
    model = str(data / "models/coco_ssd_mobilenet_v1_quant/detect.tflite") if named else ""
    return Config(state_dir=str(folder), inference=Inference(model=model))


def test_the_active_slot_is_looked_at_and_not_the_model_that_it_stands_for(tmp_path: Path, data: Path) -> None:
    config = device(tmp_path, data)
    finding = models.look(Machine(), config, None)
    assert finding.what.startswith("ssd@1, the active slot, loads, on cpu; locked in by ")
    assert not finding.mend


@pytest.mark.parametrize(
    ("behind", "state", "used", "mend"),
    [
        ({}, "missing", "none is named: motion alone counts", "models install FILE --activate"),
        ({"named": True}, "warning", "/detect.tflite loads, on cpu; ", "models rollback"),
        ({"previous": True}, "warning", "yolo@1 loads, on cpu; ", "models rollback"),
    ],
)
def test_a_damaged_slot_is_told_with_what_a_start_takes_instead(
    tmp_path: Path, data: Path, behind: dict[str, bool], state: str, used: str, mend: str
) -> None:
    config, file = device(tmp_path, data, damaged=True, **behind), tmp_path / "tapetum.toml"
    before = store.Store(tmp_path / store.FOLDER).record()
    finding = models.look(Machine(), config, file)
    assert outcome(finding) == (state, tapetum(*mend.split(), "--config", str(file)))
    assert finding.what.startswith("the slot ssd@1 cannot be used: ")
    assert used in finding.what.partition("; a start takes the next: ")[2]
    assert store.Store(tmp_path / store.FOLDER).record() == before


def test_a_model_that_waits_for_its_accelerator_does_not_load_now(tmp_path: Path, data: Path) -> None:
    config = device(tmp_path, data)
    alone = Inference(accelerators=(EdgeTpu(library="libnowhere.so.1"),))
    finding = models.look(Machine(), msgspec.structs.replace(config, inference=alone), None)
    assert finding.state == "warning"
    assert "loads nowhere now: motion alone counts; accelerator edgetpu: libnowhere.so.1" in finding.what


def test_a_scene_that_is_drawn_needs_nothing(root: Path) -> None:
    assert configured(root, Synthetic(), broker=Broker(host="localhost")) == []
