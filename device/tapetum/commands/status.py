"""`tapetum status`: how the running daemon does, from the file that it writes."""

import argparse
import json
import sys
import time
from typing import Any

from tapetum.commands.settings import add_config, config_of, state_dirs

NOT_RUNNING = 3
"""Exit status when there is no daemon (LSB: program is not running)."""
_STALE_S = 15.0
_AT_REST = ("idle", "committed", "rolled-back", "failed")  # an installing that has come to its end, or none


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `status` takes."""
    add_config(parser)
    parser.add_argument("--json", action="store_true", help="print what the daemon wrote, as it is")


def main(options: argparse.Namespace) -> int:
    """Print the status; 0 when all is well, 1 when the daemon reports a fault, 3 when it does not run."""
    from tapetum.health import read

    folders = state_dirs(config_of(options)[0])
    found = next(filter(None, (read(folder / "status.json") for folder in folders)), None)
    if found is None:
        print(f"no daemon runs on {' or '.join(map(str, folders))}", file=sys.stderr)
        return NOT_RUNNING
    age_s = (time.clock_gettime_ns(time.CLOCK_BOOTTIME) - found["at_ns"]) / 1e9
    if options.json:
        print(json.dumps(found))
    else:
        print("\n".join(_lines(found)))
    if not 0 <= age_s <= _STALE_S:  # below 0: written before this boot, and the process is another
        print(f"the daemon (process {found['pid']}) writes nothing any more", file=sys.stderr)
        return NOT_RUNNING
    return 1 if found["faults"] else 0


def _lines(found: dict[str, Any]) -> list[str]:
    broker, inference = found["broker"], found["inference"]
    lines = [f"running for {found['uptime_s'] / 60:.1f} min, process {found['pid']}, clock {found['clock']}"]
    for name, camera in found["cameras"].items():
        lines.append(
            f"camera {name}: {camera['condition']}, {camera['fps']:.1f} frames/s, {camera['analysis_ms']:.2f} ms each, "
            f"{camera['tracks']} tracks, {sum(camera['rejected'].values())} rejected, {camera['damped']} areas damped, "
            f"{camera['dropped']} dropped, {camera['corrupt']} corrupt"
        )
    lines.append(_of_inference(inference))
    lines += _of_models(found["models"])
    if inference["confinement"]:
        lines.append(f"worker: process {inference['pid']}, locked in by {inference['confinement']}")
    for name, one in inference["accelerators"].items():
        lines.append(f"accelerator {name}: {one['state']}" + (f": {one['reason']}" if one["reason"] else ""))
    connected = f"connected, MQTT {broker['protocol']}" if broker["connected"] else "not connected"
    lines.append(
        f"broker: {connected}, {broker['acknowledged']} alerts acknowledged, {broker['waiting']} waiting, "
        f"{broker['lost']} lost"
    )
    return lines + [f"FAULT: {fault}" for fault in found["faults"]]


def _of_inference(inference: dict[str, Any]) -> str:
    """Return how the model does; where there is none, that alone."""
    if not inference["model"]:
        return f"inference: {inference['mode']}"
    return (
        f"inference: {inference['mode']} {inference['model']}, {inference['answered']} answers of "
        f"{inference['median_ms']:.1f} ms, {inference['refused']} refused, {inference['restarts']} restarts"
    )


def _of_models(models: dict[str, Any]) -> list[str]:
    """Return which slot is active, where one is, what is being installed, and what was refused."""
    from tapetum.record import State

    active, previous, refused = models["active"], models["previous"], models["refused"]
    lines = [f"model: {active} is active" + (f", {previous} was before it" if previous else "")] if active else []
    if models["state"] not in _AT_REST:
        lines.append(f"model: {models['model'] or 'inference.model'} {State(models['state']).words}")
    if models["pinned"]:
        lines.append("model: pinned, no update is taken")
    if refused:
        lines.append(f"model: {refused['model'] or 'inference.model'} was refused: {refused['reason']}")
    return lines
