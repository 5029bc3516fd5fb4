"""The key of targets in a hardware token: it signs there, and what is signed is taken as what a file's key signed."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tapetum.update.repository import CHUNK
from tapetum_trainer import cli
from tapetum_trainer.publish import tokens
from tests.simulators.softhsm import PIN, SoftHsm
from tests.update.making import Camera, packed
from tests.update.test_desk import NOW_S

PLACE = "hsm:2?label=desk"


class Home:
    """A desk with a token, and its commands."""

    def __init__(self, folder: Path, hsm: SoftHsm, capsys: Any) -> None:
        self._capsys = capsys
        self.folder, self.www, self.hsm = folder / "publish", folder / "www", hsm
        self.passphrase, self.pin = folder / "passphrase", folder / "pin"
        for path, secret in ((self.passphrase, "correct horse"), (self.pin, PIN)):
            path.touch(0o600)
            path.write_text(secret + "\n")

    def run(self, *arguments: str) -> tuple[int, str]:
        """Return the exit status, and what was said, with the PIN in a file."""
        return self.run_alone(*arguments, "--pin", str(self.pin))

    def run_alone(self, *arguments: str, **environment: str) -> tuple[int, str]:
        """Do so without a file of the PIN, and without a terminal to ask at.

        In a process of its own: the token's library shares it with nothing that tests have loaded.
        """
        done = subprocess.run(
            [sys.executable, "-m", "tapetum_trainer.cli", *self.whole(arguments)],
            env={**os.environ, **environment}, capture_output=True, text=True, check=False, timeout=60,
            stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    def run_here(self, *arguments: str) -> tuple[int, str]:
        """Do so in this process, where no token is reached."""
        self._capsys.readouterr()
        status = cli.main([*self.whole(arguments), "--pin", str(self.pin)])
        said = self._capsys.readouterr()
        return status, said.out + said.err

    def whole(self, arguments: Sequence[str]) -> list[str]:
        to = ["--folder", str(self.www)] if arguments[1:2] != ("init",) else []
        return [*arguments, *to, "--home", str(self.folder), "--passphrase", str(self.passphrase)]

    def init(self) -> None:
        status, said = self.run("keys", "init", "--count", "1", "--threshold", "1", *self.at(PLACE))
        assert status == 0, said

    def at(self, uri: str) -> list[str]:
        return ["--token", uri, "--library", self.hsm.library]

    def bundle(self, version: int) -> str:
        path = self.folder.parent / f"street-{version}.tapetum"
        path.write_bytes(packed(version))
        return str(path)

    @property
    def keys(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "keys").iterdir())


@pytest.fixture(scope="module")
def hsm(tmp_path_factory: pytest.TempPathFactory) -> SoftHsm:
    """One token with three keys: two that can sign for TUF, and one of a curve that cannot."""
    found = SoftHsm(tmp_path_factory.mktemp("hsm"))
    found.token("desk")
    for number, curve in ((2, "secp256r1"), (3, "secp384r1"), (4, "secp521r1")):
        found.key("desk", number, curve)
    return found


@pytest.fixture
def home(tmp_path: Path, hsm: SoftHsm, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Home:
    monkeypatch.setenv(tokens.LIBRARY, "")
    for name, value in hsm.environment.items():
        monkeypatch.setenv(name, value)
    return Home(tmp_path, hsm, capsys)


@pytest.fixture
def camera(tmp_path: Path, home: Home, monkeypatch: pytest.MonkeyPatch):
    """A device that is enrolled with that desk, and reads its folder."""
    home.init()
    found = Camera(tmp_path / "device", 1, (home.folder / "repository/metadata/1.root.json").read_bytes())

    def chunks(name: str, start: int):
        path = home.www / name
        content = path.read_bytes()[start * CHUNK :] if path.exists() else b""
        parts = (content[place : place + CHUNK] for place in range(0, len(content), CHUNK))
        return parts if path.exists() else None

    monkeypatch.setattr(found.library, "chunks", chunks)
    yield found
    found.outbox.close()


def test_what_a_token_signs_a_device_takes_and_no_private_key_lies_at_the_desk(home: Home, camera: Camera):
    assert home.keys == ["root", "snapshot.pem", "targets.token", "timestamp.pem"]
    told = json.loads((home.folder / "keys/targets.token").read_bytes())
    root = json.loads((home.folder / "repository/metadata/1.root.json").read_bytes())["signed"]
    assert (told["uri"], told["library"]) == (PLACE, home.hsm.library)
    assert root["roles"]["targets"]["keyids"] == [told["keyid"]]
    assert root["keys"][told["keyid"]]["scheme"] == "ecdsa-sha2-nistp256"
    status, said = home.run("push", home.bundle(1))
    assert status == 0, said
    assert camera.look(NOW_S).model == "street@1"
    status, said = home.run("refresh", "--targets")
    assert status == 0, said
    assert camera.look(NOW_S).state == "current"


def test_a_refresh_asks_for_no_token(home: Home, camera: Camera):
    status, said = home.run_alone("refresh", SOFTHSM2_CONF="/nowhere")
    assert (status, said.startswith("timestamp 2 holds until")) == (0, True), said


def test_a_key_moves_from_a_token_to_another_to_a_file_and_back(home: Home, camera: Camera):
    for version, (more, kept) in enumerate(
        ((home.at("hsm:3?label=desk"), "targets.token"), ([], "targets.pem"), (home.at(PLACE), "targets.token")), 1
    ):
        status, said = home.run("keys", "rotate", "targets", *more)
        assert status == 0, said
        assert home.keys == sorted(["root", "snapshot.pem", kept, "timestamp.pem"])
        assert home.run("push", home.bundle(version))[0] == 0
        assert camera.look(NOW_S).model == f"street@{version}"


def test_a_pin_comes_from_a_file_or_the_environment_and_is_asked_for_at_a_terminal(home: Home):
    home.init()
    assert home.run_alone("push", home.bundle(1), TAPETUM_PIN=PIN)[0] == 0
    status, said = home.run_alone("push", home.bundle(2))
    wanted = f"{PLACE}: its PIN is wanted: at a terminal, or in the file of --pin, or in TAPETUM_PIN"
    assert (status, wanted in said) == (1, True), said
    home.pin.chmod(0o644)
    status, said = home.run("push", home.bundle(2))
    assert (status, "others can read this PIN: chmod 600" in said) == (1, True), said


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--token", PLACE], "--library or PYKCS11LIB: the token's PKCS#11 library is wanted"),
        (["--token", "hsm:2", "--library", "/nowhere.so"], "/nowhere.so: there is no such file"),
        (["--token", "hsm:2", "--library", "/etc/passwd"], "hsm:2: OS exception while loading /etc/passwd"),
        (["--token", "pkcs11:id=2", "--library", "SOFTHSM"], "'pkcs11:id=2': hsm:ID?label=TOKEN is wanted"),
        (["--token", "hsm:9", "--library", "SOFTHSM"], "hsm:9: could not find ECDSA key on the PKCS#11 token"),
        (["--token", "hsm:4", "--library", "SOFTHSM"], "hsm:4: secp521r1 is not a supported EC curve"),
        (["--token", "hsm:2?label=x", "--library", "SOFTHSM"], "No PKCS#11 token found for label x"),
    ],
)
def test_a_token_that_cannot_sign_is_told_and_no_key_is_made(home: Home, arguments: list[str], told: str):
    named = [home.hsm.library if one == "SOFTHSM" else one for one in arguments]
    status, said = home.run("keys", "init", *named)
    assert (status, told in said) == (1, True), said
    assert [path for path in home.folder.rglob("*") if path.is_file()] == []


def test_after_a_wrong_pin_the_keys_are_made_as_if_nothing_had_been(home: Home):
    home.pin.write_text("999999")
    status, said = home.run("keys", "init", *home.at(PLACE))
    assert (status, f"{PLACE}: the PIN is wrong; after a few wrong ones a token locks itself" in said) == (1, True)
    assert [path for path in home.folder.rglob("*") if path.is_file()] == []
    home.pin.write_text(PIN)
    home.init()


def test_a_token_is_for_the_key_of_targets_alone(home: Home):
    home.init()
    status, said = home.run("keys", "rotate", "snapshot", *home.at(PLACE))
    assert (status, "--token: the key of targets can be in one" in said) == (1, True), said


def test_where_python_pkcs11_is_missing_the_extra_is_told(home: Home, monkeypatch: pytest.MonkeyPatch):
    from securesystemslib.signer import _hsm_signer

    monkeypatch.setattr(_hsm_signer, "PKCS11_IMPORT_ERROR", "'python-pkcs11' required")
    status, said = home.run_here("keys", "init", *home.at(PLACE))
    assert (status, 'pip install "tapetum[pkcs11]"' in said) == (1, True), said


def test_a_wrong_pin_leaves_what_is_published_as_it_was(home: Home, camera: Camera):
    before = {path: path.read_bytes() for path in home.folder.rglob("*.json")}
    home.pin.write_text("999999")
    status, said = home.run("push", home.bundle(1))
    assert (status, "2.targets is not signed: hsm:2?label=desk: the PIN is wrong" in said) == (1, True), said
    assert {path: path.read_bytes() for path in home.folder.rglob("*.json")} == before
    home.pin.write_text(PIN)
    assert home.run("push", home.bundle(1))[0] == 0
    assert camera.look(NOW_S).model == "street@1"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "it does not say in which token a key is"),
        (b'{"uri":"hsm:2","library":"/x","keyid":"1","pin":"5"}', "unknown field `pin`"),
        (b"{}", "missing required field `uri`"),
        (b"[" * 3000, "it does not say in which token a key is"),
    ],
)
def test_a_file_that_says_nothing_of_a_token_is_told(home: Home, camera: Camera, content: bytes, told: str):
    (home.folder / "keys/targets.token").write_bytes(content)
    status, said = home.run("push", home.bundle(1))
    assert (status, "targets.token: " in said, told in said) == (1, True, True), said
