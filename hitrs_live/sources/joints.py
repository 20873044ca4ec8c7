"""Receive joints that another process publishes over ZeroMQ."""

import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import zmq

from hitrs_live.config import CameraConfig
from hitrs_live.errors import AddressUnavailable, MessageMalformed, SourceLost, SourceUnavailable
from hitrs_live.joint_checks import MOST_BAD, find_bad, find_bodies, find_confident
from hitrs_live.messages import MAX_TIME_NS, JointsEvent, PoseFrame, SourceChange, SourceClock
from hitrs_live.sources.base import SourceItem
from hitrs_live.sources.camera.grabber import OPEN_TIMEOUT_S
from hitrs_live.sources.camera.liveness import Liveness
from hitrs_live.sources.kinds import SourceOptions
from hitrs_live.sources.naming import name_source
from hitrs_live.sources.pacing import MonotonicClock
from hitrs_live.wire.addresses import show_address
from hitrs_live.wire.codec import decode, pose_frame
from hitrs_live.wire.sequence_numbers import SequenceTracker
from hitrs_live.wire.zmq_sockets import check_subscribed_address, connect_subscriber, refuse_silent_address

MAX_WAITING: Final = 256
"""Frames kept for a busy reader; the oldest are dropped first."""
_LOOK_UP_MS: Final = 50
_LONGEST_WAIT_S: Final = 0.05


def make_joints(value: str, options: SourceOptions) -> "JointsSource":
    """Make the source of `--joints`. Raises SourceUnavailable as `JointsSource.check` does."""
    config = options.config
    joints = JointsSource(value, config.camera, source_id=options.source_id, required=config.require_sources)
    joints.check()
    return joints


class JointsSource:
    """Receive the `joints.` messages of one sender as frames.

    Owns one thread, which only receives, so that received_ns is the true time of arrival. It subscribes when the source
    is first read: a sender that waits for a subscriber sends nothing to a reader that is still loading its model, where
    frames would become too old. Capture times and UTC are the sender's: exact where it runs on this machine, by its own
    clocks where it does not; changes of state are dated by the same clocks. When the sender restarts with a clock that
    begins at 0 again, its times are shifted to follow the earlier ones, so that time never goes back. Where several
    sources publish at the address, the first one received is taken, or the one named.

    Losses, by cause. joints: never arrived, by their sequence numbers. malformed: no message, or confidences most of
    which are not from 0 to 1. bad_joints: single joints of a person that are not finite or beyond 100 metres; they
    count as not seen. stale: waited for longer than max_frame_age_s. other_sender: of another source.
    """

    has_pictures = False
    live = True

    def __init__(
        self,
        url: str,
        config: CameraConfig,
        *,
        source_id: str = "",
        sender: str = "",
        required: bool = False,
        clock: MonotonicClock = time.monotonic_ns,
    ) -> None:
        """Take the address; nothing is opened yet. Raise ValueError for a bad source name.

        Args:
            config: for stall_after_s, lost_after_s and max_frame_age_s.
            sender: the source_id to take where several publish at the address.
            required: whether `open` refuses an address without a publisher.
        """
        self._shown = show_address(url)
        self.source_id = name_source(source_id, self._shown)
        self._url = url
        self._required = required
        self._sender = sender
        self._clock = clock
        self._max_age_ns = int(config.max_frame_age_s * 1e9)
        self._liveness = Liveness(
            name=self._shown, stall_after_s=config.stall_after_s, lost_after_s=config.lost_after_s
        )
        self._timeline = _Timeline()
        self._sender_clock: SourceClock | None = None
        self._sequence = SequenceTracker()
        self._drops = {"malformed": 0, "bad_joints": 0, "stale": 0, "other_sender": 0}
        self._items: list[SourceItem] = []
        self._changed = threading.Condition()
        self._listening = threading.Event()
        """Set by the first read, or the close."""
        self._stop = threading.Event()
        self._failure: Exception | None = None
        self._thread: threading.Thread | None = None

    def check(self) -> None:
        """Raise SourceUnavailable for a malformed address and, where it is required, one without a publisher."""
        try:
            check_subscribed_address(self._url)
            if self._required:
                refuse_silent_address(self._url, timeout_s=OPEN_TIMEOUT_S)
        except AddressUnavailable as error:
            raise SourceUnavailable(f"joints: {error}; give another --joints URL, or try --demo") from None

    def open(self) -> None:
        """Connect; unless it is required, the publisher may come later. Raises as `check` does."""
        self.check()
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        try:
            receiver = connect_subscriber(context, self._url, ())
        except AddressUnavailable as error:
            context.term()
            raise SourceUnavailable(f"joints: {error}; give another --joints URL, or try --demo") from None
        self._thread = threading.Thread(
            target=self._run, args=(context, receiver), name=f"joints {self._shown}", daemon=True
        )
        self._thread.start()

    def read(self, timeout_s: float) -> Sequence[SourceItem]:
        """Return what came since the last call, oldest first; wait up to timeout_s for the first item.

        The first call subscribes.
        """
        if self._thread is None:
            raise ValueError(f"joints {self._shown}: read before open; call open() first")
        give_up_s = time.monotonic() + timeout_s
        with self._changed:
            if not self._listening.is_set():
                self._items.append(self._liveness.begin(self._clock()))
                self._listening.set()
            while not self._stop.is_set():
                if self._failure is not None:
                    raise SourceLost(f"joints {self._shown}: receiving failed ({self._failure}); start again")
                # Checked here and not in the thread, so that a thread that hangs cannot hide a silence.
                self._items += self._timed(self._liveness.check(self._clock(), ""))
                items = self._take_fresh()
                left_s = give_up_s - time.monotonic()
                if items or left_s <= 0:
                    return items
                self._changed.wait(min(left_s, _LONGEST_WAIT_S))
        return ()

    def drops(self) -> dict[str, int]:
        """Count the losses by cause."""
        with self._changed:
            return {"joints": self._sequence.missed, **self._drops}

    def close(self) -> None:
        """End the thread, which closes the socket."""
        self._stop.set()
        self._listening.set()
        with self._changed:
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(1.0)

    def _run(self, context: zmq.Context[zmq.Socket[bytes]], receiver: zmq.Socket[bytes]) -> None:
        try:
            self._listening.wait()
            receiver.subscribe(f"joints.{self._sender}")
            while not self._stop.is_set():
                if receiver.poll(_LOOK_UP_MS, zmq.POLLIN):
                    self._receive(receiver.recv_multipart(zmq.NOBLOCK))
        # Whatever it was, it is raised in `read`: otherwise a dead thread would look like a silent sender.
        except Exception as error:
            with self._changed:
                self._failure = error
                self._changed.notify()
        finally:
            receiver.close(linger=0)
            context.term()

    def _receive(self, parts: list[bytes]) -> None:
        received_ns = self._clock()
        with self._changed:
            try:
                event, frame = _decode_frame(parts, received_ns)
            except MessageMalformed:
                self._drops["malformed"] += 1
                return
            self._sender = self._sender or event.source_id
            if event.source_id != self._sender:
                self._drops["other_sender"] += 1
                return
            self._sequence.arrived(event)
            self._drops["bad_joints"] += _count_bad(frame)
            placed_ns = self._timeline.place(event, received_ns)
            # A sender that does not date its messages leaves UTC unknown.
            self._sender_clock = SourceClock(utc_offset_ns=None if event.utc_ns is None else event.utc_ns - placed_ns)
            frame = replace(frame, capture_time_ns=placed_ns, clock=self._sender_clock)
            self._items += self._timed(self._liveness.observe(received_ns, f"joints of {event.source_id}"))
            self._items.append(frame)
            if len(self._items) > MAX_WAITING:
                self._drop_oldest_frame()
            self._changed.notify()

    def _timed(self, changes: list[SourceChange]) -> list[SourceChange]:
        ahead_ns, clock = self._timeline.ahead_ns, self._sender_clock
        return [replace(change, time_ns=change.time_ns + ahead_ns, clock=clock) for change in changes]

    def _take_fresh(self) -> list[SourceItem]:
        oldest_ns = self._clock() - self._max_age_ns
        fresh = [item for item in self._items if isinstance(item, SourceChange) or item.received_ns >= oldest_ns]
        self._drops["stale"] += len(self._items) - len(fresh)
        self._items = []
        return fresh

    def _drop_oldest_frame(self) -> None:
        oldest = next((n for n, item in enumerate(self._items) if isinstance(item, PoseFrame)), None)
        if oldest is not None:
            del self._items[oldest]
            self._drops["stale"] += 1


