"""A recording gets the predictions of the live path: the same people, the same frames, the same logits."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from synthetic_actions import move

from hitrs_live.checkpoint import Checkpoint, CheckpointInfo
from hitrs_live.config import PoseConfig, TrackConfig
from hitrs_live.data.array_format import LabelledSequence
from hitrs_live.evaluation.recorded_streams import run_on_recording
from hitrs_live.evaluation.run_model import run_model
from hitrs_live.messages import JointFrame, Pose, PoseFrame
from hitrs_live.model.detector import DetectorConfig, HitrsDetector
from hitrs_live.model.hitrs import HiTRSConfig
from hitrs_live.streaming.hitrs_stream import HitrsStream
from hitrs_live.streaming.predictor import Predictor
from hitrs_live.streaming.resampler import Resampler
from hitrs_live.tracking.tracker import Tracker
from hitrs_live.transforms import NormaliserConfig
from hitrs_live.transport.recorder import Recorder
from hitrs_live.wire.codec import joints_event

pytestmark = pytest.mark.slow

TINY = HiTRSConfig(
    frame_width=8, frame_hidden=8, clip_width=8, clip_hidden=8, video_width=8, video_hidden=8, layers=1, heads=2,
    head_width=4, max_clips=8,
)  # fmt: skip
ROWS = 6


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    torch.manual_seed(0)
    detector = DetectorConfig(encoder=TINY, classes=3, window_clips=4)
    info = CheckpointInfo(
        name="made", labels=("background", "jump", "squat"), detector=detector, normaliser=NormaliserConfig(),
        label_lag_frames=3,
    )  # fmt: skip
    return Checkpoint(info=info, model=HitrsDetector(detector).eval())


def frames() -> Iterator[PoseFrame]:
    """Six seconds: one person throughout, feet unseen; another for two seconds, gone for one, and back."""
    rng = np.random.default_rng(5)
    people = [move(number, 180, rng) + np.array([x, 0, 3], np.float32) for number, x in ((1, -1.5), (2, 1.5))]
    confidence = rng.uniform(0.5, 1.0, (180, 25)).astype(np.float32)
    confidence[:, [15, 19]] = 0.1
    for index in range(180):
        there = people if index < 60 or index >= 90 else people[:1]
        yield PoseFrame(
            index=index, capture_time_ns=round(index / 30 * 1e9), received_ns=0,
            poses=tuple(Pose(joints_m=one[index], confidence=confidence[index]) for one in there),
        )  # fmt: skip


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("recordings") / "evening.mcap"
    recorder = Recorder(file, session_id="s", source_id="hall")
    for frame in frames():
        recorder.publish(joints_event(frame, "hall"))
    recorder.close()
    return file


def live(checkpoint: Checkpoint, step_frames: int | None) -> list[tuple[np.ndarray, np.ndarray]]:
    """Step the live stages over the frames as they come. Returns logits and confidence of each history."""
    track = TrackConfig()
    tracker, resampler = Tracker(ROWS, track), Resampler(track, rows=ROWS, rate_hz=30.0)
    predictor = Predictor(
        HitrsStream(checkpoint, step_frames=step_frames),
        rows=ROWS,
        min_joint_confidence=PoseConfig().min_joint_confidence,
    )
    histories: list[list[tuple[np.ndarray, np.ndarray]]] = []
    of_row: dict[int, list[tuple[np.ndarray, np.ndarray]]] = {}

    def take(joint_frame: JointFrame) -> None:
        for row in np.flatnonzero(joint_frame.reset).tolist():
            of_row[row] = []
            histories.append(of_row[row])
        for prediction in predictor.step(joint_frame):
            for row in np.flatnonzero(prediction.has_output).tolist():
                of_row[row].append((prediction.logits[row].copy(), joint_frame.confidence[row].copy()))

    for frame in frames():
        for joint_frame in resampler.step(tracker.step(frame)):
            take(joint_frame)
    return [(np.stack(logits), np.stack(seen)) for logits, seen in (zip(*one, strict=True) for one in histories if one)]


@pytest.mark.parametrize("step_frames", [None, 1])
def test_a_recordings_people_get_the_logits_that_they_got_live(
    checkpoint: Checkpoint, recording: Path, step_frames: int | None
) -> None:
    kept = run_on_recording(checkpoint, recording, step_frames=step_frames)
    expected = live(checkpoint, step_frames)
    assert len(kept) == len(expected) == 3
    assert {one.sequence.subject for one in kept} == {"evening"}
    assert len({one.sequence.name for one in kept}) == 3
    for one, (logits, confidence) in zip(
        sorted(kept, key=lambda one: float(one.logits[0, 0])), sorted(expected, key=lambda one: float(one[0][0, 0])),
        strict=True,
    ):  # fmt: skip
        np.testing.assert_allclose(one.logits, logits, atol=1e-5)
        assert one.confidence is not None
        np.testing.assert_array_equal(one.confidence, confidence)


def test_joints_of_low_confidence_are_replaced(checkpoint: Checkpoint, recording: Path) -> None:
    one = run_on_recording(checkpoint, recording, mirror=False)[0]
    (as_if_seen,) = run_model(checkpoint, [one.sequence], mirror=False)
    assert as_if_seen.confidence is None
    assert np.abs(as_if_seen.logits - one.logits).max() > 1e-3


def test_streams_come_back_longest_first_and_one_too_short_without_a_prediction(checkpoint: Checkpoint) -> None:
    rng = np.random.default_rng(0)
    sequences = [
        LabelledSequence(
            name=str(frames), subject="a", joints_m=move(1, frames, rng), labels=np.zeros(frames, np.int64),
            valid_mask=np.ones(25, bool),
        )
        for frames in (9, 40, 13)
    ]  # fmt: skip
    kept = run_model(checkpoint, sequences)
    assert [one.sequence.name for one in kept] == ["40", "13", "9"]
    assert [one.ends.tolist() for one in kept] == [[12, 19, 26, 33], [12], []]
    assert [one.logits.shape for one in kept] == [(4, 3), (1, 3), (0, 3)]
    assert np.isfinite(kept[0].motion_error_mm[0, :4]).all(), "100 to 600 ms after frame 12 the stream goes on"
    assert np.isnan(kept[0].motion_error_mm[-1, 2:]).all(), "400 ms after frame 33 it is over"
