"""A desk that rolls out, by its own commands, to devices of a simulation."""

import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tapetum_trainer import cli
from tests.rollout.simulated import Fate
from tests.rollout.simulation import Simulation, running
from tests.simulators.daemon import until
from tests.simulators.mosquitto import Mosquitto
from tests.update.making import packed

ALL_WELL = ("--answer", "60")


class Desk:
    """`tapetum-trainer` as somebody uses it, in a folder of its own; `street@1` was pushed to everybody."""

    def __init__(self, folder: Path, port: int, size: int = 20_000) -> None:
        self.home, self._size = folder / "publish", size
        self.folder = folder
        self._passphrase = folder / "passphrase"
        self._passphrase.touch(0o600)
        self._passphrase.write_text("of these keys\n")
        assert self.here("keys", "init", "--count", "1", "--threshold", "1")[0] == 0
        (self.home / "publish.toml").write_text(f'[broker]\nhost = "127.0.0.1"\nport = {port}\n')

    @property
    def root(self) -> bytes:
        return (self.home / "repository/metadata/1.root.json").read_bytes()

    def bundle(self, version: int) -> str:
        path = self.folder / f"street-{version}.tapetum"
        if not path.exists():
            path.write_bytes(packed(version, self._size))
        return str(path)

    def command(self, *arguments: str) -> list[str]:
        more = ["--home", str(self.home), "--passphrase", str(self._passphrase)]
        return [sys.executable, "-m", "tapetum_trainer.cli", *arguments, *more]

    def here(self, *arguments: str) -> tuple[int, str]:
        """Run a command in this process, which is quicker; return its exit status, and what it said."""
        with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(out):
            status = cli.main(self.command(*arguments)[3:])
        return status, out.getvalue()

    def run(self, *arguments: str, seconds: float = 100) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            self.command(*arguments), capture_output=True, text=True, timeout=seconds, check=False, env=dict(os.environ)
        )

    def pushes(self, version: int = 1, *to: str) -> None:
        """Push a bundle as before there were rollouts, and wait for nobody."""
        more = ("--to", ",".join(to)) if to else ()
        status, said = self.here("push", self.bundle(version), "--wait", "0", *more)
        assert status == 0, said

    @contextlib.contextmanager
    def begun(self, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
        """Start a command, and kill it at the end if it still runs."""
        signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever starts us aside has it ignored
        with (self.folder / "out").open("a") as out:
            process = subprocess.Popen(
                self.command(*arguments), stdin=subprocess.DEVNULL, stdout=out, stderr=out, text=True
            )
            try:
                yield process
            except AssertionError as error:
                raise AssertionError(f"{error}\n{self.said}") from None
            finally:
                process.kill()
                process.wait()

    @property
    def said(self) -> str:
        """What commands that were begun have said."""
        return (self.folder / "out").read_text()

    def rollout(self, *arguments: str, version: int = 2, seconds: float = 100) -> "subprocess.CompletedProcess[str]":
        return self.run("rollout", "start", self.bundle(version), *arguments, seconds=seconds)

    def status(self, name: str = "street@2-1") -> dict[str, Any]:
        status, said = self.here("rollout", "status", name, "--json")
        assert status == 0, said
        found: dict[str, Any] = json.loads(said)
        return found

    def outcomes(self, name: str = "street@2-1") -> dict[str, str]:
        """What has become of each device."""
        return {one["device"]: one["outcome"] for one in self.status(name)["devices"]}


@contextlib.contextmanager
def quick_folder() -> Iterator[Path]:
    """A folder in memory: a thousand devices flush their files to a disk each of its own, not all to one."""
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108
    folder = Path(tempfile.mkdtemp(dir=place))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextlib.contextmanager
def fleet(
    broker: Mosquitto, root: bytes, count: int, fate: Fate = lambda *_: "", step_s: float = 0.1
) -> Iterator[Simulation]:
    """Serve so many devices, `cam-000` and so on; all have looked what is for them."""
    with quick_folder() as folder:
        simulation = Simulation(folder, broker.port, fate, step_s)
        simulation.least_s = simulation.again_s = 0.3
        for number in range(count):
            simulation.add(f"cam-{number:03}", root)
        with running(simulation):
            until(lambda: all(device.looks for device in simulation.devices.values()))
            yield simulation


def active(simulation: Simulation) -> Mapping[str, str]:
    """Which model is active on each."""
    return {name: device.ledger.record.active for name, device in simulation.devices.items()}
