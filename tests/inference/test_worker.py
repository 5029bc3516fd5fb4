"""The supervised worker, a real process: whatever becomes of it, the daemon goes on."""

import logging
import os
import re
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec
import numpy as np
import pytest

from tapetum.errors import BundleError, ConfigError, InferenceError
from tapetum.inference import chain
from tapetum.inference.accelerators import Cpu
from tapetum.inference.messages import Setup
from tapetum.inference.model import Crop
from tapetum.inference.process import Process
from tapetum.inference.quarantine import Quarantine
from tapetum.inference.settings import Inference
from tapetum.scene import Box
from tests.inference.running import WHOLE, Running, Start, made
from tests.simulators.daemon import alive, descriptors, until, workers


def with_settings(settings: Inference, **changed: object) -> Inference:
    return msgspec.structs.replace(settings, **changed)


def other(crop: Crop, number: int) -> Crop:
    """Return the crop with another first pixel."""
    pixels = crop.pixels.copy()
    pixels[0, 0] = number
    return Crop(crop.track, crop.box, pixels)


# What it answers


def test_it_answers_for_the_track_with_what_the_crop_shows(running: Running, crop: Crop):
    (answer,) = running.ask(crop)
    assert (answer.track, answer.box, answer.model) == (7, WHOLE, "detect@0")
    best = answer.detections[0]
    assert best.label == "person"
    assert best.score > 0.7
    assert best.box.iou(Box(0.348, 0.309, 0.994, 1.0)) > 0.6


def test_boxes_come_back_in_fractions_of_the_whole_frame(running: Running, crop: Crop):
    (whole,), (part,) = running.ask(crop), running.ask(Crop(7, Box(0.5, 0.25, 1.0, 0.5), crop.pixels))
    in_crop, in_frame = whole.detections[0].box, part.detections[0].box
    assert in_frame.left == pytest.approx(0.5 + 0.5 * in_crop.left)
    assert in_frame.right == pytest.approx(0.5 + 0.5 * in_crop.right)
    assert in_frame.top == pytest.approx(0.25 + 0.25 * in_crop.top)
    assert in_frame.bottom == pytest.approx(0.25 + 0.25 * in_crop.bottom)


def test_each_crop_of_a_batch_gets_its_own_answer(running: Running, crop: Crop):
    gray = Crop(8, WHOLE, np.full_like(crop.pixels, 127))
    answers = running.ask(gray, crop, gray)
    assert [answer.track for answer in answers] == [8, 7, 8]
    assert [len(answer.detections) > 0 for answer in answers] == [False, True, False]


def test_each_camera_gets_its_own_answers(running: Running, crop: Crop):
    second = running.worker.port("second")
    assert running.ask(crop)
    until(lambda: second.offer([crop]))
    running.worker.settle()
    assert running.port.collect() == []
    assert len(second.collect()) == 1


def test_a_question_that_its_own_end_breaks_off_is_no_failure(running: Running, crop: Crop, caplog):
    engine = running.worker._engine
    assert engine is not None
    assert engine._running is not None
    process = engine._running.process
    os.kill(process.pid, signal.SIGSTOP)
    until(lambda: running.port.offer([crop]), what="taken")
    until(lambda: process._batch == 1, what="asked")
    running.end()
    state = running.state()
    assert (state.restarts, state.last_error) == (0, "")
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_one_batch_is_in_flight_and_others_are_refused(running: Running, crop: Crop):
    pid = running.worker.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    assert running.port.offer([crop])
    assert not any(running.port.offer([crop]) for _ in range(5))
    os.kill(pid, signal.SIGCONT)
    running.worker.settle()
    assert (running.state().asked, running.state().answered, running.state().refused) == (1, 1, 5)


def test_classes_without_a_name_are_left_out(start: Start, ssd: Inference, crop: Crop, tmp_path: Path):
    nameless = tmp_path / "labels.txt"
    nameless.write_text("???\n" * 91)
    assert start(with_settings(ssd, labels=str(nameless))).ask(crop)[0].detections == ()


def test_health_tells_what_was_asked_and_how_long_it_took(running: Running, crop: Crop):
    for _ in range(3):
        running.ask(crop)
    state = running.state()
    assert (state.mode, state.model, state.asked, state.answered, state.restarts) == ("cpu", "detect@0", 3, 3, 0)
    assert 0.1 < state.median_ms < 5000
    assert state.last_error == ""


