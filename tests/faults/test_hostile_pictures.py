"""A picture may claim any size, wait anywhere and have any name: it costs no memory, hides no age, crashes nothing."""

import os
import socket
import struct
import threading
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mjpeg_server import jpeg
from patience import PATIENCE_S

from hitrs_live.cli import main
from hitrs_live.errors import ConfigError, SourceLost, SourceUnavailable
from hitrs_live.files.picture_size import why_not_decodable
from hitrs_live.pose.calibrate_camera import calibrate
from hitrs_live.sources.camera.jpeg_splitter import JpegSplitter
from hitrs_live.sources.camera.mjpeg import MjpegGrabber
from hitrs_live.sources.video import VideoSource
from hitrs_live.views.save_video import SaveVideo

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "40"))
"""Of each fuzz test; a long run sets more."""
NOT_UTF8 = os.fsdecode(b"film-\xff.avi")


def _claiming(width: int, height: int) -> bytes:
    """Return a small JPEG whose header claims another size."""
    picture = bytearray(jpeg(3))
    at = picture.index(b"\xff\xc0")
    picture[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(picture)


def _png(width: int, height: int) -> bytes:
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))


class _Camera:
    """Serve bytes as motion JPEG: those given first, and more when asked."""

    def __init__(self, first: bytes) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        self._first = first
        self.sent = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        self._connection, _ = self._listener.accept()
        self._connection.recv(65536)
        head = b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=x\r\n\r\n"
        self._connection.sendall(head + self._first)
        self.sent.set()

    def end(self) -> None:
        self._thread.join(PATIENCE_S)
        self._connection.close()
        self._listener.close()


def _open(camera: _Camera, timeout_s: float = PATIENCE_S) -> MjpegGrabber:
    grabber = MjpegGrabber(camera.url, read_timeout_s=timeout_s, clock=lambda: 7)
    grabber.open()
    assert camera.sent.wait(PATIENCE_S)
    return grabber


def test_a_few_bytes_that_claim_gigabytes_are_counted_and_not_decoded() -> None:
    camera = _Camera(_claiming(30_000, 30_000))
    grabber = _open(camera)
    camera.end()
    with pytest.raises(SourceLost):
        grabber.grab()
    assert grabber.corrupt == 1
    grabber.close()


def test_a_camera_that_sends_only_such_pictures_is_lost_with_the_reason() -> None:
    camera = _Camera(_claiming(30_000, 30_000))
    grabber = _open(camera, timeout_s=0.2)
    with pytest.raises(SourceLost, match=r"nothing received|claims 30000 x 30000 pixels, expected at most 40 million"):
        grabber.grab()
    grabber.close()
    camera.end()


def test_of_the_pictures_that_wait_in_the_buffers_the_newest_is_given_and_the_others_are_counted() -> None:
    camera = _Camera(b"".join(b"--x\r\n\r\n" + jpeg(index) for index in range(20)))
    grabber = _open(camera)
    _, image = grabber.grab()
    # The brightness encodes the number.
    assert round(float(np.mean(image)) / 8) == 19
    assert (grabber.skipped, grabber.corrupt) == (19, 0)
    grabber.close()
    camera.end()


@pytest.mark.parametrize(
    ("picture", "refusal"),
    [
        (_claiming(30_000, 30_000), "claims 30000 x 30000"),
        (_claiming(0, 48), "0 x 48"),
        (_png(60_000, 60_000), "claims 60000 x 60000"),
        (jpeg(1)[:20], "no header"),
        (b"GIF89a" + bytes(100), "no header"),
        (_claiming(6000, 6000) + b"\xff\xda" * 1000, "scans"),
    ],
)
def test_a_header_out_of_bounds_is_refused(picture: bytes, refusal: str) -> None:
    assert refusal in str(why_not_decodable(picture))


def test_an_ordinary_picture_is_decoded() -> None:
    assert why_not_decodable(jpeg(1)) is None
    assert why_not_decodable(_claiming(7680, 4320)) is None
    assert why_not_decodable(_png(7680, 4320)) is None


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 600), st.binary(max_size=4))
def test_damage_anywhere_never_makes_the_header_reader_or_the_splitter_fail(
    begin: bytes, at: int, damage: bytes
) -> None:
    picture = jpeg(2)
    damaged = picture[:at] + damage + picture[at + len(damage) :]
    for content in (begin, b"\xff\xd8\xff" + begin, b"\x89PNG\r\n\x1a\n" + begin, damaged):
        why_not_decodable(content)
        splitter = JpegSplitter(max_picture_bytes=1000)
        pictures = [one for index in range(0, len(content), 7) for one in splitter.feed(content[index : index + 7])]
        assert all(one.startswith(b"\xff\xd8\xff") and one.endswith(b"\xff\xd9") for one in pictures)


def test_photographs_for_a_calibration_are_bounded_too(tmp_path: Path) -> None:
    (tmp_path / "board.jpg").write_bytes(_claiming(30_000, 30_000))
    with pytest.raises(ConfigError, match=r"board\.jpg is not a picture that can be read \(it claims 30000 x 30000"):
        calibrate([tmp_path / "board.jpg"], inner_corners=(9, 6), square_m=0.02)


def test_a_name_that_is_not_utf8_is_refused_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / NOT_UTF8).write_bytes(b"RIFF" + bytes(range(256)))
    (tmp_path / "link.avi").symlink_to(tmp_path / NOT_UTF8)
    for name in (NOT_UTF8, "link.avi"):
        with pytest.raises(SourceUnavailable, match="not UTF-8; rename"):
            VideoSource(tmp_path / name).open()
    with pytest.raises(Exception, match="not UTF-8; rename"):
        SaveVideo(tmp_path / NOT_UTF8)
    for arguments in (["--video", NOT_UTF8], ["--camera", NOT_UTF8], ["--demo", "--config", NOT_UTF8]):
        assert main(["live", *arguments]) == 2
        line = capsys.readouterr().err
        assert line.count("\n") == 1
        assert "bytes that are not UTF-8; rename" in line
