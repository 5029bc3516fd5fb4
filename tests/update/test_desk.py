"""The desk's commands: keys are made and replaced, bundles signed, what is short-lived signed again."""

import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from tuf.api.metadata import Metadata, Root

from tapetum.update.trust import checked_root
from tapetum_trainer import cli
from tapetum_trainer.publish import desk, keys
from tapetum_trainer.publish.repository import Repository
from tapetum_trainer.publish.ring import Ring
from tapetum_trainer.publish.signing import Metadatas
from tests.update.making import Camera, packed

NOW_S = int(datetime.now(UTC).timestamp())


class Home:
    """A desk's folder, and its commands as somebody types them; static files in the place of a broker."""

    def __init__(self, folder: Path, capsys: Any) -> None:
        self.folder, self.www, self._capsys = folder / "publish", folder / "www", capsys
        self.passphrase = folder / "passphrase"
        self.passphrase.touch(0o600)
        self.passphrase.write_text("correct horse\n")

    def run(self, *arguments: str, to_www: bool = True) -> tuple[int, str]:
        """Return the exit status, and what was said."""
        self._capsys.readouterr()
        more = ["--folder", str(self.www)] if to_www and arguments[:2] != ("keys", "init") else []
        status = cli.main([*arguments, *more, "--home", str(self.folder), "--passphrase", str(self.passphrase)])
        said = self._capsys.readouterr()
        return status, said.out + said.err

    def bundle(self, version: int) -> str:
        path = self.folder.parent / f"street-{version}.tapetum"
        path.write_bytes(packed(version))
        return str(path)

    def key(self, name: str) -> Path:
        return self.folder / f"keys/{name}.pem"

    def root(self, version: int = 1) -> Root:
        return Metadata[Root].from_file(str(self.folder / f"repository/metadata/{version}.root.json")).signed


@pytest.fixture
def home(tmp_path: Path, capsys: Any) -> Home:
    found = Home(tmp_path, capsys)
    assert found.run("keys", "init")[0] == 0
    return found


@pytest.fixture
def camera(tmp_path: Path, home: Home, monkeypatch: Any) -> Any:
    """A device that is enrolled with that desk, and reads its folder as a file system would serve it."""
    found = Camera(tmp_path / "device", 1, (home.folder / "repository/metadata/1.root.json").read_bytes())

    def chunks(name: str, start: int) -> Any:
        path = home.www / name
        return (
            iter([path.read_bytes()[start * 65536 :][:65536] for start in range(start, 9)]) if path.exists() else None
        )

    monkeypatch.setattr(found.library, "chunks", chunks)
    yield found
    found.outbox.close()


def test_keys_are_made_that_only_their_owner_can_read_and_root_and_targets_are_encrypted(home: Home):
    files = sorted(path.relative_to(home.folder / "keys").as_posix() for path in (home.folder / "keys").rglob("*.pem"))
    assert files == ["root/1.pem", "root/2.pem", "root/3.pem", "snapshot.pem", "targets.pem", "timestamp.pem"]
    for name in files:
        path = home.folder / "keys" / name
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        encrypted = name.startswith(("root/", "targets"))
        assert (b"ENCRYPTED" in path.read_bytes()) is encrypted
        load_pem_private_key(path.read_bytes(), b"correct horse" if encrypted else None)
    root = home.root()
    assert root.roles["root"].threshold == 2
    assert checked_root((home.folder / "repository/metadata/1.root.json").read_bytes()).version == 1
    assert timedelta(days=729) < root.expires - datetime.now(UTC) < timedelta(days=731)


def test_keys_are_never_made_over_others(home: Home):
    before = {path: path.read_bytes() for path in home.folder.rglob("*") if path.is_file()}
    assert home.run("keys", "init")[0] == 1
    assert {path: path.read_bytes() for path in home.folder.rglob("*") if path.is_file()} == before


def test_a_push_is_signed_and_published_and_a_device_takes_it(home: Home, camera: Camera):
    status, said = home.run("push", home.bundle(1), "--to", "gate, yard", "--classes", "x86_64")
    assert (status, "street@1: signed for gate, yard, push 2" in said) == (0, True)
    assert camera.look(NOW_S).model == "street@1"
    contract = camera.installer.taken[0].contract
    assert (contract.to, contract.classes, contract.epoch) == (("gate",), ("x86_64",), 0), "it hears of itself alone"
    assert Repository(home.folder / "repository").contracts()["street@1"].to == ("gate", "yard")


