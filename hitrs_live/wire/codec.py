"""Encode messages to bytes on the wire, and poses of a frame to a message; decode both.

On the wire a message has two parts: its topic, then one msgpack map. Versions are compatible: unknown fields are
skipped, missing fields take their default, and a higher `schema` is accepted as long as the known fields still fit.
"""

import math
from collections.abc import Sequence
from functools import cache
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from hitrs_live.errors import MessageMalformed
from hitrs_live.joint_checks import nearest_people
from hitrs_live.lens import LENS_NUMBERS, is_lens
from hitrs_live.messages import MAX_TIME_NS, AnyMessage, Array, JointsEvent, Pose, PoseFrame, SourceClock
from hitrs_live.skeleton import NTU25

INT64_MAX: Final = 2**63 - 1
MAX_DIMENSIONS: Final = 8
JOINT_COUNT: Final = len(NTU25)
MOST_KEYPOINTS: Final = 1024
LONGEST_NAME: Final = 256
"""Most characters of a session or a topic: receivers keep thousands of them."""


@cache
def _encoder() -> msgspec.msgpack.Encoder:
    return msgspec.msgpack.Encoder()


@cache
def _decoder() -> msgspec.msgpack.Decoder[AnyMessage]:
    return msgspec.msgpack.Decoder(AnyMessage)


def encode(message: AnyMessage) -> list[bytes]:
    """Encode a message as the two parts [topic, msgpack] of a ZeroMQ message."""
    return [message.topic.encode(), _encoder().encode(message)]


def decode(parts: Sequence[bytes], *, under: bytes | None = None) -> AnyMessage:
    """Decode the two parts [topic, msgpack] of a message.

    under: the topic that it must arrive under; None for the message's own.

    Raises:
        MessageMalformed: for anything else, in one line.
    """
    if len(parts) != 2:
        raise MessageMalformed(f"message of {len(parts)} parts, expected 2: topic and msgpack")
    topic, payload = parts
    try:
        message = _decoder().decode(payload)
    # RecursionError: deeply nested maps. ValueError includes msgspec's own errors and text that is not UTF-8.
    except (ValueError, RecursionError, OverflowError) as error:
        raise MessageMalformed(f"message under topic {topic[:80]!r}: {error}; is the sender hitrs_live?") from None
    check(message)
    if topic != (message.topic.encode() if under is None else under):
        raise MessageMalformed(
            f"message of topic {message.topic[:80]!r} arrived under {topic[:80]!r}, expected the same topic"
        )
    return message


def check(message: AnyMessage) -> None:
    """Check what the types alone do not guarantee: counts and times are in range, arrays match their shape.

    Raises:
        MessageMalformed: if a value is out of range or an array does not match its shape.
    """
    if max(len(message.session_id), len(message.topic)) > LONGEST_NAME:
        raise MessageMalformed(
            f"{message.topic[:80]}: a topic of {len(message.topic)} characters in a session of "
            f"{len(message.session_id)}, expected at most {LONGEST_NAME}"
        )
    times_ns = (message.capture_time_ns, message.utc_ns or 0)
    if not (0 <= message.seq <= INT64_MAX and all(abs(time_ns) <= MAX_TIME_NS for time_ns in times_ns)):
        raise MessageMalformed(
            f"{message.topic[:80]}: seq {message.seq}, capture_time_ns {times_ns[0]}, utc_ns {message.utc_ns}; "
            f"expected a count from 0 in 64 bits, and nanoseconds from {-MAX_TIME_NS} to {MAX_TIME_NS}"
        )
    for name in array_fields(type(message)):
        array: Array | None = getattr(message, name)
        if array is not None and not _matches_shape(array):
            raise MessageMalformed(
                f"{message.topic[:80]}: {name} has shape {array.shape[:MAX_DIMENSIONS]} and {len(array.data)} bytes, "
                "expected four bytes per number"
            )


def _matches_shape(array: Array) -> bool:
    return (
        len(array.shape) <= MAX_DIMENSIONS
        and all(0 <= size <= INT64_MAX for size in array.shape)
        and math.prod(array.shape) * 4 == len(array.data)
        # numpy refuses a shape such as (0, 2**62, 2**62) although it is empty.
        and math.prod(max(size, 1) for size in array.shape) <= INT64_MAX // 4
    )


@cache
def array_fields(kind: type[AnyMessage]) -> tuple[str, ...]:
    """Return the names of a message type's fields whose type is Array."""
    return tuple(
        field.name for field in msgspec.structs.fields(kind) if field.type is Array or field.type == (Array | None)
    )


