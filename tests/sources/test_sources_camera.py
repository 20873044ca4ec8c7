"""Cameras over HTTP and RTSP, served on loopback, that stall, go away and come back; and cameras that are not there."""

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest
from mjpeg_server import MjpegServer
from patience import PATIENCE_S, ManualClock, wait_until
from rtsp_server import RtspServer

from hitrs_live.config import CameraConfig
from hitrs_live.errors import SourceUnavailable
from hitrs_live.messages import Frame, SourceChange
from hitrs_live.sources.base import SourceItem
from hitrs_live.sources.camera.source import CameraSource

BRISK = CameraConfig(stall_after_s=0.5, lost_after_s=1.0, retry_min_s=0.1, retry_max_s=0.4, max_frame_age_s=PATIENCE_S)
"""Of silence that is waited for; how often a busy machine falls silent by itself must not matter to such a test."""
PATIENT = CameraConfig(stall_after_s=1.0, lost_after_s=2 * PATIENCE_S, max_frame_age_s=PATIENCE_S)
"""A connection is kept, whatever pauses."""


class Watch:
    """Read a source and keep what came."""

    def __init__(self, source: CameraSource) -> None:
        self.source = source
        self.items: list[SourceItem] = []

    @property
    def states(self) -> list[str]:
        return [item.state for item in self.items if isinstance(item, SourceChange)]

    @property
    def frames(self) -> list[Frame]:
        return [item for item in self.items if isinstance(item, Frame)]

    @property
    def captured(self) -> int:
        """Count the pictures that came from the camera, read or not."""
        return self.source._box._index

    def went_through(self, *states: str) -> bool:
        """Check that these states came in this order; a machine under load may have stalled between."""
        left = iter(self.states)
        return all(state in left for state in states)

    def until(self, condition: Callable[[], bool]) -> None:
        def met() -> bool:
            if not condition():
                self.items += self.source.read(0.1)
            return condition()

        wait_until(met, "what the camera was to do")

    def until_frames(self, count: int) -> None:
        enough = len(self.frames) + count
        self.until(lambda: len(self.frames) >= enough)

    def until_state(self, state: str) -> None:
        known = len(self.states)
        self.until(lambda: state in self.states[known:])


def opened(device: int | str, config: CameraConfig = BRISK, *, clock: Callable[[], int] = time.monotonic_ns) -> Watch:
    source = CameraSource(device, config, clock=clock)
    source.open()
    return Watch(source)


def refusal(device: int | str) -> str:
    source = CameraSource(device, BRISK)
    with pytest.raises(SourceUnavailable) as caught:
        source.open()
    source.close()
    message = str(caught.value)
    assert "\n" not in message
    assert "--demo" in message
    assert "--video FILE" in message
    return message


@pytest.mark.slow
def test_a_stream_that_stalls_for_three_seconds_stalls_and_comes_up_again_on_its_connection() -> None:
    clock = ManualClock()
    with MjpegServer() as server:
        watch = opened(server.url, PATIENT, clock=clock)
        watch.until_frames(20)
        server.pause()
        # What was sent before the silence arrives before it.
        watch.until(lambda: len(watch.frames) + watch.source.drops()["camera"] == server.sent)
        clock.advance(3)
        watch.until_state("stalled")
        server.flowing.set()
        watch.until_frames(20)
        assert watch.states == ["connecting", "up", "stalled", "up"]
        assert server.connections == 1
        watch.source.close()
    times = [frame.capture_time_ns for frame in watch.frames]
    assert times == sorted(set(times))
    assert all(frame.received_ns == frame.capture_time_ns for frame in watch.frames)
    up = [item for item in watch.items if isinstance(item, SourceChange)][-1]
    assert "s of silence" in up.detail
    # Everything is in the order in which it happened.
    at = [item.time_ns if isinstance(item, SourceChange) else item.capture_time_ns for item in watch.items]
    assert at == sorted(at)


@pytest.mark.slow
def test_a_server_that_goes_away_is_retried_until_it_is_back() -> None:
    with MjpegServer() as server:
        watch = opened(server.url)
        watch.until_frames(5)
        port = server.port
    watch.until_state("lost")
    lost = next(item for item in watch.items if isinstance(item, SourceChange) and item.state == "lost")
    assert "connection refused" in lost.detail
    with MjpegServer(port=port):
        watch.until_state("up")
        watch.until_frames(5)
        watch.source.close()
    assert watch.went_through("connecting", "up", "stalled", "lost", "up")


@pytest.mark.slow
def test_a_broken_connection_is_made_again() -> None:
    with MjpegServer() as server:
        watch = opened(server.url, PATIENT)
        watch.until_frames(5)
        server.cut()
        watch.until(lambda: server.connections == 2)
        watch.until_frames(5)
        watch.source.close()


@pytest.mark.slow
def test_a_silent_connection_is_given_up_for_a_new_one() -> None:
    with MjpegServer() as server:
        watch = opened(server.url)
        watch.until_frames(5)
        server.flowing.clear()
        watch.until(lambda: server.connections >= 2)
        server.flowing.set()
        watch.until_frames(5)
        watch.source.close()