def test_without_a_model_there_is_no_worker_and_everything_is_refused(start: Start, crop: Crop):
    running = start(Inference())
    assert running.port.input is None
    assert not running.port.offer([crop])
    assert (running.worker.pid, running.state().mode) == (None, "off")


# What cannot be used


def test_a_model_that_is_missing_is_named(tmp_path: Path):
    model = tmp_path / "nowhere.tflite"
    with pytest.raises(
        ConfigError, match=rf"^inference\.model: {re.escape(str(model))}: there is no such file.* a \.tflite"
    ):
        made(Inference(model=str(model)))


def test_labels_that_do_not_fit_are_refused_with_both_numbers(ssd: Inference, tmp_path: Path):
    labels = tmp_path / "labels.txt"
    labels.write_text("person\ncar\n")
    told = rf"^inference\.labels: {re.escape(str(labels))}: 2 labels .*{re.escape(ssd.model)} tells 90 classes apart"
    with pytest.raises(ConfigError, match=told):
        made(with_settings(ssd, labels=str(labels)))
    assert workers(os.getpid()) == []


def test_too_little_memory_to_load_is_told(ssd: Inference):
    with pytest.raises(ConfigError, match=r"^inference\.model: .*; inference\.memory_mb = 128 may be too little$"):
        made(with_settings(ssd, memory_mb=128))
    assert workers(os.getpid()) == []


@pytest.mark.parametrize("megabytes", range(1, 300, 23))
def test_however_little_memory_there_is_it_loads_or_says_why_not(ssd: Inference, megabytes: int):
    process = Process(megabytes)
    told = "memory"
    try:
        process.load(Setup(accelerator=Cpu(), min_score=0.3), Path(ssd.model).read_bytes(), 30, 5)
    except (BundleError, InferenceError) as error:
        told = str(error)
    finally:
        process.kill()
    assert "memory" in told or "the worker died" in told


# What becomes of it


def test_a_worker_that_is_killed_is_replaced_and_the_next_question_answered_in_two_seconds(
    running: Running, crop: Crop
):
    running.ask(crop)
    killed = running.worker.pid
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    start_s = time.monotonic()
    assert running.ask(crop) == []
    assert len(running.ask(other(crop, 1))) == 1
    assert time.monotonic() - start_s < 2
    assert running.worker.pid != killed
    assert running.state().restarts == 1
    assert running.state().last_error == "the worker died (SIGKILL)"


def test_a_worker_that_hangs_past_the_deadline_is_replaced(start: Start, ssd: Inference, crop: Crop):
    running = start(with_settings(ssd, deadline_s=0.5))
    hung = running.worker.pid
    assert hung is not None
    os.kill(hung, signal.SIGSTOP)
    start_s = time.monotonic()
    assert running.ask(crop) == []
    assert len(running.ask(other(crop, 1))) == 1
    assert 0.5 <= time.monotonic() - start_s < 2.5
    assert not alive(hung)
    assert running.state().last_error.endswith("in time")


def test_a_worker_that_runs_out_of_memory_is_replaced(running: Running, crop: Crop):
    pid = running.worker.pid
    assert pid is not None
    _, most = resource.prlimit(pid, resource.RLIMIT_AS)
    resource.prlimit(pid, resource.RLIMIT_AS, (1 << 20, most))
    assert running.ask(*[crop] * 64) == []
    assert len(running.ask(crop)) == 1
    assert running.state().restarts == 1
    assert "out of memory; inference.memory_mb = " in running.state().last_error


def test_a_worker_that_talks_nonsense_is_replaced(running: Running, crop: Crop):
    engine = running.worker._engine
    assert engine is not None
    assert engine._running is not None
    engine._running.process._channel.sendall(b"\xff" * 8)  # no message: it cannot make sense of that
    running.ask(crop)
    assert "the worker died (status 1)" in running.state().last_error
    assert len(running.ask(crop)) == 1


def test_a_crop_that_a_worker_died_over_twice_is_not_offered_again(running: Running, crop: Crop):
    running.fail(crop)
    assert running.state().quarantined == 0
    running.ask(other(crop, 1))
    running.fail(crop)
    until(lambda: running.port.offer([other(crop, 2)]))
    running.worker.settle()
    assert running.state().quarantined == 1
    assert not running.port.offer([crop])
    assert not running.port.offer([other(crop, 3), crop])
    assert running.port.offer([other(crop, 4)])


