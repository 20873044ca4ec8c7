"""Repetitions of exercises: how long the newest took and how far it went, beside the examples. By joints alone."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from taught_joints import lift, standing

from hitrs_live.config import Config
from hitrs_live.messages import ActionEvent, JointFrame
from hitrs_live.skeleton import NTU25
from hitrs_live.streaming.stream_model import StreamDescription
from hitrs_live.teaching.action_settings import Kind
from hitrs_live.teaching.actions_file import TaughtAction, TaughtActions
from hitrs_live.teaching.repetition_measures import RepetitionMeasures
from hitrs_live.teaching.taught_decoder import TaughtDecoder
from hitrs_live.teaching.templates import Templates
from hitrs_live.teaching.tokens import JOINT_CHANNELS, TICK_FRAMES, TokenSpace, TokenStream
from hitrs_live.transforms import NormaliserConfig

SPACE = TokenSpace(mean=np.zeros(0, np.float32))
SPAN = 13
MODEL = StreamDescription(
    labels=("background", "squat"), rate_hz=30.0, step_frames=3, span_frames=SPAN, window_frames=100,
    label_lag_frames=0, horizon_frames=0,
)  # fmt: skip
Repetition = tuple[int, int, float]
"""First frame, frames, share of the examples' angle."""


def _frames(joints_m: NDArray[np.float32]) -> Sequence[JointFrame]:
    return [
        JointFrame.of(pose[None], time_ns=round(frame * 1e9 / 30), reset=frame == 0)
        for frame, pose in enumerate(joints_m)
    ]


def _lifts(repetitions: Sequence[Repetition], side: str = "right", seed: int = 1) -> NDArray[np.float32]:
    last, frames, _ = repetitions[-1]
    joints_m = standing(last + frames + 45, np.random.default_rng(seed))
    for start, length, share in repetitions:
        lift(joints_m, side, start, start + length, share=share)
    return joints_m


def _template(length: int, side: str, seed: int) -> NDArray[np.float32]:
    """Return the tokens of an example, (T, C)."""
    stream = TokenStream(SPACE, NormaliserConfig(rate_hz=30.0), rows=1, span_frames=SPAN)
    made = [stream.step(one, None).values for one in _frames(_lifts([(60, length, 1.0)], side, seed))]
    frames = [frame for frame, one in enumerate(made) if len(one)]
    return np.concatenate([made[frame] for frame in frames if 60 <= frame < 60 + length])


def _taught(kind: Kind = "exercise", sides: Sequence[str] = ("right",)) -> TaughtActions:
    action = TaughtAction(
        name="raise", kind=kind, centre=float(np.log(0.12)), slope=4.0, on=0.5, off=0.3, merge_gap_s=4.0, examples=3,
        people=1,
    )  # fmt: skip
    templates = [_template(length, side, 7 + length) for length in (39, 45, 51) for side in sides]
    return TaughtActions(
        actions=(action,), templates=Templates.of(templates, [0] * len(templates)), space=SPACE, encoder="",
        encoder_name="", span_frames=SPAN, provenance={},
    )  # fmt: skip


def _events(taught: TaughtActions, joints_m: NDArray[np.float32]) -> list[ActionEvent]:
    decoder = TaughtDecoder(taught, MODEL, Config(), source_id="a", rows=1)
    events = [event for frame in _frames(joints_m) for event in decoder.step(frame, ())]
    return [*events, *decoder.close_all("shutdown")]


def _newest(events: Sequence[ActionEvent]) -> dict[int, ActionEvent]:
    """Return the last event of each count."""
    return {one.count: one for one in events if one.count is not None}


def _box(joints_m: NDArray[np.float32], repetition: Repetition, side: str = "right") -> float:
    """Measure the box that the wrist's path fills, of the joints themselves."""
    start, length, _ = repetition
    path = joints_m[start : start + length, NTU25.index(f"{side}_wrist")] - joints_m[start : start + length, NTU25.root]
    return float(np.linalg.norm(path.max(axis=0) - path.min(axis=0)))


@pytest.mark.slow
def test_each_repetition_has_its_own_time_and_range() -> None:
    repetitions = [(60, 45, 1.0), (150, 75, 1.0), (270, 45, 0.75)]
    joints_m = _lifts(repetitions)
    events = _events(_taught(), joints_m)
    assert [one.label for one in events if one.state == "start"] == ["raise"]
    assert events[-1].state == "end"
    newest = _newest(events)
    assert sorted(newest) == [1, 2, 3]
    whole = _box(joints_m, repetitions[0])
    for count, repetition in enumerate(repetitions, 1):
        # Ticks are a tenth of a second; a repetition begins and ends slowly.
        assert newest[count].repetition_s == pytest.approx(repetition[1] / 30, abs=0.5)
        assert newest[count].range_ratio == pytest.approx(_box(joints_m, repetition) / whole, abs=0.06)
    seconds = [newest[count].repetition_s or 0 for count in (1, 2)]
    assert seconds[1] - seconds[0] > 0.5


