"""Receive joints that another process publishes over ZeroMQ."""

import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import zmq

from hitrs_live.config import CameraConfig, JointsConfig
from hitrs_live.errors import AddressUnavailable, MessageMalformed, SourceLost, SourceUnavailable
from hitrs_live.messages import JointsEvent, PoseFrame, SourceChange, SourceClock
from hitrs_live.sources.base import SourceItem
from hitrs_live.sources.camera.grabber import OPEN_TIMEOUT_S
from hitrs_live.sources.camera.liveness import Liveness
from hitrs_live.sources.kinds import SourceOptions
from hitrs_live.sources.naming import name_source
from hitrs_live.sources.pacing import MonotonicClock
from hitrs_live.sources.received_joints import MAX_WAITING, ReceivedJoints, WaitingJoints, count_bad
from hitrs_live.sources.sender_timeline import SenderTimeline
from hitrs_live.sources.stream_delay import StreamDelay
from hitrs_live.wire.addresses import show_address
from hitrs_live.wire.codec import decode
from hitrs_live.wire.connection_guard import ConnectionGuard, Unread, UnreadLimit
from hitrs_live.wire.curve import ClientKeys
from hitrs_live.wire.handshakes import Admission
from hitrs_live.wire.key_files import PUBLIC
from hitrs_live.wire.sequence_numbers import Gap, SequenceTracker, SessionOrder
from hitrs_live.wire.zmq_sockets import (
    DEFAULT_HIGH_WATER_MARK,
    check_subscribed_address,
    connect_subscriber,
    refuse_silent_address,
)

_AT_ONCE: Final = 4096
_BYTES_AT_ONCE: Final = 16 * 2**20
_LOOK_UP_MS: Final = 50
_LONGEST_WAIT_S: Final = 0.05


def make_joints(value: str, options: SourceOptions) -> "JointsSource":
    """Make the source of `--joints`. Raises SourceUnavailable as `JointsSource.check` does, and KeyUnusable."""
    config = options.config
    name = name_source(options.source_id, show_address(value))
    joints = JointsSource(
        value, config.camera, source_id=options.source_id, required=config.require_sources,
        keys=_keys(config.joints, name),
    )  # fmt: skip
    joints.check()
    return joints


def _keys(config: JointsConfig, source_id: str) -> ClientKeys | None:
    server_key = Path(config.server_key)
    if config.server_key and server_key.is_dir():
        server_key = server_key / f"{source_id}{PUBLIC}"
    return ClientKeys.load(config.secret_key, server_key if config.server_key else None)


