"""A network camera that speaks RTSP over TCP (RFC 2326) and sends H.264 in RTP (RFC 6184), and can be told to fail.

RTP goes over the same connection (interleaved), as it does through firewalls. Pictures over 1200 bytes are cut into
FU-A pieces, as cameras do.
"""

import base64
import contextlib
import re
import socket
import socketserver
import struct
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

_LARGEST = 1200  # bytes of an RTP payload
_CLOCK_HZ = 90_000


@dataclass
class Faults:
    """What goes wrong. Counts are of pictures since PLAY; None: never."""

    status: int = 200  # of DESCRIBE: 401, 404, ...
    stall_after: int | None = None  # the connection stays, nothing comes
    drop_after: int | None = None  # the connection is cut
    garbage_after: int | None = None  # bytes that are neither RTP nor RTSP
    damage_after: int | None = None  # RTP with H.264 that no decoder understands
    silent: bool = False  # takes the connection and says nothing


@dataclass
class RtspCamera:
    """A camera on a port of its own, sending `clip` (a file of H.264, Annex B) round and round."""

    clip: Path
    fps: float = 100.0  # faster than life, so that tests are
    credentials: str = ""  # "user:password", asked for by Basic authentication
    faults: Faults = field(default_factory=Faults)
    sound: bool = False  # offers that as well
    methods: list[str] = field(default_factory=list)  # all that was asked, in order
    connections: int = 0  # ever made
    open_connections: int = 0  # now

    def __enter__(self) -> Self:
        self.pictures = _pictures(self.clip.read_bytes())
        self.ended = threading.Event()
        self._sockets: set[socket.socket] = set()
        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Handler, bind_and_activate=False)
        self.server.daemon_threads = True
        self.server.allow_reuse_address = True
        self.server.server_bind()
        self.server.server_activate()
        self.server.camera = self  # type: ignore[attr-defined]
        self.port = self.server.server_address[1]
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.server.shutdown()
        self.cut()
        self.server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """Its address, with the credentials that it asks for."""
        user = f"{self.credentials}@" if self.credentials else ""
        return f"rtsp://{user}127.0.0.1:{self.port}/live"

    def cut(self) -> None:
        """Break every connection, as a pulled plug behind a switch does not, but a reboot does."""
        for connection in list(self._sockets):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def sdp(self) -> str:
        """Return the description of the stream, with its parameter sets (RFC 6184, section 8.2)."""
        sets = [unit for unit in self.pictures[0] if unit[0] & 31 in (7, 8)]
        sprop = ",".join(base64.b64encode(unit).decode() for unit in sets)
        sound = ["m=audio 0 RTP/AVP 0", "a=rtpmap:0 PCMU/8000", "a=control:track2"] if self.sound else []
        return "\r\n".join(
            [
                "v=0",
                "o=- 1 1 IN IP4 127.0.0.1",
                "s=camera",
                "c=IN IP4 0.0.0.0",
                "t=0 0",
                "a=control:*",
                "m=video 0 RTP/AVP 96",
                "a=rtpmap:96 H264/90000",
                f"a=fmtp:96 packetization-mode=1;sprop-parameter-sets={sprop}",
                "a=control:track1",
                *sound,
                "",
            ]
        )