def test_a_slow_reader_gets_the_newest_picture_and_the_loss_is_counted() -> None:
    with MjpegServer() as server:
        watch = opened(server.url, PATIENT)
        watch.until_frames(1)
        wait_until(lambda: watch.source.drops()["camera"] >= 3, "pictures that came while none were read")
        watch.until_frames(1)
        assert watch.frames[-1].index > watch.frames[0].index + 1
        watch.source.close()


def test_pictures_that_came_before_the_first_read_are_no_loss() -> None:
    with MjpegServer() as server:
        source = CameraSource(server.url, CameraConfig(max_frame_age_s=60))
        source.open()
        give_up_s = time.monotonic() + PATIENCE_S
        while source.drops()["camera"] < 5:
            assert time.monotonic() < give_up_s
            time.sleep(0.01)
        source.read(0.0)
        assert source.drops()["camera"] < 5
        source.close()


def test_a_picture_left_lying_through_a_stall_is_dropped_as_stale() -> None:
    clock = ManualClock()
    with MjpegServer() as server:
        watch = opened(server.url, CameraConfig(lost_after_s=2 * PATIENCE_S, max_frame_age_s=0.5), clock=clock)
        watch.until_frames(5)
        read = watch.frames[-1].index
        wait_until(lambda: watch.captured > read + 1, "a picture that was not read")
        server.pause()
        wait_until(lambda: watch.captured == server.sent, "all that was sent")
        count = len(watch.frames)
        clock.advance(0.6)
        watch.items += watch.source.read(0.0)
        assert len(watch.frames) == count
        assert watch.source.drops()["stale"] == 1
        watch.source.close()


@pytest.mark.slow
def test_pictures_that_break_off_are_counted_and_the_others_still_come() -> None:
    with MjpegServer() as server:
        server.garbage_every = 4
        watch = opened(server.url)
        watch.until(lambda: watch.source.drops()["corrupt"] >= 2)
        watch.until_frames(5)
        watch.source.close()


def test_user_and_password_are_taken_from_the_address_and_never_shown() -> None:
    with MjpegServer(user="me", password="s3cret/") as server:
        address = server.url.replace("http://", "http://me:s3cret%2F@")
        watch = opened(address)
        watch.until_frames(3)
        watch.source.close()
        assert "s3cret" not in " ".join(item.detail for item in watch.items if isinstance(item, SourceChange))
        assert "s3cret" not in watch.source.source_id
        wrong = refusal(address.replace("s3cret", "0ther"))
        assert "401" in wrong
        assert "0ther" not in wrong


@pytest.mark.slow
def test_an_rtsp_stream_gives_pictures_stalls_and_is_reconnected() -> None:
    with RtspServer() as server:
        watch = opened(server.url)
        watch.until_frames(10)
        assert watch.frames[0].image.shape == (48, 64, 3)
        server.flowing.clear()
        watch.until_state("lost")
        server.flowing.set()
        watch.until_state("up")
        watch.until_frames(5)
        watch.source.close()
    assert watch.went_through("connecting", "up", "stalled", "lost", "up")


@pytest.mark.slow
@pytest.mark.parametrize("server_class", [MjpegServer, RtspServer])
def test_close_does_not_wait_for_a_capture_thread_that_waits_for_a_picture(
    server_class: type[MjpegServer] | type[RtspServer],
) -> None:
    with server_class() as server:
        watch = opened(server.url, CameraConfig(lost_after_s=20 * PATIENCE_S))
        watch.until_frames(1)
        server.flowing.clear()
        watch.source.close()
        watch.source.close()
        assert not server.flowing.is_set(), "no picture came to end the wait"
        assert watch.source.read(0.0) == ()


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/nothing", "404"),
        ("/page", "text/html"),
        ("/elsewhere", "302 Found to http://camera.invalid/video, which was not followed"),
    ],
)
def test_an_address_that_is_no_stream_is_refused_with_what_it_answers(path: str, words: str) -> None:
    with MjpegServer() as server:
        assert words in refusal(server.url.replace("/video", path))


