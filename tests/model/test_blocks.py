"""The parts of a block that do the same in two ways."""

import pytest
import torch
from torch.nn import functional as F

from hitrs_live.model.blocks import Attention, Dropout
from hitrs_live.model.hitrs import other_frames_mask


def test_dropout_zeroes_its_share_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    ones = torch.ones(400, 1003, requires_grad=True)
    dropped = Dropout(0.25)(ones)
    assert (dropped == 0).float().mean().item() == pytest.approx(0.25, abs=0.005)
    assert dropped.mean().item() == pytest.approx(1.0, abs=0.01)
    # Each of the eight activations that share a random number, as often as the others.
    first = (dropped == 0).flatten()[:400_000].view(-1, 8).float().mean(0)
    assert first.numpy() == pytest.approx(0.25, abs=0.01)
    dropped.sum().backward()
    assert torch.equal(ones.grad, dropped.detach())


def test_dropout_is_drawn_from_torchs_seed_and_rests_outside_training() -> None:
    layer, ones = Dropout(0.5), torch.ones(3, 5)
    torch.manual_seed(1)
    first = layer(ones)
    torch.manual_seed(1)
    assert torch.equal(layer(ones), first)
    assert layer.eval()(ones) is ones
    assert Dropout(0.0)(ones) is ones


@pytest.mark.parametrize("masked", [False, True])
def test_attention_trained_in_bfloat16_reads_what_the_fused_kernel_reads(masked: bool) -> None:
    torch.manual_seed(2)
    attention = Attention(48, 3, 16, dropout=0.0)
    tokens = torch.randn(5, 15, 48, requires_grad=True)
    mask = other_frames_mask(2, 7) if masked else None
    with torch.autocast("cpu", torch.bfloat16):
        plain = attention(tokens, tokens, mask)
        with torch.no_grad():
            fused = attention(tokens, tokens, mask)
    assert plain.requires_grad
    assert not fused.requires_grad
    exact = attention(tokens, tokens, mask)
    assert F.l1_loss(plain.float(), exact).item() < 4e-3
    assert F.l1_loss(fused.float(), exact).item() < 4e-3
