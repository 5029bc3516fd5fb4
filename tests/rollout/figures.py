"""What a rollout to many devices takes: `python -m tests.rollout.figures [--devices N] [--failing SHARE ...] [--json]`.

A real mosquitto, the desk's own command and the simulated devices are a process each; memory and time of the processor
are the kernel's figures of those (proc(5)).
"""

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tapetum.bench.table import lines
from tests.rollout.making import Desk, quick_folder
from tests.rollout.simulation import Simulation
from tests.simulators.mosquitto import Mosquitto
from tests.update.making import memory_mb

_BUNDLE = 1_000_000  # bytes: as many as a small detector has
_STEP_S = 0.2  # of each of the five steps of an installing, where a real device takes half a minute, and ten on trial
_LOOK_S = 0.1
_PATIENCE_S = 900


def measured(devices: int, failing: float, stages: str = "canary=1%,10%,50%,all") -> dict[str, Any]:
    """Return the figures of one rollout in which that share of the devices fails, on trial."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        with Mosquitto(folder / "broker") as broker:
            desk = Desk(folder, broker.port, _BUNDLE)
            desk.pushes(1)
            with _served(folder, broker.port, desk, devices, failing) as fleet:
                connected_mb, busy_s = memory_mb(broker.pid)[0], _busy_s(broker.pid)
                desk_mb, status = _rolled_out(desk, stages)
                told = {
                    "bench": "rollout",
                    "devices": devices,
                    "failing": failing,
                    "state": status["state"],
                    "reason": status["reason"],
                    "seconds": round(_seconds(status)[-1], 1),
                    "broker_mb": round(connected_mb, 1),
                    "broker_most_mb": round(memory_mb(broker.pid)[1], 1),
                    "broker_cpu_s": round(_busy_s(broker.pid) - busy_s, 1),
                    "desk_most_mb": round(desk_mb, 1),
                }
                return {**told, **_ended(fleet), "stages": _stages(status)}


def _rolled_out(desk: Desk, stages: str) -> tuple[float, dict[str, Any]]:
    """Roll out; return how much memory the desk held at most, and how it ended."""
    most_mb = 0.0
    with desk.begun("rollout", "start", desk.bundle(2), "--stages", stages, "--answer", "300") as process:
        while process.poll() is None:
            with contextlib.suppress(OSError):  # it has ended meanwhile
                most_mb = max(most_mb, memory_mb(process.pid)[1])
            time.sleep(_LOOK_S)
    return most_mb, desk.status()


def _seconds(status: dict[str, Any]) -> list[float]:
    """Return when what happened did, from the beginning."""
    return [one["at_s"] - status["begun_s"] for one in status["events"]]


def _stages(status: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a row for each stage that was asked: how long it took until the next one, or the end."""
    at_s = _seconds(status)
    found = []
    for row, begin_s, end_s in zip(status["stages"], at_s[1:], at_s[2:], strict=False):
        kept = {name: row[name] for name in ("stage", "devices", "committed", "failed", "late", "waiting")}
        found.append({**kept, "seconds": round(end_s - begin_s, 1)})
    return found


@contextlib.contextmanager
def _served(folder: Path, port: int, desk: Desk, devices: int, failing: float) -> Iterator["subprocess.Popen[str]"]:
    """Serve the devices in a process of their own; all are on the broker."""
    (folder / "root.json").write_bytes(desk.root)
    command = [sys.executable, "-m", "tests.rollout.figures", "--serve", str(port), "--devices", str(devices)]
    command += ["--failing", str(failing), "--root", str(folder / "root.json")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def _ended(fleet: "subprocess.Popen[str]") -> dict[str, Any]:
    fleet.send_signal(signal.SIGTERM)
    found: dict[str, Any] = json.loads(fleet.communicate(timeout=60)[0])
    return found


def serve(port: int, devices: int, failing: float, root: bytes) -> None:
    """Serve so many devices until SIGTERM, then print what they did."""
    names = [f"cam-{number:05}" for number in range(devices)]
    bad = set(random.Random(1).sample(names, round(failing * devices)))
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with quick_folder() as folder:
        fate = lambda name, model: "trial" if name in bad and model == "street@2" else ""  # noqa: E731
        simulation = Simulation(folder, port, fate, _STEP_S)
        for name in names:
            simulation.add(name, root)
        threading.Thread(target=_tell_when_ready, args=(simulation,), daemon=True).start()
        simulation.run(stop)
        asked = Counter(count for device in simulation.devices.values() for count in device.offered.values())
        told = {
            "messages_of_devices": simulation.sent,
            "messages_to_devices": simulation.heard,
            "fetched_mb": round(simulation.fetched / 1e6, 1),
            "began": sum(asked.values()),
            "began_twice": sum(count for times, count in asked.items() if times > 1),
            "have_it": sum(one.ledger.record.active == "street@2" for one in simulation.devices.values()),
            "simulator_most_mb": round(memory_mb()[1], 1),
        }
        print(json.dumps(told), flush=True)


def _tell_when_ready(simulation: Simulation) -> None:
    while not all(device.looks for device in simulation.devices.values()):
        time.sleep(_LOOK_S)
    print("ready", flush=True)


def _busy_s(pid: int) -> float:
    """Return how much time of the processor a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser("scripts/bench rollout", description=__doc__)
    parser.add_argument("--devices", type=int, default=1000, help="1000 by itself")
    parser.add_argument("--failing", type=float, action="append", help="share that fails; 0.03 and 0.005 by itself")
    parser.add_argument("--json", action="store_true", help="print one JSON object for each rollout")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--root", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.serve:
        serve(options.serve, options.devices, options.failing[0], options.root.read_bytes())
        return 0
    for number, failing in enumerate(options.failing or [0.03, 0.005]):
        found = measured(options.devices, failing)
        print(json.dumps(found) if options.json else "\n".join([""] * bool(number) + lines(found)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
