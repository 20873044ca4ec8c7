"""Messages survive the wire and JSON unchanged; anything else is malformed."""

import json

import hypothesis.strategies as st
import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from transport_messages import MESSAGES, a_motion, an_action

from hitrs_live.errors import MessageMalformed
from hitrs_live.messages import MAX_TIME_NS, AnyMessage, Array, JointsEvent, Message, Pose, PoseFrame
from hitrs_live.wire.codec import decode, encode, joints_event, pose_frame
from hitrs_live.wire.json_codec import from_json, json_schema, message_types, to_json


@given(MESSAGES)
@settings(max_examples=80)
def test_every_message_survives_the_wire_unchanged(message: AnyMessage) -> None:
    assert decode(encode(message)) == message


@given(MESSAGES, st.booleans())
@settings(max_examples=80)
def test_every_message_survives_json_unchanged(message: AnyMessage, omit_none: bool) -> None:
    line = to_json(message, omit_none=omit_none)
    assert b"\n" not in line
    assert from_json(line) == message


@given(st.lists(st.binary(max_size=200), max_size=4))
@settings(max_examples=200)
def test_random_bytes_raise_message_malformed_and_no_other_error(parts: list[bytes]) -> None:
    with pytest.raises(MessageMalformed) as raised:
        decode(parts)
    assert "\n" not in str(raised.value)


@pytest.mark.slow
@given(MESSAGES, st.data())
@settings(max_examples=200)
def test_a_damaged_message_decodes_or_raises_message_malformed(message: AnyMessage, data: st.DataObject) -> None:
    topic, payload = encode(message)
    damaged = bytearray(payload)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        survivor = decode([topic, bytes(damaged)[: data.draw(st.integers(0, len(damaged)))]])
    except MessageMalformed:
        return
    for name in survivor.__struct_fields__:
        if isinstance(array := getattr(survivor, name), Array):
            array.numpy()
    to_json(survivor)


@given(st.binary(max_size=100) | st.text(max_size=100))
@settings(max_examples=200)
def test_random_lines_raise_message_malformed_and_no_other_error(line: bytes | str) -> None:
    with pytest.raises(MessageMalformed):
        from_json(line)


@pytest.mark.parametrize("depth", [10_000, 1_000_000])
def test_a_deeply_nested_message_is_malformed(depth: int) -> None:
    with pytest.raises(MessageMalformed):
        decode([b"action.cam.1", b"\x91" * depth])
    with pytest.raises(MessageMalformed):
        from_json(b"[" * depth)


def test_fields_of_a_later_version_are_skipped_and_missing_ones_take_their_default() -> None:
    topic, payload = encode(an_action())
    tree = msgspec.msgpack.decode(payload)
    later = {**tree, "schema": 7, "mood": ["calm"]}
    assert decode([topic, msgspec.msgpack.encode(later)]) == msgspec.structs.replace(an_action(), schema=7)
    earlier = {key: value for key, value in tree.items() if key not in ("other_track_id", "reason", "seq")}
    assert decode([topic, msgspec.msgpack.encode(earlier)]) == an_action()


class MotionOf01(Message, frozen=True, kw_only=True, tag="motion"):
    """A motion prediction of version 0.1, field by field."""

    track_id: int
    horizons_ms: tuple[float, ...]
    joints_m: Array
    error_mm: float | None = None
    held_error_mm: float | None = None


def test_predictions_are_compatible_with_version_0_1_in_both_directions() -> None:
    known = {"error_mm": 60.0, "held_error_mm": 118.0}
    today = msgspec.structs.replace(
        a_motion(), **known, errors_mm=(60.0, None), held_errors_mm=(118.0, None), reliable=True,
        half_within_m=Array.of(np.full((30, 25), 0.05)),
    )  # fmt: skip
    payload = encode(today)[1]
    old = msgspec.msgpack.decode(payload, type=MotionOf01)
    for name in MotionOf01.__struct_fields__:
        assert getattr(old, name) == getattr(today, name)
    read = decode([today.topic.encode(), msgspec.msgpack.encode(old)])
    # Fields that version 0.1 lacks are empty or None, unlike any measured value.
    assert read == msgspec.structs.replace(today, errors_mm=(), held_errors_mm=(), reliable=None, half_within_m=None)


