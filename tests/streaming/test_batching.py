"""Rows of several sources side by side in one batch."""

import numpy as np
import pytest

from hitrs_live.checkpoint import Checkpoint, load_checkpoint
from hitrs_live.messages import JointFrame, Prediction
from hitrs_live.sources.demo.source import DemoSource
from hitrs_live.streaming.batching import RowBatch
from hitrs_live.streaming.hitrs_stream import HitrsStream
from hitrs_live.streaming.predictor import Predictor

ROWS = 2


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    return load_checkpoint()


def joint_frame(frame: int, *, row: int, joints_m: np.ndarray, reset: bool = False) -> JointFrame:
    """One person, in one of two rows."""
    mine = np.arange(ROWS) == row
    return JointFrame(
        time_ns=np.full(ROWS, frame * 33_333_333), track_ids=np.where(mine, 7, -1), active=mine, reset=mine & reset,
        joints_m=np.where(mine[:, None, None], joints_m, 0).astype(np.float32),
        confidence=np.ones((ROWS, 25), np.float32),
    )  # fmt: skip


def predictor(checkpoint: Checkpoint, sources: int) -> Predictor:
    return Predictor(HitrsStream(checkpoint), rows=sources * ROWS, min_joint_confidence=0.3)


def same(first: Prediction, second: Prediction) -> None:
    np.testing.assert_array_equal(first.has_output, second.has_output)
    done = first.has_output
    for field in ("logits", "future_joints_m", "scales_m"):
        np.testing.assert_allclose(getattr(first, field)[done], getattr(second, field)[done], atol=1e-5)


def test_each_source_gets_the_predictions_that_it_would_get_alone_though_they_begin_and_pause_apart(
    checkpoint: Checkpoint,
) -> None:
    joints_m = DemoSource("max").joints_m[0]
    alone = [predictor(checkpoint, 1) for _ in range(3)]
    batch, together = RowBatch(3, ROWS), predictor(checkpoint, 3)
    compared = 0
    for frame in range(90):
        # The second begins later, the third misses every fourth frame; each looks at another part of the show.
        joint_frames = {
            source: joint_frame(frame, row=source % ROWS, joints_m=joints_m[frame + 300 * source])
            for source in range(3)
            if (source != 1 or frame >= 10) and (source != 2 or frame % 4)
        }
        got_by_source = batch.split(joint_frames, together.step(batch.join(joint_frames)))
        assert got_by_source.keys() == joint_frames.keys()
        for source, mine in joint_frames.items():
            expected = alone[source].step(mine)
            assert len(got_by_source[source]) == len(expected)
            for got, want in zip(got_by_source[source], expected, strict=True):
                assert got.joint_frame is mine
                same(got, want)
                compared += 1
    assert compared > 25


def test_a_history_that_ended_is_reported_to_its_own_source_only(checkpoint: Checkpoint) -> None:
    joints_m = DemoSource("max").joints_m[0]
    batch, together = RowBatch(2, ROWS), predictor(checkpoint, 2)
    for frame in range(5):
        joint_frames = {source: joint_frame(frame, row=0, joints_m=joints_m[frame]) for source in range(2)}
        together.step(batch.join(joint_frames))
    joint_frames = {
        0: joint_frame(5, row=0, joints_m=joints_m[5]),
        1: joint_frame(5, row=0, joints_m=joints_m[5], reset=True),
    }
    got_by_source = batch.split(joint_frames, together.step(batch.join(joint_frames)))
    assert [len(got_by_source[0]), len(got_by_source[1])] == [0, 1]
