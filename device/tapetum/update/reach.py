"""What a process that fetches over HTTPS must still reach, once it is locked in: its server, and what finds that.

Names are resolved by the C library. It reads how whenever that has changed, and loads what nsswitch.conf(5) names
(mDNS, systemd-resolved) when it is asked first. OpenSSL reads an authority's certificate when it needs it. None of
these files is a secret.
"""

import ssl
from urllib.parse import urlsplit

from tapetum.inference.confine import Reach

_RESOLVING = (
    *("/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf", "/etc/services"),
    *("/run/systemd/resolve", "/run/NetworkManager/resolv.conf", "/run/resolvconf"),  # where links lead to
    *("/etc/ld.so.cache", "/lib", "/lib64", "/usr/lib", "/usr/lib64"),
)
_AUTHORITIES = ("/usr/share/ca-certificates", "/usr/local/share/ca-certificates", "/etc/pki/ca-trust/extracted")
_DNS = 53  # over TCP, where an answer is too large for a datagram


def of(address: str) -> Reach:
    """Return what is needed for a folder at `address`."""
    parts = urlsplit(address)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    paths = ssl.get_default_verify_paths()
    authorities = [path for path in (paths.cafile, paths.capath, *_AUTHORITIES) if path]
    return Reach(readable=(*_RESOLVING, *authorities), ports=(port, _DNS))
