"""The encoder's laws of streaming, for everything that it may be given of a pose.

The same law of the whole detector is in test_detector_stream.py, of any model in
tests/contracts/test_stream_model_contract.py.
"""

import pytest
import torch
from torch import Tensor

from hitrs_live.inference.torch_engine import TorchEncoder
from hitrs_live.model.hitrs import HiTRS, HiTRSConfig
from hitrs_live.streaming.encoder_stream import StreamState, encode_step
from hitrs_live.transforms import MODALITIES, NormaliserConfig, normalise_sequence, to_modality

GRID = HiTRSConfig(
    frame_width=16, frame_hidden=16, clip_width=24, clip_hidden=16, video_width=32, video_hidden=16, layers=2,
    heads=2, head_width=8, max_clips=8,
)  # fmt: skip
NORMALISER = NormaliserConfig()
WINDOW = 4
every_step = pytest.mark.parametrize("step_frames", [GRID.clip_stride, 1], ids=["clip", "frame"])
every_modality = pytest.mark.parametrize("modality", MODALITIES)


@pytest.fixture(scope="module")
def encoder() -> HiTRS:
    torch.manual_seed(0)
    return HiTRS(GRID).eval()


def walk(rows: int, frames: int, seed: int = 1) -> Tensor:
    """Make bodies that stand upright and move smoothly. (rows, frames, 25, 3), metres."""
    generator = torch.Generator().manual_seed(seed)
    body = torch.randn(rows, 1, 25, 3, generator=generator) * 0.3
    body[..., 1] += torch.linspace(-1, 1, 25)
    return body + torch.randn(rows, frames, 25, 3, generator=generator).cumsum(1) * 0.01


def state_of(rows: int, step_frames: int = GRID.clip_stride) -> StreamState:
    return StreamState.empty(GRID, rows, window_clips=WINDOW, step_frames=step_frames)


def run(encoder: HiTRS, joints: Tensor, active: Tensor, state: StreamState, modality: str) -> dict[int, list[Tensor]]:
    """Step through (R, T, 25, 3) with (R, T) active; give each row's embeddings in order."""
    clips: dict[int, list[Tensor]] = {row: [] for row in range(len(joints))}
    for frame in range(joints.shape[1]):
        output, state = encode_step(
            TorchEncoder(encoder), joints[:, frame], active[:, frame], state, NORMALISER, modality
        )
        for row, embedding in zip(output.rows.tolist(), output.embeddings, strict=True):
            clips[row].append(embedding)
    return clips


def offline(encoder: HiTRS, joints: Tensor, modality: str) -> Tensor:
    normalised, _ = normalise_sequence(joints[None], NORMALISER)
    with torch.no_grad():
        return encoder.embed_clips(to_modality(normalised[0], modality, NORMALISER)[None])[0]


@every_modality
def test_every_clip_of_a_stream_equals_the_offline_clip(encoder: HiTRS, modality: str) -> None:
    joints = walk(2, 60)
    clips = run(encoder, joints, torch.ones(2, 60, dtype=torch.bool), state_of(2), modality)
    for row in (0, 1):
        expected = offline(encoder, joints[row], modality)
        assert len(clips[row]) == len(expected) == GRID.clips_in(60)
        torch.testing.assert_close(torch.stack(clips[row]), expected, atol=1e-5, rtol=0)


@every_modality
def test_between_clips_of_the_grid_a_clip_equals_the_one_of_the_grid_that_ends_there(
    encoder: HiTRS, modality: str
) -> None:
    joints = walk(2, 40)
    clips = run(encoder, joints, torch.ones(2, 40, dtype=torch.bool), state_of(2, step_frames=1), modality)
    normalised, _ = normalise_sequence(joints, NORMALISER)
    for row in (0, 1):
        expressed = to_modality(normalised[row], modality, NORMALISER)
        spans = torch.stack([expressed[first : first + GRID.clip_span] for first in range(40 - GRID.clip_span + 1)])
        with torch.no_grad():
            expected = encoder.embed_clips(spans)[:, 0]
        torch.testing.assert_close(torch.stack(clips[row]), expected, atol=1e-5, rtol=0)


def test_the_modalities_give_different_embeddings(encoder: HiTRS) -> None:
    joints, active = walk(1, 13), torch.ones(1, 13, dtype=torch.bool)
    joint, bone, motion = (run(encoder, joints, active, state_of(1), name)[0][0] for name in MODALITIES)
    assert min((joint - bone).abs().max(), (joint - motion).abs().max(), (bone - motion).abs().max()) > 1e-3


