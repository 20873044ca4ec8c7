"""Replaying a recording shows the pipeline what it saw, cut files included, and refuses what is no recording."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from mcap.writer import Writer
from patience import ManualClock

from hitrs_live.errors import DataError, SourceUnavailable
from hitrs_live.messages import Frame, JointsEvent, Pose, PoseFrame, SourceChange, SourceClock, SourceEvent
from hitrs_live.sources.base import SourceItem
from hitrs_live.sources.recording import Recording, RecordingSource, is_recording
from hitrs_live.transport.recorder import Recorder
from hitrs_live.wire.codec import joints_event

BEGIN_NS = 5_000_000_000_123
FRAME_NS = 33_333_333
UTC_OFFSET_NS = 1_772_366_400_000_000_000
CLOCK = SourceClock(utc_offset_ns=UTC_OFFSET_NS)


def _frame(index: int, people: int) -> PoseFrame:
    rng = np.random.default_rng(index)
    poses = tuple(
        Pose(
            joints_m=rng.normal(0, 1, (25, 3)).astype(np.float32),
            confidence=rng.random(25, np.float32),
            box=rng.random(4, np.float32),
            keypoints=rng.random((33, 3), np.float32),
            body_id=person,
        )
        for person in range(people)
    )
    return PoseFrame(
        index=index, capture_time_ns=BEGIN_NS + index * FRAME_NS, received_ns=0, poses=poses,
        keypoint_layout="mediapipe33" if poses else None, clock=CLOCK,
    )  # fmt: skip


FRAMES = [_frame(index, people=index % 3) for index in range(120)]
CHANGES = {
    0: SourceChange(state="up", time_ns=BEGIN_NS, detail="a camera", clock=CLOCK),
    50: SourceChange(state="stalled", time_ns=BEGIN_NS + 49 * FRAME_NS + 1, detail="silence", clock=CLOCK),
    51: SourceChange(state="up", time_ns=BEGIN_NS + 51 * FRAME_NS, detail="", clock=CLOCK),
}
ENDED = SourceChange(state="ended", time_ns=BEGIN_NS + 119 * FRAME_NS, detail="the film was over", clock=CLOCK)


def _dated(event: JointsEvent | SourceEvent) -> JointsEvent | SourceEvent:
    return msgspec.structs.replace(event, utc_ns=event.capture_time_ns + UTC_OFFSET_NS)


def _record(path: Path, *, ended: bool = True, changes: bool = True) -> list[SourceItem]:
    items: list[SourceItem] = []
    for frame in FRAMES:
        items += [CHANGES[frame.index]] if changes and frame.index in CHANGES else []
        items.append(frame)
    items += [ENDED] if ended else []
    clock_ns = 0
    with Recorder(path, session_id="s-1", source_id="cam", overwrite=True, clock=lambda: clock_ns) as recorder:
        for item in items:
            clock_ns += FRAME_NS
            if isinstance(item, PoseFrame):
                recorder.publish(_dated(joints_event(item, "cam")))
            elif isinstance(item, SourceChange):
                state = SourceEvent(source_id="cam", capture_time_ns=item.time_ns, state=item.state, detail=item.detail)
                recorder.publish(_dated(state))
    return items


def _play(source: RecordingSource) -> list[SourceItem]:
    items: list[SourceItem] = []
    source.open()
    while not (items and isinstance(items[-1], SourceChange) and items[-1].state == "ended"):
        items += source.read(1.0)
    assert source.read(0.0) == ()
    source.close()
    source.close()
    return items


def _assert_same(got: Sequence[SourceItem], expected: Sequence[SourceItem]) -> None:
    assert len(got) == len(expected)
    for mine, theirs in zip(got, expected, strict=True):
        if not isinstance(mine, PoseFrame):
            assert mine == theirs
            continue
        assert isinstance(theirs, PoseFrame)
        for name in ("index", "capture_time_ns", "keypoint_layout", "clock"):
            assert getattr(mine, name) == getattr(theirs, name)
        assert len(mine.poses) == len(theirs.poses)
        for a, b in zip(mine.poses, theirs.poses, strict=True):
            assert a.joints_m.tobytes() == b.joints_m.tobytes()
            assert a.confidence.tobytes() == b.confidence.tobytes()
            assert a.body_id == b.body_id
            assert a.box is not None
            assert b.box is not None
            assert a.box.tobytes() == b.box.tobytes()
            assert a.keypoints is not None
            assert b.keypoints is not None
            assert a.keypoints.tobytes() == b.keypoints.tobytes()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.mcap"


def test_a_replay_gives_the_same_frames_bit_for_bit_and_the_same_states(path: Path) -> None:
    recorded = _record(path)
    source = RecordingSource(path, "max")
    assert (source.session_id, source.source_id, source.live, source.has_pictures) == ("s-1", "cam", False, False)
    _assert_same(_play(source), recorded)
    assert source.drops() == {}


def test_recording_a_replay_again_gives_the_same_joints(path: Path, tmp_path: Path) -> None:
    _record(path)
    with Recorder(tmp_path / "b.mcap", session_id="s-1", source_id="cam") as recorder:
        for item in _play(RecordingSource(path, "max")):
            if isinstance(item, PoseFrame):
                recorder.publish(_dated(joints_event(item, "cam")))
    _assert_same(
        [item for item in _play(RecordingSource(tmp_path / "b.mcap", "max")) if isinstance(item, PoseFrame)], FRAMES
    )


def test_a_recording_without_dates_is_played_by_a_clock_of_which_utc_is_not_known(path: Path) -> None:
    with Recorder(path, session_id="s-1", source_id="cam") as recorder:
        recorder.publish(joints_event(FRAMES[1], "cam"))
    up, frame, _ = _play(RecordingSource(path, "max"))
    assert not isinstance(up, Frame)
    assert not isinstance(frame, Frame)
    assert up.clock == frame.clock == SourceClock(utc_offset_ns=None)


@pytest.mark.parametrize("field", ["capture_time_ns", "utc_ns"])
def test_a_recording_of_times_out_of_range_is_refused_in_one_line(path: Path, field: str) -> None:
    with Recorder(path, session_id="s-1", source_id="cam") as recorder:
        recorder.publish(msgspec.structs.replace(joints_event(FRAMES[1], "cam"), **{field: 2**63 - 1}))
    with pytest.raises(DataError, match=f"{field} {2**63 - 1}") as raised:
        _play(RecordingSource(path, "max"))
    assert "\n" not in str(raised.value)


def test_a_recording_that_was_stopped_ends_where_it_stops(path: Path) -> None:
    recorded = _record(path, ended=False)
    source = RecordingSource(path, "max")
    items = _play(source)
    _assert_same(items[:-1], recorded)
    assert items[-1] == SourceChange(
        state="ended", time_ns=FRAMES[-1].capture_time_ns, detail=f"a.mcap: {len(FRAMES)} frames"
    )


def test_a_recording_without_states_is_up_from_its_first_frame(path: Path) -> None:
    _record(path, ended=False, changes=False)
    first = _play(RecordingSource(path, "max"))[0]
    assert first == SourceChange(state="up", time_ns=BEGIN_NS, detail="a.mcap", clock=CLOCK)


def test_a_paced_replay_takes_the_time_that_was_recorded(path: Path) -> None:
    _record(path)
    clock = ManualClock()
    source = RecordingSource(path, "real", clock=clock)
    source.open()
    frames = 0
    for number in range(16):
        while items := source.read(0.0):
            frames += sum(isinstance(item, PoseFrame) for item in items)
        assert frames == number + 1, "as many as are due, and not one more"
        clock.now_ns += FRAME_NS
    source.close()


@pytest.mark.slow
def test_a_file_cut_anywhere_is_read_up_to_its_last_complete_chunk(path: Path) -> None:
    recorded = _record(path)
    whole = path.read_bytes()
    lengths = []
    for size in range(2000, len(whole) - 40, 1499):
        path.write_bytes(whole[:size])
        items = _play(RecordingSource(path, "max"))
        if isinstance(items[-1], SourceChange) and items[-1] != ENDED:
            assert "cut short" in items[-1].detail
            items.pop()
        _assert_same(items, recorded[: len(items)])
        lengths.append(len(items))
    assert lengths == sorted(lengths)
    assert lengths[0] == 0
    assert lengths[-1] >= len(recorded) - 40


def test_zeros_where_the_end_should_be_count_as_a_cut(path: Path, tmp_path: Path) -> None:
    recorded = _record(path)
    whole = path.read_bytes()
    # The data ends with a record of 4 bytes, opcode 0x0f, before the summary: from there on the disk had nothing yet.
    end = whole.rindex(b"\x0f\x04\0\0\0\0\0\0\0")
    path.write_bytes(whole[:end] + bytes(5000))
    recording = Recording(path)
    assert len(list(recording.messages())) == len(recorded)
    assert recording.cut


def test_a_damaged_file_is_reported_in_one_line_and_not_replayed_wrongly(path: Path) -> None:
    _record(path)
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 0x10
    path.write_bytes(damaged)
    with pytest.raises(DataError, match="damaged") as raised:
        _play(RecordingSource(path, "max"))
    assert "\n" not in str(raised.value)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording. Its file and not its bytes: hypothesis prints a test's arguments, and warns of large ones."""
    path = tmp_path_factory.mktemp("whole") / "a.mcap"
    _record(path)
    return path


