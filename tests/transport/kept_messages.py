"""Messages as the pipeline gives them to what keeps the last minutes, and what is kept of them."""

import numpy as np
from transport_messages import an_action

from hitrs_live.config import KeepConfig
from hitrs_live.messages import JointsEvent, Pose, PoseFrame
from hitrs_live.transport.kept_minutes import KeptMinutes, KeptMinutesSink
from hitrs_live.wire.codec import joints_event
from hitrs_live.wire.kept_minutes import KeptMessage, KeptRequest, unpack_block

FRAME_NS = 1_000_000_000 // 30


def some_joints(index: int, source_id: str = "cam", people: int = 1) -> JointsEvent:
    """Build the joints of one frame, noise that hardly compresses. Frames are a thirtieth of a second apart."""
    rng = np.random.default_rng(index)
    poses = tuple(
        Pose(joints_m=rng.normal(0, 1, (25, 3)).astype(np.float32), confidence=rng.random(25, np.float32))
        for _ in range(people)
    )
    frame = PoseFrame(index=index, capture_time_ns=index * FRAME_NS, received_ns=0, poses=poses)
    return joints_event(frame, source_id)


def keep_noise(kept: KeptMinutes, frames: int, source_id: str = "cam") -> None:
    """Keep so many frames, and an event of every hundredth."""
    sink = KeptMinutesSink(kept, "s")
    for index in range(frames):
        sink.publish(some_joints(index, source_id))
        if index % 100 == 0:
            sink.publish(an_action(capture_time_ns=index * FRAME_NS, session_id="s", log_seq=index // 100))


def all_kept(kept: KeptMinutes) -> list[KeptMessage]:
    """Read all pages."""
    messages: list[KeptMessage] = []
    first = 0
    while True:
        reply = kept.reply(KeptRequest(number=1, first=first))
        for block in reply.blocks:
            messages += unpack_block(block)[0]
        first = reply.first + len(reply.blocks)
        if first > reply.last:
            return messages


def keeping(minutes: float = 10.0, max_mb: float = 64.0) -> KeptMinutes:
    """Begin to keep, by the machine's own clock."""
    return KeptMinutes(KeepConfig(minutes=minutes, max_mb=max_mb), "s")