@every_modality
def test_a_pause_and_a_reset_of_one_row_leave_the_other_and_its_own_clips_right(encoder: HiTRS, modality: str) -> None:
    joints, active = walk(2, 60), torch.ones(2, 60, dtype=torch.bool)
    active[1, 8:15] = False
    state = state_of(2)
    before = run(encoder, joints, active, state, modality)
    rested = torch.cat((joints[1, :8], joints[1, 15:]))
    torch.testing.assert_close(torch.stack(before[1]), offline(encoder, rested, modality), atol=1e-5, rtol=0)
    state.reset(torch.tensor([False, True]))
    later = walk(2, 30, seed=2)
    after = run(encoder, later, torch.ones(2, 30, dtype=torch.bool), state, modality)
    whole = offline(encoder, torch.cat((joints[0], later[0])), modality)
    torch.testing.assert_close(torch.stack(before[0] + after[0]), whole, atol=1e-5, rtol=0)
    # The reset row begins at rest again: what it did before is no motion of its first frames.
    torch.testing.assert_close(torch.stack(after[1]), offline(encoder, later[1], modality), atol=1e-5, rtol=0)


def test_the_window_holds_the_newest_clips_oldest_first(encoder: HiTRS) -> None:
    joints, active = walk(2, 60), torch.ones(2, 60, dtype=torch.bool)
    active[1, 20:] = False
    state = state_of(2)
    clips = run(encoder, joints, active, state, "joint")
    window, valid_clips = state.clip_window(torch.tensor([0, 1]))
    assert valid_clips.tolist() == [WINDOW, 2]
    assert torch.equal(window[0], torch.stack(clips[0][-WINDOW:]))
    assert torch.equal(window[1, :2], torch.stack(clips[1]))


def test_at_every_frame_the_window_holds_the_clips_that_ended_whole_strides_ago(encoder: HiTRS) -> None:
    state, everyone = state_of(1, step_frames=1), torch.ones(1, dtype=torch.bool)
    joints = walk(1, 60)
    clips: list[Tensor] = []
    for frame in range(60):
        output, state = encode_step(TorchEncoder(encoder), joints[:, frame], everyone, state, NORMALISER)
        clips += list(output.embeddings)
        if clips:
            window, valid_clips = state.clip_window(torch.tensor([0]))
            assert valid_clips.tolist() == [min(WINDOW, GRID.clips_in(frame + 1))]
            assert torch.equal(window[0, : valid_clips[0]], torch.stack(clips[:: -GRID.clip_stride][:WINDOW]).flip(0))


@every_step
def test_a_state_is_advanced_in_place_and_never_grows(encoder: HiTRS, step_frames: int) -> None:
    state = state_of(2, step_frames)
    before = {name: (field.data_ptr(), field.shape) for name, field in vars(state).items() if torch.is_tensor(field)}
    run(encoder, walk(2, 60), torch.ones(2, 60, dtype=torch.bool), state, "joint")
    after = {name: (field.data_ptr(), field.shape) for name, field in vars(state).items() if torch.is_tensor(field)}
    assert after == before
    assert state.clips.shape[1:3] == (WINDOW, GRID.clip_stride // step_frames)


@pytest.mark.parametrize("step_frames", [0, -1, 2, 14])
def test_a_step_that_does_not_divide_the_stride_is_refused(step_frames: int) -> None:
    with pytest.raises(ValueError, match=f"step_frames {step_frames}: expected a divisor of the clip stride, 7"):
        state_of(1, step_frames)


def test_an_unknown_modality_is_refused_before_anything_is_encoded(encoder: HiTRS) -> None:
    with pytest.raises(ValueError, match="'angle', expected one of joint, bone, motion"):
        encode_step(
            TorchEncoder(encoder), walk(1, 1)[:, 0], torch.ones(1, dtype=torch.bool), state_of(1), NORMALISER, "angle"
        )


def test_a_step_without_anyone_gives_no_clip_and_changes_nothing(encoder: HiTRS) -> None:
    state = state_of(2)
    output, after = encode_step(
        TorchEncoder(encoder), walk(2, 1)[:, 0], torch.zeros(2, dtype=torch.bool), state, NORMALISER
    )
    assert output.embeddings.shape == (0, GRID.clip_width)
    assert after.frame_count.tolist() == [0, 0]
