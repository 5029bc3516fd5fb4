"""A device behind a router that translates addresses: nothing outside can reach it, and a push does all the same."""

from pathlib import Path

import pytest

from tapetum import data
from tests.simulators.daemon import Daemon, until
from tests.simulators.mosquitto import Mosquitto, free_port
from tests.simulators.nat import OUTSIDE, Nat
from tests.system.conftest import STREET, Subscriber, camera
from tests.system.test_push import MODEL, QUICK, Desk, enroll

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]
NANO = Path(__file__).parents[2] / "models/bundles/tapetum-nano@1.tapetum"


def test_a_push_reaches_a_device_behind_nat_and_again_after_the_router_has_forgotten_it(tmp_path: Path):
    with Nat() as nat, nat.outside():
        port = free_port()
        lines = [f"listener {port} {OUTSIDE}", "allow_anonymous true"]
        with Mosquitto(tmp_path / "broker", *lines) as broker:
            heard = Subscriber(broker.port)
            desk = Desk(tmp_path, broker.port)
            reached = f'[broker]\nhost = "{OUTSIDE}"\nport = {port}\ninsecure = true\nkeepalive_s = 5\n'
            settings = camera(STREET) + reached + QUICK.replace("600", "1")
            with Daemon(tmp_path, settings, within=nat.inside) as daemon:
                daemon.until_watching()
                assert enroll(daemon, desk.root).returncode == 0
                first = desk.run("push", str(NANO), "--to", "unit", "--wait", "60")
                assert first.returncode == 0, first.stdout + first.stderr + daemon.log
                assert heard.last("model/state")["active"] == NANO.stem
                assert "10.213.0.2" in broker.log, "the broker knows the router, not the device"
                nat.renumber()
                second = desk.run("push", str(data.detector()), "--to", "unit", "--wait", "60")
                assert second.returncode == 0, second.stdout + second.stderr + daemon.log
                assert "10.213.0.3" in broker.log
                until(lambda: heard.last("model/state")["active"] == MODEL)
                assert daemon.stop()[0] == 0
            heard.close()
