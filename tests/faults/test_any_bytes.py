"""Whatever bytes or text come, each reader returns a result or its own refusal in one line, and nothing else."""

import os
import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hitrs_live.config import PoseConfig, TrackConfig
from hitrs_live.errors import ConfigError, HitrsLiveError, MessageMalformed, SourceLost, SourceUnavailable
from hitrs_live.inference.engine_cache import EngineKey, Manifest, read_engine
from hitrs_live.messages import Array, JointsEvent
from hitrs_live.sources.camera.address_reference import resolve_address
from hitrs_live.sources.camera.mjpeg import MjpegGrabber
from hitrs_live.sources.camera.rtsp_relay import RedirectGuard
from hitrs_live.streaming.joint_tracker import JointTracker
from hitrs_live.tracking.picture_mask import parse_masks
from hitrs_live.wire.codec import decode, encode, pose_frame
from hitrs_live.wire.recovery import LogPosition, RecoveryRequest, pack, unpack_event, unpack_reply, unpack_request

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "40"))
"""Of each fuzz test; a long run sets more."""
KEY = EngineKey(weights="a" * 64, backend="onnx", precision="fp32", max_rows=0, version="1", graphs="g")
LENGTH = b"Content-Length: "
HTTP_PARTS = st.sampled_from([
    b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 401 No\r\n", b"HTTP/1.1 302 No\r\n", b"HTTP/1.1 ", b"\r\n", b"\r\n\r\n",
    b"Content-Type: multipart/x-mixed-replace; boundary=x\r\n", LENGTH + b"-1\r\n", LENGTH + b"9" * 5000 + b"\r\n",
    b"Transfer-Encoding: chunked\r\n", b"ffffffff\r\n", b"WWW-Authenticate: Digest realm=\r\n",
    b"Location: http://127.0.0.1:1/\r\n", b"--x\r\n", b"\xff\xd8\xff", b"\xff\xd9", b"\0" * 70_000, b"a: b\r\n" * 200,
])  # fmt: skip
HTTP_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=x\r\n"
RTSP_PARTS = st.sampled_from([
    b"RTSP/1.0 200 OK\r\n", b"RTSP/1.0 302 Found\r\n", b"Location: rtsp://\xff:1/\r\n", b"\r\n\r\n", b"\r\n",
    b"$\x00\x00\x05", LENGTH + b"4\r\n", LENGTH + b"9" * 5000 + b"\r\n", b"content-LENGTH : 7\r\n",
    b"OPTIONS * RTSP/1.0\r\n",
])  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
JOINTS_SHAPES = st.sampled_from([(0, 25, 3), (1, 25, 3), (2, 25, 3), (40, 25, 3), (1, 25), (3,), (), (1, 24, 3)])
FILES = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
QUICK = settings(max_examples=EXAMPLES, deadline=None)


