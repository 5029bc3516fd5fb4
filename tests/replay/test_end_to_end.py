"""The whole way: the daemon as a process plays the clip at its own pace, alerts come out of a real mosquitto."""

import json
import subprocess
import sys
import threading
import time
from datetime import datetime

import pytest

from tapetum.alerts.broker import Broker
from tapetum.alerts.listen import Listener
from tapetum.bench import alarm
from tests.replay.clips import PEOPLE, SHIPPED, detector, people_clip
from tests.simulators.mosquitto import Mosquitto

SOON_S, GONE_S = 1.5, 2.0
PACE_S = 0.15  # one frame and a half: how exactly the status tells when the clip began
CLIP_S = 139.4


class Subscriber:
    """Hears alerts as anybody would, and notes when."""

    def __init__(self, port):
        self.heard = []
        self._stop = threading.Event()
        self._listener = Listener(Broker(host="127.0.0.1", port=port), self._note)
        self._thread = threading.Thread(target=self._listener.run, args=(self._stop,))
        self._thread.start()

    def close(self):
        self._stop.set()
        self._thread.join()

    def _note(self, device, sighting):
        self.heard.append((time.time(), device, sighting))


def config(folder, port, clip, model):
    path = folder / "tapetum.toml"
    path.write_text(
        f'device = "garage"\nstate_dir = {json.dumps(str(folder / "state"))}\n'
        f'[broker]\nhost = "127.0.0.1"\nport = {port}\n'
        f"[inference]\nmodel = {json.dumps(model.model)}\nlabels = {json.dumps(model.labels)}\n"
        f'[camera.hall]\nsource = {{ type = "file", path = {json.dumps(str(clip))} }}\n'
    )
    return path


def clip_start(status, process):
    """The wall time at which the clip's first frame was taken, from the daemon's own account of its frames."""
    deadline_s = time.monotonic() + 30
    while time.monotonic() < deadline_s:
        assert process.poll() is None
        try:
            found = json.loads(status.read_bytes())
            captured = found["cameras"]["hall"]["captured"]
        except (OSError, ValueError, KeyError):
            captured = 0
        if captured:
            age_s = (time.clock_gettime_ns(time.CLOCK_BOOTTIME) - found["at_ns"]) / 1e9
            return time.time() - age_s - (captured - 1) / 10
        time.sleep(0.1)
    raise AssertionError("the daemon takes no frames")


@pytest.fixture(scope="module", params=["SSD MobileNet", pytest.param("shipped", marks=pytest.mark.long)])
def run(request, data, tmp_path_factory):
    """The alerts of one run with the time of the clip at which they were told, how late they came, and the status."""
    folder = tmp_path_factory.mktemp("run")
    broker_folder = tmp_path_factory.mktemp("broker")
    with Mosquitto(broker_folder) as broker:
        subscriber = Subscriber(broker.port)
        path = config(folder, broker.port, people_clip(data), SHIPPED if request.param == "shipped" else detector(data))
        command = [sys.executable, "-m", "tapetum", "run", "--config", str(path)]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
            start_s = clip_start(folder / "state" / "status.json", process)
            status = {}
            while process.poll() is None and time.time() < start_s + CLIP_S + 20:
                time.sleep(0.5)
                status = _read(folder / "state" / "status.json") or status
            code = process.wait(5)
        time.sleep(1)
        subscriber.close()
    told = [
        (datetime.fromisoformat(sighting.at).timestamp() - start_s, sighting) for _, _, sighting in subscriber.heard
    ]
    late = [heard_s - start_s - at_s for (heard_s, _, _), (at_s, _) in zip(subscriber.heard, told, strict=True)]
    return {
        "code": code,
        "judged": alarm.judged(told, alarm.read(PEOPLE)),
        "late_s": late,
        "devices": {device for _, device, _ in subscriber.heard},
        "status": status["cameras"]["hall"],
        "seqs": [sighting.seq for _, sighting in told],
        "log": (folder / "log").read_text(),
    }


def _read(status):
    try:
        return json.loads(status.read_bytes())
    except (OSError, ValueError):
        return None


pytestmark = [pytest.mark.system, pytest.mark.timeout(400)]


def test_the_daemon_ends_well_with_its_clip(run):
    assert run["code"] == 0, run["log"]


def test_each_person_is_one_alert_that_says_person(run):
    assert [(person["alerts"], person["label"]) for person in run["judged"]["people"]] == [(1, "person")] * 6


def test_an_alert_starts_soon_after_its_person_comes_into_view(run):
    assert max(person["start_delay_s"] for person in run["judged"]["people"]) <= SOON_S + PACE_S


def test_an_alert_ends_soon_after_its_person_has_left(run):
    assert max(person["end_delay_s"] for person in run["judged"]["people"]) <= GONE_S + PACE_S


def test_no_alert_starts_while_the_room_is_empty(run):
    assert run["judged"]["false_alerts"] == 0


def test_the_model_is_asked_for_at_most_a_quarter_of_the_frames(run):
    assert run["status"]["analysed"] > 1200
    assert run["status"]["asked"] <= 0.25 * run["status"]["analysed"]


def test_alerts_come_out_of_the_broker_at_once(run):
    assert sorted(run["late_s"])[len(run["late_s"]) // 2] < 0.5
    assert max(run["late_s"]) < 2.0


def test_no_number_is_missing(run):
    assert run["devices"] == {"garage"}
    assert run["seqs"] == list(range(1, len(run["seqs"]) + 1))
