"""Who may be talked to, and how."""

import subprocess
import sys

import pytest

from tapetum.alerts.broker import Broker, check, credentials, port
from tapetum.errors import ConfigError
from tests.simulators.mosquitto import Authority, program


@pytest.mark.parametrize("host", ["localhost", "LocalHost", "localhost.", "127.0.0.1", "127.1.2.3", "::1", ""])
def test_this_machine_is_talked_to_in_the_clear(host):
    check(Broker(host=host))


@pytest.mark.parametrize(
    "host", ["broker.lan", "192.168.1.2", "10.0.0.1", "fe80::1", "localhost.evil.example", "127.1"]
)
def test_another_machine_is_not(host):
    with pytest.raises(ConfigError, match=r"broker\.tls: alerts would go to .* in the clear; set tls = true"):
        check(Broker(host=host))


def test_another_machine_is_talked_to_in_the_clear_when_the_operator_says_so():
    check(Broker(host="192.168.1.2", insecure=True))


def test_the_port_follows_from_tls():
    assert (port(Broker()), port(Broker(tls=True)), port(Broker(port=18830, tls=True))) == (1883, 8883, 18830)


def secret(tmp_path, text, mode=0o600):
    path = tmp_path / "credentials.toml"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_user_and_password_come_from_a_file_of_their_own(tmp_path):
    path = secret(tmp_path, 'user = "garage"\npassword = "s3cret"\n')
    found = credentials(Broker(credentials=str(path)))
    assert (found.user, found.password) == ("garage", "s3cret")


def test_a_password_is_never_shown(tmp_path):
    path = secret(tmp_path, 'user = "garage"\npassword = "s3cret"\n')
    assert "s3cret" not in repr(credentials(Broker(credentials=str(path))))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_password_that_others_can_read_is_refused_with_the_command_that_mends_it(tmp_path, mode):
    path = secret(tmp_path, 'user = "a"\npassword = "b"\n', mode)
    with pytest.raises(ConfigError, match=f"broker.credentials: {path} can be read by others: chmod 600 {path}"):
        check(Broker(credentials=str(path)))


@pytest.mark.parametrize("text", ["", 'user = "a"', "no toml", 'password = "b"', "user = " + "9" * 5000])
def test_a_credentials_file_that_is_none_is_refused(tmp_path, text):
    with pytest.raises(ConfigError, match=r"broker\.credentials: .*two lines are wanted"):
        check(Broker(credentials=str(secret(tmp_path, text))))


def test_a_credentials_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"broker\.credentials: .*none: No such file"):
        check(Broker(credentials=str(tmp_path / "none")))


def test_a_certificate_needs_its_key(tmp_path):
    with pytest.raises(ConfigError, match=r"broker\.key: certificate and key go together"):
        check(Broker(host="b", tls=True, certificate="a.pem"))


def test_an_authority_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"broker\.ca.*none\.pem"):
        check(Broker(host="b", tls=True, ca=str(tmp_path / "none.pem")))


def test_an_authority_that_is_none_is_named(tmp_path):
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(ConfigError, match=r"broker\.ca.*ca\.pem"):
        check(Broker(host="b", tls=True, ca=str(tmp_path / "ca.pem")))


def test_certificates_without_tls_are_no_protection_and_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"broker\.tls: certificates are used with tls = true alone"):
        check(Broker(host="localhost", ca=str(tmp_path / "ca.pem")))


ON_A_TERMINAL = "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)"
CHECK = """
import sys
from tapetum.alerts.broker import Broker, check
check(Broker(host="b", tls=True, certificate=sys.argv[1], key=sys.argv[2]))
"""


def test_a_key_with_a_password_is_refused_and_nobody_is_asked_for_it(tmp_path):
    certificate, key = Authority(tmp_path).of("garage")
    locked = str(tmp_path / "locked.key")
    locking = ["-aes256", "-passout", "pass:open sesame", "-in", key, "-out", locked]
    subprocess.run([program("openssl"), "ec", *locking], check=True, capture_output=True)
    run = [sys.executable, "-c", ON_A_TERMINAL, sys.executable, "-c", CHECK, certificate, locked]
    done = subprocess.run(run, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 1
    assert "the key must have no password" in done.stdout
    assert "pass phrase" not in done.stdout


@pytest.mark.parametrize("lacking", ["certificate", "key"])
def test_a_certificate_or_key_that_is_not_there_is_named(tmp_path, lacking):
    certificate, key = Authority(tmp_path).of("garage")
    files = {"certificate": certificate, "key": key} | {lacking: str(tmp_path / "none.pem")}
    with pytest.raises(ConfigError, match=r"broker\.certificate, broker\.key: .*none\.pem.*No such file"):
        check(Broker(host="b", tls=True, **files))


def test_a_key_that_does_not_fit_its_certificate_is_refused(tmp_path):
    authority = Authority(tmp_path)
    (certificate, _), (_, key) = authority.of("one"), authority.of("two")
    with pytest.raises(ConfigError, match=r"broker\.key.*two\.key"):
        check(Broker(host="b", tls=True, certificate=certificate, key=key))
