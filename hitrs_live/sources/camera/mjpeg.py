"""Read pictures from a camera that serves motion JPEG over HTTP."""

import contextlib
import http.client
import re
import select
import socket
import ssl
import time
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import unquote, urlsplit

import cv2
import numpy as np
from numpy.typing import NDArray

from hitrs_live.errors import SourceLost, SourceUnavailable
from hitrs_live.files.picture_size import why_not_decodable
from hitrs_live.sources.camera.grabber import OPEN_TIMEOUT_S, describe_network_error
from hitrs_live.sources.camera.jpeg_splitter import JpegSplitter
from hitrs_live.sources.pacing import MonotonicClock
from hitrs_live.wire.addresses import show_address

_STREAM_TYPES = ("multipart/", "video/x-motion-jpeg", "video/x-mjpeg", "application/octet-stream")
_TYPE = re.compile(r"[a-z0-9.+-]{1,40}/[a-z0-9.+-]{1,40}")
_TIMESTAMP = re.compile(rb"^x-timestamp[ \t]*:[ \t]*(\d{1,10})(?:\.(\d{1,9}))?[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
"""The header in which a camera may give a picture's time, in seconds."""
_CHUNK_BYTES = 65536
_LONGEST_DRAIN_S = 0.1
"""A camera that sends faster than it can be read has no last picture."""


class MjpegGrabber:
    """Read a motion-JPEG stream over HTTP with its own time limits. A `Grabber`.

    User and password are taken from the URL (basic and digest). No proxy is used and no redirect followed:
    the URL's host and no other is ever contacted.
    """

    def __init__(self, url: str, *, read_timeout_s: float, clock: MonotonicClock) -> None:
        """Take the address and how long a silent connection is kept."""
        self.corrupt = self.skipped = 0
        self.stream_time_ns: int | None = None
        self._refusal = ""
        self._url = url
        self._read_timeout_s = read_timeout_s
        self._clock = clock
        self._splitter = JpegSplitter()
        self._socket: socket.socket | None = None
        self._response: Any = None
        self._newest: tuple[int, bytes, bytes] | None = None
        """Arrival of the newest picture, its headers and itself."""

    def open(self) -> None:
        """Request the stream. Raise SourceUnavailable with the reason, also where the reply is no such stream."""
        opener, address = self._make_opener()
        try:
            self._response = opener.open(address, timeout=OPEN_TIMEOUT_S)
        except urllib.error.HTTPError as error:
            with error:
                raise SourceUnavailable(_describe_status(error)) from None
        except urllib.error.URLError as error:
            reason = error.reason
            words = describe_network_error(reason) if isinstance(reason, OSError) else "no HTTP answer"
            raise SourceUnavailable(words) from None
        except OSError as error:
            raise SourceUnavailable(describe_network_error(error)) from None
        except (http.client.HTTPException, ValueError) as error:
            raise SourceUnavailable(f"no valid HTTP answer ({type(error).__name__})") from None
        kind = self._response.headers.get("Content-Type", "").lower()
        if kind and not kind.startswith(_STREAM_TYPES):
            self.close()
            kind = kind.partition(";")[0].strip()
            received = kind if _TYPE.fullmatch(kind) else "another type"
            raise SourceUnavailable(f"it answers with {received}, expected motion JPEG (multipart/x-mixed-replace)")
        if self._socket is not None:
            self._socket.settimeout(self._read_timeout_s)

    def grab(self) -> tuple[int, NDArray[np.uint8]]:
        """Return the newest picture that can be decoded (see `Grabber`); its time is that of its last byte.

        What waits in the system's buffer is received first, and all but the last picture of it is left out: a picture
        that waited there is older than its arrival shows.
        """
        give_up_s = time.monotonic() + self._read_timeout_s
        while time.monotonic() < give_up_s:
            self._drain()
            if self._newest is None:
                self._receive()
                continue
            (arrival_ns, head, picture), self._newest = self._newest, None
            image = self._decode(picture)
            if image is not None:
                self.stream_time_ns = _time_in(head)
                return arrival_ns, image
            self.corrupt += 1
        raise SourceLost(f"no whole picture in {self._read_timeout_s:g} s{self._refusal}")

    def close(self) -> None:
        """Close the connection and drop what was received in part."""
        if self._response is not None:
            self._response.close()
        self._response = self._socket = None
        self._splitter = JpegSplitter()
        self._newest, self._refusal = None, ""

    def interrupt(self) -> None:
        """Shut the connection down, which ends a read at once."""
        connected = self._socket
        if connected is not None:
            # It may have been closed meanwhile.
            with contextlib.suppress(OSError):
                connected.shutdown(socket.SHUT_RDWR)

    def _receive(self) -> None:
        try:
            chunk = self._response.read1(_CHUNK_BYTES)
        except TimeoutError:
            raise SourceLost(f"nothing received in {self._read_timeout_s:g} s") from None
        except OSError as error:
            raise SourceLost(describe_network_error(error)) from None
        except (http.client.HTTPException, ValueError) as error:
            raise SourceLost(f"connection broke off ({type(error).__name__})") from None
        if not chunk:
            raise SourceLost("the camera ended the stream")
        arrival_ns = self._clock()
        broken_before = self._splitter.broken
        for head, picture in self._splitter.feed_with_heads(chunk):
            self.skipped += self._newest is not None
            self._newest = (arrival_ns, head, picture)
        self.corrupt += self._splitter.broken - broken_before

    def _drain(self) -> None:
        """Receive what has arrived already, without waiting for more."""
        enough_s = time.monotonic() + _LONGEST_DRAIN_S
        while self._has_data() and time.monotonic() < enough_s:
            try:
                self._receive()
            except SourceLost:
                # The last picture before the end is still shown.
                if self._newest is None:
                    raise
                return

    def _has_data(self) -> bool:
        connected = self._socket
        if connected is None:
            return False
        if isinstance(connected, ssl.SSLSocket) and connected.pending():
            return True
        try:
            poller = select.poll()
            poller.register(connected, select.POLLIN)
            return bool(poller.poll(0))
        except (OSError, ValueError):
            # It was shut down or closed meanwhile, which the next read reports.
            return False

    def _decode(self, picture: bytes) -> NDArray[np.uint8] | None:
        if refusal := why_not_decodable(picture):
            self._refusal = f"; the last one {refusal}"
            return None
        self._refusal = ""
        try:
            image = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
        except cv2.error:
            return None
        return None if image is None else np.asarray(image, np.uint8)

    def _make_opener(self) -> tuple[urllib.request.OpenerDirector, str]:
        parts = urlsplit(self._url)
        address = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        if parts.username is not None:
            passwords.add_password(None, address, unquote(parts.username), unquote(parts.password or ""))
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            _NoRedirect(),
            urllib.request.HTTPBasicAuthHandler(passwords),
            urllib.request.HTTPDigestAuthHandler(passwords),
            _PlainHandler(self._keep_socket),
            _TlsHandler(self._keep_socket),
        )
        return opener, address

    def _keep_socket(self, connected: socket.socket) -> None:
        self._socket = connected