def test_a_message_under_a_foreign_topic_is_malformed() -> None:
    with pytest.raises(MessageMalformed, match=r"arrived under b'action\.other\.1'"):
        decode([b"action.other.1", encode(an_action())[1]])


@pytest.mark.parametrize(
    ("shape", "size"),
    [((2, 2), 15), ((-1,), 4), ((-1, -1), 4), ((0, 2**62, 2**62), 0), ((0,) * 100, 0), ((2**63, 0), 0)],
)
def test_an_array_whose_shape_does_not_match_its_bytes_is_malformed(shape: tuple[int, ...], size: int) -> None:
    event = JointsEvent(
        source_id="cam", capture_time_ns=0, index=0, joints_m=Array(shape, bytes(size)), confidence=Array((0,), b"")
    )
    with pytest.raises(MessageMalformed, match="joints_m"):
        decode(encode(event))


@pytest.mark.parametrize("field", ["capture_time_ns", "utc_ns"])
@pytest.mark.parametrize("time_ns", [2**62, -(2**62), 2**63 - 1, 2**63])
def test_times_whose_differences_overflow_64_bits_are_malformed(field: str, time_ns: int) -> None:
    event = an_action(**{field: time_ns})
    with pytest.raises(MessageMalformed, match=f"{field} {time_ns}.*expected .* nanoseconds from"):
        decode(encode(event))
    with pytest.raises(MessageMalformed, match=f"{field} {time_ns}.*expected .* nanoseconds from"):
        from_json(to_json(event))


@pytest.mark.parametrize("time_ns", [MAX_TIME_NS, -MAX_TIME_NS])
def test_the_largest_times_are_accepted(time_ns: int) -> None:
    event = an_action(capture_time_ns=time_ns, utc_ns=-time_ns)
    assert decode(encode(event)) == from_json(to_json(event)) == event


@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=50))
def test_every_float32_survives_json_bit_for_bit(bits: list[int]) -> None:
    values = np.array(bits, np.uint32).view(np.float32)
    event = JointsEvent(
        source_id="cam", capture_time_ns=0, index=0, joints_m=Array.of(values), confidence=Array.of(values[:0])
    )
    back = from_json(to_json(event))
    assert isinstance(back, JointsEvent)
    expected = np.where(np.isfinite(values), values, np.float32(np.nan))
    assert back.joints_m.data == expected.astype("<f4").tobytes()


def test_joints_are_written_with_the_fewest_digits_that_read_back_exactly() -> None:
    metres = np.random.default_rng(1).normal(0, 2, 3000).astype(np.float32)
    event = JointsEvent(
        source_id="cam", capture_time_ns=0, index=0, joints_m=Array.of(metres), confidence=Array.of(metres[:0])
    )
    written = json.loads(to_json(event), parse_float=str)["joints_m"]
    # numpy's own text of a float32 is the shortest there is: the slow reference.
    assert [float(text) for text in written] == [float(str(value)) for value in metres]
    assert max(len(text) for text in written) <= max(len(str(value)) for value in metres)


def test_an_array_without_dimensions_is_one_number_in_json() -> None:
    event = JointsEvent(
        source_id="cam", capture_time_ns=0, index=0, joints_m=Array.of(np.array(1.5)), confidence=Array.of(np.ones(1))
    )
    assert b'"joints_m":1.5,' in to_json(event)
    assert from_json(to_json(event)) == event


def test_nan_and_infinity_become_null_in_json() -> None:
    event = JointsEvent(
        source_id="cam",
        capture_time_ns=0,
        index=0,
        joints_m=Array.of(np.array([np.nan, np.inf, 1.5], np.float32)),
        confidence=Array.of(np.zeros(0, np.float32)),
    )
    assert b'"joints_m":[null,null,1.5]' in to_json(event)


def test_a_json_number_beyond_float32_is_malformed() -> None:
    line = '{"type":"pose","source_id":"c","capture_time_ns":1,"track_id":1,"joints_m":[1e300],"confidence":[]}'
    with pytest.raises(MessageMalformed, match="float32"):
        from_json(line)


