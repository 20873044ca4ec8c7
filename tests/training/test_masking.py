"""Masking and exchanging happen at the stated rates, and nothing else is changed."""

import pytest
import torch

from hitrs_live.training.masking import choose_joints, draw_pairs, mask_joints, swap


@pytest.mark.slow
def test_the_stated_share_of_joints_is_masked_in_three_ways() -> None:
    torch.manual_seed(0)
    joints = torch.randn(4000, 25, 3)
    chosen = choose_joints(joints, 0.15)
    constant = torch.tensor([9.0, 9.0, 9.0])
    masked = mask_joints(joints, chosen, constant)
    hidden = (masked == constant).all(-1)
    same = (masked == joints).all(-1)
    assert abs(chosen.float().mean() - 0.15) < 0.005
    assert torch.equal(masked[~chosen], joints[~chosen])
    assert abs(hidden[chosen].float().mean() - 0.8) < 0.02
    assert abs(same[chosen].float().mean() - 0.1) < 0.02
    other = chosen & ~hidden & ~same
    places = {tuple(joint) for joint in joints.reshape(-1, 3).tolist()}
    assert all(tuple(joint) in places for joint in masked[other].tolist()), "another joint, not a new one"


def test_pairs_are_at_least_two_apart_within_their_row_and_every_such_pair_can_be_drawn() -> None:
    torch.manual_seed(0)
    counts = torch.tensor([3, 4, 7]).repeat_interleave(3000)
    first, second = draw_pairs(counts)
    assert (second - first >= 2).all()
    assert (second < counts).all()
    assert (first >= 0).all()
    drawn = {(int(n), int(a), int(b)) for n, a, b in zip(counts, first, second, strict=True)}
    assert len(drawn) == 1 + 3 + 15, "all pairs of 3, 4 and 7 places that are two or more apart"


def test_rows_with_too_few_positions_exchange_nothing() -> None:
    first, second = draw_pairs(torch.tensor([1, 2]))
    order = torch.arange(2).expand(2, -1)
    assert torch.equal(swap(order, first, second), order)


def test_two_entries_change_places_and_the_others_stay() -> None:
    order = torch.arange(6).expand(2, -1)
    swapped = swap(order, torch.tensor([0, 2]), torch.tensor([3, 5]))
    assert swapped.tolist() == [[3, 1, 2, 0, 4, 5], [0, 1, 5, 3, 4, 2]]
    assert order.tolist() == [[0, 1, 2, 3, 4, 5]] * 2
