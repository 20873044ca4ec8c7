"""Serve motion-JPEG cameras in processes of their own, which misbehave when they are asked to."""

import argparse
import struct
import time
from collections.abc import Iterator
from contextlib import suppress
from enum import IntEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle
from pathlib import Path

import cv2
import numpy as np
from controlled_process import ControlledProcess, Wanted

WIDTH, HEIGHT = 640, 480
MOST_PICTURES = 240
"""Of a clip, so that a camera's pictures take little memory."""


class Pictures(IntEnum):
    """What a camera sends."""

    GOOD = 0
    HUGE = 1
    """A few bytes whose header claims 30,000 x 30,000 pixels."""
    DAMAGED = 2
    SILENT = 3
    """The connection stays open, nothing comes."""
    REDIRECT = 4
    """New connections are sent elsewhere, and those that there are end."""


class Camera(ControlledProcess):
    """A camera that shows a clip forwards and backwards without end; a moving square where there is no clip."""

    def __init__(self, clip: Path | None, rate_hz: float, port: int) -> None:
        """Start it on a port of this machine."""
        self.address = f"http://127.0.0.1:{port}/"
        super().__init__("cameras.py", [str(clip or ""), str(rate_hz), str(port)])


def serve(clip: Path | None, rate_hz: float, port: int) -> None:
    """Serve pictures without end."""
    good = list(jpegs(clip))
    good += good[-2:0:-1]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if wanted.value == Pictures.REDIRECT:
                self.send_response(302)
                self.send_header("Location", "http://127.0.0.1:9/secret")
                self.end_headers()
                return
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=picture")
            self.end_headers()
            due_s = time.monotonic()
            # It ends with the connection.
            with suppress(OSError):
                for picture in cycle(good):
                    if wanted.value == Pictures.REDIRECT:
                        return
                    if wanted.value != Pictures.SILENT:
                        body = spoilt(picture, Pictures(wanted.value))
                        head = b"--picture\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(body)
                        self.wfile.write(head + body + b"\r\n")
                    # A camera that was stopped does not catch up.
                    due_s = max(due_s + 1 / rate_hz, time.monotonic() - 1.0)
                    time.sleep(max(0.0, due_s - time.monotonic()))

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    ThreadingHTTPServer.daemon_threads = True
    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        wanted = Wanted()
        server.serve_forever()


def jpegs(clip: Path | None) -> Iterator[bytes]:
    """Yield the pictures of a clip, each fitted to the camera's size."""
    video = cv2.VideoCapture(str(clip)) if clip is not None else None
    for number in range(MOST_PICTURES):
        if video is None:
            picture = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
            picture[200:280, number * 2 : number * 2 + 80] = 200
        else:
            there, picture = video.read()
            if not there:
                return
        yield cv2.imencode(".jpg", cv2.resize(picture, (WIDTH, HEIGHT)))[1].tobytes()


def spoilt(jpeg: bytes, how: Pictures) -> bytes:
    """Return a picture as the camera sends it."""
    if how is Pictures.HUGE:
        frame_header = jpeg.index(b"\xff\xc0")
        return jpeg[: frame_header + 5] + struct.pack(">HH", 30_000, 30_000) + jpeg[frame_header + 9 :]
    if how is Pictures.DAMAGED:
        return jpeg[:40] + bytes(len(jpeg) - 42) + jpeg[-2:]
    return jpeg


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("video", help="empty for a moving square")
    parser.add_argument("rate", type=float)
    parser.add_argument("port", type=int)
    given = parser.parse_args()
    serve(Path(given.video) if given.video else None, given.rate, given.port)