@pytest.mark.slow
@given(st.binary(max_size=400), st.integers(0, 60_000))
@example(b"\x00\x00\x00\x00\x80", 610)  # A length beyond what an index can be.
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_noise_over_a_recording_raises_our_own_errors_and_nothing_worse(
    path: Path, whole: Path, noise: bytes, place: int
) -> None:
    damaged = bytearray(whole.read_bytes())
    place %= len(damaged)
    damaged[place : place + len(noise)] = noise
    path.write_bytes(damaged)
    complaint = ""
    try:
        _play(RecordingSource(path, "max"))
    except (DataError, SourceUnavailable) as error:
        complaint = str(error)
    assert "\n" not in complaint


@pytest.mark.parametrize("content", [b"", b"hello", bytes(100), b"\x89MCAP0\r\n", b"\x89MCAP0\r\n" + b"\xff" * 99])
def test_what_is_no_recording_is_reported_in_one_line(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(SourceUnavailable, match="give another --replay FILE") as raised:
        RecordingSource(path)
    assert "\n" not in str(raised.value)


def test_an_mcap_of_another_program_is_no_recording(path: Path) -> None:
    with path.open("wb") as file:
        writer = Writer(file)
        writer.start()
        writer.finish()
    assert is_recording(path)
    with pytest.raises(SourceUnavailable, match="no recording made with --record"):
        RecordingSource(path)


def test_a_missing_file_is_reported_in_one_line(tmp_path: Path) -> None:
    assert not is_recording(tmp_path / "none")
    with pytest.raises(SourceUnavailable, match="No such file"):
        RecordingSource(tmp_path / "none")
    with pytest.raises(SourceUnavailable, match="directory"):
        RecordingSource(tmp_path)


def test_reading_before_open_is_the_callers_mistake(path: Path) -> None:
    _record(path)
    with pytest.raises(ValueError, match="call open"):
        RecordingSource(path).read(0)
    with pytest.raises(ValueError, match="speed"):
        RecordingSource(path, "fast")  # type: ignore[arg-type]
