"""The folded motion head gives what the model's own gives: the slow reference that training runs."""

import copy

import pytest
import torch
from torch import Tensor

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.inference.folded_motion_head import FoldedMotionHead
from hitrs_live.inference.probe_streams import probe_streams
from hitrs_live.model.motion_head import MotionHead
from hitrs_live.skeleton import NTU25

WIDTH, HISTORY = 16, 13


def head(seed: int, *, horizon: int = 30) -> MotionHead:
    """Make a head with every weight at random."""
    torch.manual_seed(seed)
    made = MotionHead(context_width=WIDTH, history=HISTORY, horizon=horizon, functions=6, hidden=24, blocks=2).eval()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter += 0.2 * torch.randn_like(parameter)
    return made


def people(rows: int) -> Tensor:
    return probe_streams(rows, HISTORY + 20)[:, 20:]


@pytest.mark.slow
@torch.no_grad()
@pytest.mark.parametrize("horizon", [1, 6, 30])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_its_predictions_and_scales_are_the_heads_whatever_the_weights(seed: int, horizon: int) -> None:
    own, recent, outputs = head(seed, horizon=horizon), people(5), torch.randn(5, WIDTH)
    future, scales = own.forecast(outputs, recent)
    assert (future - recent[:, -1:]).abs().max() > 0.01, "it moves"
    folded = FoldedMotionHead(own)(outputs, recent)
    torch.testing.assert_close(folded, (future, scales), atol=1e-5, rtol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("size", [0.0, 1.0, 100.0], ids=["no person", "a body", "a giant"])
def test_so_they_are_of_bodies_of_any_size_and_where_a_bone_has_no_length(size: float) -> None:
    own, recent, outputs = head(3), size * people(3), torch.randn(3, WIDTH)
    tip, hand = NTU25.index("left_hand_tip"), NTU25.index("left_hand")
    recent[:, :, tip] = recent[:, :, hand]
    future, scales = FoldedMotionHead(own)(outputs, recent)
    expected, expected_scales = own.forecast(outputs, recent)
    torch.testing.assert_close(future, expected, atol=2e-5 * max(1.0, size), rtol=0)
    torch.testing.assert_close(scales, expected_scales, atol=0, rtol=1e-4)
    torch.testing.assert_close(future[:, :, tip], future[:, :, hand], atol=2e-6 * max(1.0, size), rtol=0)


def test_folding_leaves_the_head_as_it_was(checkpoint: Checkpoint) -> None:
    own = checkpoint.model.motion_head
    before = copy.deepcopy(own.state_dict())
    folded = FoldedMotionHead(own)
    assert not [name for name, parameter in folded.named_parameters() if parameter.requires_grad]
    assert all(parameter.requires_grad for parameter in own.parameters())
    after = own.state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert {value.dtype for value in after.values()} == {torch.float32}
