"""Where updates come from. Nothing is fetched before the device is enrolled (`tapetum enroll`)."""

from typing import Literal
from urllib.parse import urlsplit

from tapetum.alerts.broker import is_loopback
from tapetum.errors import ConfigError
from tapetum.settings import Seconds, Settings


class Updates(Settings, frozen=True):
    """How bundles that are pushed are fetched, on a device that is enrolled."""

    address: str = ""  # https address of a folder with the repository; "": what the broker retains
    ca: str = ""  # PEM file of the authority that signed that server's certificate; "": those the system trusts
    every_s: Seconds = 3600.0  # between two looks at the address, and two tries of what failed; the broker tells itself
    clock: Literal["synced", "any"] = "synced"  # any: install though nobody sets this machine's clock


def check(settings: Updates) -> None:
    """Raise ConfigError, naming the key, for an address that must not or cannot be used."""
    if settings.ca and not settings.address:
        raise ConfigError("update.ca: it is of the server at update.address, and none is named")
    if not settings.address:
        return
    parts = urlsplit(settings.address)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ConfigError(f"update.address: {settings.address!r}: https://HOST/FOLDER is wanted")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ConfigError(f"update.address: {settings.address!r} would be fetched in the clear: https is wanted")
    if parts.username or parts.password:
        raise ConfigError("update.address: no user and password are sent: what is there is signed, and no secret")
