"""The motion head: where a prediction begins, what it keeps, and what it is before it has learned anything."""

import math

import pytest
import torch
from torch import Tensor

from hitrs_live.model.motion_head import MotionHead, cosine_transform, smooth_basis
from hitrs_live.skeleton import NTU25
from hitrs_live.transforms import NormaliserConfig, normalise_sequence, to_body_frame

WIDTH, HISTORY, HORIZON = 16, 13, 30
PARENTS = list(NTU25.parents)


def made(horizon: int = HORIZON, *, wild: bool = False, seed: int = 3) -> MotionHead:
    """Make a head: untrained, or with every weight at random."""
    torch.manual_seed(seed)
    head = MotionHead(context_width=WIDTH, history=HISTORY, horizon=horizon, functions=6, hidden=24, blocks=2).eval()
    if wild:
        with torch.no_grad():
            for parameter in head.parameters():
                parameter.normal_(std=0.3)
    return head


def walk(rows: int, seed: int = 1) -> Tensor:
    """Make normalised frames that wander from a body. Returns (B, S, 25, 3)."""
    torch.manual_seed(seed)
    body = torch.randn(rows, 1, 25, 3) * 0.4
    return body + 0.02 * torch.randn(rows, HISTORY, 25, 3).cumsum(1)


def bone_lengths(joints: Tensor) -> Tensor:
    """Measure bones of normalised poses: what hangs from the root hangs from zero. (..., 25, 3) -> (..., 24)."""
    placed = joints.clone()
    placed[..., 0, :] = 0.0
    return (placed - placed[..., PARENTS, :]).norm(dim=-1)[..., 1:]


def test_a_prediction_starts_where_the_person_is_whatever_the_weights() -> None:
    head, recent = made(600, wild=True), walk(3)
    with torch.no_grad():
        future = head(torch.randn(3, WIDTH), recent)
    # With the horizon cut into 600 steps the first must be near the last pose.
    first, last = ((future[:, frame] - recent[:, -1]).abs().mean() for frame in (0, -1))
    assert last > 0.2
    assert first < 0.05 * last


def test_bones_keep_their_last_length_whatever_the_weights() -> None:
    head, recent = made(wild=True), walk(4)
    recent[:, :, 19] = recent[:, :, 18]
    with torch.no_grad():
        future = head(torch.randn(4, WIDTH), recent)
    assert (future[:, -1] - recent[:, -1]).abs().mean() > 0.1, "it moves"
    torch.testing.assert_close(
        bone_lengths(future), bone_lengths(recent[:, -1:]).expand(-1, HORIZON, -1), atol=1e-5, rtol=1e-4
    )
    torch.testing.assert_close(future[:, :, 19], future[:, :, 18], atol=1e-6, rtol=0)


def test_gradients_are_finite_where_a_bone_has_no_length() -> None:
    head, recent = made(wild=True), walk(2)
    recent[:, :, 19] = recent[:, :, 18]
    future, scale = head.forecast(torch.randn(2, WIDTH), recent)
    torch.autograd.backward(future.square().sum() + scale.sum())
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in head.parameters())


def test_an_untrained_head_carries_motion_on_ever_more_slowly() -> None:
    """A hand's tip turns about the hand by 0.02 rad a frame; 0.85 of it remains with every predicted frame."""
    hand, tip = NTU25.index("left_hand"), NTU25.index("left_hand_tip")
    recent = walk(1)[:, :1].expand(-1, HISTORY, -1, -1).clone()
    recent[:, :, 0] = 0.0
    angle = 0.02 * (torch.arange(HISTORY) - (HISTORY - 1))
    recent[0, :, tip] = recent[0, :, hand] + torch.stack((angle.cos(), angle.sin(), torch.zeros(HISTORY)), dim=-1)
    with torch.no_grad():
        future = made()(torch.randn(1, WIDTH), recent)
    x, y, _ = (future[0, :, tip] - future[0, :, hand]).unbind(-1)
    predicted = torch.atan2(y, x)
    torch.testing.assert_close(predicted, 0.02 * torch.cumsum(0.85 ** torch.arange(HORIZON), 0), atol=1e-3, rtol=0.03)
    others = [joint for joint in range(25) if joint != tip]
    torch.testing.assert_close(future[0, :, others], recent[0, -1:, others].expand(HORIZON, -1, -1), atol=1e-5, rtol=0)


def test_a_steady_walk_goes_on_although_its_root_stands_still_in_the_body_frame() -> None:
    body = torch.randn(25, 3, generator=torch.Generator().manual_seed(0)) * 0.3
    body[4], body[8] = torch.tensor([0.2, 0.5, 0.0]), torch.tensor([-0.2, 0.5, 0.0])
    joints_m = body + torch.tensor([0.0, 0.0, 0.04]) * torch.arange(200)[:, None, None]
    joints, frames = normalise_sequence(joints_m[None], NormaliserConfig())
    at = 150
    recent = joints[:, at - HISTORY + 1 : at + 1]
    assert (recent[:, -1, 0] - recent[:, 0, 0]).abs().max() < 1e-3
    ahead = to_body_frame(joints_m[None, at + 1 : at + 4], frames.map(lambda field: field[:, at]))
    with torch.no_grad():
        future = made()(torch.zeros(1, WIDTH), recent)
    moved, expected = future[0, 0, 0] - recent[0, -1, 0], ahead[0, 0, 0] - recent[0, -1, 0]
    torch.testing.assert_close(moved, expected, atol=0.02 * float(expected.norm()), rtol=0)


def test_scales_grow_with_time_whatever_the_weights() -> None:
    head = made(wild=True)
    with torch.no_grad():
        _, scale = head.forecast(torch.randn(5, WIDTH), walk(5))
    assert scale.shape == (5, HORIZON, 25)
    assert (scale > 0).all()
    assert (scale.diff(dim=1) >= 0).all()


def test_rows_do_not_know_of_each_other() -> None:
    head, recent, outputs = made(wild=True), walk(3), torch.randn(3, WIDTH)
    with torch.no_grad():
        torch.testing.assert_close(head(outputs, recent)[1:2], head(outputs[1:2], recent[1:2]), atol=1e-6, rtol=1e-5)


def test_the_basis_is_zero_at_the_last_frame_and_the_transform_is_orthonormal() -> None:
    fine = smooth_basis(3000, 6)
    assert fine[0].abs().max() < 1e-3
    rows = cosine_transform(13, 8)
    torch.testing.assert_close(rows @ rows.T, torch.eye(8), atol=1e-5, rtol=0)
    assert rows[0, 0] == pytest.approx(1 / math.sqrt(13))
