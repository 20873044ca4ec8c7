"""A small RTSP camera on loopback: JPEG pictures in RTP packets (RFC 2435), interleaved in the RTSP connection."""

import contextlib
import re
import socket
import socketserver
import struct
import threading
from collections.abc import Callable
from types import TracebackType

from mjpeg_server import jpeg

_RTP_CLOCK_HZ = 90_000
_MAX_PAYLOAD = 1200


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True


class RtspServer:
    """Serve pictures at `rate_hz` on /live, from the `with` to its end; any other path is not found.

    elsewhere: an address that /live is redirected to.
    """

    def __init__(self, *, rate_hz: float = 80.0, port: int = 0, elsewhere: str = "") -> None:
        self.rate_hz = rate_hz
        self.elsewhere = elsewhere
        self.connections = 0
        self.stream_time_s: Callable[[], float] | None = None
        """The camera's clock, from which the pictures have their timestamps; None for one that counts pictures."""
        self.flowing = threading.Event()
        self.flowing.set()
        self.over = threading.Event()
        self._server = _Server(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"rtsp://127.0.0.1:{self._server.server_address[1]}/live"

    def __enter__(self) -> "RtspServer":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.over.set()
        self.flowing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[socketserver.StreamRequestHandler]:
        server = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                server.connections += 1
                self.writing = threading.Lock()
                with contextlib.suppress(OSError):
                    while request := self._receive():
                        self._answer(*request)

            def _receive(self) -> tuple[str, str, str] | None:
                lines: list[str] = []
                while not server.over.is_set():
                    line = self.rfile.readline().decode("latin-1")
                    if not line:
                        return None
                    if line.startswith("$"):
                        continue  # a receiver report of the client
                    if line.strip():
                        lines.append(line.strip())
                    elif lines:
                        method, target, _ = lines[0].split()
                        number = next((part for part in lines if part.lower().startswith("cseq:")), "CSeq: 0")
                        return method, target, number
                return None

            def _answer(self, method: str, target: str, number: str) -> None:
                found = re.match(r"rtsp://[^/]+/live", target) is not None
                heads, body = [number, "Session: 1"], ""
                if method == "OPTIONS":
                    heads.append("Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN")
                elif method == "DESCRIBE" and found:
                    body = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nt=0 0\r\nm=video 0 RTP/AVP 26\r\n"
                    heads += ["Content-Type: application/sdp", f"Content-Length: {len(body)}"]
                if method == "DESCRIBE" and server.elsewhere:
                    heads, body = [number, f"Location: {server.elsewhere}"], ""
                elif method == "SETUP":
                    heads.append("Transport: RTP/AVP/TCP;unicast;interleaved=0-1")
                moved = method == "DESCRIBE" and server.elsewhere
                status = "302 Found" if moved else "200 OK" if found or method == "OPTIONS" else "404 Not Found"
                with self.writing:
                    self.wfile.write("\r\n".join([f"RTSP/1.0 {status}", *heads, "", body]).encode())
                if method == "PLAY":
                    threading.Thread(target=self._play, daemon=True).start()

            def _play(self) -> None:
                index = sequence = 0
                with contextlib.suppress(OSError):
                    while not server.over.wait(1 / server.rate_hz):
                        server.flowing.wait()
                        clock = server.stream_time_s
                        time_s = index / server.rate_hz if clock is None else clock()
                        for packet in _packets(index, sequence, int(time_s * _RTP_CLOCK_HZ)):
                            with self.writing:
                                self.wfile.write(b"$\x00" + struct.pack(">H", len(packet)) + packet)
                            sequence += 1
                        index += 1
                # The handler waits in readline; the connection's end wakes it.
                with contextlib.suppress(OSError):
                    self.connection.shutdown(socket.SHUT_RDWR)

        return Handler


def _packets(index: int, sequence: int, timestamp: int) -> list[bytes]:
    picture = jpeg(index)
    tables, scan, sampling = _split_jpeg(picture)
    packets = []
    for offset in range(0, len(scan), _MAX_PAYLOAD):
        payload = scan[offset : offset + _MAX_PAYLOAD]
        last = offset + _MAX_PAYLOAD >= len(scan)
        header = struct.pack(">BBHII", 0x80, 26 | (0x80 if last else 0), sequence & 0xFFFF, timestamp & 0xFFFFFFFF, 1)
        main = struct.pack(">I", offset) + bytes([sampling, 255, 64 // 8, 48 // 8])
        if offset == 0:
            main += struct.pack(">BBH", 0, 0, len(tables)) + tables
        packets.append(header + main + payload)
        sequence += 1
    return packets


def _split_jpeg(picture: bytes) -> tuple[bytes, bytes, int]:
    """Return the quantisation tables, the coded data and RFC 2435's type (0: 4:2:2, 1: 4:2:0)."""
    tables, sampling, position = b"", 1, 2
    while True:
        code, length = picture[position + 1], int.from_bytes(picture[position + 2 : position + 4], "big")
        body = picture[position + 4 : position + 2 + length]
        position += 2 + length
        if code == 0xDB:
            for start in range(0, len(body), 65):
                tables += body[start + 1 : start + 65]
        elif code == 0xC0:
            sampling = 1 if body[7] == 0x22 else 0
        elif code == 0xDA:
            return tables, picture[position:-2], sampling
