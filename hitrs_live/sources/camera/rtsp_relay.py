"""Pass an RTSP connection on to the camera, and cut it where the camera redirects to another address.

FFmpeg follows redirects and has no option against it. So it connects to a relay on the loopback interface, which
connects to the user's host and no other, and reads the camera's responses until the client asks for the stream to play:
after that FFmpeg no longer acts on a redirect.
"""

import contextlib
import re
import select
import socket
import ssl
import threading

from hitrs_live.errors import SourceUnavailable
from hitrs_live.sources.camera.grabber import OPEN_TIMEOUT_S, describe_network_error
from hitrs_live.wire.addresses import show_address

_CHUNK_BYTES = 1 << 16
_BUFFER_BYTES = 1 << 16
"""Of the connection on the loopback interface: what waits there is old."""
_LONGEST_HEAD = 1 << 16
_STATUS = re.compile(rb"RTSP/\d\.\d +(\d{3})\b")
_REQUEST = re.compile(rb"[A-Z_]{3,20} \S+ RTSP/\d\.\d\s*$")
_LENGTH = re.compile(rb"^content-length\s*:\s*(\d{1,7})\s*$", re.IGNORECASE | re.MULTILINE)
_LOCATION = re.compile(rb"^location\s*:\s*(\S+)", re.IGNORECASE | re.MULTILINE)


class RtspRelay:
    """Relay one connection, in a thread of its own, which ends with the connection."""

    def __init__(self, host: str, port: int, *, tls: bool) -> None:
        """Connect to the camera and listen for the client. Raises SourceUnavailable with the reason alone."""
        self.refusal = ""
        """Why the relay cut the connection; empty if it did not."""
        self._camera = _connect(host, port, tls=tls)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1)
        self._listener.settimeout(OPEN_TIMEOUT_S)
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._run, name="rtsp relay", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Cut the connection, from any thread; a client that reads gets its end."""
        for end in (self._listener, self._camera):
            # It may be closed already. Only a shutdown wakes a thread that waits.
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _run(self) -> None:
        with self._camera, contextlib.suppress(OSError):
            with self._listener:
                # No other program gets a connection through this process.
                client, _ = self._listener.accept()
            with client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
                self._copy(client)

    def _copy(self, client: socket.socket) -> None:
        guard: RedirectGuard | None = RedirectGuard()
        while True:
            ready = select.select([client, self._camera], [], [])[0]
            if client in ready:
                request = client.recv(_CHUNK_BYTES)
                if not request:
                    return
                if request.startswith(b"PLAY "):
                    guard = None
                self._camera.sendall(request)
            # What TLS has decrypted already is not seen by select.
            while self._camera in ready or _has_decrypted(self._camera):
                ready = []
                data = self._camera.recv(_CHUNK_BYTES)
                if not data:
                    return
                if guard is not None:
                    self.refusal = guard.feed(data)
                    if self.refusal:
                        return
                client.sendall(data)


class RedirectGuard:
    """Read the responses of an RTSP server, with interleaved packets between them, and find a redirect."""

    def __init__(self) -> None:
        """Begin before the first response."""
        self._begun = bytearray()
        self._skip = 0

    def feed(self, data: bytes) -> str:
        """Take the server's next bytes; return why the connection must be cut, or an empty text."""
        self._begun += data
        while True:
            skipped = min(self._skip, len(self._begun))
            del self._begun[:skipped]
            self._skip -= skipped
            if self._skip or not self._begun:
                return ""
            if self._begun[:1] == b"$":
                if len(self._begun) < 4:
                    return ""
                self._skip = 4 + int.from_bytes(self._begun[2:4], "big")
                continue
            end = self._begun.find(b"\r\n\r\n")
            if end < 0:
                return "" if len(self._begun) < _LONGEST_HEAD else "it sends no valid RTSP response"
            head = bytes(self._begun[:end])
            if reason := _refuse(head):
                return reason
            length = _LENGTH.search(head)
            self._skip = end + 4 + (int(length[1]) if length else 0)


def _refuse(head: bytes) -> str:
    """Return why a response must not reach the client; empty for one that may."""
    first = head.split(b"\r\n", 1)[0]
    status = _STATUS.match(first)
    # A second length, or one in another form, could hide a response from this reader.
    lengths = len(re.findall(rb"content-length", head, re.IGNORECASE))
    if (status is None and _REQUEST.match(first) is None) or lengths != len(_LENGTH.findall(head)) or lengths > 1:
        return "it sends no valid RTSP response"
    if status is not None and status[1].startswith(b"3"):
        location = _LOCATION.search(head)
        place = f" to {show_address(location[1].decode(errors='replace'))}" if location else ""
        return f"it answers {status[1].decode()}{place}, which was not followed; give that address"
    return ""


def _connect(host: str, port: int, *, tls: bool) -> socket.socket:
    try:
        camera = socket.create_connection((host, port), timeout=OPEN_TIMEOUT_S)
        if tls:
            # As FFmpeg does by default: cameras have certificates of their own.
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            camera = context.wrap_socket(camera, server_hostname=host)
    except ssl.SSLError:
        raise SourceUnavailable("the host answers, but not with TLS") from None
    except OSError as error:
        raise SourceUnavailable(describe_network_error(error)) from None
    camera.settimeout(None)
    return camera


def _has_decrypted(end: socket.socket) -> bool:
    return isinstance(end, ssl.SSLSocket) and end.pending() > 0