def joints_event(frame: PoseFrame, source_id: str) -> JointsEvent:
    """Pack the P poses of one frame (P may be 0) into a message. The publisher or recorder stamps it.

    `boxes` is None if no pose has one; if only some have, the rows of the others are NaN. The same holds for
    `keypoints`.
    """
    poses = frame.poses
    keypoints = _stack_known([pose.keypoints for pose in poses])
    claimed = any(pose.body_id is not None for pose in poses)
    return JointsEvent(
        source_id=source_id,
        capture_time_ns=frame.capture_time_ns,
        index=frame.index,
        joints_m=Array.of(_stack([pose.joints_m for pose in poses], (JOINT_COUNT, 3))),
        confidence=Array.of(_stack([pose.confidence for pose in poses], (JOINT_COUNT,))),
        boxes=_stack_known([pose.box for pose in poses]),
        body_ids=tuple(pose.body_id for pose in poses) if claimed else (),
        keypoints=keypoints,
        keypoint_layout=None if keypoints is None else frame.keypoint_layout,
        lens=None if frame.lens is None else Array.of(frame.lens),
    )


def pose_frame(event: JointsEvent, received_ns: int) -> PoseFrame:
    """Unpack the poses of one frame, of a crowd those of `nearest_people`; the arrays are views of the event's bytes.

    Raises:
        MessageMalformed: if joints_m is not (P, 25, 3), the other fields are not of P people, or the lens is none.
    """
    joints_m, confidence = event.joints_m.numpy(), event.confidence.numpy()
    people = joints_m.shape[0] if joints_m.ndim else 0
    boxes = None if event.boxes is None else event.boxes.numpy()
    keypoints = None if event.keypoints is None else event.keypoints.numpy()
    expected = ((people, JOINT_COUNT, 3), (people, JOINT_COUNT), (people, 4), (people, 3))
    got = (
        joints_m.shape,
        confidence.shape,
        expected[2] if boxes is None else boxes.shape,
        expected[3] if keypoints is None else (*keypoints.shape[:1], *keypoints.shape[2:]),
    )
    crowded = keypoints is not None and keypoints.ndim > 1 and keypoints.shape[1] > MOST_KEYPOINTS
    if got != expected or crowded or len(event.body_ids) not in (0, people):
        shape = None if keypoints is None else keypoints.shape
        raise MessageMalformed(
            f"{event.topic[:80]}: joints {got[0]}, confidence {got[1]}, boxes {got[2]}, keypoints {shape}, "
            f"{len(event.body_ids)} body ids; expected (P, {JOINT_COUNT}, 3), (P, {JOINT_COUNT}), (P, 4) or none, "
            f"(P, N, 3) with N up to {MOST_KEYPOINTS} or none, P or 0"
        )
    lens = None if event.lens is None else event.lens.numpy()
    if lens is not None and not is_lens(lens):
        raise MessageMalformed(
            f"{event.topic[:80]}: a lens of {lens.shape} numbers, expected ({LENS_NUMBERS},), finite, "
            "with positive focal lengths"
        )
    body_ids = event.body_ids or (None,) * people
    return PoseFrame(
        index=event.index,
        capture_time_ns=event.capture_time_ns,
        received_ns=received_ns,
        poses=tuple(
            Pose(
                joints_m=joints_m[p],
                confidence=confidence[p],
                box=_known(boxes, p),
                keypoints=_known(keypoints, p),
                body_id=body_ids[p],
            )
            for p in nearest_people(joints_m, confidence)
        ),
        keypoint_layout=event.keypoint_layout,
        clock=SourceClock(utc_offset_ns=utc_offset_ns(event)),
        lens=lens,
    )


def utc_offset_ns(message: AnyMessage) -> int | None:
    """Return UTC minus the clock of a message's times, nanoseconds; None if the message has no UTC time."""
    return None if message.utc_ns is None else message.utc_ns - message.capture_time_ns


def _stack_known(rows: list[NDArray[np.float32] | None]) -> Array | None:
    """Stack one row per person, NaN where it is missing; None if it is missing for every person."""
    known = next((row for row in rows if row is not None), None)
    if known is None:
        return None
    missing = np.full_like(known, np.nan)
    return Array.of(np.stack([missing if row is None else row for row in rows]))


def _known(values: NDArray[np.float32] | None, person: int) -> NDArray[np.float32] | None:
    return None if values is None or np.isnan(values[person]).all() else values[person]


def _stack(rows: list[NDArray[np.float32]], row_shape: tuple[int, ...]) -> NDArray[np.float32]:
    return np.stack(rows) if rows else np.zeros((0, *row_shape), np.float32)
