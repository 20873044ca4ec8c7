"""Send the joints of the demo figure from a process of its own, which lies when it is asked to."""

import argparse
import os
import time
from dataclasses import replace
from enum import IntEnum

import msgspec
import numpy as np
import zmq
from controlled_process import ControlledProcess, Wanted

from hitrs_live.messages import Array, JointsEvent, PoseFrame
from hitrs_live.sources.demo.source import DemoSource
from hitrs_live.wire.codec import encode, joints_event

HOUR_NS = 3_600 * 10**9
FLOOD = 200
"""Messages for each one that is due."""


class Joints(IntEnum):
    """What a sender sends."""

    GOOD = 0
    GARBAGE = 1
    """Bytes that are no message, between good ones."""
    CROWD = 2
    """3,000 people in each frame."""
    FAR = 3
    """Positions of 1e38 m and infinity."""
    LATE_TIMES = 4
    """Now and then the largest capture time there is."""
    CLOCK_BACK = 5
    """The sender's clock was set back by an hour."""
    FLOOD = 6
    """Hundreds of times as many messages as there are frames."""
    REPLAYED = 7
    """Each message twice more, and another session's messages between."""
    SILENT = 8


class JointsSender(ControlledProcess):
    """A sender for `--joints`."""

    def __init__(self, source_id: str, port: int, seed: int) -> None:
        """Start it on a port of this machine. source_id: of its messages. seed: of the figure's movements."""
        self.address = f"tcp://127.0.0.1:{port}"
        super().__init__("joints_senders.py", [source_id, str(port), str(seed)])


def send(source_id: str, port: int, seed: int) -> None:
    """Send frames without end."""
    socket = zmq.Context().socket(zmq.PUB)
    socket.bind(f"tcp://127.0.0.1:{port}")
    source, session, seq = DemoSource("real", seed=seed), f"{os.getpid()}-{time.time_ns()}", 0
    source.open()
    wanted = Wanted()
    while True:
        for item in source.read(1.0):
            if isinstance(item, PoseFrame):
                # Its own times count from its start; a live sender's are those of the clock.
                frame = replace(item, capture_time_ns=time.monotonic_ns(), index=seq)
                event = msgspec.structs.replace(joints_event(frame, source_id), session_id=session, seq=seq)
                for parts in spoilt(event, Joints(wanted.value)):
                    socket.send_multipart(parts)
                seq += 1


def spoilt(event: JointsEvent, how: Joints) -> list[list[bytes]]:
    """Return the messages that are sent for one frame."""
    change = msgspec.structs.replace
    good = encode(event)
    if how is Joints.GARBAGE:
        noise = np.random.default_rng(event.seq).bytes(2000)
        return [[good[0], noise], [good[0], good[1][:-7]], [good[0]], [good[0], b"\x91" * 5000], good]
    if how is Joints.CROWD:
        joints_m = (
            np.repeat(event.joints_m.numpy()[:1], 3000, axis=0) + np.arange(3000, dtype=np.float32)[:, None, None]
        )
        ones = np.ones((3000, 25), np.float32)
        return [encode(change(event, joints_m=Array.of(joints_m), confidence=Array.of(ones), body_ids=(), boxes=None))]
    if how is Joints.FAR:
        joints_m = event.joints_m.numpy().copy()
        joints_m[:, ::2] = (1e38, np.inf, -1e38)
        return [encode(change(event, joints_m=Array.of(joints_m)))]
    if how is Joints.LATE_TIMES:
        return [encode(change(event, capture_time_ns=2**63 - 1))] if event.seq % 10 == 0 else [good]
    if how is Joints.CLOCK_BACK:
        return [encode(change(event, capture_time_ns=event.capture_time_ns - HOUR_NS))]
    if how is Joints.FLOOD:
        return [good] * FLOOD
    if how is Joints.REPLAYED:
        return [good, good, good, encode(change(event, session_id="another"))]
    return [] if how is Joints.SILENT else [good]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("numbers", type=int, nargs=2)
    given = parser.parse_args()
    send(given.name, *given.numbers)
