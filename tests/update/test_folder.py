"""The repository as a folder of static files, over HTTPS: the same trust, another way."""

import ssl
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import pytest

from tapetum.inference import landlock
from tapetum.update.repository import CHUNK
from tapetum_trainer.publish import mirror
from tests.simulators.mosquitto import Authority
from tests.update.making import Camera, Desk, altered, packed


@dataclass
class Server:
    """Serves a folder over TLS, with what servers do: ranges or not, redirects, errors."""

    folder: Path
    certificate: tuple[str, str]
    ranges: bool = True
    status: int = 0
    cut_after: int = 0  # bytes of a bundle; the connection then ends
    asked: list[tuple[str, str]] = field(default_factory=list)  # path and range

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.owner = self  # type: ignore[attr-defined]
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.certificate)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def address(self) -> str:
        return f"https://localhost:{self._server.server_address[1]}/models/"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        owner: Server = self.server.owner  # type: ignore[attr-defined]
        wanted = self.headers.get("Range", "")
        owner.asked.append((self.path, wanted))
        path = owner.folder / self.path.removeprefix("/models/").replace("%40", "@")
        if owner.status or not path.is_file():
            self.send_response(owner.status or 404)
            self.send_header("Location", "https://elsewhere.example/")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        content = path.read_bytes()
        begin = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and owner.ranges else 0
        self.send_response(206 if begin else 200)
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - begin))
        self.end_headers()
        rest = content[begin:]
        if owner.cut_after and path.suffix == ".tapetum":
            rest = rest[: owner.cut_after]
            self.close_connection = True
        self.wfile.write(rest)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def server(tmp_path: Path, authority: Authority) -> Iterator[Server]:
    with Server(tmp_path / "www", authority.of("server")) as running:
        yield running


@pytest.fixture
def camera(tmp_path: Path, server: Server, authority: Authority, desk: Desk) -> Iterator[Camera]:
    found = Camera(tmp_path / "device", 1, desk.enrolled, address=server.address, ca=authority.ca)
    yield found
    found.outbox.close()


def publish(desk: Desk, server: Server) -> None:
    mirror.publish(desk.repository.files(), server.folder)


def test_what_is_in_the_folder_is_fetched_and_what_replaces_it_too(desk: Desk, server: Server, camera: Camera):
    for version in (1, 2):
        desk.push(packed(version))
        publish(desk, server)
        assert camera.look().state == "offered"
    assert camera.installer.contents == [packed(1), packed(2)]
    assert len(list((server.folder / "targets").iterdir())) == 1
    assert camera.look().state == "current"


@pytest.mark.parametrize("ranges", [True, False])
def test_a_fetch_that_is_cut_off_goes_on_where_it_came_to(desk: Desk, server: Server, camera: Camera, ranges: bool):
    desk.push(packed(1))
    publish(desk, server)
    server.ranges, server.cut_after = ranges, 150_000
    assert camera.look().state == "failed"
    server.cut_after = 0
    assert camera.look().state == "offered"
    assert camera.installer.contents == [packed(1)]
    assert server.asked[-1][1] == f"bytes={150_000 // CHUNK * CHUNK}-"


@pytest.mark.skipif(not landlock.abi(), reason="this kernel has no Landlock")
def test_the_process_that_fetches_over_https_writes_nowhere_but_in_its_folders(
    desk: Desk, server: Server, camera: Camera, tmp_path: Path
):
    desk.push(packed(1))
    publish(desk, server)
    outside = tmp_path / "outside"
    outside.mkdir()
    (camera.folder / "metadata").mkdir()
    history = camera.folder / "metadata/root_history"
    history.symlink_to(outside)
    found = camera.look()
    assert (found.state, "Permission denied" in found.reason) == ("failed", True), found
    assert list(outside.iterdir()) == []
    history.unlink()
    assert camera.look().state == "offered"


def test_a_kernel_that_cannot_lock_it_in_is_told_once_and_bundles_come_all_the_same(
    desk: Desk, server: Server, camera: Camera, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any
):
    old = tmp_path / "python-of-an-old-kernel"
    old.write_text(
        f"#!{sys.executable}\n"
        "import runpy, sys\n"
        "from tapetum.inference import landlock\n"
        "landlock.abi = lambda: 0\n"
        "sys.argv = sys.argv[2:]\n"  # of: -m tapetum.update.child FD
        "runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)\n"
    )
    old.chmod(0o755)
    monkeypatch.setattr("tapetum.update.process.sys.executable", str(old))
    for version in (1, 2):
        desk.push(packed(version))
        publish(desk, server)
        assert camera.look().state == "offered"
    told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert told == [
        "what is pushed is fetched by a process that may open all files that we may: "
        "this kernel has none, or has it switched off"
    ]


@pytest.mark.parametrize("ca", ["/nowhere.pem", "EMPTY"])
def test_a_file_that_is_no_authority_is_told(desk: Desk, server: Server, tmp_path: Path, ca: str):
    (tmp_path / "EMPTY").touch()
    path = str(tmp_path / ca)
    camera = Camera(tmp_path / "device", 1, desk.enrolled, address=server.address, ca=path)
    found = camera.look()
    camera.outbox.close()
    assert (found.state, found.reason.startswith(f"update.ca: {path}: "), "PEM is wanted" in found.reason) == (
        "failed",
        True,
        True,
    ), found


@pytest.mark.parametrize("status", [301, 500, 401])
def test_a_server_that_answers_otherwise_is_tried_again_and_not_followed(
    desk: Desk, server: Server, camera: Camera, status: int
):
    publish(desk, server)
    server.status = status
    assert camera.look().reason == f"metadata/2.root.json: the server answers {status}"


def test_a_server_whose_certificate_nobody_vouches_for_is_not_asked(desk: Desk, server: Server, tmp_path: Path):
    other = Authority(tmp_path / "other")
    publish(desk, server)
    camera = Camera(tmp_path / "device", 1, desk.enrolled, address=server.address, ca=other.ca)
    found = camera.look()
    camera.outbox.close()
    assert (found.state, "certificate verify failed" in found.reason) == ("failed", True)


def test_what_is_not_signed_is_refused_there_too(desk: Desk, server: Server, camera: Camera):
    desk.push(packed(1))
    publish(desk, server)
    bundle = next((server.folder / "targets").iterdir())
    whole = bundle.read_bytes()
    for content in (whole[:-1], whole[:-1] + b"x", whole + bytes(1 << 20)):
        bundle.write_bytes(content)
        assert camera.look().state == "refused"
    timestamp = server.folder / "metadata/timestamp.json"
    bundle.write_bytes(whole)
    right = timestamp.read_bytes()
    timestamp.write_bytes(altered(right, [desk.keys["snapshot"]]))
    assert camera.look().state == "refused"
    timestamp.write_bytes(right)
    assert camera.look().state == "offered"
