"""Why a host cannot be reached, from real sockets where a test can have them."""

import errno
import socket
import ssl
from contextlib import ExitStack

import pytest

from tapetum.network import why


def reason(host: str, port: int) -> tuple[str, str]:
    """Return what a connection that cannot be made comes to."""
    with pytest.raises(OSError) as error:  # noqa: PT011  which one is what `why` tells
        socket.create_connection((host, port), 0.3)
    return why(error.value)


def test_a_name_that_nobody_knows() -> None:
    assert reason("camera.invalid", 554)[0].startswith("its name ")  # not known, or there is no name server here
    unknown = why(socket.gaierror(socket.EAI_NONAME, "Name or service not known"))
    assert unknown == (
        "its name is not known (Name or service not known)",
        "is the name right, and known in this network",
    )


def test_a_name_server_that_does_not_answer_is_told_from_a_name_that_is_not_known() -> None:
    found, question = why(socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"))
    assert found == "its name cannot be looked up (Temporary failure in name resolution)"
    assert question == "does this machine reach a name server"


def test_a_port_where_nothing_listens() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        found = reason(*unused.getsockname())
    assert found == ("nothing listens there (Connection refused)", "is it running, and is the port right")


def test_a_host_that_does_not_answer() -> None:
    with socket.socket() as full, ExitStack() as callers:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(3):  # whoever comes after these gets no answer
            caller = callers.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex(full.getsockname())
        found, question = reason(*full.getsockname())
    assert found == "it does not answer (timed out)"
    assert "firewall" in question


@pytest.mark.parametrize("number", [errno.EHOSTUNREACH, errno.ENETUNREACH])
def test_a_network_without_a_way(number: int) -> None:
    found, question = why(OSError(number, "No route to host"))
    assert found == "there is no way to it (No route to host)"
    assert "in its network" in question


def test_what_speaks_no_tls() -> None:
    assert why(ssl.SSLError(1, "wrong version number")) == (
        "it does not speak TLS as is wanted (wrong version number)",
        "is TLS spoken at that port",
    )


def test_what_hangs_up() -> None:
    found, question = why(ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"))
    assert found == "it hangs up (Connection reset by peer)"
    assert question == "is that the service that is wanted"


def test_anything_else_keeps_its_own_words() -> None:
    assert why(OSError(errno.EMFILE, "Too many open files")) == ("Too many open files", "")
    assert why(ValueError("a label is too long")) == ("a label is too long", "")
