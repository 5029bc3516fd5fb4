"""Which model a start takes, with real slots and a real worker."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tapetum.inference.accelerators import Accelerator, Cpu, EdgeTpu
from tapetum.inference.settings import Inference
from tapetum.install.settings import Trials
from tapetum.record import Record
from tapetum.store import Store
from tapetum.switch import Switch
from tests.simulators.bundles import packed, ssd, yolo

Begin = Callable[[Inference], Switch]
NOWHERE = EdgeTpu(library="libnowhere.so.1")


@pytest.fixture
def slots(tmp_path: Path, data: Path) -> Store:
    """An active slot, and one before it."""
    slots = Store(tmp_path)
    for spec in (yolo(data), ssd(data)):
        slots.keep(Record(slots.install(packed(spec)), slots.record().active))
    return slots


@pytest.fixture
def begin(slots: Store) -> Iterator[Begin]:
    begun = []

    def start(settings: Inference) -> Switch:
        begun.append(Switch(slots, settings, Trials()))
        return begun[-1]

    yield start
    for switch in begun:
        switch.worker.close()


@pytest.mark.parametrize(
    ("chain", "settings", "reason"),
    [
        ((NOWHERE,), {}, "libnowhere.so.1 cannot be used"),
        ((Cpu(),), {"memory_mb": 128}, "inference.memory_mb = 128 may be too little"),
        ((Cpu(),), {"load_s": 0.001}, "no answer in time"),
    ],
)
def test_an_active_slot_that_cannot_be_loaded_now_stays_active(
    slots: Store, begin: Begin, chain: tuple[Accelerator, ...], settings: dict[str, float], reason: str
):
    found = begin(Inference(accelerators=chain, **settings)).worker  # type: ignore[arg-type]
    assert (found.model, found.state().mode) == ("ssd@1", "motion-only")
    assert [reason in one.reason for one in found.state().accelerators.values()] == [True]
    assert slots.record() == Record("ssd@1", "yolo@1")


def test_an_active_slot_that_is_refused_is_active_no_more(slots: Store, begin: Begin):
    slots.path("ssd@1").write_bytes(b"PK")
    assert begin(Inference()).worker.model == "yolo@1"
    assert (slots.record().active, slots.record().refused is not None) == ("yolo@1", True)


def test_a_slot_loads_though_its_accelerator_is_away(begin: Begin):
    found = begin(Inference(accelerators=(NOWHERE, Cpu()))).worker
    assert (found.model, found.state().mode) == ("ssd@1", "cpu")
