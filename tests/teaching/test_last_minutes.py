"""What is to be corrected is found in the last minutes, though they begin in the middle of a run."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
from shown_joints import FIRST_NS, RATE_HZ, raises

from hitrs_live.errors import DataError
from hitrs_live.messages import ActionEvent, Pose, PoseFrame
from hitrs_live.skeleton import NTU25
from hitrs_live.teaching.corrections import reported_action, track_of
from hitrs_live.teaching.last_minutes import as_recording, chosen_source, seconds_into, source_of_event
from hitrs_live.teaching.recorded_people import read_people
from hitrs_live.transport.last_minutes import LastMinutes
from hitrs_live.wire.codec import joints_event
from hitrs_live.wire.kept_minutes import KeptMessage

PUBLISHED_NS = 50_000_000_000
"""When the first frame was published."""
FRAMES = 150


def time_ns(frame: int, begin_ns: int = FIRST_NS) -> int:
    return begin_ns + round(frame / RATE_HZ * 1e9)


def seen_now() -> list[KeptMessage]:
    """Two people of whom the one on the left of the camera raises an arm; the newest frame was published just now."""
    person = raises((60,), frames=FRAMES)
    aside = np.array((0.8, 0, 0), np.float32)
    both = (person + aside, raises((), frames=FRAMES, seed=1) - aside)
    seen = np.ones(25, np.float32)
    return [
        joints_event(
            PoseFrame(
                index=frame, capture_time_ns=time_ns(frame), received_ns=0,
                poses=tuple(Pose(joints_m=one[frame], confidence=seen) for one in both),
            ),
            "room",
        )
        for frame in range(FRAMES)
    ]  # fmt: skip


def an_action(number: int, track_id: int, left: bool, onset: int = 60) -> ActionEvent:
    root_m = raises((60,), frames=FRAMES)[110, NTU25.root] + (0.8 if left else -0.8, 0, 0)
    return ActionEvent(
        source_id="room", capture_time_ns=time_ns(110), state="start", label="raise", score=0.9, track_id=track_id,
        onset_time_ns=time_ns(onset), detection_delay_s=0.5, window_start_ns=0, window_end_ns=0, log_seq=number,
        root_m=tuple(root_m.tolist()), session_id="s",
    )  # fmt: skip


def kept(*more: KeptMessage) -> LastMinutes:
    """Return them with the times of publishing that a pipeline gives."""
    import msgspec

    joints = [
        msgspec.structs.replace(one, session_id="s", publish_time_ns=time_ns(index, PUBLISHED_NS))
        for index, one in enumerate(seen_now())
    ]
    return LastMinutes(
        session_id="s", minutes=10, asked_ns=time_ns(FRAMES, PUBLISHED_NS), utc_offset_ns=7, messages=[*joints, *more]
    )


def test_a_person_is_found_by_where_they_were_not_by_the_number_of_an_earlier_track() -> None:
    minutes = kept(an_action(5, 41, left=True), an_action(6, 40, left=False))
    with as_recording(minutes, "room") as path:
        people = read_people(path)
        found = {one.name: float(one.joints_m[0, NTU25.root, 0]) for one in people}
        assert len(found) == 2
        assert found[track_of(reported_action(path, 5), people)] > 0
        assert found[track_of(reported_action(path, 6), people)] < 0
    assert not path.exists()


def test_an_event_that_is_unknown_or_began_too_early_is_refused_with_the_way_out() -> None:
    minutes = kept(an_action(5, 1, left=True), an_action(6, 1, left=True, onset=-30))
    assert source_of_event(minutes, 5) == "room"
    with pytest.raises(DataError, match=r"no event 4 in the last 10 minutes.*5 \(raise\), 6 \(raise\); live --record"):
        source_of_event(minutes, 4)
    with pytest.raises(DataError, match=r"event 6 \(raise\) began before the last 10 minutes.*; live --record"):
        source_of_event(minutes, 6)


def test_labels_of_another_machine_cannot_control_the_terminal() -> None:
    spoilt = msgspec.structs.replace(an_action(5, 1, left=True, onset=-30), label="\x1b[31mred\nhot")
    for number in (4, 5):
        with pytest.raises(DataError) as refused:
            source_of_event(kept(spoilt), number)
        assert str(refused.value).isprintable()


def test_seconds_before_now_are_found_by_the_time_of_publishing() -> None:
    minutes = kept()
    assert seconds_into(minutes, "room", 2.0) == pytest.approx(FRAMES / RATE_HZ - 2.0, abs=0.02)
    with pytest.raises(DataError, match="the time is 1 s before what the pipeline keeps, which begins 5 s ago"):
        seconds_into(minutes, "room", 6.0)
    paused = LastMinutes(
        session_id="s", minutes=10, asked_ns=minutes.asked_ns + 20_000_000_000, utc_offset_ns=0,
        messages=minutes.messages,
    )  # fmt: skip
    with pytest.raises(DataError, match="source room gave no frame at that time, the nearest is 12"):
        seconds_into(paused, "room", 8.0)


def test_the_only_source_is_taken_and_of_several_one_is_named() -> None:
    assert chosen_source(kept(), None) == "room"
    hall = joints_event(PoseFrame(index=0, capture_time_ns=0, received_ns=0, poses=()), "hall")
    assert chosen_source(kept(hall), "hall") == "hall"
    with pytest.raises(DataError, match="the sources room, hall; choose with --source"):
        chosen_source(kept(hall), None)
    nothing = LastMinutes(session_id="s", minutes=10, asked_ns=0, utc_offset_ns=0, messages=[])
    with pytest.raises(DataError, match="no frame in the last 10 minutes"):
        chosen_source(nothing, None)


def test_a_recording_of_the_last_minutes_replaces_no_file(tmp_path: Path) -> None:
    (tmp_path / "there.mcap").write_bytes(b"mine")
    with pytest.raises(Exception, match="it exists already"):
        kept().record(tmp_path / "there.mcap", "room")
    assert (tmp_path / "there.mcap").read_bytes() == b"mine"
