"""The encoders are the published ones, and see only what they may."""

import pytest
import torch

from hitrs_live.model.hitrs import HITRS_SMALL, HiTRS, HiTRSConfig, gather_clips, hitrs_base, other_frames_mask


def parameters(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.fixture(scope="module")
def small() -> HiTRS:
    torch.manual_seed(0)
    return HiTRS(HITRS_SMALL).eval()


def test_the_base_model_has_exactly_the_published_number_of_parameters() -> None:
    model = hitrs_base()
    assert parameters(model.frame_encoder) == 891_008
    assert parameters(model.clip_encoder) == 1_851_776
    assert parameters(model.video_encoder) == 4_175_104
    assert parameters(model) == 6_917_888


def test_shapes_run_from_joints_to_one_token_a_window() -> None:
    model = hitrs_base().eval()
    joints = torch.randn(2, 27, 25, 3)
    tokens = model.frame_encoder(joints)
    clips = gather_clips(tokens, model.config)
    embeddings = model.clip_encoder(clips)
    token, outputs = model.video_encoder(embeddings)
    assert tokens.shape == (2, 27, 25, 128)
    assert clips.shape == (2, 3, 7, 25, 128)
    assert embeddings.shape == (2, 3, 256)
    assert token.shape == (2, 512)
    assert outputs.shape == (2, 3, 512)


def test_clips_take_every_second_frame_and_interleave() -> None:
    frames = torch.arange(27.0).reshape(1, 27, 1)
    clips = gather_clips(frames, HiTRSConfig()).squeeze(-1)
    assert clips.tolist() == [[[0, 2, 4, 6, 8, 10, 12], [7, 9, 11, 13, 15, 17, 19], [14, 16, 18, 20, 22, 24, 26]]]


def test_a_sequence_shorter_than_one_clip_is_refused_with_both_lengths() -> None:
    with pytest.raises(ValueError, match="got 12 frames, expected at least 13"):
        gather_clips(torch.zeros(1, 12, 1), HiTRSConfig())


def test_joints_of_one_frame_do_not_see_each_other_but_see_all_else() -> None:
    mask = other_frames_mask(2, 3)
    seen_by_first = [True, False, False, True, True, True, True]
    seen_by_fifth = [True, True, True, False, True, False, True]
    assert mask[0].tolist() == seen_by_first
    assert mask[4].tolist() == seen_by_fifth
    assert mask[6].all(), "the token sees every joint"


def test_updating_the_last_token_alone_equals_the_last_row_of_updating_all(small: HiTRS) -> None:
    block = small.clip_encoder.blocks[-1]
    tokens = torch.randn(3, 176, 128)
    torch.testing.assert_close(
        block.last_token(tokens), block(tokens, small.clip_encoder.attend_mask)[:, -1], atol=1e-5, rtol=1e-5
    )


def test_padded_clips_change_nothing_for_the_real_ones(small: HiTRS) -> None:
    clips = torch.randn(1, 6, 128)
    valid = torch.tensor([[True] * 4 + [False] * 2])
    token, outputs = small.video_encoder(clips, valid)
    alone_token, alone = small.video_encoder(clips[:, :4])
    torch.testing.assert_close(token, alone_token, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(outputs[:, :4], alone, atol=1e-5, rtol=1e-5)


def test_a_window_of_nothing_but_padding_is_finite(small: HiTRS) -> None:
    token, outputs = small.video_encoder(torch.randn(1, 3, 128), torch.zeros(1, 3, dtype=torch.bool))
    assert torch.isfinite(token).all()
    assert torch.isfinite(outputs).all()


def test_a_causal_window_judges_each_clip_as_if_the_window_ended_there(small: HiTRS) -> None:
    clips = torch.randn(1, 8, 128)
    _, outputs = small.video_encoder(clips, causal=True)
    for count in (1, 3, 8):
        _, cut = small.video_encoder(clips[:, :count], causal=True)
        torch.testing.assert_close(outputs[:, count - 1], cut[:, -1], atol=1e-5, rtol=1e-5)


def test_changing_the_future_leaves_past_outputs_unchanged(small: HiTRS) -> None:
    joints = torch.randn(1, 48, 25, 3)
    changed = joints.clone()
    changed[:, 27:] += 1.0
    _, before = small(joints, causal=True)
    _, after = small(changed, causal=True)
    torch.testing.assert_close(before[:, :3], after[:, :3])
    assert (before[:, 4:] - after[:, 4:]).abs().max() > 1e-4


def test_more_clips_than_positions_are_refused_by_number(small: HiTRS) -> None:
    with pytest.raises(ValueError, match="got a window of 65 clips, expected at most 64"):
        small.video_encoder(torch.zeros(1, 65, 128))
