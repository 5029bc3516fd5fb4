"""A network camera that speaks HTTP: a stream of bytes that has no end of its own, and can be told to fail."""

import contextlib
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

_CHUNK = 4096
_BOUNDARY = "frame"


@dataclass
class HttpCamera:
    """Serves `content` on a port of its own, to everybody who asks, whatever for. None of the faults: None."""

    content: bytes
    kind: str = "video/mp2t"
    status: int = 200
    finite: bool = False  # its length is told, as of a page; a camera has none to tell
    bytes_per_s: float = 4e6
    stall_after: int | None = None  # bytes; the connection stays, nothing comes
    drop_after: int | None = None  # bytes
    asked: list[str] = field(default_factory=list)  # the paths that were asked for
    open_connections: int = 0

    def __enter__(self) -> Self:
        self.ended = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.camera = self  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def host(self) -> str:
        """Its address and port."""
        return "{}:{}".format(*self._server.server_address[:2])

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://{self.host}/live"


def mjpeg(pictures: list[Path]) -> HttpCamera:
    """Return a camera that sends JPEG pictures one after another, as most web cameras do."""
    parts = [
        f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {path.stat().st_size}\r\n\r\n".encode()
        + path.read_bytes()
        + b"\r\n"
        for path in pictures
    ]
    return HttpCamera(b"".join(parts), kind=f"multipart/x-mixed-replace; boundary={_BOUNDARY}")


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        camera: HttpCamera = self.server.camera  # type: ignore[attr-defined]
        camera.asked.append(self.path)
        if camera.status != 200:
            self.send_error(camera.status)
            return
        camera.open_connections += 1
        with contextlib.suppress(OSError):
            self.send_response(200)
            self.send_header("Content-Type", camera.kind)
            if camera.finite:
                self.send_header("Content-Length", str(len(camera.content)))
            self.end_headers()
            self._stream(camera)
        camera.open_connections -= 1
        self.close_connection = True

    def _stream(self, camera: HttpCamera) -> None:
        for at in range(0, len(camera.content), _CHUNK):
            if camera.drop_after is not None and at >= camera.drop_after:
                return
            if camera.stall_after is not None and at >= camera.stall_after:
                self._wait_for_the_end(camera)
                return
            self.wfile.write(camera.content[at : at + _CHUNK])
            camera.ended.wait(_CHUNK / camera.bytes_per_s)

    def _wait_for_the_end(self, camera: HttpCamera) -> None:
        """Hold the connection until the other side lets it go."""
        self.connection.settimeout(0.02)
        while not camera.ended.is_set():
            with contextlib.suppress(TimeoutError):
                if not self.connection.recv(1):
                    return

    def log_message(self, *_: object) -> None:
        """Say nothing."""
