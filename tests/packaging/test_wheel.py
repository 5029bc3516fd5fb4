"""What is built is whole: the packages, the clip, the reference configuration; and it holds nothing else."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]


def built(kind: str, folder: Path, source: Path = CHECKOUT) -> Path:
    """Build a wheel or an sdist without a network; return it."""
    pytest.importorskip("hatchling")
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(folder)]
    subprocess.run(command, cwd=source, check=True, capture_output=True, timeout=60)
    (made,) = folder.iterdir()
    return made


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built("wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built("sdist", tmp_path_factory.mktemp("sdist"))


def test_the_wheel_carries_the_clip_the_detector_and_the_reference_configuration(wheel: Path):
    with zipfile.ZipFile(wheel) as archive:
        for packed, source in {
            "tapetum/data/tapetum.toml": "firmware-config/tapetum.toml",
            "tapetum/data/street.mp4": "device/tapetum/data/street.mp4",
            "tapetum/data/tapetum@3.tapetum": "models/bundles/tapetum@3.tapetum",
        }.items():
            assert archive.read(packed) == (CHECKOUT / source).read_bytes()


def test_the_wheel_holds_both_packages_their_types_and_the_licences(wheel: Path):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {"tapetum/py.typed", "tapetum/cli.py", "tapetum_trainer/py.typed"} <= names
    assert {name.rpartition("/")[2] for name in names if "/licenses/" in name} == {"LICENSE", "NOTICE"}
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"tapetum", "tapetum_trainer"}


def test_the_wheel_stays_small(wheel: Path):
    with zipfile.ZipFile(wheel) as archive:
        models = sum(entry.compress_size for entry in archive.infolist() if entry.filename.endswith(".tapetum"))
    assert 0 < models < 4_000_000
    assert wheel.stat().st_size - models < 3 << 20


def test_what_was_installed_from_the_wheel_finds_its_data_and_runs(wheel: Path, tmp_path: Path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)  # noqa: S202  our own; all that installing a wheel of pure Python does
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}

    def run(*arguments: str) -> str:
        command = [sys.executable, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, timeout=60)
        return done.stdout

    where = "from tapetum import data; print(data.clip(), data.detector(), data.reference_config(), sep='\\n')"
    found = run("-c", where).splitlines()
    names = "street.mp4", "tapetum@3.tapetum", "tapetum.toml"
    assert found == [str(tmp_path / "tapetum/data" / name) for name in names]
    config = tmp_path / "tapetum.toml"
    reference = (
        Path(found[2]).read_text().replace("#[inference]", "[inference]").replace('#model = ""', 'model = "shipped"')
    )
    config.write_text(reference + '\n[camera.drawn.source]\ntype = "synthetic"\n')
    checked = run("-m", "tapetum", "check-config", str(config))
    assert "can be used" in checked
    assert "tapetum@3" in checked


def test_the_source_archive_can_be_built_installed_and_provisioned_from(sdist: Path, tmp_path: Path):
    # By tar, as people do: Debian's Python 3.11.2 has no filters of tarfile, and 3.12 wants one.
    subprocess.run(["tar", "-xf", str(sdist), "-C", str(tmp_path)], check=True, timeout=60)
    (source,) = tmp_path.iterdir()
    for name in ("scripts/provision", "scripts/run", "requirements/run.txt", "firmware-config/systemd/tapetum.service"):
        assert (source / name).is_file(), name
    assert os.access(source / "scripts/provision", os.X_OK)
    assert built("wheel", tmp_path / "built", source).name.endswith("-py3-none-any.whl")


def test_the_source_archive_holds_nothing_of_a_developer_s_machine(sdist: Path):
    with tarfile.open(sdist) as archive:
        sizes = {member.name.partition("/")[2]: member.size for member in archive}
    names = list(sizes)
    strange = (".git/", ".venv", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", "__pycache__")
    assert [name for name in names if any(part in name for part in strange)] == []
    models = [size for name, size in sizes.items() if name.endswith(".tapetum")]
    assert max(models) < 4_000_000
    assert sdist.stat().st_size - sum(models) < 1 << 20
