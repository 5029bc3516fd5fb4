"""Systems to look at, made of files."""

from pathlib import Path

from tapetum.doctor.finding import Finding, Machine

CORE = ["numpy", "opencv-python-headless", "msgspec", "paho-mqtt", "lap"]
"""Packages without which nothing runs."""


def written(path: Path, text: str = "") -> Path:
    """Write a file, its folders too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def pi(root: Path) -> Machine:
    """Return a Raspberry Pi as its device tree describes it."""
    written(root / "proc/device-tree/model", "Raspberry Pi 4 Model B Rev 1.4\0")
    return Machine(root)


def outcome(finding: Finding) -> tuple[str, str]:
    return finding.state, finding.mend