@pytest.mark.parametrize(
    "roles", [("targets",), ("timestamp", "snapshot"), ("root",), (), ("root", "targets", "timestamp")]
)
def test_a_device_follows_a_rotation_and_what_is_pushed_after_it(home: Home, camera: Camera, roles: tuple[str, ...]):
    home.run("push", home.bundle(1))
    assert camera.look(NOW_S).state == "offered"
    before = home.root()
    assert home.run("keys", "rotate", *roles)[0] == 0
    after = home.root(2)
    for role in ("root", "targets", "snapshot", "timestamp"):
        same = set(before.roles[role].keyids) == set(after.roles[role].keyids)
        assert same is (role not in roles), role
    assert camera.look(NOW_S).state == "current"
    if "root" in roles:
        for number in (1, 2, 3):
            (home.folder / f"keys/root/{number}.pem").unlink()
        assert home.run("keys", "rotate")[0] == 0, "the new keys of root sign alone"
    assert home.run("push", home.bundle(2))[0] == 0
    assert camera.look(NOW_S).model == "street@2"
    assert not list((home.folder / "keys").glob("*.new*"))


def test_keys_that_cannot_all_be_made_are_none(tmp_path: Path, capsys: Any, monkeypatch: Any):
    home = Home(tmp_path, capsys)
    home.passphrase.write_text("")
    assert home.run("keys", "init") == (
        1,
        f"tapetum-trainer: {home.key('root/1')}: an empty passphrase protects nothing\n",
    )
    home.passphrase.write_text("correct horse")
    made: list[Path] = []
    make = keys.made

    def full(path: Path, passphrase: str | None) -> Any:
        made.append(path)
        if len(made) == 5:
            raise OSError(28, "No space left on device", str(path))
        return make(path, passphrase)

    monkeypatch.setattr(keys, "made", full)
    assert home.run("keys", "init") == (1, f"tapetum-trainer: {made[4]}: No space left on device\n")
    assert [path for path in home.folder.rglob("*") if path.is_file()] == []
    monkeypatch.undo()
    assert home.run("keys", "init")[0] == 0


@pytest.mark.parametrize("count", ["0", "33", "-1"])
def test_root_has_some_keys_and_not_hundreds(tmp_path: Path, capsys: Any, count: str):
    status, said = Home(tmp_path, capsys).run("keys", "init", "--count", count)
    assert (status, f"--count {count}: root has 1 to 32 keys" in said) == (1, True), said


@pytest.mark.parametrize("signed", [False, True], ids=["before root was signed", "after it"])
def test_a_rotation_that_was_cut_off_is_made_again_and_loses_no_key(
    home: Home, camera: Camera, monkeypatch, signed: bool
):
    """Power goes: nobody clears up."""

    class Cut(BaseException):
        pass

    def cut(*_: Any) -> None:
        raise Cut

    @contextmanager
    def nothing(*_: Any) -> Iterator[None]:
        yield

    def settle(ring: Ring, root: Root, role: str) -> None:
        if root.version > 1:
            cut()
        settled(ring, root, role)

    roles, settled = ("targets", "timestamp"), Ring.settle
    with monkeypatch.context() as patched:
        if signed:
            patched.setattr(Ring, "settle", settle)
        else:
            patched.setattr(Ring, "all_or_none", nothing)
            patched.setattr(Metadatas, "write_root", cut)
        with pytest.raises(Cut):
            home.run("keys", "rotate", *roles)
    assert all(home.key(f"{role}.new").exists() for role in roles)
    if signed:
        home.run("push", home.bundle(1))
        assert camera.look(NOW_S).model == "street@1", "with the keys that have no name yet"
    assert home.run("keys", "rotate", *roles)[0] == 0
    assert home.run("push", home.bundle(2))[0] == 0
    assert camera.look(NOW_S).model == "street@2"
    assert not list((home.folder / "keys").glob("*.new*"))


def test_root_signs_with_as_many_keys_as_must_and_no_fewer(home: Home, tmp_path: Path):
    stick = tmp_path / "stick"
    stick.mkdir()
    shutil.move(home.folder / "keys/root/3.pem", stick / "c.pem")
    status, said = home.run("keys", "rotate", "targets", "--root-keys", str(stick))
    assert status == 1
    assert f"2 keys must sign, and 1 of them are in {stick}/c.pem" in said
    shutil.move(home.folder / "keys/root/1.pem", stick / "a.pem")
    assert home.run("keys", "rotate", "targets", "--root-keys", str(stick))[0] == 0


def test_a_refresh_needs_no_passphrase_and_lets_the_timestamp_hold_for_30_days(home: Home):
    home.run("push", home.bundle(1))
    home.passphrase.write_text("wrong")
    status, said = home.run("refresh")
    until = (datetime.now(UTC) + timedelta(days=30)).strftime("%Y-%m-%d")
    assert (status, said.splitlines()[0]) == (0, f"timestamp 3 holds until {until}")
    status, said = home.run("refresh", "--targets")
    assert (status, "targets.pem: the passphrase is wrong" in said) == (1, True)


def test_what_soon_holds_no_more_is_told_with_what_renews_it(home: Home, monkeypatch: Any):
    later = datetime.now(UTC) + timedelta(days=340)
    monkeypatch.setattr(desk, "_repository", lambda place: Repository(place / "repository", later))
    said = home.run("refresh")[1]
    assert f"targets holds only until {datetime.now(UTC) + timedelta(days=365):%Y-%m-%d}" in said
    assert "tapetum-trainer refresh --targets" in said
    assert home.run("refresh", "--targets")[1].count("holds only") == 0
    snapshot = Repository(home.folder / "repository").metadata.snapshot()
    assert snapshot.expires > later + timedelta(days=300)


