"""Whose certificate a camera must show over rtsps:// and https://.

FFmpeg does the checking, of the name too: GnuTLS, in PyAV's wheels. Those look for the system's authorities where only
Fedora keeps them, so the file is always named. Before FFmpeg 8, rtsps:// passes over `tls_verify` without a word.
"""

import ssl
from pathlib import Path

from tapetum.errors import ConfigError
from tapetum.settings import located

_BUNDLES = (  # the authorities that the system trusts: Debian, Fedora, openSUSE, Alpine
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
REMEDY = (
    "the certificate must be made out to the host in `url`, and `ca` name the PEM file of who signed it; "
    "or set tls_verify = false, and anybody on the way may pass for the camera"
)


def check(ca: str, tls_verify: bool, secured: bool, place: str) -> None:
    """Raise ConfigError for an authority that cannot be used; `place` is the table, `secured` whether TLS is spoken."""
    if not ca:
        return
    if not secured:
        raise ConfigError(
            f"{place}.ca: certificates are shown over rtsps:// and https:// alone; mend url, or leave it out"
        )
    if not tls_verify:
        raise ConfigError(
            f"{place}.tls_verify: with false nothing is checked, and ca names an authority; leave one out"
        )
    try:
        context(ca)
    except ConfigError as error:
        raise ConfigError(f"{place}.{error}") from None


def options(ca: str, tls_verify: bool) -> dict[str, str]:
    """Return FFmpeg's options."""
    if not tls_verify:
        return {"tls_verify": "0"}
    file = str(located(ca)) if ca else _bundle()
    return {"tls_verify": "1"} | ({"ca_file": file} if file else {})


def context(ca: str) -> ssl.SSLContext:
    """Return what checks as FFmpeg does, to say what is wrong; raises ConfigError when `ca` cannot be used."""
    file = str(located(ca)) if ca else _bundle()
    try:
        found = ssl.create_default_context(cafile=file or None)
    except OSError as error:
        reason = error.strerror or error
        raise ConfigError(f"ca: {file}: {reason}; it must name a PEM file with certificates", "ca") from None
    found.verify_flags &= ~ssl.VERIFY_X509_STRICT  # Python 3.13's default; cameras' authorities are seldom so proper
    return found


def _bundle() -> str:
    """Return the PEM file of the authorities that the system trusts; "" where there is none, and nobody is trusted."""
    named = ssl.get_default_verify_paths().cafile
    return named or next((file for file in _BUNDLES if Path(file).is_file()), "")