class JointsSource:
    """Receive the `joints.` messages of one sender as frames.

    Owns one thread, which only receives, so that received_ns is the true time of arrival. It subscribes when the source
    is first read: a sender that waits for a subscriber sends nothing to a reader that is still loading its model, where
    frames would become too old. Capture times and UTC are the sender's: exact where it runs on this machine, by its own
    clocks where it does not; changes of state are dated by the same clocks. When the sender restarts with a clock that
    begins at 0 again, its times are shifted to follow the earlier ones, so that time never goes back. Where several
    sources publish at the address, the first one received is taken, or the one named.

    A frame's `received_ns` is when its message would have arrived, had it not waited on its way (`StreamDelay`): a
    flood of messages that fills the buffers does not make old frames look new.

    Losses, by cause. joints: never arrived, by their sequence numbers. malformed: no message, or confidences most of
    which are not from 0 to 1. bad_joints: single joints of a person that are not finite or beyond 100 metres; they
    count as not seen. stale: waited for longer than max_frame_age_s, or too many waited. other_sender: of another
    source. replayed: of numbers or sessions that came before. people: the farthest of a crowd. peers: the sender was
    disconnected, because it sent without end what is no message.
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
        keys: ClientKeys | None = None,
    ) -> None:
        """Take the address; nothing is opened yet. Raise ValueError for a bad source name.

        Args:
            config: for stall_after_s, lost_after_s and max_frame_age_s.
            sender: the source_id to take where several publish at the address.
            required: whether `open` refuses an address without a publisher.
            keys: for a publisher that uses keys.
        """
        self._shown = show_address(url)
        self.source_id = name_source(source_id, self._shown)
        self._url, self._keys = url, keys
        self._admission = Admission(url, keys)
        self._required = required
        self._sender = sender
        self._clock = clock
        self._max_age_ns = int(config.max_frame_age_s * 1e9)
        self._liveness = Liveness(
            name=self._shown, stall_after_s=config.stall_after_s, lost_after_s=config.lost_after_s
        )
        self._timeline = SenderTimeline()
        self._delay = StreamDelay(self._max_age_ns)
        self._session_id: str | None = None
        self._order = SessionOrder(int(config.lost_after_s * 1e9))
        self._unread = Unread()
        self._guard: ConnectionGuard | None = None
        self._sender_clock: SourceClock | None = None
        self._sequence = SequenceTracker()
        self._drops = {
            "joints": 0, "malformed": 0, "bad_joints": 0, "stale": 0, "other_sender": 0, "people": 0,
        }  # fmt: skip
        self._skipped = 0
        """Messages that were not decoded, and that no gap in the numbers has shown yet."""
        self._emptied = True
        """Whether the thread last received until nothing was left."""
        self._waiting = WaitingJoints()
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
            receiver = connect_subscriber(context, self._url, (), monitored=True, keys=self._keys)
        except AddressUnavailable as error:
            context.term()
            raise SourceUnavailable(f"joints: {error}; give another --joints URL, or try --demo") from None
        self._guard = ConnectionGuard(
            receiver, lambda: UnreadLimit(self._unread, DEFAULT_HIGH_WATER_MARK), handshakes=self._admission
        )
        self._thread = threading.Thread(
            target=self._run, args=(context, receiver), name=f"joints {self._shown}", daemon=True
        )
        self._thread.start()

    def read(self, timeout_s: float) -> Sequence[SourceItem]:
        """Return the changes of state that are due and one frame, the oldest; wait up to timeout_s for the first item.

        One frame only, so that each is fresh when it is read, however long the reader takes for one. The first call
        subscribes.
        """
        if self._thread is None:
            raise ValueError(f"joints {self._shown}: read before open; call open() first")
        give_up_s = time.monotonic() + timeout_s
        with self._changed:
            if not self._listening.is_set():
                self._waiting.add_changes([self._liveness.begin(self._clock())])
                self._listening.set()
            while not self._stop.is_set():
                if self._failure is not None:
                    raise SourceLost(f"joints {self._shown}: receiving failed ({self._failure}); start again")
                # Checked here and not in the thread, so that a thread that hangs cannot hide a silence.
                now_ns, refusal = self._clock(), self._admission.refusal
                if refusal:
                    self._waiting.add_changes(self._timed(self._liveness.note_trouble(now_ns, refusal)))
                self._waiting.add_changes(self._timed(self._liveness.check(now_ns, refusal)))
                items = self._take()
                left_s = give_up_s - time.monotonic()
                if items or left_s <= 0:
                    return items
                self._changed.wait(min(left_s, _LONGEST_WAIT_S))
        return ()

    def drops(self) -> dict[str, int]:
        """Count the losses by cause."""
        with self._changed:
            return {
                **self._drops,
                "replayed": self._order.refused,
                "peers": 0 if self._guard is None else self._guard.ended,
            }

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
                self._admission.retry(receiver)
                if receiver.poll(_LOOK_UP_MS, zmq.POLLIN):
                    self._receive_all(receiver)
        # Whatever it was, it is raised in `read`: otherwise a dead thread would look like a silent sender.
        except Exception as error:
            with self._changed:
                self._failure = error
                self._changed.notify()
        finally:
            receiver.close(linger=0)
            context.term()

    def _receive_all(self, receiver: zmq.Socket[bytes]) -> None:
        """Receive what there is, so that what waits, waits here; decode only the newest messages of it.

        Decoding takes longer than receiving: a flood would otherwise be read late, from ever fuller buffers.
        """
        newest: deque[list[bytes]] = deque(maxlen=MAX_WAITING)
        received = size = 0
        was_emptied, self._emptied = self._emptied, False
        while received < _AT_ONCE and size < _BYTES_AT_ONCE:
            try:
                parts = receiver.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                self._emptied = True
                self._unread.emptied += 1 if received else 0
                break
            self._unread.take(parts)
            newest.append(parts)
            received += 1
            size += sum(map(len, parts))
        with self._changed:
            self._skipped += received - len(newest)
            self._drops["stale"] += received - len(newest)
        awaited = was_emptied and received == len(newest)
        for parts in newest:
            self._receive(parts, awaited=awaited)
            awaited = False

    def _receive(self, parts: list[bytes], *, awaited: bool) -> None:
        arrived_ns = self._clock()
        with self._changed:
            try:
                event = decode(parts)
            except MessageMalformed:
                self._drops["malformed"] += 1
                return
            if not isinstance(event, JointsEvent):
                self._drops["malformed"] += 1
                return
            self._sender = self._sender or event.source_id
            if event.source_id != self._sender:
                self._drops["other_sender"] += 1
                return
            if not self._order.accept(event, arrived_ns):
                return
            self._count_lost(self._sequence.arrived(event))
            placed_ns = self._timeline.place(event, arrived_ns)
            if event.session_id != self._session_id:
                self._session_id = event.session_id
                self._delay.forget()
            delay_ns = self._delay.observe(event.publish_time_ns or placed_ns, arrived_ns, awaited=awaited)
            # A sender that does not date its messages leaves UTC unknown.
            self._sender_clock = SourceClock(utc_offset_ns=None if event.utc_ns is None else event.utc_ns - placed_ns)
            changes = self._liveness.observe(arrived_ns, f"joints of {event.source_id}")
            self._waiting.add_changes(self._timed(changes))
            received = ReceivedJoints(
                event=event, size=sum(map(len, parts)), placed_ns=placed_ns, received_ns=arrived_ns - delay_ns,
                clock=self._sender_clock,
            )  # fmt: skip
            self._drops["stale"] += self._waiting.add(received)
            self._changed.notify()

    def _count_lost(self, gap: Gap | None) -> None:
        """Count what never arrived: what is missing, but for the messages that were skipped here."""
        missed = 0 if gap is None else gap.missed
        skipped = min(missed, self._skipped)
        self._skipped -= skipped
        self._drops["joints"] += missed - skipped

    def _timed(self, changes: list[SourceChange]) -> list[SourceChange]:
        ahead_ns, clock = self._timeline.ahead_ns, self._sender_clock
        return [replace(change, time_ns=change.time_ns + ahead_ns, clock=clock) for change in changes]

    def _take(self) -> list[SourceItem]:
        """Take the changes of state up to the oldest fresh frame, and the frame."""
        oldest_ns = self._clock() - self._max_age_ns
        items: list[SourceItem] = []
        while (item := self._waiting.take()) is not None:
            if isinstance(item, SourceChange):
                items.append(item)
            elif item.received_ns < oldest_ns:
                self._drops["stale"] += 1
            elif (frame := self._unpack(item)) is not None:
                items.append(frame)
                break
        return items

    def _unpack(self, received: ReceivedJoints) -> PoseFrame | None:
        """Unpack a message's poses, and count what is wrong with them. In `read`, so that a flood costs less."""
        try:
            frame = received.frame()
        except MessageMalformed:
            self._drops["malformed"] += 1
            return None
        self._drops["bad_joints"] += count_bad(frame)
        self._drops["people"] += received.event.joints_m.shape[0] - len(frame.poses)
        return frame
