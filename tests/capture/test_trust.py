"""Whose certificate a camera shows over rtsps:// and https://: real TLS, and authorities made for the test."""

import contextlib
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tapetum import config
from tapetum.capture import Stream, trust
from tapetum.capture import stream as streams
from tapetum.capture.stream import StreamSource
from tapetum.clock import SystemClock
from tapetum.errors import ConfigError, SourceError
from tests.simulators.http import HttpCamera
from tests.simulators.mosquitto import Authority, program
from tests.simulators.rtsp import RtspCamera
from tests.simulators.tls import Tls

HOSTS = "IP:127.0.0.1,DNS:localhost"
SECRET = "geheim"  # noqa: S105  nobody's

Serve = Callable[[tuple[str, str]], Tls]


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ours"))


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("theirs"))


@pytest.fixture(params=["rtsps", "https"])
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def serve(scheme: str, elementary: Path, transport_stream: Path) -> Iterator[Serve]:
    """Let a camera of the scheme show a certificate."""
    with contextlib.ExitStack() as stack:

        def serve(certificate: tuple[str, str]) -> Tls:
            if scheme == "rtsps":
                port = stack.enter_context(RtspCamera(elementary)).port
            else:
                port = int(stack.enter_context(HttpCamera(transport_stream.read_bytes())).host.split(":")[1])
            return stack.enter_context(Tls(port, *certificate))

        yield serve


@pytest.fixture
def connect(scheme: str, clock: SystemClock) -> Iterator[Callable[..., StreamSource]]:
    with contextlib.ExitStack() as stack:

        def connect(front: Tls, host: str = "127.0.0.1", **settings: object) -> StreamSource:
            url = f"{scheme}://viewer:{SECRET}@{host}:{front.port}/live"
            source = Stream(url=url, timeout_s=5, **settings).open("door", clock)  # type: ignore[arg-type]
            return stack.enter_context(contextlib.closing(source))

        yield connect


Connect = Callable[..., StreamSource]


def refused(front: Tls, connect: Connect, **settings: object) -> str:
    """Return why a camera is refused for its certificate; it must have heard nothing, no password above all."""
    with pytest.raises(SourceError, match="its certificate is not trusted") as error:
        connect(front, **settings)
    assert error.value.key == "ca"
    assert front.carried == 0
    assert SECRET not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_camera_whose_authority_is_named_is_opened(
    serve: Serve, connect: Connect, ours: Authority, host: str
) -> None:
    front = serve(ours.of("camera", HOSTS))
    assert connect(front, host, ca=ours.ca).read().y.shape[1] > 100


def test_a_camera_of_an_authority_that_nobody_knows_is_refused_by_default(
    serve: Serve, connect: Connect, ours: Authority
) -> None:
    told = refused(serve(ours.of("camera", HOSTS)), connect)
    assert "certificate verify failed: " in told
    assert "`ca`" in told
    assert "tls_verify = false" in told


def test_a_camera_of_another_authority_is_refused(
    serve: Serve, connect: Connect, ours: Authority, theirs: Authority
) -> None:
    refused(serve(theirs.of("camera", HOSTS)), connect, ca=ours.ca)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_certificate_made_out_to_another_host_is_refused(
    serve: Serve, connect: Connect, ours: Authority, host: str
) -> None:
    told = refused(serve(ours.of("other", "DNS:elsewhere,IP:192.0.2.1")), connect, host=host, ca=ours.ca)
    assert f"is not valid for '{host}'" in told


def test_a_certificate_that_has_run_out_is_refused(serve: Serve, connect: Connect, tmp_path: Path) -> None:
    certificate = run_out(tmp_path)
    assert "expired" in refused(serve(certificate), connect, ca=certificate[0])


def test_a_camera_that_signed_its_own_certificate_can_be_named_by_that(
    serve: Serve, connect: Connect, tmp_path: Path
) -> None:
    certificate = signed_by_itself(tmp_path)
    assert connect(serve(certificate), ca=certificate[0]).read()
    (tmp_path / "next").mkdir()
    refused(serve(signed_by_itself(tmp_path / "next")), connect, ca=certificate[0])


def test_any_certificate_is_taken_where_that_is_said(serve: Serve, connect: Connect, theirs: Authority) -> None:
    front = serve(theirs.of("other", "DNS:elsewhere"))
    assert connect(front, tls_verify=False).read()


