"""Normalisation makes people comparable, looks at no future, and can be undone."""

import pytest
import torch
from torch import Tensor

from hitrs_live.skeleton import NTU25
from hitrs_live.transforms import (
    NormaliserConfig,
    NormaliserState,
    body_size_m,
    denormalise,
    fill_unseen,
    mirror,
    normalise_sequence,
    normalise_step,
    to_body_frame,
    to_modality,
    turn_about_y,
)

CONFIG = NormaliserConfig()


def people(frames: int = 40) -> Tensor:
    """Make two upright bodies that face -z and move. (2, frames, 25, 3)."""
    generator = torch.Generator().manual_seed(3)
    body = torch.randn(2, 1, 25, 3, generator=generator) * 0.05
    for name, x in (("left", -0.3), ("right", 0.3)):
        for part in ("hip", "shoulder"):
            body[:, :, NTU25.index(f"{name}_{part}"), 0] += x
    body[..., 1] += torch.linspace(-0.5, 0.5, 25)
    body[..., 2] += 3.0
    return body + torch.randn(2, frames, 25, 3, generator=generator).cumsum(1) * 0.01


def test_where_a_person_stands_and_turns_and_how_tall_they_are_does_not_matter() -> None:
    joints = people()
    turned = turn_about_y(joints, torch.tensor(0.3).cos(), torch.tensor(0.3).sin())
    elsewhere = turned * 1.3 + torch.tensor([1.0, -0.4, 2.0])
    normalised, _ = normalise_sequence(joints, CONFIG)
    again, _ = normalise_sequence(elsewhere, CONFIG)
    torch.testing.assert_close(normalised, again, atol=1e-5, rtol=0)


def test_a_normalised_person_faces_plus_z_with_the_left_at_plus_x() -> None:
    normalised, _ = normalise_sequence(people(), CONFIG)
    left, right = (normalised[..., NTU25.index(f"{side}_hip"), 0].mean() for side in ("left", "right"))
    assert left > 0 > right


def test_changing_the_future_leaves_normalised_frames_unchanged() -> None:
    joints = people()
    changed = joints.clone()
    changed[:, 20:] *= 2
    before, _ = normalise_sequence(joints, CONFIG)
    after, _ = normalise_sequence(changed, CONFIG)
    torch.testing.assert_close(before[:, :20], after[:, :20], atol=0, rtol=0)


def test_denormalising_gives_back_the_joints_in_metres() -> None:
    joints = people()
    normalised, frames = normalise_sequence(joints, CONFIG)
    torch.testing.assert_close(denormalise(normalised, frames), joints, atol=1e-5, rtol=0)


def test_many_poses_may_share_one_body_frame() -> None:
    joints = people()
    _, frames = normalise_sequence(joints, CONFIG)
    last = frames.map(lambda field: field[:, -1])
    inside = to_body_frame(joints, last)
    torch.testing.assert_close(denormalise(inside, last), joints, atol=1e-5, rtol=0)


def test_a_jump_shows_in_the_root_slot() -> None:
    joints = people(1).expand(-1, 40, -1, -1).clone()
    joints[:, 30:, :, 1] += 0.5
    normalised, _ = normalise_sequence(joints, CONFIG)
    still, jump = normalised[:, 29, NTU25.root, 1], normalised[:, 30, NTU25.root, 1]
    assert still.abs().max() < 1e-6
    size = body_size_m(joints[:, 29])
    torch.testing.assert_close(jump, 0.5 * 2.718281828 ** (-1 / 15) / size, atol=1e-3, rtol=0)


def test_mirroring_twice_is_nothing_and_once_swaps_the_hands() -> None:
    joints = people()
    torch.testing.assert_close(mirror(mirror(joints)), joints)
    left, right = NTU25.index("left_hand"), NTU25.index("right_hand")
    torch.testing.assert_close(mirror(joints)[..., left, 1:], joints[..., right, 1:])
    torch.testing.assert_close(mirror(joints)[..., left, 0], -joints[..., right, 0])


def test_unseen_joints_stand_where_their_nearest_seen_ancestor_is() -> None:
    joints = people(1)[:, 0]
    seen = torch.ones(2, 25, dtype=torch.bool)
    wrist, hand, tip = (NTU25.index(f"left_{part}") for part in ("wrist", "hand", "hand_tip"))
    seen[0, [hand, tip]] = False
    filled = fill_unseen(joints, seen)
    torch.testing.assert_close(filled[0, hand], joints[0, wrist])
    torch.testing.assert_close(filled[0, tip], joints[0, wrist])
    torch.testing.assert_close(filled[1], joints[1])


def test_a_whole_sequence_is_normalised_as_frame_by_frame() -> None:
    joints = people(frames=150)
    state = NormaliserState.empty(2)
    active = torch.ones(2, dtype=torch.bool)
    steps, frames = zip(*(normalise_step(joints[:, t], state, active, CONFIG) for t in range(150)), strict=True)
    whole, frame = normalise_sequence(joints, CONFIG)
    torch.testing.assert_close(whole, torch.stack(steps, dim=1), atol=2e-5, rtol=0)
    torch.testing.assert_close(frame.size_m, torch.stack([f.size_m for f in frames], dim=1), atol=1e-5, rtol=0)


def test_bones_added_up_from_the_root_give_the_joints_back() -> None:
    joints = normalise_sequence(people(), CONFIG)[0][0]
    bones = to_modality(joints, "bone", CONFIG)
    again = bones.clone()
    for joint in NTU25.outward:
        if NTU25.parents[joint] != NTU25.root:
            again[:, joint] += again[:, NTU25.parents[joint]]
    torch.testing.assert_close(again, joints, atol=1e-5, rtol=0)


def test_motion_is_a_speed_that_reads_no_later_frame_and_begins_at_rest() -> None:
    steady = torch.arange(10.0).view(10, 1, 1).expand(10, 25, 3) / CONFIG.rate_hz
    motion = to_modality(steady, "motion", CONFIG)
    assert (motion[0] == 0).all()
    torch.testing.assert_close(motion[2:], torch.ones(8, 25, 3))
    changed = steady.clone()
    changed[6:] = 5.0
    torch.testing.assert_close(to_modality(changed, "motion", CONFIG)[:6], motion[:6], atol=0, rtol=0)


def test_an_unknown_modality_is_refused() -> None:
    with pytest.raises(ValueError, match="joint, bone, motion"):
        to_modality(torch.zeros(3, 25, 3), "velocity", CONFIG)