def test_the_crops_that_are_remembered_are_bounded():
    quarantine = Quarantine()
    for number in range(1000):
        quarantine.blame([Crop(1, WHOLE, np.frombuffer(number.to_bytes(12), np.uint8).reshape(2, 2, 3))])
    assert len(quarantine._culprits) <= 256


def test_a_model_that_fails_five_times_in_a_row_is_given_up_and_tried_again_after_a_pause(
    running: Running, crop: Crop, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(chain, "PAUSE_S", 1.0)
    assert running.port.input.size == (300, 300)
    for number in range(5):
        assert running.state().mode == "cpu"
        running.fail(other(crop, number))
    until(lambda: running.state().mode == "motion-only", 5)
    given_up_s = time.monotonic()
    assert running.port.input is None
    assert not running.port.offer([crop])
    running.worker.settle()  # a replay does not wait for the pause
    assert running.state().mode == "motion-only"
    until(lambda: running.state().mode == "cpu")
    assert time.monotonic() - given_up_s > 0.9
    assert len(running.ask(crop)) == 1


def test_an_answer_between_failures_keeps_a_model_from_being_given_up(running: Running, crop: Crop):
    for number in range(6):
        running.fail(other(crop, number))
        assert running.ask(other(crop, 100))
    assert running.state().mode == "cpu"
    assert running.state().restarts == 6


# How it ends


def test_no_interrupt_or_termination_from_elsewhere_ends_a_worker(running: Running, crop: Crop):
    pid = running.worker.pid
    assert pid is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(pid, number)
    assert len(running.ask(crop)) == 1
    assert running.worker.pid == pid


@pytest.mark.parametrize("stopped", [False, True], ids=["idle", "stopped"])
def test_a_worker_dies_with_its_daemon(ssd: Inference, stopped: bool):
    program = (
        "import sys\nfrom tapetum.inference.client import Worker\nfrom tapetum import bundle\n"
        "from tapetum.inference.settings import Inference\n"
        "settings = Inference(model=sys.argv[1], labels=sys.argv[2])\n"
        "worker = Worker(bundle.load(settings), settings)\nprint(worker.pid, flush=True)\n"
        "sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, ssd.model, ssd.labels]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as daemon:
        assert daemon.stdout is not None
        pid = int(daemon.stdout.readline())
        assert alive(pid)
        if stopped:  # so that it cannot notice the end of its socket
            os.kill(pid, signal.SIGSTOP)
        daemon.kill()
        until(lambda: not alive(pid), 5, "the worker is gone")


MOMENTS = [round(0.03 * number, 2) for number in range(14)]


@pytest.mark.parametrize("moment_s", MOMENTS)
def test_it_can_be_closed_at_any_moment_of_a_replacement(start: Start, ssd: Inference, crop: Crop, moment_s: float):
    running = start(ssd)
    pid = running.worker.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    assert running.port.offer([crop])
    os.kill(pid, signal.SIGKILL)
    threading.Event().wait(moment_s)
    assert running.end() < 1.5
    assert workers(os.getpid()) == []
    assert not running.port.offer([crop])


def test_it_can_be_closed_while_the_worker_hangs(running: Running, crop: Crop):
    pid = running.worker.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    assert running.port.offer([crop])
    assert running.end() < 1.5


def test_it_can_be_closed_in_the_pause_of_a_model_given_up(running: Running, crop: Crop):
    for number in range(5):
        running.fail(other(crop, number))
    until(lambda: running.state().mode == "motion-only", 5)
    assert running.end() < 1.5


def test_it_can_be_closed_twice_and_before_it_runs(ssd: Inference):
    worker = made(ssd)
    worker.close()
    worker.close()
    worker.run(threading.Event())
    assert workers(os.getpid()) == []


def test_nothing_is_left_open_by_replacements(running: Running, crop: Crop):
    running.fail(other(crop, 100))
    running.ask(crop)
    before = descriptors(os.getpid())
    for number in range(3):
        running.fail(other(crop, number))
    running.ask(crop)
    assert descriptors(os.getpid()) == before
