"""The first camera of this machine, for a start without a configuration."""

from pathlib import Path

from tapetum.capture.picamera import IMPORT_ERRORS, Picamera
from tapetum.capture.v4l2 import V4l2, opened


def first_camera(devices: Path = Path("/dev")) -> Picamera | V4l2 | None:
    """Return settings for the first camera found: the Pi's own, else one of Video4Linux; None where there is none."""
    if _has_pi_camera():
        return Picamera()
    for device in sorted(devices.glob("video*"), key=lambda path: (len(path.name), path.name)):
        capture = opened(device)
        works = capture.isOpened() and capture.grab()
        capture.release()
        if works:
            return V4l2(device=str(device))
    return None


def _has_pi_camera() -> bool:
    """Return whether there is one on the Pi's own connector: libcamera lists USB cameras too, behind those."""
    try:
        from picamera2 import Picamera2  # noqa: PLC0415  from apt, on a Pi only
    except IMPORT_ERRORS:
        return False
    return any("/usb" not in str(camera["Id"]) for camera in Picamera2.global_camera_info())