@pytest.mark.parametrize("scheme", ["http", "rtsp"])
def test_a_closed_port_is_reported_as_such(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert "connection refused" in refusal(f"{scheme}://127.0.0.1:{port}/x")


def test_an_rtsp_path_that_is_not_there_is_refused() -> None:
    with RtspServer() as server:
        assert "no RTSP stream there" in refusal(server.url.replace("live", "dead"))


def test_a_server_of_another_protocol_is_refused_in_one_line() -> None:
    with RtspServer() as server:
        assert "no valid HTTP answer" in refusal(server.url.replace("rtsp", "http"))


@pytest.mark.parametrize("device", [93, "93", "/dev/video93"])
def test_a_device_that_is_not_there_is_refused_with_those_that_are(device: int | str) -> None:
    message = refusal(device)
    assert "there is no /dev/video93" in message
    assert "found" in message


@pytest.mark.parametrize(
    "device",
    ["ftp://host/x", "http://", "http://[1", "http://host:port/", "front-door", "", "rtsp://a:b#c@host/", "/dev"],
)
@pytest.mark.parametrize("required", [True, False])
def test_what_is_no_camera_address_is_refused_required_or_not(device: str, required: bool) -> None:
    source = CameraSource(device, BRISK, required=required)
    with pytest.raises(SourceUnavailable) as caught:
        source.open()
    assert "\n" not in str(caught.value)
    assert "--demo" in str(caught.value)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("server_class", "url"), [(MjpegServer, "http://127.0.0.1:{}/video"), (RtspServer, "rtsp://127.0.0.1:{}/live")]
)
def test_a_camera_that_is_not_required_may_come_later_and_until_then_reports_why_not(
    server_class: type[MjpegServer] | type[RtspServer], url: str
) -> None:
    port = free_port()
    source = CameraSource(
        url.format(port), CameraConfig(lost_after_s=600, retry_min_s=0.1, retry_max_s=0.2), required=False
    )
    source.open()
    watch = Watch(source)
    watch.until(lambda: len(watch.states) >= 2)
    assert watch.states == ["connecting", "connecting"]
    assert "connection refused; retrying" in changes(watch)[-1].detail
    with server_class(port=port):
        watch.until_frames(3)
        source.close()
    assert watch.states[2] == "up"


@pytest.mark.slow
@pytest.mark.parametrize("device", [93, "/dev/video93"])
def test_a_device_that_is_not_required_may_be_plugged_in_later(device: int | str) -> None:
    source = CameraSource(device, BRISK, required=False)
    source.open()
    watch = Watch(source)
    watch.until_state("lost")
    source.close()
    assert watch.states == ["connecting", "connecting", "lost"]
    assert all("there is no /dev/video93" in change.detail for change in changes(watch)[1:])


def changes(watch: Watch) -> list[SourceChange]:
    return [item for item in watch.items if isinstance(item, SourceChange)]


@pytest.mark.slow
def test_a_fault_that_no_grabber_expects_is_retried_and_its_text_is_not_shown() -> None:
    # The host's name is longer than names may be, which is no OSError.
    host = "x" * 80
    source = CameraSource(f"rtsp://admin:S3cret@{host}/live", BRISK, required=False)
    source.open()
    watch = Watch(source)
    watch.until_state("lost")
    source.close()
    assert watch.states == ["connecting", "connecting", "lost"]
    assert not any("S3cret" in change.detail for change in changes(watch))


@pytest.mark.parametrize(
    "path", ["/user=admin_password=S3cret_channel=1.sdp", "/admin/S3cret/video", "/video?user=me&pwd=S3cret"]
)
@pytest.mark.parametrize("user", ["", "admin:S3cret%23@"])
def test_a_login_anywhere_in_the_address_is_in_no_name_detail_thread_or_refusal(path: str, user: str) -> None:
    with MjpegServer() as server:
        address = server.url.replace("http://", f"http://{user}").replace("/video", path)
        watch = opened_later(address)
        watch.until(lambda: len(watch.states) >= 2)
        threads = [thread.name for thread in threading.enumerate()]
        watch.source.close()
        texts = [*(change.detail for change in changes(watch)), *threads, watch.source.source_id, refusal(address)]
    assert "it answers 404" in texts[1]
    assert watch.source.source_id.startswith("127-0-0-1-")
    for words in texts:
        assert "S3cret" not in words
        assert "admin" not in words


def opened_later(device: str) -> Watch:
    source = CameraSource(device, BRISK, required=False)
    source.open()
    return Watch(source)


def test_a_file_that_is_no_device_is_refused(tmp_path: object) -> None:
    assert "is no camera device" in refusal(str(tmp_path))


@pytest.mark.slow
def test_refusals_leave_no_line_of_other_libraries_on_the_terminal() -> None:
    # A process of its own: the libraries' log levels are read once.
    program = """
import sys
from hitrs_live.config import CameraConfig
from hitrs_live.errors import SourceUnavailable
from hitrs_live.sources.camera.source import CameraSource
for device in sys.argv[1:]:
    try:
        CameraSource(device, CameraConfig()).open()
    except SourceUnavailable:
        continue
    raise SystemExit(f"{device} was opened")
"""
    with RtspServer() as server:
        devices = ["93", "/dev/null", server.url.replace("live", "dead"), server.url.replace("rtsp", "http")]
        done = subprocess.run(
            [sys.executable, "-c", program, *devices], capture_output=True, check=False, timeout=PATIENCE_S
        )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_a_source_must_be_opened_before_it_is_read_and_may_be_closed_unopened() -> None:
    source = CameraSource(93, BRISK)
    with pytest.raises(ValueError, match="call open"):
        source.read(0.0)
    source.close()


def test_a_source_name_that_is_invalid_in_a_topic_is_the_callers_mistake() -> None:
    with pytest.raises(ValueError, match="source_id"):
        CameraSource(0, BRISK, source_id="front door")
    assert CameraSource(0, BRISK, source_id="front-door").source_id == "front-door"
    assert CameraSource(2, BRISK).source_id == "camera2"
    assert CameraSource("http://u:p@cam.lan:8080/a/b?key=1", BRISK).source_id == "cam-lan-8080-a-b"
