"""Recording sessions over the sequences of an .npz of labelled joints."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from hitrs_live.messages import JointFrame, People
from hitrs_live.teaching.examples import RATE_HZ
from hitrs_live.teaching.joint_stream import StreamStep
from hitrs_live.teaching.record_session import RecordSession, RecordSettings
from hitrs_live.teaching.recorded_people import RecordedPerson, read_people


def archive_sessions(
    path: Path, action: str, repetitions: int, longest_s: float
) -> Iterator[tuple[str, RecordSession]]:
    """Yield each sequence's name and its session, read to the end. Raises DataError where the file is damaged."""
    for one in read_people(path):
        session = RecordSession(
            RecordSettings(action=action, repetitions=repetitions, countdown_s=0.0, longest_s=longest_s, until_end=True)
        )
        for step in steps_of(one):
            session.observe(step)
        yield one.name, session


def steps_of(one: RecordedPerson) -> Iterator[StreamStep]:
    """Yield the frames of a recorded person as a stream gives them."""
    for frame, (joints_m, confidence) in enumerate(zip(one.joints_m, one.confidence, strict=True)):
        time_s = frame / RATE_HZ
        joint_frame = JointFrame.of(joints_m[None], confidence[None], time_ns=round(time_s * 1e9), reset=frame == 0)
        people = People(
            capture_time_ns=round(time_s * 1e9), track_ids=joint_frame.track_ids, present=np.array([True]),
            joints_m=joint_frame.joints_m, confidence=joint_frame.confidence,
        )  # fmt: skip
        yield StreamStep(time_s=time_s, people=people, joint_frames=[joint_frame])
