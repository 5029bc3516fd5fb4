"""Python, its packages, and picamera2, which comes from elsewhere."""

import re
import shlex
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet

from tapetum.doctor import software
from tapetum.doctor.software import Package
from tests.doctor.making import CORE, outcome, pi, written


@pytest.mark.parametrize(
    ("version", "largest", "state"),
    [
        ((3, 11, 2), 2**63 - 1, "ok"),
        ((3, 13, 0), 2**63 - 1, "ok"),
        ((3, 10, 12), 2**63 - 1, "missing"),
        ((3, 14, 0), 2**63 - 1, "missing"),
        ((3, 11, 2), 2**31 - 1, "missing"),
    ],
)
def test_python_must_be_64_bit_and_3_11_to_3_13(version: tuple[int, ...], largest: int, state: str) -> None:
    finding = software.python(version, largest)
    assert finding.state == state
    assert finding.what.startswith(".".join(map(str, version)))


@pytest.mark.parametrize("package", software.CORE, ids=lambda package: package.name)
def test_a_package_that_is_there_is_told_with_its_version(package: Package) -> None:
    finding = software.look(package, needed=True)
    assert finding.state == "ok"
    assert re.match(r"\d+\.\d+", finding.what)


@pytest.mark.parametrize(("needed", "state"), [(True, "missing"), (False, "warning")])
def test_a_package_that_is_not_there_is_missing_only_where_it_is_needed(
    monkeypatch: pytest.MonkeyPatch, needed: bool, state: str
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    finding = software.look(software.STREAM, needed)
    bounds = software.requirements()["av"]
    assert outcome(finding) == (state, shlex.join([sys.executable, "-m", "pip", "install", f"av{bounds}"]))
    assert "files, network cameras and replay" in finding.what


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("raise ValueError('numpy.dtype size changed')", "does not load: ValueError: numpy.dtype size changed"),
        ("raise ImportError('libGL.so.1: cannot open')", "does not load: ImportError: libGL.so.1: cannot open"),
        ("import something_that_it_needs", "does not load: ModuleNotFoundError: No module named"),
        ("__version__ = '0.9'", "0.9 is installed, >=14 is needed"),
    ],
)
def test_a_package_that_is_damaged_or_too_old_is_missing(
    site: Path, monkeypatch: pytest.MonkeyPatch, source: str, what: str
) -> None:
    monkeypatch.delitem(sys.modules, "av", raising=False)
    written(site / "av/__init__.py", source)
    monkeypatch.setattr(software, "requirements", lambda: {"av": ">=14"})
    finding = software.look(software.STREAM, needed=True)
    assert finding.state == "missing"
    assert finding.what.startswith(what)


def test_either_runtime_will_do(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    *_, without = software.packages()
    assert (without.check, without.state) == ("ai-edge-litert", "missing")
    written(site / "tflite_runtime/interpreter.py", "__version__ = '2.14.0'")
    *_, older = software.packages()
    assert (older.check, older.state, older.what) == ("tflite-runtime", "ok", "2.14.0")


def test_the_bounds_are_those_of_the_installed_tapetum() -> None:
    found = software.requirements()
    assert set(CORE) <= set(found)
    assert all(">=" in bounds for bounds in (found[name] for name in [*CORE, "av", "iotcore"]))


versions = st.lists(st.integers(0, 30), min_size=1, max_size=3).map(lambda numbers: ".".join(map(str, numbers)))


@given(versions, versions, versions)
def test_versions_are_compared_as_pip_compares_them(version: str, least: str, limit: str) -> None:
    bounds = f">={least},<{limit}"
    assert software.fits(version, bounds) is SpecifierSet(bounds).contains(version)


def test_a_version_that_says_nothing_is_not_held_against_anybody() -> None:
    assert software.fits("of an unknown version", ">=3")
    assert software.fits("1.0", "")
    assert software.fits("2.1rc1", ">=2.1")


# A Raspberry Pi's own camera.


CAMERAS = "class Picamera2:\n    @staticmethod\n    def global_camera_info():\n        return {}\n"


def test_the_pi_s_camera_is_seen_by_picamera2(root: Path, site: Path) -> None:
    written(site / "picamera2/__init__.py", CAMERAS.format("[{'Model': 'imx708'}]"))
    assert outcome(software.picamera(pi(root), needed=True)) == ("ok", "")


def test_a_pi_without_a_camera_on_its_connector_is_told_how_to_look(root: Path, site: Path) -> None:
    written(site / "picamera2/__init__.py", CAMERAS.format("[]"))
    assert outcome(software.picamera(pi(root), needed=True)) == ("missing", "rpicam-hello --list-cameras")


def test_picamera2_comes_from_apt_and_must_be_in_sight(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", None)
    install = "sudo apt install --reinstall python3-picamera2"
    assert outcome(software.picamera(pi(root), needed=False)) == ("warning", install)
    (root / "usr/lib/python3/dist-packages/picamera2").mkdir(parents=True)
    mend = f"python3 -m venv --system-site-packages {shlex.quote(sys.prefix)}"
    assert outcome(software.picamera(pi(root), needed=True)) == ("missing", mend)


def test_picamera2_beside_a_numpy_that_it_was_not_compiled_for_is_named(root: Path, site: Path) -> None:
    written(
        site / "picamera2/__init__.py", "raise ValueError('numpy.dtype size changed, may indicate incompatibility')"
    )
    finding = software.picamera(pi(root), needed=True)
    assert finding.state == "missing"
    assert "numpy.dtype size changed" in finding.what
    assert "numpy<2" in shlex.split(finding.mend)


def test_a_package_that_picamera2_needs_is_told_as_it_is(root: Path, site: Path) -> None:
    written(site / "picamera2/__init__.py", "import libcamera_of_no_machine")
    assert "libcamera_of_no_machine" in software.picamera(pi(root), needed=True).what