@pytest.mark.slow
def test_a_start_and_what_is_no_exercise_have_no_measures() -> None:
    joints_m = _lifts([(60, 45, 1.0)])
    for kind in ("gesture", "pose", "exercise"):
        events = _events(_taught(kind), joints_m)
        assert [one.state for one in events if one.state != "update"] == ["start", "end"]
        measured = [one for one in events if kind == "exercise" and one.state != "start"]
        for one in events:
            assert (one.repetition_s is None, one.range_ratio is None) == (one not in measured,) * 2


@pytest.mark.slow
def test_both_sides_are_measured_alike() -> None:
    repetitions = [(60, 45, 1.0)]
    taught = _taught(sides=("right", "left"))
    ratios = [_events(taught, _lifts(repetitions, side))[-1].range_ratio for side in ("right", "left")]
    assert ratios == pytest.approx([1.0, 1.0], abs=0.06)


@pytest.mark.slow
def test_the_measures_of_a_repetition_do_not_change_with_what_comes_after_the_next() -> None:
    short = _lifts([(60, 45, 1.0), (150, 60, 0.8)])
    longer = _lifts([(60, 45, 1.0), (150, 60, 0.8), (260, 45, 1.0)])
    longer[: len(short) - 45] = short[:-45]
    until_ns = round(200 * 1e9 / 30)
    before, after = (
        [one for one in _events(_taught(), joints_m) if one.capture_time_ns < until_ns] for joints_m in (short, longer)
    )
    assert before == after
    assert before[-1].range_ratio is not None


@pytest.mark.slow
def test_a_path_that_is_longer_than_what_is_kept_is_measured_by_its_newest_part() -> None:
    measures = RepetitionMeasures(_taught(), rows=1, kept=8)
    row, still = np.zeros(1, np.int64), np.zeros((1, JOINT_CHANNELS), np.float32)
    for tick in range(40):
        # The joints are elsewhere in the first ticks, which are kept no longer.
        measures.observe(row, np.array([tick]), still + np.float32(5.0 if tick < 30 else 0.0))
    measures.begin(0, 2, 39, 1.0)
    assert measures.ticks(0) == (2, 39)
    assert measures.range_ratio(0, 0) == 0
    measures.observe(row, np.array([40]), still + np.float32(SPACE.joints))
    measures.go_on(0, 40, 0.5)
    assert (measures.ticks(0), measures.range_ratio(0, 0)) == ((2, 39), 0)
    measures.go_on(0, 40, 2.0)
    assert measures.ticks(0) == (2, 40)
    assert (measures.range_ratio(0, 0) or 0) > 1


@pytest.mark.slow
def test_without_joints_in_the_tokens_there_is_no_range() -> None:
    taught = _taught()
    points = np.zeros_like(taught.templates.points)
    flat = Templates(
        points=points, lengths=taught.templates.lengths, actions=taught.templates.actions,
        scales=taught.templates.scales,
    )  # fmt: skip
    without = TaughtActions(
        actions=taught.actions, templates=flat, space=TokenSpace(mean=np.zeros(0, np.float32), joints=0.0), encoder="",
        encoder_name="", span_frames=SPAN, provenance={},
    )  # fmt: skip
    measures = RepetitionMeasures(without, rows=1, kept=TICK_FRAMES)
    measures.begin(0, 0, 1, 1.0)
    assert measures.range_ratio(0, 0) is None


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["gesture", "exercise"])
def test_an_action_ends_with_its_movement_and_not_with_the_rest_after_it(kind: Kind) -> None:
    joints_m = np.concatenate((_lifts([(60, 45, 1.0)])[:-40], standing(210, np.random.default_rng(5))))
    events = _events(_taught(kind), joints_m)
    ends = [one for one in events if one.state == "end"]
    assert [(one.label, one.reason) for one in ends] == [("raise", "finished")]
    assert ends[0].end_time_ns == pytest.approx(105 / 30 * 1e9, abs=0.4e9)


@pytest.mark.slow
def test_an_exercise_goes_on_through_pauses_and_ends_with_its_last_repetition() -> None:
    joints_m = np.concatenate(
        (_lifts([(60, 45, 1.0), (165, 45, 1.0), (270, 45, 1.0)])[:-40], standing(180, np.random.default_rng(5)))
    )
    ends = [one for one in _events(_taught(), joints_m) if one.state == "end"]
    assert [(one.count, one.reason) for one in ends] == [(3, "finished")]
    assert ends[0].end_time_ns == pytest.approx(315 / 30 * 1e9, abs=0.4e9)


@pytest.mark.slow
def test_a_pose_lasts_while_it_is_kept() -> None:
    joints_m = np.concatenate((_lifts([(60, 45, 1.0)])[:-40], standing(90, np.random.default_rng(5))))
    ends = [one for one in _events(_taught("pose"), joints_m) if one.state == "end"]
    assert ends[0].end_time_ns is not None
    assert ends[0].end_time_ns > 150 / 30 * 1e9
