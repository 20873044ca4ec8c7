"""Tokens of a bank are those of the live stream."""

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from small_banks import CLASSES, bank_encoder, moving_body, with_punch, write_bank

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.config import CameraConfig, PoseConfig, TrackConfig
from hitrs_live.data.labelled_motion import LabelledMotion
from hitrs_live.messages import JointsEvent
from hitrs_live.negative_bank.bank import Bank
from hitrs_live.negative_bank.bank_format import BankInfo, write_bank_info
from hitrs_live.negative_bank.encoder import BankEncoder
from hitrs_live.negative_bank.encoding import clip_ends, encode_motions, row_labels
from hitrs_live.negative_bank.recordings import add_recordings, recorded_people
from hitrs_live.sources.recording import Recording
from hitrs_live.streaming.encoder_stream import StreamState, encode_step
from hitrs_live.streaming.predictor import fill_missing
from hitrs_live.streaming.recorded_tracks import live_joint_frames
from hitrs_live.transforms import mirror
from hitrs_live.wire.codec import pose_frame

every_step = pytest.mark.parametrize("step_frames", [7, 1], ids=["clip", "frame"])
HALF = 1.5 * 2.0**-11
"""One and a half units in the last place of half precision, relative."""


def step_by_step(encoder: BankEncoder, joints_m: np.ndarray, step_frames: int, modality: str = "joint") -> np.ndarray:
    """Encode a motion as a stream does, frame by frame. Returns (N, C)."""
    state = StreamState.empty(encoder.steps.grid, 1, window_clips=4, step_frames=step_frames)
    embeddings = []
    for pose in torch.from_numpy(joints_m):
        output, state = encode_step(
            encoder.steps, pose[None], torch.ones(1, dtype=torch.bool), state, encoder.description.normaliser, modality
        )
        embeddings.append(output.embeddings)
    return torch.cat(embeddings).numpy()


@pytest.mark.parametrize(
    ("step_frames", "modality"),
    [
        (7, "joint"),
        (1, "joint"),
        pytest.param(7, "bone", marks=pytest.mark.slow),
        pytest.param(7, "motion", marks=pytest.mark.slow),
    ],
)
def test_embeddings_of_whole_motions_equal_those_of_the_stream(
    checkpoint: Checkpoint, step_frames: int, modality: str
) -> None:
    encoder = bank_encoder(checkpoint)
    encoder = replace(encoder, description=msgspec.structs.replace(encoder.description, modality=modality))
    motions = [moving_body(frames, seed).joints_m for seed, frames in enumerate((60, 13, 5, 41))]
    encoded = encode_motions(encoder, motions, step_frames=step_frames, views=2)
    for joints_m, embeddings in zip(motions, encoded, strict=True):
        mirrored = mirror(torch.from_numpy(joints_m)).numpy()
        for view, seen in enumerate((joints_m, mirrored)):
            expected = step_by_step(encoder, seen, step_frames, modality)
            assert embeddings[:, view].shape == expected.shape
            np.testing.assert_allclose(embeddings[:, view], expected, rtol=0, atol=1e-5)


def test_a_motion_shorter_than_a_clip_has_no_row(checkpoint: Checkpoint) -> None:
    encoder = bank_encoder(checkpoint)
    (embeddings,) = encode_motions(encoder, [moving_body(12, 0).joints_m], step_frames=7, views=1)
    assert embeddings.shape == (0, 1, encoder.description.width)
    assert len(clip_ends(12, encoder.steps.grid, 7)) == 0


@pytest.mark.slow
@every_step
def test_rows_of_a_recording_equal_what_the_live_stream_computes(
    checkpoint: Checkpoint, short_recording: Path, tmp_path: Path, step_frames: int
) -> None:
    encoder = bank_encoder(checkpoint)
    write_bank_info(tmp_path, BankInfo(encoder=encoder.description, step_frames=step_frames, views=2))
    add_recordings(tmp_path, [short_recording], encoder)
    bank = Bank.open(tmp_path)

    # The live path, one joint frame after the other, with the person's mirror image as a second row.
    state = StreamState.empty(encoder.steps.grid, 2, window_clips=4, step_frames=step_frames)
    frames = (
        pose_frame(event, event.capture_time_ns)
        for event in Recording(short_recording).messages(JointsEvent)
        if isinstance(event, JointsEvent)
    )
    live = []
    for joint_frame in live_joint_frames(
        frames, rate_hz=30.0, pose=PoseConfig(max_people=1), track=TrackConfig(), camera=CameraConfig()
    ):
        seen = torch.from_numpy(fill_missing(joint_frame.joints_m, joint_frame.confidence))
        both = torch.cat((seen, mirror(seen)))
        active = torch.from_numpy(joint_frame.active).repeat(2)
        output, state = encode_step(encoder.steps, both, active, state, encoder.description.normaliser)
        if len(output.rows):
            live.append(output.embeddings)
    expected = torch.stack(live).numpy()

    assert len(bank.streams) == 1
    assert len(bank) == len(expected) > 5
    rows = np.arange(len(bank))
    for view in (0, 1):
        np.testing.assert_allclose(bank.tokens(rows, view), expected[:, view], rtol=HALF, atol=1e-5)


def test_people_of_a_recording_have_the_label_of_all_their_frames(short_recording: Path) -> None:
    (motion,) = recorded_people(short_recording, label=1, rate_hz=30.0, max_people=2)
    assert isinstance(motion, LabelledMotion)
    assert (motion.labels == 1).all()
    assert motion.onset_mask.nonzero()[0].tolist() == [0]


def test_a_clip_has_the_label_of_the_frame_that_it_describes() -> None:
    motion = with_punch(moving_body(60, 0), 20, 40)
    rows = row_labels(motion, np.array([12, 22, 23, 42, 43]), 3, stream=7)
    assert rows["label"].tolist() == [0, 0, 1, 1, 0]
    assert rows["since_onset"].tolist() == [-1, -1, 0, 19, -1]
    assert set(rows["stream"].tolist()) == {7}
    assert rows["frame"].tolist() == [12, 22, 23, 42, 43]


def test_near_misses_are_kept_with_their_class(checkpoint: Checkpoint, tmp_path: Path) -> None:
    motion = moving_body(60, 0)
    near = replace(motion, near_miss=np.full(60, CLASSES.index("punch_right")))
    bank = Bank.open(write_bank(tmp_path, bank_encoder(checkpoint), [[near]]))
    assert (bank.labels == 0).all()
    assert (bank.near_miss == CLASSES.index("punch_right")).all()
    (summary,) = bank.sources().values()
    assert summary.near_misses == len(bank)