@pytest.mark.parametrize(
    ("prepare", "arguments", "told"),
    [
        (None, ["push", "BUNDLE", "--to", "a/b"], "no device would take this push"),
        (None, ["push", "nothing.tapetum"], "nothing.tapetum: No such file or directory"),
        (lambda h: (h.folder.parent / "x").write_bytes(b"PK"), ["push", "x"], "no device would take this bundle"),
        (lambda h: h.passphrase.chmod(0o644), ["push", "BUNDLE"], "others can read this passphrase: chmod 600"),
        (lambda h: h.passphrase.write_text("no"), ["push", "BUNDLE"], "targets.pem: the passphrase is wrong"),
        (lambda h: h.passphrase.unlink(), ["push", "BUNDLE"], "passphrase: No such file or directory"),
        (lambda h: (h.folder / "keys/targets.pem").chmod(0o640), ["push", "BUNDLE"], "others can read this key"),
        (lambda h: (h.folder / "keys/timestamp.pem").write_bytes(b"x"), ["refresh"], "it is no private key in PEM"),
        (lambda h: (h.folder / "keys/snapshot.pem").unlink(), ["refresh"], "1 keys must sign, and 0 of them are in no"),
        (lambda h: shutil.rmtree(h.folder / "repository"), ["refresh"], "no keys were made here: tapetum-trainer keys"),
        (lambda h: (h.folder / "publish.toml").write_text("[broker]\nprot = 1"), ["refresh"], "broker.prot"),
        (lambda h: (h.folder / "publish.toml").write_text("broker"), ["refresh"], "publish.toml: "),
        (lambda h: (h.folder / "publish.toml").write_text('[broker]\nhost = "far"'), ["refresh"], "broker.tls: alerts"),
        (None, ["keys", "rotate", "snapshop"], "snapshop: roles are root, targets, snapshot, timestamp"),
        (lambda h: (h.folder / "publish.toml").write_text("[borker]"), ["refresh"], "borker: there is no such key"),
        (None, ["push", "BUNDLE", "--to", ","], "--to ',': names of devices are wanted"),
        (None, ["push", "BUNDLE", "--epoch", "-1"], "--epoch -1: devices have been in 0"),
    ],
)
def test_what_cannot_be_is_told_with_what_would_be_right(home: Home, prepare: Any, arguments: list[str], told: str):
    if prepare:
        prepare(home)
    paths = {"BUNDLE": home.bundle(1), "x": str(home.folder.parent / "x")}
    named = [paths.get(one, one) for one in arguments]
    status, said = home.run(*named)
    assert status == 1
    assert told in said
    assert "Traceback" not in said


def test_what_would_be_published_nowhere_is_not_signed(home: Home):
    status, said = home.run("refresh", to_www=False)
    assert (status, "publish.toml: [broker] host is empty, and --folder names no folder" in said) == (1, True)
    assert Repository(home.folder / "repository").metadata.timestamp().version == 1


def test_more_devices_than_one_reads_of_are_not_signed_for(home: Home):
    status, said = home.run(
        "push", home.bundle(1), "--to", ",".join(f"device-{number:050}" for number in range(20_000))
    )
    assert (status, "devices read 1048576: name fewer devices" in said) == (1, True)
    assert Repository(home.folder / "repository").contracts() == {}


def test_a_bundle_that_was_pushed_never_changes(home: Home, tmp_path: Path):
    home.run("push", home.bundle(1))
    assert home.run("push", home.bundle(1), "--to", "gate")[0] == 0
    (tmp_path / "other.tapetum").write_bytes(packed(1, label="cat"))
    status, said = home.run("push", str(tmp_path / "other.tapetum"))
    assert (status, "was pushed with another content" in said) == (1, True)


def test_a_push_takes_the_place_of_what_was_pushed_to_the_same_devices(home: Home):
    repository = Repository(home.folder / "repository")
    steps = [
        ((1, "*"), {"street@1": ("*",)}),
        ((2, "a,b,c"), {"street@1": ("*",), "street@2": ("a", "b", "c")}),
        ((3, "b"), {"street@1": ("*",), "street@2": ("a", "c"), "street@3": ("b",)}),
        ((3, "a,c"), {"street@1": ("*",), "street@3": ("a", "c")}),
        ((4, "*"), {"street@4": ("*",)}),
    ]
    for (version, to), wanted in steps:
        assert home.run("push", home.bundle(version), "--to", to)[0] == 0
        assert {name: one.to for name, one in repository.contracts().items()} == wanted
        assert {path.name[65:] for path in (home.www / "targets").iterdir()} == {f"{name}.tapetum" for name in wanted}
