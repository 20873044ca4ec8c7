"""The metrics of a few synthetic streams, checked by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from hitrs_live.checkpoint import Checkpoint, CheckpointInfo
from hitrs_live.data.array_format import BACKGROUND, IGNORE, LabelledSequence
from hitrs_live.data.formats.ui_prmd import join_repetitions
from hitrs_live.evaluation.kept_streams import HORIZONS, DetectedAction, StreamResult, frame_scores
from hitrs_live.evaluation.reference import run_reference
from hitrs_live.evaluation.reports.detection import detection_report
from hitrs_live.evaluation.run_model import motion_errors_mm, run_model
from hitrs_live.model.detector import DetectorConfig, HitrsDetector
from hitrs_live.model.hitrs import HiTRSConfig
from hitrs_live.model.joint_convolutions import ConvolutionsConfig, JointConvolutions
from hitrs_live.transforms import NormaliserConfig

LABELS = ("background", "jump", "squat")


def sequence(labels: list[int], name: str = "m01_s08_e01_ok") -> LabelledSequence:
    still = np.random.default_rng(0).normal(0, 0.3, (25, 3)).astype(np.float32)
    moved = np.arange(len(labels), dtype=np.float32)[:, None, None] * np.array([0.01, 0, 0], np.float32)
    return LabelledSequence(
        name=name, subject="s08", joints_m=still + moved, labels=np.array(labels), valid_mask=np.ones(25, bool)
    )


def detected(label: str, onset_s: float, detected_s: float, end_s: float = 1.0, score: float = 0.8) -> DetectedAction:
    return DetectedAction(label=label, onset_s=onset_s, detected_s=detected_s, end_s=end_s, score=score)


def result(labels: list[int], *actions: DetectedAction, ends: tuple[int, ...] = (12, 19, 26)) -> StreamResult:
    """A stream whose three predictions are of the class at the frame that each ends with."""
    errors = np.full((len(ends), len(HORIZONS)), 1.0, np.float32)
    scores = np.eye(3, dtype=np.float32)[[max(0, labels[end]) for end in ends]]
    return StreamResult(
        sequence=sequence(labels), ends=np.array(ends), logits=scores, scores=scores, detected=actions,
        motion_error_mm=errors, zero_velocity_error_mm=2 * errors,
    )  # fmt: skip


def test_a_frame_has_the_newest_scores_known_by_then() -> None:
    seen = result([0] * 15 + [1] * 15)
    online, later = frame_scores(seen, lookahead=0), frame_scores(seen, lookahead=6)
    assert online[11].tolist() == [0, 0, 0]
    assert online[18].tolist() == [1, 0, 0]
    assert online[19].tolist() == [0, 1, 0]
    assert later[12].tolist() == [1, 0, 0]
    assert later[13].tolist() == [0, 1, 0], "the prediction that comes six frames later"


def test_an_alarm_is_false_only_where_nothing_but_background_is_near() -> None:
    labels = [BACKGROUND] * 60 + [1] * 30 + [IGNORE] * 60
    seen = result(
        labels, detected("jump", 0.5, 0.9), detected("squat", 1.8, 2.0, 2.1), detected("squat", 4.5, 4.9, 4.95)
    )
    figures = detection_report([seen], LABELS)
    # Of the two seconds of background the last half second has the jump within reach.
    assert (figures["false_alarms"], figures["background_s"]) == (1, 1.5)
    assert figures["false_alarms_per_hour"] == 2400.0


def test_starts_are_counted_by_class_and_tolerance() -> None:
    """One jump at 0.5 s, detected at 0.9 s with an onset at 0.7 s; a false squat."""
    figures = detection_report(
        [result([0] * 15 + [1] * 15, detected("jump", 0.7, 0.9), detected("squat", 0.6, 0.9))], LABELS
    )
    assert list(figures["per_class"]) == ["jump"]
    jump = figures["per_class"]["jump"]
    assert (jump["starts"], jump["told"], jump["precision"], jump["start_recall"]) == (1, 1, 1.0, 1.0)
    assert jump["delay_p50_s"] == figures["delay_p95_s"] == pytest.approx(0.4)
    # Two detected, one true, one right: F1 2 / 3; none right within a tenth of a second.
    assert figures["start_f1"] == {"0.1": 0.0, "0.3": 0.6667, "0.5": 0.6667, "1": 0.6667}
    # Detected 0.4 s late: within 0.4 s of the start, not within 0.3 s.
    assert (figures["start_map"]["0.3"], figures["start_map"]["0.4"]) == (0.0, 1.0)


def test_whole_detected_actions_are_scored_too() -> None:
    """The jump of frames 15 to 29 detected from 18 to 29: overlap 12 of 15."""
    figures = detection_report([result([0] * 15 + [1] * 15, detected("jump", 0.6, 0.9))], LABELS)
    assert figures["segmental_f1"] == {"10": 1.0, "25": 1.0, "50": 1.0}
    assert figures["edit"] == 1.0
    assert figures["oad"] == {"f1": 1.0, "sl_score": pytest.approx(np.exp(-3 / 15), abs=1e-4), "el_score": 1.0}
    assert figures["map_at_overlap"]["by_action"] == {"0.1": 1.0, "0.3": 1.0, "0.5": 1.0}


def test_frames_of_an_unknown_class_count_nowhere() -> None:
    labels = [0] * 15 + [1] * 15
    known = detection_report([result(labels)], LABELS)
    longer = result(labels + [IGNORE] * 40, detected("squat", 1.4, 1.6, 2.0))
    with_unknown = detection_report([longer], LABELS)
    for key in ("frames", "frame_map", "mcap", "start_f1", "false_alarms", "segmental_f1", "edit", "mcap_by_decile"):
        assert with_unknown[key] == known[key], key


def test_classes_that_the_data_does_not_label_are_neither_right_nor_wrong_and_counted_by_themselves() -> None:
    """A jump found; a squat reported during it and one in the background, of data that says nothing of squats."""
    labels = [0] * 15 + [1] * 15 + [0] * 90
    jump, during, alone = detected("jump", 0.5, 0.9), detected("squat", 0.6, 0.8, 0.9), detected("squat", 3, 3.2, 3.5)
    figures = detection_report([result(labels, jump, during, alone)], LABELS, labelled={"jump"})
    assert (figures["start_precision"], figures["start_recall"]) == (1.0, 1.0)
    assert figures["edit"] == figures["segmental_f1"]["10"] == 1.0
    assert figures["other_classes"] == {"detected": 2, "in_background": 1, "by_class": {"squat": 2}}
    assert figures["false_alarms"] == 1, "in background every report is false"
    every = detection_report([result(labels, jump, during, alone)], LABELS)
    assert every["start_precision"] == pytest.approx(1 / 3, abs=1e-4)
    assert every["other_classes"]["detected"] == 0


def test_frames_whose_best_class_the_data_does_not_label_are_confused_with_other_classes() -> None:
    taken_for_squats = replace(result([0] * 12 + [1] * 18), scores=np.eye(3, dtype=np.float32)[[2, 1, 1]])
    figures = detection_report([taken_for_squats], LABELS, labelled={"jump"})["confusion"]
    assert figures == {"labels": ["background", "jump", "other classes"], "counts": [[12, 0, 0], [0, 11, 7], [0, 0, 0]]}


def test_a_class_that_is_not_reported_is_not_missed_but_what_is_detected_in_it_is_wrong() -> None:
    labels = [0] * 15 + [1] * 15 + [2] * 30
    found = [detected("jump", 0.5, 0.9), detected("jump", 1.2, 1.4, 1.9)]
    figures = detection_report([result(labels, *found)], LABELS, reported={"jump"})
    assert list(figures["per_class"]) == ["jump"]
    assert figures["not_reported"] == {"squat": {"starts": 1, "frames": 30}}
    assert (figures["start_precision"], figures["start_recall"]) == (0.5, 1.0)
    assert detection_report([result(labels, *found)], LABELS)["start_recall"] == 0.5


def test_streams_without_any_action_still_have_their_alarms_counted() -> None:
    figures = detection_report([result([0] * 300, detected("jump", 5.0, 5.5, 6.0))], LABELS)
    assert figures["frame_map"] is None
    assert (figures["false_alarms"], figures["false_alarms_per_hour"]) == (1, 360.0)


def test_each_frame_counts_as_the_class_of_the_newest_prediction() -> None:
    """Predictions after frames 12 (background), 19 and 26 (both jump); the jump begins at 15, the unknown at 28."""
    figures = detection_report([result([0] * 15 + [1] * 13 + [IGNORE] * 2)], LABELS)
    assert figures["confusion"] == {"labels": ["background", "jump"], "counts": [[15, 0], [4, 9]]}


def test_a_class_that_was_only_predicted_has_a_row_without_frames() -> None:
    seen = result([0] * 12 + [1] * 18)
    wrong = replace(seen, scores=np.eye(3, dtype=np.float32)[[2, 1, 1]])
    figures = detection_report([seen, wrong], LABELS)["confusion"]
    assert figures["labels"] == ["background", "jump", "squat"]
    # Of both streams the first twelve frames are before any prediction.
    assert figures["counts"] == [[24, 0, 0], [0, 29, 7], [0, 0, 0]]


def test_motion_errors_are_mean_distances_in_millimetres_and_end_with_the_stream() -> None:
    moving = sequence([0] * 40)
    frame = 20
    perfect = np.stack([moving.joints_m[min(39, frame + k)] for k in range(1, 31)])
    predicted, still = motion_errors_mm(moving, frame, perfect)
    np.testing.assert_allclose(predicted[:4], 0, atol=1e-3)
    np.testing.assert_allclose(still[:4], [30, 60, 120, 180], atol=1e-2)
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


@pytest.fixture(scope="module", params=[False, True], ids=["Hi-TRS alone", "with convolutions"])
def checkpoint(request: pytest.FixtureRequest) -> Checkpoint:
    torch.manual_seed(0)
    encoder = HiTRSConfig(
        frame_width=8, frame_hidden=8, clip_width=16, clip_hidden=8, video_width=16, video_hidden=8, layers=2,
        heads=2, head_width=8, max_clips=8, dropout=0.0,
    )  # fmt: skip
    detector = DetectorConfig(encoder=encoder, classes=3, window_clips=4, horizon=30, motion_hidden=16)
    sizes = ConvolutionsConfig(classes=3, width=8, dilations=(1, 4, 8), share=0.4) if request.param else None
    info = CheckpointInfo(
        name="made", labels=LABELS, detector=detector, normaliser=NormaliserConfig(), label_lag_frames=3,
        convolutions=sizes,
    )  # fmt: skip
    beside = JointConvolutions(sizes).eval() if sizes else None
    return Checkpoint(info=info, model=HitrsDetector(detector).eval(), convolutions=beside)


@pytest.mark.slow
@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("step_frames", [None, 1])
def test_the_live_stages_predict_what_the_offline_reference_predicts(
    checkpoint: Checkpoint, step_frames: int | None, mirror: bool
) -> None:
    """Over more clips than the window holds, and for rows of unequal length."""
    rng = np.random.default_rng(1)
    recordings = [
        replace(s, joints_m=s.joints_m + rng.normal(0, 0.05, s.joints_m.shape).astype(np.float32))
        for s in (sequence([0] * 70), sequence([1] * 41), sequence([1] * 9))
    ]
    for seen in run_model(checkpoint, recordings, step_frames=step_frames, mirror=mirror):
        offline = run_reference(checkpoint, seen.sequence, step_frames=step_frames, mirror=mirror)
        assert len(offline) == len(seen.ends) == max(0, (len(seen.sequence.labels) - 13) // (step_frames or 7) + 1)
        np.testing.assert_allclose(seen.logits, offline, atol=1e-5)
