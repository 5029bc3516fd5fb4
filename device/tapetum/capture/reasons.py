"""Why a network camera cannot be opened.

FFmpeg says "Input/output error" of a name that is not known, a certificate that is not trusted and much else. So the
host is asked once more, by a connection that sends nothing, and what becomes of that is told.
"""

import socket
import ssl
from urllib.parse import urlsplit

from tapetum.capture.trust import REMEDY
from tapetum.errors import SourceError
from tapetum.network import why

_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
_ASK_S = 2.0  # at most: the camera was waited for already
_LATE = "gave no picture"
_REFUSALS = {
    "401": "it wants a user and a password, or others: USER:PASSWORD@ before the host, their signs written as %40",
    "403": "this user may not look",
    "404": "it has no such stream: is the path right?",
}


def not_opened(where: str, said: str, limit_s: float, context: ssl.SSLContext | None) -> SourceError:
    """Return what to raise when FFmpeg said `said` of the address `where`, which shows no secrets.

    context: what checks its certificate, where that is to be done.
    """
    for status, meaning in _REFUSALS.items():
        if f" {status} " in f"{said} ":
            return SourceError(f"{where}: {said}: {meaning}")
    try:
        host, port = _host_and_port(where)
    except ValueError as error:
        return SourceError(f"{where}: {error}: HOST or HOST:PORT must follow ://")
    there = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        _ask(host, port, min(limit_s, _ASK_S), context)
    except ssl.SSLCertVerificationError as error:
        return SourceError(f"{where}: {there}: {why(error)[0]}; {REMEDY}", "ca")
    except (OSError, ValueError) as error:
        reason, question = why(error)
        return SourceError(f"{where}: {there}: {reason}" + (f"; {question}?" if question else ""))
    if said.startswith(_LATE):
        return SourceError(f"{where}: {said}, though {there} takes connections: does it need longer?", "timeout_s")
    return SourceError(f"{where}: {said}, though {there} takes connections: is that the address of a stream?")


def _ask(host: str, port: int, limit_s: float, context: ssl.SSLContext | None) -> None:
    with socket.create_connection((host, port), limit_s) as plain:
        if context:
            context.wrap_socket(plain, server_hostname=host).close()


def _host_and_port(where: str) -> tuple[str, int]:
    """Return where `where` leads; raises ValueError when it does not say."""
    parts = urlsplit(where)
    if not parts.hostname:
        raise ValueError("no host is named")
    return parts.hostname, parts.port or _PORTS[parts.scheme]
