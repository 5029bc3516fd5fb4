"""What a model was made with can be told, package by package."""

import json
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest

from tapetum_trainer import sbom
from tapetum_trainer.errors import TrainerError

there = pytest.mark.skipif(find_spec("cyclonedx_py") is None, reason="cyclonedx-bom is not installed: tapetum[train]")


@there
def test_each_package_of_this_environment_is_in_it_with_its_version(tmp_path: Path):
    count = sbom.write(tmp_path / "bill.json")
    found = json.loads((tmp_path / "bill.json").read_bytes())
    assert (found["bomFormat"], found["specVersion"]) == ("CycloneDX", "1.6")
    packages = {one["name"]: one["version"] for one in found["components"]}
    assert count == len(found["components"]) > 5
    assert packages["msgspec"] == version("msgspec")
    assert {"timestamp", "serialNumber"} & {*found, *found["metadata"]} == set()


@there
def test_an_environment_that_is_none_is_told(tmp_path: Path):
    with pytest.raises(TrainerError, match="no bill of materials could be made: "):
        sbom.bill(str(tmp_path / "nowhere"))


def test_without_the_tool_it_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sbom, "_TOOL", "cyclonedx_of_nobody")
    with pytest.raises(TrainerError, match=r"cyclonedx-bom is not there: pip install 'tapetum\[train\]'"):
        sbom.bill()