def _pose(seed: int, **fields: object) -> Pose:
    rng = np.random.default_rng(seed)
    joints_m = rng.normal(0, 1, (25, 3)).astype(np.float32)
    return Pose(joints_m=joints_m, confidence=rng.random(25, np.float32), **fields)  # type: ignore[arg-type]


_BOX = np.array([0.1, 0.2, 0.3, 0.4], np.float32)
_POINTS = np.random.default_rng(3).normal(0.5, 0.4, (33, 3)).astype(np.float32)


@pytest.mark.parametrize(
    "poses",
    [
        (),
        (_pose(1),),
        (_pose(1, box=_BOX), _pose(2)),
        (_pose(1, body_id=7), _pose(2)),
        (_pose(1, box=_BOX, body_id=0),),
        (_pose(1, keypoints=_POINTS), _pose(2)),
        (_pose(1, box=_BOX, keypoints=_POINTS), _pose(2, box=_BOX, keypoints=_POINTS[::-1].copy())),
    ],
)
@pytest.mark.parametrize("road", ["wire", "json"])
def test_the_poses_of_a_frame_survive_encoding_unchanged(poses: tuple[Pose, ...], road: str) -> None:
    event = joints_event(PoseFrame(index=3, capture_time_ns=99, received_ns=100, poses=poses), "cam")
    back = decode(encode(event)) if road == "wire" else from_json(to_json(event, omit_none=True))
    assert isinstance(back, JointsEvent)
    frame = pose_frame(back, received_ns=123)
    assert (frame.index, frame.capture_time_ns, frame.received_ns) == (3, 99, 123)
    assert len(frame.poses) == len(poses)
    for got, sent in zip(frame.poses, poses, strict=True):
        np.testing.assert_array_equal(got.joints_m, sent.joints_m)
        np.testing.assert_array_equal(got.confidence, sent.confidence)
        assert got.body_id == sent.body_id
        assert (got.box is None) == (sent.box is None)
        assert sent.box is None or np.array_equal(sent.box, got.box)  # type: ignore[arg-type]
        assert (got.keypoints is None) == (sent.keypoints is None)
        assert sent.keypoints is None or np.array_equal(sent.keypoints, got.keypoints)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "fields",
    [
        {"joints_m": Array.of(np.zeros((2, 24, 3)))},
        {"joints_m": Array.of(np.zeros(()))},
        {"confidence": Array.of(np.zeros((1, 25)))},
        {"boxes": Array.of(np.zeros((2, 5)))},
        {"body_ids": (1,)},
        {"keypoints": Array.of(np.zeros((1, 33, 3)))},
        {"keypoints": Array.of(np.zeros((2, 33, 2)))},
        {"keypoints": Array.of(np.zeros(2))},
        {"keypoints": Array.of(np.zeros((2, 33, 3, 1)))},
        {"keypoints": Array.of(np.zeros((2, 3)))},
    ],
)
def test_fields_of_different_numbers_of_people_are_malformed(fields: dict[str, object]) -> None:
    whole = joints_event(PoseFrame(index=0, capture_time_ns=0, received_ns=0, poses=(_pose(1), _pose(2))), "cam")
    with pytest.raises(MessageMalformed, match="expected"):
        pose_frame(msgspec.structs.replace(whole, **fields), 0)


@pytest.mark.parametrize("kind", message_types().values())
def test_json_schemas_use_only_what_foxglove_reads(kind: type[AnyMessage]) -> None:
    def check(schema: dict[str, object], items: bool = False) -> None:
        assert schema["type"] in ("boolean", "string", "number", "integer", "object", *(() if items else ("array",)))
        assert not {"$ref", "anyOf", "oneOf"} & set(schema)
        if schema["type"] == "array":
            check(schema["items"], items=True)  # type: ignore[arg-type]
        if schema["type"] == "object":
            for field in schema["properties"].values():  # type: ignore[attr-defined]
                check(field)

    schema = json_schema(kind)
    assert schema["type"] == "object"
    check(schema)
    assert set(schema["required"]) <= set(schema["properties"])
