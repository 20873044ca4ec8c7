"""A camera, recorder or proxy that delivers old pictures is noticed by the stream's own times."""

import pytest
from mjpeg_server import MjpegServer
from patience import ManualClock, wait_until
from rtsp_server import RtspServer

from hitrs_live.config import CameraConfig
from hitrs_live.messages import Frame, SourceChange
from hitrs_live.sources.camera.source import CameraSource

STEP_S = 0.1
CAMERA_AHEAD_S = 5_000.0
"""The camera's clock and ours need not agree."""


class DelayedCamera:
    """A camera on loopback with a clock of its own, watched by a source whose clock the test advances with it."""

    def __init__(self, server: MjpegServer | RtspServer) -> None:
        self.clock, self.delay_s = ManualClock(), 0.0
        self.sent, self.on_its_way = 0, 0
        """Pictures sent, and most of them that had not arrived at the end of the first step."""
        server.stream_time_s = self._stamp
        self.source = CameraSource(
            server.url, CameraConfig(stall_after_s=1.0, lost_after_s=4.0, max_frame_age_s=0.5), clock=self.clock
        )
        self.frames: list[Frame] = []
        self.changes: list[SourceChange] = []

    def _stamp(self) -> float:
        self.sent += 1
        return CAMERA_AHEAD_S + self.clock.now_ns / 1e9 - self.delay_s

    def read(self) -> None:
        for item in self.source.read(0.02):
            if isinstance(item, SourceChange):
                self.changes.append(item)
            else:
                assert isinstance(item, Frame)
                self.frames.append(item)

    def arrived(self) -> int:
        """Pictures that have arrived, whatever became of them."""
        return len(self.frames) + sum(self.source.drops().values())

    def run(self, seconds: float, *, slower_by: float = 0.0) -> None:
        """Let time pass, with pictures all the time; slower_by: the share of it by which they come later and later."""
        for _ in range(round(seconds / STEP_S)):
            self.clock.advance(STEP_S)
            self.delay_s += slower_by * STEP_S
            # The first one may have been on its way before, and on a busy machine many: they would be read steps later.
            enough = max(self.arrived() + 3, self.sent - self.on_its_way)
            wait_until(lambda enough=enough: (self.read(), self.arrived() >= enough)[1], "pictures", pause_s=0.0)  # type: ignore[misc]
            self.on_its_way = self.on_its_way or self.sent - self.arrived()


@pytest.mark.slow
@pytest.mark.parametrize("server_class", [MjpegServer, RtspServer])
def test_pictures_that_are_delivered_later_and_later_are_dropped_and_the_camera_is_reconnected(
    server_class: type[MjpegServer] | type[RtspServer],
) -> None:
    with server_class(rate_hz=100.0) as server:
        camera = DelayedCamera(server)
        camera.source.open()
        try:
            camera.run(15.0)
            assert camera.source.drops()["stale"] == 0
            camera.run(0.4, slower_by=0.9)
            assert camera.source.drops()["stale"] == 0
            assert [change.state for change in camera.changes] == ["connecting", "up"]
            camera.run(1.8, slower_by=0.9)
            assert camera.source.drops()["stale"] > 10
            stalled = camera.changes[-1]
            assert (stalled.state, server.connections) == ("stalled", 1)
            assert "s old by its own clock)" in stalled.detail
            assert "\n" not in stalled.detail
            # Another connection has no backlog.
            frames = len(camera.frames)

            def is_back() -> bool:
                camera.clock.advance(STEP_S)
                if server.connections > 1:
                    camera.delay_s = 0.0
                camera.read()
                return camera.changes[-1].state == "up" and len(camera.frames) > frames

            wait_until(is_back, "fresh pictures")
            assert server.connections == 2
        finally:
            camera.source.close()


@pytest.mark.slow
@pytest.mark.parametrize("server_class", [MjpegServer, RtspServer])
def test_a_camera_whose_times_are_made_up_is_not_late(server_class: type[MjpegServer] | type[RtspServer]) -> None:
    with server_class(rate_hz=100.0) as server:
        camera = DelayedCamera(server)
        camera.source.open()
        try:
            camera.run(20.0, slower_by=0.3)
            assert camera.source.drops()["stale"] == 0
            assert [change.state for change in camera.changes] == ["connecting", "up"]
        finally:
            camera.source.close()
