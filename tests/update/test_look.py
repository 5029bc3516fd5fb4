"""A device looks at what is published, fetches what is meant for it, and offers it whole; over a real broker."""

import errno
import json
import socket
import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import pytest

from tapetum.alerts.retained import Reader
from tapetum.errors import UpdateError
from tapetum.inference import landlock
from tapetum.update.library import Library
from tapetum.update.offer import Contract, Input
from tapetum.update.process import Process
from tests.simulators.daemon import alive, until
from tests.simulators.mosquitto import Mosquitto
from tests.update.making import NOW_S, Desk, Scene, packed


def test_what_is_pushed_is_fetched_verified_and_offered_once(scene: Scene):
    scene.desk.push(packed(1))
    scene.show()
    scene.takes("street@1")
    assert scene.camera.installer.contents == [packed(1)]
    offer = scene.camera.installer.taken[0]
    assert (offer.name, offer.version, offer.contract.to) == ("street", 1, ("*",))
    assert scene.camera.installer.steps == ["street@1"]
    assert scene.camera.look().state == "current"
    assert scene.camera.models == ["street@1"]
    assert list((scene.camera.folder / "coming").iterdir()) == []


def test_before_anything_is_pushed_a_device_is_idle(scene: Scene):
    scene.show()
    assert scene.camera.look().state == "idle"
    assert scene.camera.floor.seen_s == NOW_S


def test_without_a_repository_on_the_broker_there_is_nothing_to_fetch():
    with pytest.raises(UpdateError, match="no repository is on the broker"):
        Library(Reader(), lambda: None).chunks("metadata/timestamp.json", 0)


@pytest.mark.parametrize(
    ("to", "classes", "meant"),
    [
        (("gate",), (), True),
        (("yard", "gate"), (), True),
        (("yard",), (), False),
        (("*",), ("x86_64", "edgetpu"), True),
        (("gate",), ("edgetpu",), False),
    ],
)
def test_a_device_takes_what_is_for_it_and_for_what_it_is(scene: Scene, to, classes, meant: bool):
    scene.desk.push(packed(1), *to, classes=classes)
    scene.show()
    assert scene.camera.look().state == ("offered" if meant else "idle")


def test_of_several_a_device_has_what_was_pushed_to_it_last(scene: Scene):
    scene.desk.push(packed(3))
    scene.desk.push(packed(2), "gate")
    scene.desk.push(packed(4), "yard")
    scene.show()
    scene.takes("street@2")
    scene.desk.push(packed(3), "gate")
    scene.show()
    scene.takes("street@3")


def test_a_bundle_that_asks_for_a_later_tapetum_is_refused_before_it_is_fetched(scene: Scene, monkeypatch):
    scene.desk.push(packed(1))
    scene.show()
    monkeypatch.setattr("tapetum.update.contracts.__version__", "0.0.9")
    scene.refuses("refused", "it asks for Tapetum 0.1.0, and this is 0.0.9: update it")
    assert scene.camera.installer.steps == []
    monkeypatch.undo()
    assert scene.camera.look().state == "current", "it was answered"


@pytest.mark.parametrize("field", ["labels", "input", "requires"])
def test_a_bundle_that_is_not_as_its_contract_says_is_refused(scene: Scene, monkeypatch, field: str):
    from tapetum.update import contracts

    real = contracts.of

    def other(*args, **named) -> Contract:
        made = real(*args, **named)
        changed = {"labels": "0" * 64, "requires": "0.0.1", "input": msgspec.structs.replace(made.input, width=3)}
        return msgspec.structs.replace(made, **{field: changed[field]})

    monkeypatch.setattr(contracts, "of", other)
    scene.desk.push(packed(1))
    monkeypatch.undo()
    scene.show()
    scene.refuses("refused", f"its {field} is not what is signed")
    assert not list((scene.camera.folder / "coming").iterdir())


def test_a_bundle_that_is_signed_and_no_bundle_is_refused(scene: Scene, monkeypatch):
    from tapetum_trainer.publish import repository

    monkeypatch.setattr(repository, "_manifest", lambda _: real)
    real = __import__("tapetum.bundle").bundle.open(packed(1)).manifest
    scene.desk.push(b"no bundle at all")
    scene.show()
    scene.refuses("refused", "it is no bundle")
    assert scene.camera.look().state == "current"


