"""The first camera of a machine."""

import sys
from pathlib import Path

import cv2
import pytest

from tapetum.capture import Picamera, V4l2
from tapetum.capture.find import first_camera
from tests.simulators import v4l2
from tests.simulators.picamera2 import Rig


@pytest.fixture(autouse=True)
def _no_pi(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", None)


def devices(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).touch()
    return folder


def test_a_machine_without_a_camera_has_none(tmp_path: Path) -> None:
    assert first_camera(tmp_path) is None


def test_a_device_that_gives_no_picture_is_no_camera(tmp_path: Path) -> None:
    assert first_camera(devices(tmp_path, "video0", "video1")) is None


def test_the_first_device_that_gives_a_picture_is_taken(tmp_path: Path, device: v4l2.Device) -> None:
    assert first_camera(devices(tmp_path, "video10", "video2", "null")) == V4l2(device=str(tmp_path / "video2"))
    assert device.holder is None, "it was let go"


def test_devices_that_are_no_cameras_are_passed_over(
    tmp_path: Path, device: v4l2.Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = v4l2.Device()
    other.plugged.clear()  # a codec, as a Pi has many
    monkeypatch.setattr(
        cv2, "VideoCapture", lambda path, backend: (other if "0" in path[-1] else device)(path, backend)
    )
    assert first_camera(devices(tmp_path, "video0", "video1")) == V4l2(device=str(tmp_path / "video1"))


def test_a_pi_camera_comes_before_all_others(tmp_path: Path, device: v4l2.Device, rig: Rig) -> None:
    assert first_camera(devices(tmp_path, "video0")) == Picamera()


@pytest.mark.parametrize("ids", [[], ["/base/scb/pcie@7d500000/pci@0,0/usb@0,0-1.2:1.0-046d:0825"]])
def test_a_pi_with_a_usb_camera_alone_uses_it_as_one(
    tmp_path: Path, device: v4l2.Device, rig: Rig, ids: list[str]
) -> None:
    rig.ids = ids
    assert first_camera(devices(tmp_path, "video0")) == V4l2(device=str(tmp_path / "video0"))
