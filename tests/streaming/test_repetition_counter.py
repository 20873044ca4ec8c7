"""Repetitions of an action are counted from its joints, however they are reported."""

from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from hitrs_live.messages import ActionEvent, JointFrame
from hitrs_live.skeleton import NTU25
from hitrs_live.sources.demo.source import DemoSource
from hitrs_live.streaming.repetitions import RepetitionCounter, find_swings

RATE_HZ = 30
STANDING = DemoSource("max").joints_m[0][0]
LEGS = [NTU25.index(f"{side}_{part}") for side in ("left", "right") for part in ("knee", "ankle", "foot")]
ONE_LEG = LEGS[:3]
Joints = NDArray[np.float32]


def swings(count: float, seconds: float = 2.0, size_m: float = 0.5) -> NDArray[np.float64]:
    """Return a course that rises and falls `count` times, metres, (T,)."""
    phase = np.arange(round(count * seconds * RATE_HZ)) / (seconds * RATE_HZ)
    return size_m * (1 - np.cos(2 * np.pi * phase)) / 2


def moved(course: NDArray[np.floating], joints: list[int] = LEGS) -> Joints:
    """Let a standing person raise some joints by a course. Returns (T, 25, 3) with a little noise."""
    person = np.repeat(STANDING[None], len(course), axis=0)
    person[:, joints, 1] += course[:, None].astype(np.float32)
    noise = np.random.default_rng(0).normal(0, 0.005, person.shape)
    return (person + noise).astype(np.float32)


def event(state: Literal["start", "update", "end"], frame: int, label: str = "squat", **more: Any) -> ActionEvent:
    return ActionEvent(
        source_id="cam", capture_time_ns=at(frame), state=state, label=label, score=0.9, track_id=0,
        onset_time_ns=0, detection_delay_s=0.5, window_start_ns=0, window_end_ns=at(frame),
        end_time_ns=at(frame) if state == "end" else None, **more,
    )  # fmt: skip


def at(frame: int) -> int:
    return round(frame / RATE_HZ * 1e9)


def observe(counter: RepetitionCounter, joints_m: Joints, *, first: int = 0) -> None:
    for number, pose in enumerate(joints_m, start=first):
        counter.observe(JointFrame.of(pose[None], time_ns=at(number), reset=number == 0))


def count_of(joints_m: Joints, label: str = "squat") -> int | None:
    """Count the repetitions of one event over all of the joints, which starts after half a second."""
    counter = RepetitionCounter(rows=1, rate_hz=RATE_HZ)
    observe(counter, joints_m[:15])
    counter.annotate(event("start", 14, label))
    observe(counter, joints_m[15:], first=15)
    return counter.annotate(event("end", len(joints_m) - 1, label)).count


@pytest.mark.parametrize("count", [1, 2, 8])
def test_repetitions_without_a_pause_are_counted_one_by_one(count: int) -> None:
    assert count_of(moved(swings(count))) == count


def test_half_a_repetition_at_the_end_does_not_count() -> None:
    assert count_of(moved(swings(3.5))) == 3


def test_a_pause_at_the_bottom_and_tremor_are_one_repetition() -> None:
    half = swings(1.0)
    paused = np.concatenate([half[:30], np.full(900, half[30]), half[30:]])
    tremor = 0.01 * np.sin(np.arange(len(paused)))
    assert count_of(moved(paused + tremor)) == 1


def test_a_pause_within_an_action_does_not_count() -> None:
    assert count_of(moved(np.concatenate([swings(2), np.zeros(20 * RATE_HZ), swings(3)]))) == 5


@pytest.mark.slow
def test_a_minute_of_repetitions_is_counted_although_joints_are_kept_for_seconds() -> None:
    assert count_of(moved(swings(60, seconds=1.0))) == 60


def test_legs_in_turn_are_as_many_repetitions_as_one_leg() -> None:
    raised = moved(swings(4), ONE_LEG)
    others = moved(swings(4), LEGS[3:])
    turns = np.concatenate([(raised, others)[number % 2][number * 60 : (number + 1) * 60] for number in range(4)])
    assert count_of(turns, "knee_raise") == count_of(raised, "knee_raise") == 4


def test_arms_that_do_anything_do_not_count_for_an_action_of_the_legs() -> None:
    both = moved(swings(3))
    wrists = [NTU25.index("left_wrist"), NTU25.index("right_wrist")]
    both[:, wrists] += moved(swings(9, seconds=2 / 3, size_m=0.9), wrists)[:, wrists] - STANDING[wrists]
    assert count_of(both, "squat") == 3


def test_a_gait_and_a_state_have_no_count() -> None:
    assert count_of(moved(swings(4)), "walk") is None
    assert count_of(moved(swings(4)), "plank") is None


def test_updates_count_what_is_complete_and_a_start_counts_nothing() -> None:
    counter, joints_m = RepetitionCounter(rows=1, rate_hz=RATE_HZ), moved(swings(3))
    observe(counter, joints_m[:15])
    assert counter.annotate(event("start", 14)).count is None
    counts = []
    for first in range(15, 165, 15):
        observe(counter, joints_m[first : first + 15], first=first)
        counts.append(counter.annotate(event("update", first + 14)).count)
    # One is complete on the way back up: here at 1.5 s of 2.
    assert counts == [0, 1, 1, 1, 1, 2, 2, 2, 2, 3]


def test_an_action_that_ends_with_its_track_keeps_its_count() -> None:
    counter, joints_m = RepetitionCounter(rows=1, rate_hz=RATE_HZ), moved(swings(3))
    observe(counter, joints_m[:15])
    counter.annotate(event("start", 14))
    observe(counter, joints_m[15:], first=15)
    stranger = JointFrame.of(STANDING[None], time_ns=at(len(joints_m)), track_ids=np.array([7]), reset=True)
    counter.observe(stranger)
    assert counter.annotate(event("end", len(joints_m), reason="track_lost")).count == 3


def test_rows_do_not_influence_each_other() -> None:
    alone, together = RepetitionCounter(rows=1, rate_hz=RATE_HZ), RepetitionCounter(rows=2, rate_hz=RATE_HZ)
    joints_m, other = moved(swings(3)), moved(swings(9, seconds=2 / 3))
    for number, (pose, stranger) in enumerate(zip(joints_m, other, strict=True)):
        alone.observe(JointFrame.of(pose[None], time_ns=at(number), reset=number == 0))
        both = np.stack([pose, stranger])
        together.observe(JointFrame.of(both, time_ns=at(number), reset=number == 0))
        if number == 14:
            alone.annotate(event("start", number))
            together.annotate(event("start", number))
    end = event("end", len(joints_m) - 1)
    assert alone.annotate(end).count == together.annotate(end).count == 3


def test_swings_are_found_in_turn_up_and_down() -> None:
    assert find_swings(np.array([0.0, 1.0, 0.2, 0.3, 0.25, 1.0, 0.9]), 0.5) == [(1, True), (2, False), (5, True)]
    assert find_swings(np.zeros(0), 0.5) == []
