"""A sender that never ends a message neither fills a receiver's memory nor keeps it from the next sender."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil
import pytest
from patience import PATIENCE_S, wait_until
from zmtp_peer import MORE, ZmtpPeer, frame

from hitrs_live.config import CameraConfig
from hitrs_live.messages import AnyMessage, JointsEvent, PoseFrame, SourceEvent
from hitrs_live.sources.joints import JointsSource
from hitrs_live.transport.subscriber import Subscription
from hitrs_live.wire.codec import encode, joints_event
from hitrs_live.wire.zmq_sockets import MOST_WAITING

_ENDLESS = frame(b"joints.cam" + b"x" * 4000, MORE) * 256


@contextmanager
def _publisher_gone_mad(sane: list[bytes]) -> Iterator[str]:
    """Serve an address: the first connection gets a message without end, every later one a good message."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def serve() -> None:
            with suppress(OSError), ZmtpPeer(listener.accept()[0], "PUB") as mad:
                mad.send_until_refused(_ENDLESS, most_bytes=10**12)
            with suppress(OSError), ZmtpPeer(listener.accept()[0], "PUB") as good:
                while True:
                    good.connection.sendall(frame(sane[0], MORE) + frame(sane[1]))
                    time.sleep(0.05)

        threading.Thread(target=serve, daemon=True).start()
        yield f"tcp://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.slow
def test_a_subscription_disconnects_a_message_without_end_and_receives_the_next_publisher() -> None:
    sane = encode(SourceEvent(source_id="cam", capture_time_ns=1, state="up"))
    before_bytes = psutil.Process().memory_info().rss
    with _publisher_gone_mad(sane) as url, Subscription[AnyMessage](url, "", timeout_s=PATIENCE_S) as subscription:
        assert next(subscription).topic == "source.cam"
        assert subscription.disconnected == 1
    # 64 MiB may wait, and what comes until the next look.
    assert psutil.Process().memory_info().rss - before_bytes < 400e6


@pytest.mark.slow
def test_the_joints_source_disconnects_a_message_without_end_and_counts_it() -> None:
    frame_of_none = PoseFrame(index=0, capture_time_ns=time.monotonic_ns(), received_ns=0, poses=())
    event: JointsEvent = joints_event(frame_of_none, "cam")
    with _publisher_gone_mad(encode(event)) as url:
        source = JointsSource(url, CameraConfig(max_frame_age_s=PATIENCE_S))
        source.open()
        wait_until(lambda: any(isinstance(item, PoseFrame) for item in source.read(0.1)), "the good sender")
        assert source.drops()["peers"] == 1
        source.close()


@pytest.mark.parametrize("high_water_mark", [-1, MOST_WAITING + 1, 2**31, 2**32 + 5, 2**70])
def test_a_high_water_mark_out_of_range_is_refused_at_once(high_water_mark: int) -> None:
    with pytest.raises(ValueError, match=f"got {high_water_mark}, expected 0 for no limit"):
        Subscription("tcp://127.0.0.1:9", high_water_mark=high_water_mark)
