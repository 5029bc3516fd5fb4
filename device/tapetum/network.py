"""Why a host cannot be reached, for the one who must mend it: what failed, and what to ask oneself.

The system's own words stay in brackets, since those are what one can search for.
"""

import errno
import socket
import ssl

_BY_KIND: tuple[tuple[type[Exception], str, str], ...] = (
    (ssl.SSLCertVerificationError, "its certificate is not trusted", ""),
    (ssl.SSLError, "it does not speak TLS as is wanted", "is TLS spoken at that port"),
    (ConnectionRefusedError, "nothing listens there", "is it running, and is the port right"),
    (ConnectionError, "it hangs up", "is that the service that is wanted"),
    (TimeoutError, "it does not answer", "is it on and in this network, and does a firewall stand between"),
)
_NO_WAY = ("there is no way to it", "is it on, and is this machine in its network")
_NO_NAME = ("its name is not known", "is the name right, and known in this network")
_NO_ANSWER = ("its name cannot be looked up", "does this machine reach a name server")
_BY_NUMBER = {
    errno.EHOSTUNREACH: _NO_WAY,
    errno.ENETUNREACH: _NO_WAY,
    errno.EHOSTDOWN: _NO_WAY,
    errno.ENETDOWN: _NO_WAY,
    socket.EAI_NONAME: _NO_NAME,  # getaddrinfo(3): below zero, as no number of errno(3) is
    socket.EAI_NODATA: _NO_NAME,
    socket.EAI_AGAIN: _NO_ANSWER,
    socket.EAI_FAIL: _NO_ANSWER,
}


def why(error: Exception) -> tuple[str, str]:
    """Return what `error` of a connection means, and the question that leads on; that is "" where there is none."""
    words = _words(error)
    for kind, reason, question in _BY_KIND:
        if isinstance(error, kind):
            return f"{reason} ({words})", question
    reason, question = _BY_NUMBER.get(getattr(error, "errno", None) or 0, ("", ""))
    return (f"{reason} ({words})", question) if reason else (words, "")


def _words(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate verify failed: {error.verify_message}"
    return str(getattr(error, "strerror", None) or error or type(error).__name__)
