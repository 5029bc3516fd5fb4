"""How the device does: gathered from its parts, written to a file, told to the broker."""

import contextlib
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import msgspec

from tapetum import __version__
from tapetum.alerts.mqtt import BrokerState
from tapetum.camera import CameraState
from tapetum.inference.state import InferenceState
from tapetum.store import Standing

_PACKAGES = ("numpy", "opencv-python-headless", "ai-edge-litert", "tflite-runtime", "paho-mqtt", "msgspec", "av")


@dataclass(frozen=True, slots=True)
class Health:
    """One look at the device. faults: what is not as it should be, in plain words; at_ns: CLOCK_BOOTTIME."""

    pid: int
    at_ns: int
    uptime_s: float
    clock: str
    faults: tuple[str, ...]
    cameras: Mapping[str, CameraState]
    inference: InferenceState
    models: Standing
    broker: BrokerState


def faults(
    cameras: Mapping[str, CameraState], inference: InferenceState, broker: BrokerState, disk: str
) -> tuple[str, ...]:
    """Return what is not as it should be. disk: why nothing can be written, or ""."""
    lost = ((name, state) for name, state in cameras.items() if state.condition == "lost")
    found = [f"camera {name} is lost: {state.last_error or 'it gives no picture'}" for name, state in lost]
    out = [f"{name}: {one.reason}" for name, one in inference.accelerators.items() if one.reason]
    if inference.mode == "motion-only":
        found.append(f"model {inference.model} is given up: {inference.last_error or '; '.join(out)}")
    else:
        found += [f"accelerator {text}" for text in out]
    if broker.last_error:
        found.append(f"broker: {broker.last_error}")
    if broker.lost > broker.expired:
        found.append(f"{broker.lost - broker.expired} alerts were dropped: the outbox is full")
    if broker.expired:
        found.append(f"{broker.expired} alerts were dropped: they had waited for longer than outbox.max_age_days")
    if disk:
        found.append(f"state_dir takes nothing ({disk}): make room in it; alerts wait in memory until then")
    return tuple(found)


def write(path: Path, health: Health) -> str:
    """Replace the status file at `path`; return why the disk takes no new one, or "": that is no reason to stop."""
    temporary = path.with_suffix(".tmp")
    content = msgspec.json.encode(health)
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
            _overwrite(path, content)
        return error.strerror or str(error)
    return ""


def _overwrite(path: Path, content: bytes) -> None:
    """Write over the file that there is: a full disk lets us keep its blocks. Who reads right then may find a half."""
    with path.open("r+b", buffering=0) as file:
        file.write(content)
        file.truncate()


def read(path: Path) -> dict[str, Any] | None:
    """Return what the status file says, if the daemon that wrote it still runs; else None."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        os.kill(found["pid"], 0)
    except PermissionError:
        return found
    except (OSError, msgspec.DecodeError, KeyError, TypeError):
        return None
    return found


def inventory(model: str, cameras: Mapping[str, str]) -> dict[str, Any]:
    """Return what the device consists of: versions, model, cameras and their kinds of source."""
    return {
        "tapetum": __version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "packages": {name: found for name in _PACKAGES if (found := _version(name))},
        "model": model,
        "cameras": dict(cameras),
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