def test_a_device_that_was_in_an_epoch_takes_none_of_a_lower_one(scene: Scene, monkeypatch):
    scene.desk.push(packed(2), epoch=3)
    scene.show()
    scene.takes("street@2")
    assert scene.camera.floor.epoch == 3
    targets = scene.desk.repository.metadata.targets()
    signed = targets.targets.pop("street@2.tapetum")
    signed.unrecognized_fields["custom"] |= {"push": 9, "epoch": 2}
    targets.targets["street@2.tapetum"] = signed
    scene.desk.repository.metadata.write_targets(scene.desk.repository.metadata.next_of(targets), scene.desk.signers)
    scene.show()
    scene.refuses("refused", "street@2 is of epoch 2, and the device has been in 3")


def test_an_installer_that_is_busy_is_asked_again_and_one_that_refuses_is_not(scene: Scene):
    scene.desk.push(packed(1))
    scene.show()
    scene.camera.installer.free = False
    assert scene.camera.look().state == "waiting"
    assert scene.camera.looking.is_held
    assert not list((scene.camera.folder / "coming").iterdir()), "nothing is fetched meanwhile"
    scene.camera.installer.free = True
    assert not scene.camera.looking.is_held
    scene.camera.installer.refusal = "it does not suit"
    scene.refuses("refused", "it does not suit")
    scene.camera.installer.refusal = ""
    assert not list((scene.camera.folder / "coming").iterdir()), "nothing is left of it"
    assert scene.camera.look().state == "current"


def test_of_a_bundle_that_is_taken_back_before_all_of_it_is_here_nothing_is_left(scene: Scene):
    coming = scene.camera.folder / "coming"
    coming.mkdir()
    for state in ("idle", "offered", "current"):
        (coming / "x.tapetum.part").write_bytes(b"half")
        if state == "offered":
            scene.desk.push(packed(1))
        scene.show()
        assert scene.camera.look().state == state
        assert list(coming.iterdir()) == []


def test_a_disk_that_is_full_is_tried_again(scene: Scene, monkeypatch):
    scene.desk.push(packed(1))
    scene.show()

    def full(_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(scene.camera.installer, "take", full)
    assert scene.camera.look().reason == "No space left on device"
    monkeypatch.undo()
    scene.takes("street@1")


# --- going on where it was cut off


def test_a_fetch_that_is_cut_off_goes_on_where_it_came_to(scene: Scene, monkeypatch):
    content = packed(1, size=1_000_000)
    scene.desk.push(content)
    scene.show()
    asked: list[int] = []
    real = scene.camera.library.chunks

    def counted(name: str, start: int):
        found = real(name, start)
        if not name.startswith("targets/"):
            return found
        asked.append(start)
        return cut(found) if len(asked) == 1 else found

    def cut(chunks):
        for number, chunk in enumerate(chunks):
            if number == 9:
                scene.camera.looking._process.kill()
            yield chunk

    monkeypatch.setattr(scene.camera.library, "chunks", counted)
    assert scene.camera.look().state == "failed"
    part = next((scene.camera.folder / "coming").iterdir())
    assert part.name.endswith(".part")
    scene.takes("street@1")
    assert asked[0] == 0
    assert 5 <= asked[1] <= 9
    assert scene.camera.installer.contents == [content]


@pytest.mark.parametrize("damage", ["bits", "longer", "link"])
def test_what_was_left_of_a_fetch_is_not_trusted(scene: Scene, damage: str, tmp_path: Path):
    content = packed(1)
    scene.desk.push(content)
    scene.show()
    name = next(name for name in scene.desk.files() if name.startswith("targets/")).removeprefix("targets/")[:64]
    part = scene.camera.folder / "coming" / f"{name}.tapetum.part"
    part.parent.mkdir(exist_ok=True)
    if damage == "link":
        (tmp_path / "elsewhere").write_bytes(b"private")
        part.symlink_to(tmp_path / "elsewhere")
    else:
        part.write_bytes(bytes(len(content) + (100_000 if damage == "longer" else -10_000)))
    scene.takes("street@1")
    assert scene.camera.installer.contents == [content]
    if damage == "link":
        assert (tmp_path / "elsewhere").read_bytes() == b"private"


def test_what_was_left_of_another_bundle_goes(scene: Scene):
    coming = scene.camera.folder / "coming"
    coming.mkdir(exist_ok=True)
    for name in ("0" * 64 + ".tapetum.part", "0" * 64 + ".tapetum", "other"):
        (coming / name).write_bytes(b"x")
    scene.desk.push(packed(1))
    scene.show()
    scene.takes("street@1")
    assert list(coming.iterdir()) == []


def test_no_process_is_left_and_a_look_that_is_closed_ends_at_once(scene: Scene, monkeypatch):
    scene.desk.push(packed(1, size=1_000_000))
    scene.show()
    processes: list[Process] = []
    monkeypatch.setattr(scene.camera.library, "chunks", lambda *_: slow())

    def slow():
        processes.append(scene.camera.looking._process)
        held.set()
        ended.wait(20)
        yield b"{}"

    held, ended = threading.Event(), threading.Event()
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.append(scene.camera.look().state))
    thread.start()
    assert held.wait(20)
    scene.camera.looking.close()
    ended.set()
    thread.join(5)
    assert found == ["failed"]
    until(lambda: not alive(processes[0].pid))
    assert scene.camera.look().reason == "the daemon ends"