def _mixed(parts: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Parts of a protocol in any order, with any bytes between them."""
    return st.lists(parts | st.binary(max_size=20), max_size=12).map(b"".join)


def _refused_in_one_line(error: HitrsLiveError) -> None:
    assert "\n" not in str(error)
    assert len(str(error)) < 1000


def _assert_hidden(error: Exception) -> None:
    assert "secret" not in str(error)


@QUICK
@given(_mixed(HTTP_PARTS) | _mixed(HTTP_PARTS).map(lambda rest: HTTP_HEAD + rest))
def test_an_http_camera_that_sends_any_bytes_is_read_or_refused(reply: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            # A reader that asks again, with a login, finds no one.
            with suppress(OSError):
                connected, _ = listener.accept()
                with connected:
                    connected.recv(65536)
                    connected.sendall(reply)

        thread = threading.Thread(target=answer)
        thread.start()
        grabber = MjpegGrabber(
            f"http://user:secret@127.0.0.1:{listener.getsockname()[1]}/", read_timeout_s=0.2, clock=lambda: 0
        )
        try:
            grabber.open()
            for _ in range(3):
                assert grabber.grab()[1].dtype == np.uint8
        except (SourceUnavailable, SourceLost) as error:
            _refused_in_one_line(error)
            _assert_hidden(error)
        finally:
            grabber.close()
            # It still waits where nothing was asked.
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join()


@QUICK
@given(_mixed(RTSP_PARTS), st.integers(1, 100))
def test_any_rtsp_stream_passes_or_is_cut_with_a_reason(stream: bytes, size: int) -> None:
    guard = RedirectGuard()
    for at in range(0, len(stream), size):
        reason = guard.feed(stream[at : at + size])
        assert "\n" not in reason
        if reason:
            return


@QUICK
@given(st.lists(st.binary(max_size=600), max_size=3) | JSON.map(lambda tree: [_packed(tree)]))
def test_any_request_reply_or_event_is_read_or_malformed(parts: list[bytes]) -> None:
    for read in (unpack_request, unpack_reply, unpack_event):
        with suppress(MessageMalformed):
            read(parts)


def _packed(tree: Any) -> bytes:
    with suppress(OverflowError):
        return msgspec.msgpack.encode(tree)
    return b""


@QUICK
@given(st.text(max_size=60) | st.integers().map(lambda number: f"session:{number}"))
def test_any_position_is_read_back_as_it_was_written_or_refused(text: str) -> None:
    with suppress(ValueError):
        position = LogPosition.parse(text)
        assert LogPosition.parse(str(position)) == position
        pack(RecoveryRequest(number=0, session_id=position.session_id, first=position.log_seq + 1))


@QUICK
@given(JOINTS_SHAPES.flatmap(lambda shape: arrays(np.float32, shape)), JOINTS_SHAPES, st.integers(-(2**63), 2**63 - 1))
def test_any_joints_are_tracked_with_finite_positions_or_malformed(
    joints_m: np.ndarray[Any, Any], of: tuple[int, ...], time_ns: int
) -> None:
    event = JointsEvent(
        source_id="cam", session_id="s", seq=0, index=0, capture_time_ns=time_ns, joints_m=Array.of(joints_m),
        confidence=Array.of(np.ones(of[:-1] or of, np.float32)),
    )  # fmt: skip
    try:
        received = decode(encode(event))
        assert isinstance(received, JointsEvent)
        frame = pose_frame(received, 0)
    except MessageMalformed as error:
        _refused_in_one_line(error)
        return
    assert np.isfinite(JointTracker(PoseConfig(refine=False), TrackConfig()).step(frame).joints_m).all()


@FILES
@given(st.binary(max_size=200) | JSON.map(lambda tree: msgspec.json.encode(_finite(tree))))
def test_any_manifest_of_an_engine_is_refused(tmp_path: Path, manifest: bytes) -> None:
    (tmp_path / KEY.name).mkdir(exist_ok=True)
    (tmp_path / KEY.name / "manifest.json").write_bytes(manifest)
    with pytest.raises(HitrsLiveError) as raised:
        read_engine(tmp_path, KEY)
    _refused_in_one_line(raised.value)


def _finite(tree: Any) -> Any:
    """Replace integers that JSON readers refuse by their text, so that the tree can be written."""
    if isinstance(tree, dict):
        return {key: _finite(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_finite(value) for value in tree]
    return str(tree) if isinstance(tree, int) and abs(tree) >= 2**63 else tree


@FILES
@given(st.dictionaries(st.text(max_size=30), st.text(max_size=8), min_size=1, max_size=3))
def test_a_manifest_that_names_any_files_is_not_followed_to_them(tmp_path: Path, files: dict[str, str]) -> None:
    (tmp_path / KEY.name).mkdir(exist_ok=True)
    forged = Manifest(key=KEY, files=files, seal="0" * 64)
    (tmp_path / KEY.name / "manifest.json").write_bytes(msgspec.json.encode(forged))
    with pytest.raises(HitrsLiveError, match="altered since"):
        read_engine(tmp_path, KEY)


@QUICK
@given(st.text("0123456789.,;= einaf-x", max_size=60))
@example("1e100,0 0,1 1,1")
def test_any_mask_is_polygons_in_the_picture_or_refused(text: str) -> None:
    try:
        polygons = parse_masks(text, "door")
    except ConfigError as error:
        _refused_in_one_line(error)
        return
    assert all(((polygon >= 0) & (polygon <= 1)).all() for polygon in polygons)


@FILES
@given(st.binary(max_size=5000) | st.text(max_size=40).map(str.encode))
def test_any_file_of_a_cameras_address_is_one_printable_line_or_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "address"
    file.touch(0o600)
    file.write_bytes(content)
    try:
        address = resolve_address(f"file:{file}")
    except SourceUnavailable as error:
        _refused_in_one_line(error)
        return
    assert address.isprintable()
    assert address
