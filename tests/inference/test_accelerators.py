"""A chain of accelerators: what fails is replaced by the next and tried again, and nobody waits.

The accelerators are real delegates, built from `delegate.c` by the system's compiler, that really take a node of the
model; what goes wrong in them goes wrong in native code, in a process of its own.
"""

import dataclasses
import re
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np
import pytest

from tapetum import bundle
from tapetum.errors import ConfigError, Unsuitable
from tapetum.inference import chain, compiled
from tapetum.inference.accelerators import Accelerator, Cpu, Delegate, EdgeTpu, Gpu
from tapetum.inference.client import Worker
from tapetum.inference.contract import Expected, ModelSpec
from tapetum.inference.model import Crop
from tapetum.inference.settings import Inference
from tapetum.inference.tflite import Detector, runtime
from tests.inference.conftest import CHECKS_LITTLE, Picture
from tests.inference.running import Running, Start, made
from tests.simulators import bundles
from tests.simulators.daemon import until

DEADLINE_S, LOAD_S = 0.7, 3.0
TAKES_OVER_S = 2.0


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an accelerator rest for half a second only."""
    monkeypatch.setattr(chain, "FIRST_REST_S", 0.5)
    monkeypatch.setattr(chain, "LONGEST_REST_S", 0.5)


def on(ssd: Inference, *accelerators: Accelerator) -> Inference:
    return msgspec.structs.replace(ssd, accelerators=accelerators)


def hurried(ssd: Inference, *accelerators: Accelerator) -> Inference:
    """Where one hangs: for what is not to last so long everywhere, since a machine stands still for a second too."""
    return msgspec.structs.replace(on(ssd, *accelerators), deadline_s=DEADLINE_S, load_s=LOAD_S)


def broken(library: Path, **options: object) -> Delegate:
    return Delegate(library=str(library), options={name: str(value) for name, value in options.items()})


def answers(running: Running, crop: Crop) -> bool:
    """Whether a question is answered, and rightly: a person stands there."""
    found = running.ask(crop)
    return bool(found) and found[0].detections[0].label == "person"


def numbered(crop: Crop, number: int) -> Crop:
    pixels = crop.pixels.copy()
    pixels[0, 0] = number
    return Crop(crop.track, crop.box, pixels)


def told(running: Running) -> Mapping[str, str]:
    return {name: one.state for name, one in running.state().accelerators.items()}


def test_the_first_of_the_chain_that_works_answers(start: Start, ssd: Inference, library: Path, crop: Crop):
    running = start(on(ssd, broken(library), Cpu()))
    assert answers(running, crop)
    assert running.state().mode == "delegate"
    assert told(running) == {"delegate": "in use", "cpu": "ready"}
    assert "seccomp" in running.state().confinement


CANNOT_START = {
    "crashes when made": ({"at": "create", "fault": "crash"}, "SIGSEGV", "unusable"),
    "crashes when it takes the model": ({"at": "prepare", "fault": "crash"}, "SIGSEGV", "unusable"),
    "crashes when it runs": ({"fault": "crash"}, "SIGSEGV", "unusable"),
    "refuses to be made": ({"at": "create", "fault": "refuse"}, "cannot be used: .*refused", "resting"),
    "refuses the model": ({"at": "prepare", "fault": "refuse"}, "cannot load it: ", "resting"),
    "refuses to run": ({"fault": "refuse"}, "the model fails: ", "resting"),
    "hangs when it takes the model": ({"at": "prepare", "fault": "hang"}, "no answer in time", "resting"),
    "is not there": ({"device": "/nowhere/device"}, "no such device", "resting"),
}


@pytest.mark.parametrize("how", CANNOT_START)
def test_one_that_cannot_run_the_model_is_known_with_its_reason_and_the_next_runs_it(
    start: Start, ssd: Inference, library: Path, crop: Crop, how: str
):
    options, reason, state = CANNOT_START[how]
    start_s = time.monotonic()
    running = start((hurried if "hangs" in how else on)(ssd, broken(library, **options), Cpu()))
    hung_s = LOAD_S if "hangs" in how else 0.0
    assert time.monotonic() - start_s < hung_s + 2 * TAKES_OVER_S  # two workers are started, and no spare is there yet
    assert answers(running, crop)
    assert told(running) == {"delegate": state, "cpu": "in use"}
    found = running.state()
    assert found.mode == "cpu"
    assert re.search(reason, found.accelerators["delegate"].reason)


@pytest.mark.parametrize(("fault", "hung_s"), [("crash", 0.0), ("refuse", 0.0), ("hang", DEADLINE_S)])
def test_when_one_fails_at_work_the_next_takes_over_within_two_seconds(
    start: Start, ssd: Inference, library: Path, crop: Crop, fault: str, hung_s: float
):
    running = start((hurried if fault == "hang" else on)(ssd, broken(library, fault=fault, after=3), Cpu()))
    assert answers(running, crop)
    assert answers(running, crop)
    start_s = time.monotonic()
    assert running.ask(crop) == []
    assert answers(running, crop)
    assert time.monotonic() - start_s < hung_s + TAKES_OVER_S
    assert told(running) == {"delegate": "resting", "cpu": "in use"}
    assert (running.state().mode, running.state().restarts) == ("cpu", 1)


def test_one_that_crashed_before_it_ever_answered_is_not_tried_again(
    soon: None, start: Start, ssd: Inference, library: Path, crop: Crop
):
    running = start(on(ssd, broken(library, at="prepare", fault="crash"), Cpu()))
    pid = running.worker.pid
    time.sleep(1.5)  # nothing happens, which is what is to be seen: three rests are over
    assert answers(running, crop)
    assert (running.worker.pid, told(running)["delegate"]) == (pid, "unusable")
    assert running.state().accelerators["delegate"].failures == 1


def test_one_that_is_unplugged_is_replaced_and_taken_again_when_it_is_back(
    soon: None, start: Start, ssd: Inference, library: Path, crop: Crop, tmp_path: Path
):
    stick = tmp_path / "stick"
    stick.touch()
    running = start(on(ssd, broken(library, device=stick), Cpu()))
    for turn in range(2):
        assert answers(running, crop)
        assert running.state().mode == "delegate"
        stick.unlink()
        assert running.ask(numbered(crop, turn)) == []
        assert answers(running, crop)
        assert running.state().mode == "cpu"
        until(lambda: running.state().accelerators["delegate"].failures > 1, what="it is tried again, and not there")
        assert answers(running, crop)
        stick.touch()
        until(lambda: running.state().mode == "delegate", what="it is in use again")
    assert running.state().restarts == 2


def test_nobody_waits_while_a_better_one_is_tried_again(
    soon: None, start: Start, ssd: Inference, library: Path, crop: Crop, tmp_path: Path
):
    stick = tmp_path / "stick"
    running = start(on(ssd, broken(library, device=stick, at="create", fault="slow", milliseconds=1500), Cpu()))
    assert answers(running, crop)
    time.sleep(0.6)
    stick.touch()
    waits_s, returned = [], threading.Event()
    deadline_s = time.monotonic() + 15
    while not returned.is_set() and time.monotonic() < deadline_s:
        start_s = time.monotonic()
        assert answers(running, crop)
        waits_s.append(time.monotonic() - start_s)
        if running.state().mode == "delegate":
            returned.set()
    assert returned.is_set()
    assert max(waits_s) < 1.2  # less than it takes to begin
    assert running.state().restarts == 0


def test_an_accelerator_alone_may_come_later(
    soon: None, start: Start, ssd: Inference, library: Path, crop: Crop, tmp_path: Path
):
    stick = tmp_path / "stick"
    running = start(on(ssd, broken(library, device=stick)))
    assert running.state().mode == "motion-only"
    assert running.port.input is None
    assert not running.port.offer([crop])
    stick.touch()
    until(lambda: running.state().mode == "delegate")
    assert answers(running, crop)


@pytest.fixture
def stick_alone(ssd: Inference, data: Path) -> ModelSpec:
    """Return a model with an operator that the processor lacks; a delegate can run it."""
    spec = bundle.load(ssd)
    assert spec
    lacking = (data / "models/negative/face_landmark_with_attention.tflite").read_bytes()
    return dataclasses.replace(spec, content=lacking, twins={"delegate": spec.content})


@pytest.mark.usefixtures("soon")
def test_a_model_for_an_accelerator_alone_waits_for_it_though_the_processor_refuses_it(
    start: Start, ssd: Inference, library: Path, crop: Crop, stick_alone: ModelSpec, tmp_path: Path
):
    stick = tmp_path / "stick"
    running = start(on(ssd, broken(library, device=stick), Cpu()), stick_alone)
    assert running.state().mode == "motion-only"
    until(lambda: running.state().accelerators["delegate"].failures > 1, what="it is tried again, and not there")
    assert "unresolved custom op" in running.state().accelerators["cpu"].reason
    assert running.state().accelerators["cpu"].failures == 1, "who refuses the model is not asked again"
    stick.touch()
    until(lambda: running.state().mode == "delegate")
    assert answers(running, crop)


def test_a_model_that_all_of_the_chain_refuse_is_the_operator_s_to_mend(
    ssd: Inference, library: Path, stick_alone: ModelSpec
):
    for fault in ("crash", "refuse"):
        with pytest.raises(ConfigError, match="unresolved custom op"):
            Worker(stick_alone, on(ssd, broken(library, at="prepare", fault=fault), Cpu()))


@pytest.mark.parametrize(("fault", "state"), [("differ", "unusable"), ("crash", "unusable"), ("none", "in use")])
@pytest.mark.usefixtures("soon")
def test_a_better_one_takes_over_only_when_it_answers_the_model_s_probes(
    start: Start, library: Path, data: Path, tmp_path: Path, fault: str, state: str
):
    stick = tmp_path / "stick"
    late = broken(library, device=stick, fault=fault, after=1)  # the first run is the one of the load
    running = start(on(Inference(), late, Cpu()), bundles.ssd(data))
    assert running.state().mode == "cpu"
    pid = running.worker.pid
    stick.touch()
    until(lambda: told(running)["delegate"] == state)
    known = running.state().accelerators["delegate"]
    if fault == "none":
        assert running.state().mode == "delegate"
        return
    assert (running.state().mode, running.worker.pid, running.state().restarts) == ("cpu", pid, 0)
    assert re.search("SIGSEGV" if fault == "crash" else r"^probe 1 of 2 on delegate: .* is expected", known.reason)


@pytest.mark.parametrize(("fault", "state"), [("differ", "unusable"), ("none", "in use")])
def test_at_the_start_too_a_model_must_answer_its_probes_on_each_accelerator(
    start: Start, library: Path, data: Path, tmp_path: Path, fault: str, state: str
):
    """What is put in while the device is off may run another file than the one that was tried."""
    running = start(on(Inference(), broken(library, fault=fault), Cpu()), bundles.ssd(data))
    assert told(running)["delegate"] == state
    assert running.state().mode == ("cpu" if fault == "differ" else "delegate")


@pytest.fixture
def busy(library: Path, tmp_path: Path) -> Delegate:
    """An accelerator that serves one process at a time, as a Coral does."""
    (tmp_path / "stick").touch()
    return broken(library, device=tmp_path / "stick", exclusive=1)


def test_where_the_only_accelerator_serves_one_model_the_old_one_lets_it_go_to_the_new(
    start: Start, busy: Delegate, data: Path, crop: Crop
):
    old = bundles.ssd(data)
    running = start(on(Inference(), busy), old)
    assert answers(running, crop)
    trial = running.worker.swap(dataclasses.replace(old, name="ssd@2"))
    assert (trial.accelerator, trial.probes) == ("delegate", len(old.probes))
    assert answers(running, crop)
    assert (running.worker.model, running.state().restarts) == ("ssd@2", 0)


@CHECKS_LITTLE
def test_a_model_that_is_refused_there_gives_the_accelerator_back(start: Start, busy: Delegate, data: Path, crop: Crop):
    old = bundles.ssd(data)
    running = start(on(Inference(), busy), old)
    strange = dataclasses.replace(old.probes[0], expected=(Expected("dog", 0.9, (0, 0, 0.5, 0.5)),))
    with pytest.raises(Unsuitable, match=r"^probe 1 of .* on delegate: dog of 0.90 is expected"):
        running.worker.swap(dataclasses.replace(old, name="ssd@2", probes=(strange,)))
    until(lambda: running.state().mode == "delegate")
    assert answers(running, crop)
    assert running.worker.model == old.name


def test_a_model_moves_to_a_busy_accelerator_when_the_old_one_has_gone(
    soon: None, start: Start, busy: Delegate, data: Path, crop: Crop
):
    old = bundles.ssd(data)
    running = start(on(Inference(), busy, Cpu()), old)
    assert running.state().mode == "delegate"
    assert running.worker.swap(dataclasses.replace(old, name="ssd@2")).accelerator == "cpu"
    until(lambda: running.state().mode == "delegate")
    assert answers(running, crop)
    assert running.worker.model == "ssd@2"


def test_a_library_that_is_not_there_is_named(start: Start, ssd: Inference, crop: Crop):
    running = start(on(ssd, EdgeTpu(library="libnowhere.so.1"), Cpu()))
    assert answers(running, crop)
    assert "libnowhere.so.1 cannot be used: libnowhere.so.1: cannot open shared object file" in (
        running.state().accelerators["edgetpu"].reason
    )


def test_a_gpu_that_is_not_there_is_said_and_the_processor_runs_the_model(start: Start, ssd: Inference, crop: Crop):
    running = start(on(ssd, Gpu(), Cpu()))
    assert answers(running, crop)
    if running.state().mode == "gpu":
        pytest.skip("there is a GPU here")
    assert "GPU" in running.state().accelerators["gpu"].reason


def test_a_compiled_model_answers_as_the_interpreter_does(data: Path, picture: Picture):
    """On the processor, for want of a GPU: the way through the compiled model is the same."""
    pytest.importorskip("ai_edge_litert.compiled_model")
    content = (data / "models/coral/mobilenet_v2_1.0_224_quant.tflite").read_bytes()
    plain = runtime().Interpreter(model_content=content)
    plain.allocate_tensors()
    other = runtime().Interpreter(model_content=content)
    other.allocate_tensors()
    found = compiled.Compiled(content, other, "CPU")
    pixels = np.ascontiguousarray(picture[None, :224, :224])
    for one in (plain, found):
        one.tensor(plain.get_input_details()[0]["index"])()[:] = pixels
        one.invoke()
    index = plain.get_output_details()[0]["index"]
    assert plain.get_tensor(index).max() > 0
    np.testing.assert_array_equal(found.get_tensor(index), plain.get_tensor(index))


def test_a_compiled_detector_finds_what_the_interpreter_s_does(ssd: Inference, picture: Picture):
    pytest.importorskip("ai_edge_litert.compiled_model")
    content = Path(ssd.model).read_bytes()
    found = compiled.CompiledDetector(content, hardware="CPU").detect(picture, 0.3)
    assert len(found) > 0
    np.testing.assert_allclose(found, Detector(content, 1).detect(picture, 0.3))


@CHECKS_LITTLE
def test_a_model_made_for_a_type_of_accelerator_runs_there_and_the_plain_one_elsewhere(
    start: Start, ssd: Inference, library: Path, crop: Crop
):
    spec = bundle.load(ssd)
    assert spec is not None
    twin = spec.content[:1000]
    changed = type(spec)(spec.name, spec.content, spec.labels, twins={"delegate": twin})
    running = start(on(ssd, broken(library), Cpu()), changed)
    assert answers(running, crop)
    assert running.state().mode == "cpu"
    assert "Flatbuffer" in running.state().accelerators["delegate"].reason


def test_a_model_that_the_processor_cannot_run_is_the_operator_s_to_mend(ssd: Inference, library: Path, data: Path):
    with pytest.raises(ConfigError, match=r"^inference\.model: .*truncated_detect\.tflite: "):
        made(
            msgspec.structs.replace(
                on(ssd, broken(library), Cpu()), model=str(data / "models/negative/truncated_detect.tflite")
            )
        )
