"""The held-out protocol measures what it says, through the live stages."""

from dataclasses import replace

import numpy as np
import pytest

from hitrs_live.data.arrays import Sequence
from hitrs_live.data.ship import BACKGROUND, IGNORE
from hitrs_live.evaluation.held_out import false_alarms, join_repetitions, summarise, true_starts
from hitrs_live.evaluation.streams import HORIZONS, StreamResult, frame_scores, motion_errors_mm

LABELS = ("background", "jump", "squat")


def sequence(labels: list[int], name: str = "m01_s08_e01_ok") -> Sequence:
    joints = np.zeros((len(labels), 25, 3), np.float32)
    joints[:, :, 0] = 0.01 * np.arange(len(labels))[:, None]
    joints[:, :, 1] = np.linspace(-1, 1, 25)
    return Sequence(name=name, subject="s08", joints_m=joints, labels=np.array(labels), valid_mask=np.ones(25, bool))


def result(labels: list[int], starts: tuple[tuple[str, float, float], ...] = ()) -> StreamResult:
    """Clips end at frames 12, 19, 26, each naming the frame's own class at its end with certainty."""
    ends = np.array([12, 19, 26])
    none = np.full((3, len(HORIZONS)), 1.0, np.float32)
    return StreamResult(
        sequence=sequence(labels), clip_ends=ends, scores=np.eye(3, dtype=np.float32)[[labels[e] for e in ends]],
        starts=starts, motion_error_mm=none, held_error_mm=2 * none,
    )  # fmt: skip


def test_a_frame_has_the_newest_scores_known_by_then() -> None:
    seen = result([0] * 15 + [1] * 15)
    online, later = frame_scores(seen, lookahead=0), frame_scores(seen, lookahead=6)
    assert online[11].tolist() == [0, 0, 0]
    assert online[18].tolist() == [1, 0, 0]
    assert online[19].tolist() == [0, 1, 0]
    assert later[12].tolist() == [1, 0, 0]
    assert later[13].tolist() == [0, 1, 0], "the clip that ends six frames on"


def test_starts_begin_where_a_run_begins_also_at_the_first_frame() -> None:
    labels = np.array([1, 1, 0, 1, 2, 1])
    assert true_starts(labels, 1, rate_hz=1.0) == [0.0, 3.0, 5.0]


def test_an_alarm_is_false_only_where_nothing_but_background_is_near() -> None:
    labels = [BACKGROUND] * 60 + [1] * 30 + [IGNORE] * 60
    seen = result(labels, starts=(("jump", 0.5, 0.9), ("squat", 1.8, 2.0), ("squat", 4.5, 4.9)))
    # Of the two seconds of background the last half second has the jump within reach.
    assert false_alarms([seen]) == {"count": 1, "background_s": 1.5}


def test_a_summary_counts_by_hand() -> None:
    seen = result([0] * 15 + [1] * 15, starts=(("jump", 0.6, 0.9), ("squat", 0.6, 0.9)))
    figures = summarise([seen], LABELS)
    assert list(figures["per_class"]) == ["jump"]
    jump = figures["per_class"]["jump"]
    assert (jump["starts"], jump["precision"], jump["start_recall"], jump["delay_p50_s"]) == (1, 1.0, 1.0, 0.4)
    assert figures["motion"]["mpjpe_mm"]["400"] == 1.0
    assert figures["motion"]["held_mm"]["400"] == 2.0


def test_motion_errors_are_mean_distances_in_millimetres_and_end_with_the_stream() -> None:
    moving = sequence([0] * 40)
    frame = 20
    perfect = np.stack([moving.joints_m[min(39, frame + k)] for k in range(1, 31)])
    predicted, held = motion_errors_mm(moving, frame, perfect)
    np.testing.assert_allclose(predicted[:4], 0, atol=1e-3)
    np.testing.assert_allclose(held[:4], [30, 60, 120, 180], atol=1e-2)
    assert np.isnan(predicted[4])


def test_repetitions_of_one_exercise_by_one_person_are_joined_in_order() -> None:
    parts = [sequence([1] * 30, name=f"m01_s08_e0{k}_ok") for k in (2, 1)]
    other = replace(sequence([2] * 30, name="m02_s08_e01_ok"))
    joined = join_repetitions([*parts, other])
    assert sorted(len(s.labels) for s in joined) == [30, 75]
    longer = max(joined, key=lambda s: len(s.labels))
    assert (longer.labels[30:45] == BACKGROUND).all()
    assert np.abs(np.diff(longer.joints_m, axis=0)).max() < 0.05, "no leap at the join"
    assert longer.labels.sum() == pytest.approx(60)
