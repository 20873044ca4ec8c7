"""The four losses: each depends on what it should, and none can be had by cheating."""

import math
from collections.abc import Mapping
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from hitrs_live.model.hitrs import HiTRSConfig
from hitrs_live.model.packed_sequences import PackedClips, pack_clips
from hitrs_live.training.infonce import info_nce
from hitrs_live.training.objectives import ObjectiveConfig, Pretrainer
from hitrs_live.training.pretrain import LOSSES

ENCODER = HiTRSConfig(
    frame_width=16, frame_hidden=16, clip_width=16, clip_hidden=16, video_width=16, video_hidden=16, layers=1, heads=2,
    head_width=8, max_clips=12, dropout=0.0,
)  # fmt: skip
LIVE = ObjectiveConfig(gap_clips=2, random_prefix=True, target_decay=0.9)


def batch(lengths: tuple[int, ...] = (13, 27, 48, 60), seed: int = 0, still: bool = False) -> PackedClips:
    generator = torch.Generator().manual_seed(seed)
    sequences = []
    for frames in lengths:
        pose = torch.randn(1, 25, 3, generator=generator)
        path = torch.randn(frames, 25, 3, generator=generator).cumsum(0) * (0.0 if still else 0.1)
        sequences.append(pose + path)
    return pack_clips(sequences, ENCODER)


def losses(model: Pretrainer, seen: PackedClips, other: PackedClips | None = None) -> Mapping[str, Tensor]:
    torch.manual_seed(1)
    results: Mapping[str, Tensor] = model(seen, other or seen)
    return results


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("config", [ObjectiveConfig(), LIVE], ids=["published", "live"])
def test_every_loss_is_finite_and_every_weight_learns(config: ObjectiveConfig, causal: bool) -> None:
    torch.manual_seed(0)
    model = Pretrainer(replace(ENCODER, causal=causal), config)
    results = losses(model, batch())
    torch.autograd.backward(torch.stack([results[name] for name in LOSSES if name in results]).sum())
    assert all(math.isfinite(float(results[name].detach())) for name in results)
    idle = [name for name, p in model.named_parameters() if p.requires_grad and (p.grad is None or not p.grad.any())]
    # A causal clip attends to no position past the longest sequence; `positions` as a whole has a gradient.
    assert idle == []


def test_untrained_the_losses_are_those_of_guessing() -> None:
    torch.manual_seed(0)
    results = losses(Pretrainer(ENCODER, ObjectiveConfig()), batch((60,) * 16))
    assert float(results["motion"].detach()) == pytest.approx(math.log(2), abs=0.15)
    assert float(results["order"].detach()) == pytest.approx(math.log(2), abs=0.15)


def test_still_sequences_have_no_part_in_the_question_whether_a_motion_is_valid() -> None:
    model = Pretrainer(ENCODER, ObjectiveConfig())
    assert losses(model, batch(still=True))["motion"] == 0


def test_sequences_too_short_for_a_question_are_left_out_of_it_and_nothing_is_not_a_number() -> None:
    results = losses(Pretrainer(replace(ENCODER, causal=True), LIVE), batch((13, 13)))
    assert results["order"] == 0
    assert results["next"] == 0
    assert all(bool(value.isfinite()) for value in results.values())


def test_the_target_clip_shares_no_frame_with_what_was_seen() -> None:
    seen = batch((60,))
    last_seen, target = seen.clip_frames[0], seen.clip_frames[LIVE.gap_clips]
    assert target.min() > last_seen.max()
    published = seen.clip_frames[ObjectiveConfig().gap_clips]
    assert published.min() < last_seen.max(), "the published target interleaves with the clip before"


def test_what_is_to_be_told_is_not_shown() -> None:
    """Changing the withheld clip's own frames changes the target alone, never the question."""
    torch.manual_seed(0)
    model = Pretrainer(ENCODER, replace(ObjectiveConfig(gap_clips=2), target_decay=0.9))
    seen = batch((48, 48))
    asked: list[Tensor] = []
    model.next_from_token.register_forward_hook(lambda _module, _inputs, output: asked.append(output.detach()))
    losses(model, seen)
    changed = seen.joints.clone()
    # Frames after the last clip that may be read: the third from the end.
    ends = (seen.clip_frames[seen.valid_mask.sum(1).cumsum(0) - 3]).amax(1)
    for start, stop in ((int(ends[0]) + 1, 48), (int(ends[1]) + 1, 96)):
        changed[start:stop] += 1.0
    losses(model, replace(seen, joints=changed))
    # The randomly placed joints of other frames may come from the changed ones: compare without them.
    share = ((asked[0] - asked[1]).abs() > 0.2).float().mean()
    assert share < 0.1


def test_the_slow_average_moves_toward_the_encoder_and_learns_nothing_itself() -> None:
    model = Pretrainer(ENCODER, LIVE)
    assert model.target is not None
    with torch.no_grad():
        model.encoder.clip_encoder.token += 1.0
    before = model.target.clip_encoder.token.clone()
    model.update_target()
    torch.testing.assert_close(model.target.clip_encoder.token, before + 0.1)
    assert not any(p.requires_grad for p in model.target.parameters())


def test_without_gradient_through_the_target() -> None:
    targets = torch.randn(4, 8, requires_grad=True)
    queries = torch.randn(4, 8, requires_grad=True)
    loss, _ = info_nce(queries, targets, torch.arange(4), torch.ones(4, dtype=torch.bool), 0.07)
    torch.autograd.backward(loss)
    assert targets.grad is None
    assert queries.grad is not None


def test_info_nce_by_hand() -> None:
    """Two queries of two sequences, each closest to its own target: softmax over two cosines."""
    queries, targets = torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([[2.0, 0.0], [3.0, 3.0]])
    loss, right = info_nce(queries, targets, torch.arange(2), torch.ones(2, dtype=torch.bool), 0.5)
    half = math.sqrt(0.5)
    first = -math.log(math.exp(2.0) / (math.exp(2.0) + math.exp(2 * half)))
    second = -math.log(math.exp(2 * half) / (math.exp(2 * half) + math.exp(0.0)))
    assert float(loss) == pytest.approx((first + second) / 2, rel=1e-5)
    assert right == 1.0


def test_a_sequences_other_clips_are_neither_right_nor_wrong() -> None:
    torch.manual_seed(0)
    queries, targets = torch.randn(3, 4), torch.randn(3, 4)
    valid = torch.ones(3, dtype=torch.bool)
    together, _ = info_nce(queries, targets, torch.tensor([0, 0, 1]), valid, 0.1)
    nearer = targets.clone()
    nearer[1] = queries[0]
    moved, _ = info_nce(queries, nearer, torch.tensor([0, 0, 1]), torch.tensor([True, False, True]), 0.1)
    first_and_last, _ = info_nce(queries[[0, 2]], targets[[0, 2]], torch.arange(2), valid[:2], 0.1)
    assert float(moved) == pytest.approx(float(first_and_last), rel=1e-5)
    assert float(together) != pytest.approx(float(first_and_last), rel=1e-3)