class _Handler(socketserver.StreamRequestHandler):
    """One connection: requests are answered in this thread, pictures are sent from another."""

    def setup(self) -> None:
        super().setup()
        self.camera: RtspCamera = self.server.camera  # type: ignore[attr-defined]
        self.sending = threading.Lock()
        self.gone = threading.Event()
        self.camera.connections += 1
        self.camera.open_connections += 1
        self.camera._sockets.add(self.connection)

    def handle(self) -> None:
        player: threading.Thread | None = None
        with contextlib.suppress(OSError):
            while request := self._request():
                method, headers = request
                self.camera.methods.append(method)
                if self.camera.faults.silent:
                    continue
                self._answer(method, headers)
                if method == "PLAY" and player is None:
                    player = threading.Thread(target=self._play, daemon=True)
                    player.start()
                if method == "TEARDOWN":
                    break
        self.gone.set()
        if player is not None:
            player.join()

    def finish(self) -> None:
        self.camera._sockets.discard(self.connection)
        self.camera.open_connections -= 1
        with contextlib.suppress(OSError):
            super().finish()

    def _request(self) -> tuple[str, dict[str, str]] | None:
        """Return the next request's method and headers, passing over RTCP; None when there are no more."""
        first = self.rfile.read(1)
        while first == b"$":
            _, size = struct.unpack(">BH", self.rfile.read(3))
            self.rfile.read(size)
            first = self.rfile.read(1)
        line = (first + self.rfile.readline()).decode(errors="replace").strip()
        headers = {}
        while text := self.rfile.readline().decode(errors="replace").strip():
            name, _, value = text.partition(":")
            headers[name.lower()] = value.strip()
        return (line.split(" ")[0], headers) if line else None

    def _answer(self, method: str, headers: dict[str, str]) -> None:
        status, extra, body = 200, "", ""
        if method == "OPTIONS":
            extra = "Public: OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, TEARDOWN\r\n"
        elif method == "DESCRIBE":
            status = self.camera.faults.status if self._may(headers) else 401
            if status == 200:
                body = self.camera.sdp()
                extra = "Content-Type: application/sdp\r\n"
        elif method == "SETUP":
            extra = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1;timeout=60\r\n"
        if status == 401:
            extra = 'WWW-Authenticate: Basic realm="camera"\r\n'
        if method not in ("OPTIONS", "DESCRIBE", "SETUP"):
            extra = "Session: 1\r\n"
        head = f"RTSP/1.0 {status} {'OK' if status == 200 else 'No'}\r\nCSeq: {headers.get('cseq', '0')}\r\n"
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        self._send(f"{head}{extra}{length}\r\n{body}".encode())

    def _may(self, headers: dict[str, str]) -> bool:
        wanted = base64.b64encode(self.camera.credentials.encode()).decode()
        return not self.camera.credentials or headers.get("authorization") == f"Basic {wanted}"

    def _send(self, data: bytes) -> None:
        with self.sending:
            self.connection.sendall(data)

    def _play(self) -> None:
        with contextlib.suppress(OSError):
            self._play_until_a_fault()

    def _play_until_a_fault(self) -> None:
        faults, number, count = self.camera.faults, 0, 0
        while not (self.gone.is_set() or self.camera.ended.is_set()):
            if count == faults.stall_after:
                self.gone.wait()
                return
            if count == faults.drop_after:
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            if count == faults.garbage_after:
                self._send(bytes(range(1, 36)) * 20_000)
            units = self.camera.pictures[count % len(self.camera.pictures)]
            if faults.damage_after is not None and count >= faults.damage_after:
                units = [bytes([unit[0]]) + b"\xa5" * len(unit) for unit in units if unit[0] & 31 in (1, 5)]
            timestamp = int(count * _CLOCK_HZ / 25)
            for packet in _rtp(units, number, timestamp):
                self._send(struct.pack(">cBH", b"$", 0, len(packet)) + packet)
                number += 1
            count += 1
            self.gone.wait(1 / self.camera.fps)


def _pictures(stream: bytes) -> list[list[bytes]]:
    """Split an Annex B stream into pictures, each a list of its NAL units: the parameter sets go with what follows."""
    pictures: list[list[bytes]] = [[]]
    for unit in re.split(b"\x00\x00\x00?\x01", stream):
        if not unit:
            continue
        pictures[-1].append(unit)
        if unit[0] & 31 in (1, 5):
            pictures.append([])
    return [picture for picture in pictures if picture]


def _rtp(units: list[bytes], number: int, timestamp: int) -> list[bytes]:
    """Return the RTP packets of one picture, the last one marked."""
    payloads = [payload for unit in units for payload in _payloads(unit)]
    return [
        struct.pack(
            ">BBHII",
            0x80,
            96 | (0x80 if payload is payloads[-1] else 0),
            (number + place) & 0xFFFF,
            timestamp & 0xFFFFFFFF,
            0x7A9E,
        )
        + payload
        for place, payload in enumerate(payloads)
    ]


def _payloads(unit: bytes) -> list[bytes]:
    """Return a NAL unit as it is, or cut into fragmentation units (FU-A, RFC 6184 section 5.8)."""
    if len(unit) <= _LARGEST:
        return [unit]
    indicator, kind = unit[0] & 0xE0 | 28, unit[0] & 31
    pieces = [unit[at : at + _LARGEST] for at in range(1, len(unit), _LARGEST)]
    last = len(pieces) - 1
    return [bytes([indicator, kind | (at == 0) << 7 | (at == last) << 6]) + piece for at, piece in enumerate(pieces)]
