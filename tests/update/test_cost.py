"""What fetching takes: time on the loopback, and memory of the daemon's process, printed with -s."""

import os
import statistics
import time
from pathlib import Path

import pytest

from tapetum.update.offer import Offer
from tests.simulators.daemon import children, command_line
from tests.update.making import Scene, Taking, memory_mb, packed

SIZE = 4 << 20


class Timing(Taking):
    """An installer that looks at the clock."""

    def __init__(self) -> None:
        super().__init__()
        self.began_s = self.took_s = 0.0

    def downloading(self, model: str) -> None:
        super().downloading(model)
        self.began_s = time.perf_counter()

    def take(self, offer: Offer) -> None:
        self.took_s = time.perf_counter() - self.began_s
        super().take(offer)


def fetched(scene: Scene, count: int) -> tuple[list[float], list[float]]:
    """Push and take bundles of 4 MiB; return how long each look took, and of it the fetching and checking."""
    installer = scene.camera.looking._installer = scene.camera.installer = Timing()
    whole, fetch = [], []
    for version in range(1, count + 1):
        scene.desk.push(packed(version, SIZE))
        scene.show()
        installer.contents.clear()
        start_s = time.perf_counter()
        scene.takes(f"street@{version}")
        whole.append(time.perf_counter() - start_s)
        fetch.append(installer.took_s)
    return whole, fetch


def test_a_bundle_of_4_mib_is_fetched_in_less_than_it_takes_to_notice(scene: Scene):
    whole, fetch = fetched(scene, 3)
    print(f"4 MiB: look {min(whole):.2f} s, of it fetched, verified and opened in {min(fetch):.2f} s")
    assert min(fetch) < 5, "a tenth of that on an idle machine"


@pytest.mark.alone
@pytest.mark.long
def test_a_bundle_of_4_mib_is_fetched_within_half_a_second(scene: Scene):
    whole, fetch = fetched(scene, 10)
    print(f"4 MiB, median of 10: look {statistics.median(whole):.2f} s, fetched in {statistics.median(fetch):.2f} s")
    assert statistics.median(fetch) <= 0.5


@pytest.mark.alone
def test_the_daemon_gives_back_what_an_update_takes_of_memory(scene: Scene):
    fetched(scene, 1)
    before, _ = memory_mb()
    Path("/proc/self/clear_refs").write_text("5")  # VmHWM begins anew (proc(5))
    fetched_again(scene)
    after, most = memory_mb()
    print(f"memory: {before:.0f} MB before, at most {most:.0f} MB, {after:.0f} MB after")
    assert most - before < 40
    assert after - before < 10
    assert not any("tapetum.update" in command_line(child) for child in children(os.getpid()))


def fetched_again(scene: Scene) -> None:
    scene.desk.push(packed(2, SIZE))
    scene.show()
    scene.takes("street@2")
