"""Where python-tuf gets its bytes from: the daemon, which has the broker, or a folder of files over HTTPS.

For the process that fetches alone: `tuf` and `urllib3` are imported here.
"""

import encodings.idna  # noqa: F401  else imported late, by the first name that is resolved
import socket
import ssl
from collections.abc import Iterator
from urllib.parse import quote

import urllib3
from tuf.api.exceptions import DownloadError, DownloadHTTPError, DownloadLengthMismatchError
from tuf.ngclient.fetcher import FetcherInterface

from tapetum.errors import InferenceError, UpdateError
from tapetum.inference import wire
from tapetum.text import plain
from tapetum.update.repository import CHUNK

_LARGEST = wire.Largest(1 << 12, CHUNK)
_TIMEOUT = urllib3.Timeout(connect=10, read=30)
_ABSENT = (403, 404)
_LONGEST = 200


class Fetcher(FetcherInterface):
    """A file is fetched in chunks, from any of them on; metadata stay in memory, bounded."""

    def chunks(self, name: str, start: int) -> Iterator[bytes]:
        """Yield the bytes of a file, `metadata/...` or `targets/...`, from a chunk on; raises DownloadError."""
        raise NotImplementedError

    def download_bytes(self, url: str, max_length: int) -> bytes:
        """Return a file whole; python-tuf's own makes a temporary file, for which a device may lack room."""
        content = bytearray()
        for chunk in self.fetch(url):
            content += chunk
            if len(content) > max_length:
                raise DownloadLengthMismatchError(f"{url}: more than {max_length} bytes come")
        return bytes(content)

    def _fetch(self, url: str) -> Iterator[bytes]:
        return self.chunks(url, 0)


class OfTheDaemon(Fetcher):
    """Asks the daemon, chunk by chunk, so that nothing is under way when no more is wanted."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel

    def chunks(self, name: str, start: int) -> Iterator[bytes]:
        """Yield the bytes of a file."""
        request: dict[str, object] = {"get": name, "start": start}
        while True:
            try:
                wire.send(self._channel, request)
                reply, body = wire.receive(self._channel, largest=_LARGEST)
            except InferenceError as error:
                raise DownloadError(str(error)) from None
            if "absent" in reply:
                raise DownloadHTTPError(f"{name}: there is no such file", 404)
            if "failed" in reply:
                raise DownloadError(str(reply["failed"]))
            if not body:
                return
            yield bytes(body)
            request = {"more": True}


class OfAFolder(Fetcher):
    """Reads static files over HTTPS; a server that cannot begin in the middle is read from the beginning."""

    def __init__(self, address: str, ca: str) -> None:
        """Read the certificate of the authority `ca`; raises UpdateError."""
        self._address = address.rstrip("/")
        try:
            trusted = ssl.create_default_context(cafile=ca or None)
        except OSError as error:
            raise UpdateError(f"update.ca: {ca}: {error.strerror or error}; a certificate in PEM is wanted") from None
        self._pool = urllib3.PoolManager(timeout=_TIMEOUT, retries=False, ssl_context=trusted, num_pools=2)

    def chunks(self, name: str, start: int) -> Iterator[bytes]:
        """Yield the bytes of a file."""
        begin = start * CHUNK
        headers = {"Range": f"bytes={begin}-"} if begin else {}
        try:
            reply = self._pool.request(
                "GET", f"{self._address}/{quote(name)}", headers=headers, preload_content=False, redirect=False
            )
            try:
                yield from self._body(reply, name, begin)
            finally:
                reply.close()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise DownloadError(f"{name}: {plain(str(error), _LONGEST)}") from None

    def _body(self, reply: urllib3.BaseHTTPResponse, name: str, begin: int) -> Iterator[bytes]:
        if reply.status in _ABSENT:
            raise DownloadHTTPError(f"{name}: there is no such file", 404)
        if reply.status not in (200, 206) or (reply.status == 206 and not self._begins(reply, begin)):
            raise DownloadHTTPError(f"{name}: the server answers {reply.status}", reply.status)
        skip = begin if reply.status == 200 else 0
        for chunk in reply.stream(CHUNK, decode_content=False):
            yield chunk[skip:]
            skip = max(0, skip - len(chunk))

    @staticmethod
    def _begins(reply: urllib3.BaseHTTPResponse, begin: int) -> bool:
        return reply.headers.get("Content-Range", "").startswith(f"bytes {begin}-")