class _Timeline:
    """Map a sender's times to a timeline that does not go back when the sender restarts.

    Where the timeline would exceed the times that a message can carry, it restarts at the sender's own time.
    """

    def __init__(self) -> None:
        self.ahead_ns = 0
        """How far the timeline is ahead of this machine's clock, by the last frame."""
        self._session_id = ""
        self._moved_ns = 0
        self._last_ns: int | None = None

    def place(self, event: JointsEvent, received_ns: int) -> int:
        if event.session_id != self._session_id:
            self._session_id = event.session_id
            self._moved_ns = 0
            if self._last_ns is not None and event.capture_time_ns <= self._last_ns:
                self._moved_ns = received_ns + self.ahead_ns - event.capture_time_ns
        if abs(event.capture_time_ns + self._moved_ns) > MAX_TIME_NS:
            self._moved_ns = 0
        self._last_ns = event.capture_time_ns + self._moved_ns
        self.ahead_ns = self._last_ns - received_ns
        return self._last_ns


def _decode_frame(parts: list[bytes], received_ns: int) -> tuple[JointsEvent, PoseFrame]:
    event = decode(parts)
    if not isinstance(event, JointsEvent):
        raise MessageMalformed(f"got a message of topic {event.topic}, expected joints")
    frame = pose_frame(event, received_ns)
    for pose in frame.poses:
        if find_confident(pose.confidence).mean() <= MOST_BAD:
            raise MessageMalformed(f"{event.topic}: got confidences such as {pose.confidence[0]}, expected 0 to 1")
        if not all(values is None or np.isfinite(values).all() for values in (pose.box, pose.keypoints)):
            raise MessageMalformed(f"{event.topic}: boxes and keypoints must be finite, or unknown as a whole")
    return event, frame


def _count_bad(frame: PoseFrame) -> int:
    """Count the joints without a position or without a confidence, of all bodies that are people."""
    return sum(
        int((find_bad(pose.joints_m) | ~find_confident(pose.confidence)).sum())
        for pose in frame.poses
        if find_bodies(pose.joints_m, pose.confidence)
    )
