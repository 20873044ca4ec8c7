"""A motion-JPEG camera on loopback that can stall, break off, go away, come back and ask for a password."""

import contextlib
import hashlib
import re
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

import cv2
import numpy as np

BOUNDARY = b"--picture"
NONCE = "6e6f6e6365"


def jpeg(index: int, width: int = 64, height: int = 48) -> bytes:
    """Encode a grey picture whose brightness encodes its index."""
    image = np.full((height, width, 3), 8 * (index % 30), np.uint8)
    return cv2.imencode(".jpg", image)[1].tobytes()


class MjpegServer:
    """Serve pictures at `rate_hz` to every client, from the `with` to its end."""

    def __init__(self, *, rate_hz: float = 50.0, port: int = 0, user: str = "", password: str = "") -> None:
        self.rate_hz = rate_hz
        self.user, self.password = user, password
        self.flowing = threading.Event()
        self.flowing.set()
        self.connections = 0
        self.sent = 0
        """Pictures sent whole, over all connections."""
        self._sending = threading.Lock()
        self.garbage_every = 0
        self.stream_time_s: Callable[[], float] | None = None
        """The camera's clock, which goes into the header X-Timestamp of each picture; None for no such header."""
        self._over = threading.Event()
        self._clients: list[socket.socket] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/video"

    def __enter__(self) -> "MjpegServer":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self.flowing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self.cut()

    def pause(self) -> None:
        """Send no picture more until `flowing` is set; `sent` no longer changes once this returns."""
        with self._sending:
            self.flowing.clear()

    def cut(self) -> None:
        """Break every connection that there is; new ones are taken."""
        clients, self._clients = self._clients, []
        for client in clients:
            # It may be gone already.
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if server.user and not self._allowed():
                    self.send_response(401)
                    self.send_header("WWW-Authenticate", f'Digest realm="camera", nonce="{NONCE}", qop="auth"')
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                elif self.path == "/video":
                    server.connections += 1
                    server._clients.append(self.connection)
                    # The client may go at any time.
                    with contextlib.suppress(OSError):
                        self._stream()
                elif self.path == "/page":
                    self._answer(200, "text/html", b"<html>settings</html>")
                elif self.path == "/elsewhere":
                    self.send_response(302)
                    self.send_header("Location", "http://camera.invalid/video")
                    self.end_headers()
                else:
                    self._answer(404, "text/plain", b"no")

            def _answer(self, status: int, kind: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def _stream(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=picture")
                self.end_headers()
                index = 0
                while not server._over.wait(1 / server.rate_hz):
                    server.flowing.wait()
                    picture = jpeg(index)
                    if server.garbage_every and index % server.garbage_every == 0:
                        picture = picture[: len(picture) // 2]
                    head = b"%s\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n" % (BOUNDARY, len(picture))
                    if server.stream_time_s is not None:
                        head += b"X-Timestamp: %.6f\r\n" % server.stream_time_s()
                    head += b"\r\n"
                    with server._sending:
                        if not server.flowing.is_set():
                            continue
                        self.wfile.write(head + picture + b"\r\n")
                        server.sent += 1
                    index += 1

            def _allowed(self) -> bool:
                fields = dict(re.findall(r'(\w+)="?([^",]*)"?', self.headers.get("Authorization", "")))
                first = _md5(f"{server.user}:camera:{server.password}")
                second = _md5(f"GET:{self.path}")
                middle = ":".join(fields.get(name, "") for name in ("nc", "cnonce", "qop"))
                return fields.get("response") == _md5(f"{first}:{NONCE}:{middle}:{second}")

            def log_message(self, *_: object) -> None:
                """Stay silent."""

        return Handler


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