def test_the_authorities_that_the_system_trusts_are_enough(
    serve: Serve, connect: Connect, ours: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", ours.ca)  # as OpenSSL is told where they are
    assert connect(serve(ours.of("camera", HOSTS))).read()


def test_a_system_without_authorities_trusts_nobody(
    serve: Serve, connect: Connect, ours: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere")
    monkeypatch.setenv("SSL_CERT_DIR", "/nowhere")
    monkeypatch.setattr(trust, "_BUNDLES", ())
    refused(serve(ours.of("camera", HOSTS)), connect)


def test_an_authority_s_file_that_vanished_is_told(serve: Serve, connect: Connect, ours: Authority) -> None:
    with pytest.raises(
        ConfigError, match=r"^ca: /nowhere\.pem: No such file or directory; it must name a PEM"
    ) as error:
        connect(serve(ours.of("camera", HOSTS)), ca="/nowhere.pem")
    assert error.value.key == "ca"


def test_what_speaks_no_tls_is_told(scheme: str, clock: SystemClock, elementary: Path) -> None:
    with RtspCamera(elementary) as camera, pytest.raises(SourceError) as error:
        Stream(url=f"{scheme}://127.0.0.1:{camera.port}/live", timeout_s=2).open("door", clock)
    assert "is TLS spoken at that port?" in str(error.value) or "it does not answer" in str(error.value)


def test_an_ffmpeg_that_would_pass_over_the_question_is_not_asked(
    elementary: Path, clock: SystemClock, theirs: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "ffmpeg_version", lambda: 61)  # PyAV 14 and 15
    with RtspCamera(elementary) as camera, Tls(camera.port, *theirs.of("camera", HOSTS)) as front:
        url = f"rtsps://127.0.0.1:{front.port}/live"
        with pytest.raises(ConfigError, match=r"av>=16.*tls_verify = false"):
            Stream(url=url).open("door", clock)
        assert front.carried == 0
        Stream(url=url, tls_verify=False).open("door", clock).close()


def test_a_playlist_whose_pieces_nobody_checks_is_refused(
    clock: SystemClock, ours: Authority, theirs: Authority, transport_stream: Path
) -> None:
    with contextlib.ExitStack() as stack:
        pieces = stack.enter_context(HttpCamera(transport_stream.read_bytes(), finite=True))
        elsewhere = stack.enter_context(Tls(int(pieces.host.split(":")[1]), *theirs.of("pieces", HOSTS)))
        listed = f"#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6.0,\nhttps://127.0.0.1:{elsewhere.port}/1.ts\n"
        kind = "application/vnd.apple.mpegurl"
        camera = stack.enter_context(HttpCamera(listed.encode() + b"#EXT-X-ENDLIST\n", kind=kind, finite=True))
        front = stack.enter_context(Tls(int(camera.host.split(":")[1]), *ours.of("list", HOSTS)))
        url = f"https://127.0.0.1:{front.port}/live.m3u8"
        with pytest.raises(ConfigError, match=r"a playlist \(HLS, DASH\), of whose pieces"):
            Stream(url=url, ca=ours.ca).open("door", clock)
        Stream(url=url, tls_verify=False).open("door", clock).close()


def configured(**source: object) -> config.Config:
    lines = "\n".join(
        f"{key} = {str(value).lower() if value is False else repr(value)}" for key, value in source.items()
    )
    return config.parse(f"[camera.gate.source]\ntype = 'stream'\n{lines}\n")


def test_an_authority_in_a_configuration_must_be_usable(ours: Authority, tmp_path: Path) -> None:
    assert configured(url="rtsps://camera/live", ca=ours.ca)
    empty = tmp_path / "empty.pem"
    empty.touch()
    for url, ca, told in [
        ("rtsps://camera/live", "/nowhere.pem", r"^camera\.gate\.source\.ca: /nowhere.pem: No such file"),
        ("https://camera/live", str(empty), r"^camera\.gate\.source\.ca: .*empty\.pem: .*must name a PEM file"),
        ("rtsp://camera/live", ours.ca, r"^camera\.gate\.source\.ca: .*rtsps:// and https:// alone"),
    ]:
        with pytest.raises(ConfigError, match=told):
            configured(url=url, ca=ca)


def test_an_authority_where_nothing_is_checked_is_a_mistake(ours: Authority) -> None:
    with pytest.raises(ConfigError, match=r"^camera\.gate\.source\.tls_verify: .*leave one out"):
        configured(url="rtsps://camera/live", ca=ours.ca, tls_verify=False)


NAMES = ["-subj", "/CN=camera", "-addext", f"subjectAltName={HOSTS}"]
NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "self.key"]


def signed_by_itself(folder: Path) -> tuple[str, str]:
    """Return a certificate that no authority signed, and its key."""
    openssl(folder, "req", "-x509", *NEW_KEY, *NAMES, "-days", "2", "-out", "self.pem")
    return str(folder / "self.pem"), str(folder / "self.key")


def run_out(folder: Path) -> tuple[str, str]:
    """Return such a certificate of a year that is over, and its key: of those only `openssl ca` makes any."""
    (folder / "index").touch()
    lines = ["database=index", "new_certs_dir=.", "rand_serial=yes", "default_md=sha256", "copy_extensions=copy"]
    (folder / "ca.cnf").write_text("\n".join(["[ca]", "default_ca=d", "[d]", *lines, "policy=p", "[p]", "CN=supplied"]))
    openssl(folder, "req", "-new", *NEW_KEY, *NAMES, "-out", "self.csr")
    year = ["-startdate", "20200101000000Z", "-enddate", "20210101000000Z"]
    files = ["-keyfile", "self.key", "-in", "self.csr", "-out", "self.pem"]
    openssl(folder, "ca", "-batch", "-config", "ca.cnf", "-selfsign", "-notext", *year, *files)
    return str(folder / "self.pem"), str(folder / "self.key")


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run([program("openssl"), *arguments], cwd=folder, check=True, capture_output=True)
