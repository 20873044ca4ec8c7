"""A quiet recording is saved in pieces as it goes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from shown_joints import raises, steps

from hitrs_live.teaching.examples import read_quiet
from hitrs_live.teaching.quiet_recording import QuietRecording


def test_each_person_is_saved_in_pieces_with_every_frame_in_one(tmp_path: Path) -> None:
    one, other = raises((), frames=700, seed=1), raises((), frames=700, seed=2) + np.float32((1, 0, 0))
    recording = QuietRecording(tmp_path, person="anna", origin="camera 0", piece_s=10.0)
    for step in steps(one, other):
        recording.observe(step)
    recording.close()
    saved = read_quiet(tmp_path)
    assert sorted(len(each.joints_m) for each in saved) == [100, 100, 300, 300, 300, 300]
    assert recording.files == 6
    assert recording.saved_s == recording.people_s == pytest.approx(1400 / 30)
    frames = np.concatenate([each.joints_m for each in saved])
    assert {each.tobytes() for each in frames} == {each.tobytes() for each in np.concatenate((one, other))}
    assert {(each.person, each.origin) for each in saved} == {("anna", "camera 0")}


def test_a_piece_is_on_disk_before_the_recording_ends(tmp_path: Path) -> None:
    recording = QuietRecording(tmp_path, person="", origin="camera 0", piece_s=5.0)
    for step in steps(raises((), frames=200)):
        recording.observe(step)
    assert [len(one.joints_m) for one in read_quiet(tmp_path)] == [150]


def test_joints_before_and_after_a_gap_are_in_pieces_of_their_own(tmp_path: Path) -> None:
    recording = QuietRecording(tmp_path, person="", origin="camera 0")
    for number, step in enumerate(steps(raises((), frames=200))):
        (frame,) = step.joint_frames
        reset = np.array([number in (0, 120)])
        recording.observe(replace(step, joint_frames=[replace(frame, reset=reset)]))
    recording.close()
    assert sorted(len(one.joints_m) for one in read_quiet(tmp_path)) == [80, 120]


def test_less_than_two_seconds_of_a_person_are_left_out(tmp_path: Path) -> None:
    recording = QuietRecording(tmp_path, person="", origin="camera 0")
    for step in steps(raises((), frames=50)):
        recording.observe(step)
    recording.close()
    assert not read_quiet(tmp_path)
    assert recording.files == 0
