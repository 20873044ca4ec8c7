"""Logins of cameras stay secret, and no camera sends the program to another host."""

import io
import os
import socket
import subprocess
import sys
from pathlib import Path

import cv2
import pytest
from mjpeg_server import MjpegServer
from patience import PATIENCE_S
from rtsp_server import RtspServer

from hitrs_live import cli
from hitrs_live.config import CameraConfig
from hitrs_live.errors import SourceUnavailable
from hitrs_live.messages import Frame
from hitrs_live.sources.camera.address_reference import resolve_address
from hitrs_live.sources.camera.rtsp_relay import RedirectGuard
from hitrs_live.sources.camera.source import CameraSource

SECRET = "hunter2secret"
OK = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n"
MOVED = b"RTSP/1.0 302 Found\r\nCSeq: 2\r\nLocation: rtsp://elsewhere.invalid/live\r\n\r\n"


def test_an_rtsp_redirect_is_refused_and_its_target_never_contacted() -> None:
    with RtspServer() as other, RtspServer(elsewhere=other.url) as camera:
        source = CameraSource(camera.url, CameraConfig())
        with pytest.raises(SourceUnavailable, match=f"it answers 302 to {other.url}, which was not followed"):
            source.open()
        assert (camera.connections, other.connections) == (1, 0)
        # What is guarded against: the library itself follows.
        capture = cv2.VideoCapture(camera.url, cv2.CAP_FFMPEG)
        assert capture.isOpened()
        assert other.connections == 1
        capture.release()


@pytest.mark.parametrize(
    "stream",
    [
        MOVED,
        OK + MOVED,
        OK + b"$\x00\x00\x05RTSP/" + MOVED,
        b"RTSP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nbody" + MOVED,
        b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n" + MOVED,
    ],
)
def test_a_redirect_is_found_wherever_it_comes_and_however_it_is_cut(stream: bytes) -> None:
    for size in (1, 7, len(stream)):
        guard = RedirectGuard()
        found = [guard.feed(stream[at : at + size]) for at in range(0, len(stream), size)]
        assert "302 to rtsp://elsewhere.invalid/live" in next(filter(None, found))


@pytest.mark.parametrize(
    "stream",
    [
        b"RTSP/1.0 200 OK\r\nContent-Length: 400\r\nContent-Length: 0\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nContent-Length: 0x4\r\n\r\n",
        b"\r\nRTSP/1.0 302 Found\r\n\r\n",
        b"HTTP/1.1 302 Found\r\n\r\n",
        b"x" * (1 << 17),
    ],
)
def test_what_is_no_rtsp_response_is_refused(stream: bytes) -> None:
    assert RedirectGuard().feed(stream) == "it sends no valid RTSP response"


def test_ordinary_responses_and_packets_pass() -> None:
    guard = RedirectGuard()
    stream = OK + b"RTSP/1.0 401 Unauthorized\r\n\r\n" + b"$\x00\x00\x03abc" + OK
    assert [guard.feed(stream[at : at + 3]) for at in range(0, len(stream), 3)].count("") == -(-len(stream) // 3)


@pytest.mark.slow
@pytest.mark.parametrize("place", ["env", "file"])
def test_a_login_in_the_environment_or_a_file_is_used_and_shown_nowhere(place: str, tmp_path: Path) -> None:
    with MjpegServer(user="admin", password=SECRET) as camera:
        address = camera.url.replace("//", f"//admin:{SECRET}@")
        file = tmp_path / "hall"
        file.touch(mode=0o600)
        file.write_text(address + "\n")
        value = "env:HALL_CAMERA" if place == "env" else f"file:{file}"
        found = resolve_address(value, {"HALL_CAMERA": address})
        source = CameraSource(found, CameraConfig(max_frame_age_s=PATIENCE_S))
        source.open()
        try:
            items = list(source.read(1.0))
            while not any(isinstance(item, Frame) for item in items):
                items += source.read(1.0)
        finally:
            source.close()
        assert SECRET not in repr([item for item in items if not isinstance(item, Frame)])
    # Nothing listens there any more.
    refused = subprocess.run(
        [sys.executable, "-m", "hitrs_live.cli", "live", "--camera", value, "--require-sources", "--plain"],
        env=os.environ | {"HALL_CAMERA": address}, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert refused.returncode == 2
    assert "connection refused" in refused.stderr
    assert SECRET not in refused.stdout + refused.stderr


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620])
def test_a_file_that_others_may_read_is_refused(mode: int, tmp_path: Path) -> None:
    file = tmp_path / "hall"
    file.write_text(f"rtsp://admin:{SECRET}@10.0.0.5/live")
    file.chmod(mode)
    with pytest.raises(SourceUnavailable, match=f"mode {mode:04o}, .*run chmod 600 {file}") as caught:
        resolve_address(f"file:{file}")
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\n \n", b"rtsp://a/live\nrtsp://b/live", b"rtsp://\xff/live", b"x" * 5000])
def test_a_file_without_one_address_is_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "hall"
    file.touch(mode=0o600)
    file.write_bytes(content)
    with pytest.raises(SourceUnavailable, match="expected one line, the camera's address"):
        resolve_address(f"file:{file}")


def test_a_place_without_an_address_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    for value, reason in {
        "env:NOT_THERE": "no such environment variable",
        f"file:{tmp_path}/none": "No such file",
        f"file:{tmp_path}/pipe": "is no file",
        f"file:{tmp_path}": "cannot be read",
        "file:a\0b": "no valid path",
    }.items():
        with pytest.raises(SourceUnavailable, match=reason):
            resolve_address(value, {})
    assert resolve_address("file://host/path") == "file://host/path"
    assert resolve_address("0") == "0"


def test_an_address_without_its_flag_is_refused_without_its_login(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["live", f"rtsp://admin:{SECRET}@10.0.0.5/live?token={SECRET}"])
    refusal = capsys.readouterr().err
    assert "unrecognized arguments: rtsp://10.0.0.5/live" in refusal
    assert SECRET not in refusal


def test_a_redirect_over_http_is_refused_and_hides_what_may_be_a_secret() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        source = CameraSource(f"http://127.0.0.1:{server.getsockname()[1]}/video", CameraConfig(), required=False)
        source.open()
        server.settimeout(PATIENCE_S)
        client, _ = server.accept()
        with client, client.makefile("rb") as requests:
            while requests.readline().strip():
                pass
            place = f"http://user:{SECRET}@other.invalid/video?token={SECRET}"
            client.sendall(f"HTTP/1.1 302 Found\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n".encode())
            written = io.StringIO()
            while "302 Found" not in written.getvalue():  # A time in nanoseconds may contain 302 as well.
                written.write(repr(source.read(0.5)))
        source.close()
    assert "302 Found to http://other.invalid/video, which was not followed" in written.getvalue()
    assert SECRET not in written.getvalue()
