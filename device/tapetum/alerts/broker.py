"""Which broker, and how it is reached: refused in the clear unless it is this machine or the operator says so."""

import ipaddress
import ssl
import stat
import tomllib
from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from tapetum.errors import ConfigError
from tapetum.settings import Seconds, Settings, located


class Broker(Settings, frozen=True):
    """The MQTT broker. An empty host: alerts wait in the outbox."""

    host: str = ""
    port: Annotated[int, Meta(ge=0, le=65535)] = 0  # 0: 8883 with TLS, 1883 without
    credentials: str = ""  # a TOML file with `user` and `password`, readable by its owner alone
    tls: bool = False
    ca: str = ""  # PEM file of the authority that signed the broker's certificate; "": those the system trusts
    certificate: str = ""  # PEM file with which the device shows who it is
    key: str = ""  # PEM file of its key
    insecure: bool = False  # true: send in the clear to another machine all the same
    keepalive_s: Annotated[int, Meta(ge=5, le=3600)] = 30
    delivery: Literal["broker", "receipt"] = "broker"  # what lets go of an alert: the broker's or a consumer's word
    receipt_s: Seconds = 5.0  # with "receipt": sent again when none came for so long
    homeassistant: bool = False  # tell Home Assistant of the cameras, on homeassistant/device/<device>/config


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who the device is to the broker; never shown."""

    user: str
    password: str

    def __repr__(self) -> str:
        """Show the user alone."""
        return f"Credentials(user={self.user!r})"


def port(broker: Broker) -> int:
    """Return the TCP port."""
    return broker.port or (8883 if broker.tls else 1883)


def check(broker: Broker) -> None:
    """Raise ConfigError, naming the key, for a broker that must not or cannot be used."""
    if broker.host and not (broker.tls or broker.insecure or is_loopback(broker.host)):
        raise ConfigError(
            f"broker.tls: alerts would go to {broker.host} in the clear; set tls = true, "
            "or insecure = true if everybody on the way may read them"
        )
    if bool(broker.certificate) != bool(broker.key):
        raise ConfigError("broker.key: certificate and key go together")
    if (broker.ca or broker.certificate) and not broker.tls:
        raise ConfigError("broker.tls: certificates are used with tls = true alone")
    credentials(broker)
    tls_context(broker)


def credentials(broker: Broker) -> Credentials | None:
    """Read the credentials file, if one is named; raises ConfigError when it cannot be used or others can read it."""
    if not broker.credentials:
        return None
    path = located(broker.credentials)
    try:
        mode = path.stat().st_mode
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise ConfigError(f"broker.credentials: {path} can be read by others: chmod 600 {path}")
        values = tomllib.loads(path.read_text(encoding="utf-8"))
        return Credentials(str(values["user"]), str(values["password"]))
    except OSError as error:
        raise ConfigError(f"broker.credentials: {path}: {error.strerror}") from None
    except (ValueError, KeyError):  # no TOML, no UTF-8, a key is missing
        raise ConfigError(
            f'broker.credentials: {path}: two lines are wanted: user = "..." and password = "..."'
        ) from None


def tls_context(broker: Broker) -> ssl.SSLContext | None:
    """Return how the connection is secured; raises ConfigError when a certificate cannot be used."""
    if not broker.tls:
        return None
    try:
        context = ssl.create_default_context(cafile=broker.ca or None)
    except OSError as error:
        raise ConfigError(f"broker.ca: {broker.ca}: {error}") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        if broker.certificate:  # the password keeps OpenSSL from asking for one on the terminal
            context.load_cert_chain(broker.certificate, broker.key, password="")
    except OSError as error:
        files = f"{broker.certificate}, {broker.key}"
        raise ConfigError(f"broker.certificate, broker.key: {files}: {error}; the key must have no password") from None
    return context


def is_loopback(host: str) -> bool:
    """Return whether `host` is this machine, so that nobody on a way reads what it is told."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"