def test_the_process_that_fetches_knows_no_password_of_the_daemon(scene: Scene, monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_BROKER", "hidden")
    with Process(scene.camera.library) as process:
        environment = Path(f"/proc/{process.pid}/environ").read_bytes()
        descriptors = [str(path.readlink()) for path in Path(f"/proc/{process.pid}/fd").iterdir()]
    assert b"hidden" not in environment
    assert sum(text.startswith("socket:") for text in descriptors) == 1


DECEIVED = """#!{python}
import socket, sys
from tapetum.inference import wire
channel = socket.socket(fileno=int(sys.argv[-1]))
wire.receive(channel)
wire.send(channel, {says})
wire.receive(channel)
"""


@pytest.mark.parametrize(
    "says",
    [
        {"get": "metadata/timestamp.json", "start": -(10**9)},
        {"get": "metadata/timestamp.json", "start": 10**12},
        {"get": "metadata/timestamp.json", "start": "x"},
        {"get": 5},
        {"get": "x" * 5000},
        {"anything": 1},
        {"found": {"floor": {"root": -1}}},
        {"found": []},
        {"refused": ["\n" * 5000], "kind": ["Untrusted"]},
    ],
)
def test_a_process_that_was_deceived_costs_the_daemon_one_look(scene: Scene, tmp_path: Path, monkeypatch, says):
    scene.show()
    program = tmp_path / "deceived"
    program.write_text(DECEIVED.format(python=sys.executable, says=says))
    program.chmod(0o755)
    monkeypatch.setattr("tapetum.update.process.sys.executable", str(program))
    found = scene.camera.look()
    assert found.state == "failed"
    assert len(found.reason) < 1000
    assert "\n" not in found.reason
    monkeypatch.undo()
    assert scene.camera.look().state == "idle"


@pytest.mark.skipif(not landlock.abi(), reason="this kernel has no Landlock")
def test_the_process_that_fetches_sees_no_file_but_its_own(scene: Scene, tmp_path: Path):
    scene.show()
    assert scene.camera.look().state == "idle"
    before = scene.desk.files()
    scene.desk.rotate()
    outside = tmp_path / "2.root.json"
    outside.write_bytes(scene.desk.files()["metadata/2.root.json"])
    link = scene.camera.folder / "metadata/root_history/2.root.json"
    link.symlink_to(outside)
    scene.show(before)
    assert scene.camera.look().state == "idle"
    assert scene.camera.floor.root == 1, "what lies there cannot be read"
    link.unlink()
    link.write_bytes(outside.read_bytes())
    assert scene.camera.look().state == "idle"
    assert scene.camera.floor.root == 2


CONFINED = """
import encodings.idna, socket, sys
from pathlib import Path
from tapetum.inference import confine
own, allowed, *ports = Path(sys.argv[1]), *sys.argv[2:]
beyond = confine.Reach(readable=("/etc/hosts",), ports=(int(allowed),)) if int(allowed) else confine.NOTHING
assert confine.keep_to(str(own), beyond=beyond) == ""
(own / "x.part").write_text("a")
(own / "x.part").rename(own / "x")
for what in (
    lambda: Path("/etc/passwd").read_text(),
    lambda: Path("/etc/hosts").read_text(),
    lambda: Path("/etc/hosts").open("a"),
    lambda: (own.parent / "beside").write_text("a"),
    lambda: (own / "x").rename(own.parent / "x"),
    *(lambda port=port: socket.create_connection(("127.0.0.1", int(port))) for port in ports),
):
    try:
        what()
        print(0)
    except OSError as error:
        print(error.errno)
(own / "x").chmod(0o755)
try:
    __import__("os").execv(own / "x", ["x"])
except OSError as error:
    print(error.errno)
"""


@pytest.mark.skipif(landlock.abi() < 4, reason="this kernel's Landlock knows no network")
@pytest.mark.parametrize("beyond", [False, True], ids=["nothing", "a file and a port"])
def test_a_process_that_is_kept_to_a_folder_reaches_nothing_else(tmp_path: Path, broker: Mosquitto, beyond: bool):
    (tmp_path / "own").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as other:
        ports = [str(broker.port), str(other.getsockname()[1])]
        command = [sys.executable, "-c", CONFINED, str(tmp_path / "own"), ports[0] if beyond else "0", *ports]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    no = errno.EACCES
    said = [int(line) for line in done.stdout.split()]
    assert said[4] in (no, errno.EXDEV)
    assert said[:4] + said[5:] == [no, 0, no, no, 0, no, no] if beyond else [no, no, no, no, no, no, no]
    assert [path.name for path in tmp_path.rglob("*")] == ["own", "x"]


# --- the floor


def test_the_floor_is_on_the_disk_before_anything_is_taken(scene: Scene, monkeypatch):
    scene.desk.push(packed(1))
    scene.show()
    seen: list[dict[str, object]] = []
    take = scene.camera.installer.take
    monkeypatch.setattr(
        scene.camera.installer, "take",
        lambda offer: (seen.append(json.loads((scene.camera.folder / "floor.json").read_bytes())), take(offer)),
    )  # fmt: skip
    scene.takes("street@1")
    assert (seen[0]["targets"]["version"], seen[0]["push"]) == (2, 0)
    assert scene.camera.floor.push == 2


def test_a_device_that_loses_power_between_taking_and_its_floor_is_offered_the_same_again(scene: Scene, monkeypatch):
    scene.desk.push(packed(1))
    scene.show()
    before = scene.camera.floor
    scene.takes("street@1")
    (scene.camera.folder / "floor.json").write_bytes(json.dumps({"root": before.root}).encode())
    monkeypatch.setattr(scene.camera.installer, "had", lambda model, push: (model, push) == ("street@1", 2))
    assert scene.camera.look().state == "current"
    assert scene.camera.models == ["street@1"]
    assert scene.camera.floor.push == 2


def test_other_keys_of_targets_are_no_reason_to_install_again(scene: Scene):
    scene.desk.push(packed(1))
    scene.show()
    scene.takes("street@1")
    scene.desk.rotate("targets")
    scene.show()
    assert scene.camera.look().state == "current"
    scene.desk.push(packed(2))
    scene.show()
    scene.takes("street@2")


def test_a_repository_of_hundreds_of_devices_and_a_root_of_many_years_are_taken(scene: Scene, desk: Desk):
    desk.push(packed(1), "gate", *(f"device-{number}" for number in range(3000)))
    for _ in range(6):
        desk.rotate()
    scene.show()
    scene.takes("street@1")
    assert scene.camera.floor.root == 7


def test_what_is_pushed_to_a_device_by_itself_counts_for_it_and_for_nobody_else(scene: Scene):
    def pushed_at(model: str, **since: int) -> None:
        repository = scene.desk.repository
        contracts = repository.contracts()
        contracts[model] = msgspec.structs.replace(contracts[model], since=since)
        repository.change(contracts, scene.desk.signers)

    scene.desk.push(packed(1))
    scene.desk.push(packed(2), "yard", "gate")
    scene.show()
    scene.takes("street@2")
    pushed_at("street@1", yard=9)
    scene.show()
    assert scene.camera.look().state == "current"
    pushed_at("street@1", gate=9)
    scene.show()
    scene.takes("street@1")
    assert scene.camera.installer.taken[-1].contract.push == 9
    assert scene.camera.look().state == "current"


def test_a_device_hears_of_a_contract_what_is_about_itself():
    picture = Input(width=2, height=2, channels=3, dtype="uint8")
    whole = Contract(push=3, to=("gate", "*"), since={"yard": 7}, requires="0.1.0", labels="0" * 64, input=picture)
    assert [(one.push, one.to, one.since) for one in (whole.of("yard"), whole.of("gate"), whole.of("hall")) if one] == [
        (7, ("yard",), {}),
        (3, ("gate",), {}),
        (3, ("*",), {}),
    ]
    assert msgspec.structs.replace(whole, to=("gate",)).of("hall") is None
