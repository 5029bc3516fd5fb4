"""What stands before a camera and speaks TLS in its place, with a certificate of the test's."""

import contextlib
import select
import socket
import socketserver
import ssl
import threading
from typing import Self

_LOOK_S = 0.02


class Tls:
    """`with Tls(camera.port, certificate, key) as front: ... front.port`: what comes there goes on to the camera."""

    def __init__(self, port: int, certificate: str, key: str) -> None:
        self.behind = port
        self.ended = threading.Event()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        self.carried = 0  # connections whose handshake was finished and that sent something

    def __enter__(self) -> Self:
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.front = self  # type: ignore[attr-defined]
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_LOOK_S,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(socketserver.BaseRequestHandler):
    """One connection, both ways in one thread: OpenSSL's are not made for two."""

    def handle(self) -> None:
        front: Tls = self.server.front  # type: ignore[attr-defined]
        with (
            contextlib.suppress(OSError),
            front.context.wrap_socket(self.request, server_side=True) as caller,
            socket.create_connection(("127.0.0.1", front.behind), 5) as camera,
        ):
            self._carry(front, caller, camera)

    def _carry(self, front: Tls, caller: ssl.SSLSocket, camera: socket.socket) -> None:
        heard = False
        while not front.ended.is_set():
            ready = [caller] if caller.pending() else select.select([caller, camera], [], [], _LOOK_S)[0]
            for this, other in ((caller, camera), (camera, caller)):
                if this in ready:
                    data = this.recv(65536)
                    if not data:
                        return
                    if this is caller and not heard:
                        heard, front.carried = True, front.carried + 1
                    other.sendall(data)