def _time_in(head: bytes) -> int | None:
    """Return the time that a picture's headers give, nanoseconds; None without one."""
    found = _TIMESTAMP.findall(head)
    return int(found[-1][0]) * 1_000_000_000 + int(found[-1][1].ljust(9, b"0")) if found else None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Refuse: the user named one host."""


class _PlainHandler(urllib.request.HTTPHandler):
    """Report which socket a connection uses; the response does not expose it."""

    def __init__(self, keep: Any) -> None:
        super().__init__()
        self._keep = keep

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        keep = self._keep

        class Connection(http.client.HTTPConnection):
            def connect(self) -> None:
                super().connect()
                keep(self.sock)

        return self.do_open(Connection, req)


class _TlsHandler(urllib.request.HTTPSHandler):
    """Do the same over TLS."""

    def __init__(self, keep: Any) -> None:
        super().__init__()
        self._keep = keep

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        keep = self._keep

        class Connection(http.client.HTTPSConnection):
            def connect(self) -> None:
                super().connect()
                keep(self.sock)

        return self.do_open(Connection, req)


def _describe_status(error: urllib.error.HTTPError) -> str:
    # The standard's words, not the server's: those may quote the address.
    words = f"it answers {error.code} {http.client.responses.get(error.code, '')}".rstrip()
    if error.code == 401:
        return f"{words}; user and password go into the address: http://user:password@host/..."
    if location := error.headers.get("Location"):
        return f"{words} to {show_address(location)}, which was not followed; give that address"
    return words
