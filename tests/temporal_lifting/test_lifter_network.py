import numpy as np
import pytest
import torch
from temporal_lifting_people import LENS, moving_landmarks, seeded_network

from hitrs_live.evaluation.lifter_measures import size_m
from hitrs_live.skeleton import NTU25
from hitrs_live.temporal_lifting.bones import BONES_OF, JOINTS_OF
from hitrs_live.temporal_lifting.frame_network import FrameNetwork
from hitrs_live.temporal_lifting.lifting import JOINTS, LifterInputs, LifterOutputs, view_turns
from hitrs_live.temporal_lifting.memory import LifterState
from hitrs_live.virtual_camera.lifter_sequences import lifted_inputs

FRAMES, PEOPLE = 12, 3
# Sums of a few hundred numbers in another order.
CLOSE = {"atol": 2e-5, "rtol": 1e-4}


@pytest.fixture(scope="module")
def inputs() -> LifterInputs:
    people = [
        lifted_inputs(moving_landmarks(FRAMES, x_m=x, seed=n), LENS, np.arange(FRAMES) / 30)
        for n, x in enumerate((-0.8, 0.0, 0.9))
    ]
    return LifterInputs(*(torch.cat(parts) for parts in zip(*people, strict=True)))


@torch.inference_mode()
def run(inputs: LifterInputs) -> tuple[LifterOutputs, LifterState]:
    network = seeded_network()
    outputs, state = network(inputs, network.initial_state(len(inputs.step_s)))
    return outputs, state


def made_of(outputs: LifterOutputs) -> torch.Tensor:
    """The bones before joints are moved to their sight lines: (B, T, 20, 3)."""
    bones: torch.Tensor = outputs.view_bones * outputs.bone_m[..., None]
    return bones


def cut(inputs: LifterInputs, people: slice, frames: slice) -> LifterInputs:
    return LifterInputs(*(part[people, frames] for part in inputs))


@torch.inference_mode()
def test_steps_of_one_frame_equal_the_batch_of_all_frames(inputs: LifterInputs) -> None:
    network = seeded_network()
    whole, end = run(inputs)
    state = network.initial_state(PEOPLE)
    for frame in range(FRAMES):
        one, state = network(cut(inputs, slice(None), slice(frame, frame + 1)), state)
        for got, expected in zip(one, whole, strict=True):
            torch.testing.assert_close(got[:, 0], expected[:, frame], **CLOSE)
    for got, expected in zip(state, end, strict=True):
        torch.testing.assert_close(got, expected, **CLOSE)


def test_the_future_changes_nothing(inputs: LifterInputs) -> None:
    before = run(inputs)[0]
    later = inputs.joints_m.clone()
    later[:, 8:] += 0.3
    after = run(inputs._replace(joints_m=later))[0]
    for one, other in zip(before, after, strict=True):
        torch.testing.assert_close(one[:, :8], other[:, :8], **CLOSE)
        assert not torch.allclose(one[:, 8:], other[:, 8:])


def test_people_do_not_depend_on_one_another(inputs: LifterInputs) -> None:
    together = run(inputs)[0]
    for person in range(PEOPLE):
        alone = run(cut(inputs, slice(person, person + 1), slice(None)))[0]
        for one, other in zip(alone, together, strict=True):
            torch.testing.assert_close(one[0], other[person], **CLOSE)


def test_bones_keep_one_length_once_seen_for_some_time(inputs: LifterInputs) -> None:
    many = LifterInputs(*(torch.cat([part] * 20, dim=1) for part in inputs))
    late = run(many)[0].bone_m[:, -40:]
    assert float((late.std(dim=1) / late.mean(dim=1)).max()) < 0.03


def test_joints_are_made_of_bones_as_the_live_path_makes_them(inputs: LifterInputs) -> None:
    joints = inputs.joints_m[0].numpy()
    made = JOINTS_OF @ (BONES_OF @ joints) + joints[:, NTU25.root : NTU25.root + 1]
    np.testing.assert_allclose(made, joints, atol=2e-3)


def test_the_sight_line_is_turned_to_the_z_axis() -> None:
    directions = torch.tensor([[0.0, 0.0, 2.0], [1.0, 0.3, 2.0], [-0.7, -0.9, 1.5]])
    turns = view_turns(torch, directions)
    turned = (turns @ directions[..., None])[..., 0]
    torch.testing.assert_close(turned[:, :2], torch.zeros(3, 2), atol=1e-5, rtol=0)
    torch.testing.assert_close(turns @ turns.mT, torch.eye(3).expand(3, 3, 3), atol=1e-5, rtol=0)


def test_a_larger_person_further_away_is_corrected_alike(inputs: LifterInputs) -> None:
    once, larger = run(inputs)[0], run(inputs._replace(joints_m=1.2 * inputs.joints_m))[0]
    torch.testing.assert_close(larger.joints_m, 1.2 * once.joints_m, **CLOSE)
    torch.testing.assert_close(larger.error_m, 1.2 * once.error_m, **CLOSE)
    torch.testing.assert_close(larger.visible, once.visible, **CLOSE)


def test_a_person_stays_as_large_as_the_pose_network_says(inputs: LifterInputs) -> None:
    lifted = torch.from_numpy(size_m(inputs.joints_m.numpy()))
    size = torch.from_numpy(size_m((torch.from_numpy(JOINTS_OF) @ made_of(run(inputs)[0])).numpy()))
    for person in range(PEOPLE):
        assert lifted[person].min() <= size[person, -1] <= lifted[person].max()


def test_every_expected_error_is_above_zero(inputs: LifterInputs) -> None:
    outputs = run(inputs)[0]
    assert outputs.error_m.shape == (PEOPLE, FRAMES, JOINTS)
    assert float(outputs.error_m.min()) > 0


@torch.inference_mode()
def test_the_live_path_computes_what_was_trained(inputs: LifterInputs) -> None:
    # One is seen in every frame; one comes later; one is away for a while, then another person takes their place.
    seen = np.ones((FRAMES, PEOPLE), bool)
    seen[:4, 1], seen[5:8, 2] = False, False
    network = seeded_network()
    live = FrameNetwork(network.tensors)
    state, live_state = network.initial_state(PEOPLE), live.initial_state(PEOPLE)
    for frame in range(FRAMES):
        rows = np.flatnonzero(seen[frame])
        now = LifterInputs(*(part[rows, frame : frame + 1] for part in inputs))
        if frame == 8:
            for part, live_part in zip(state, live_state, strict=True):
                part[2], live_part[2] = 0, 0
        outputs, after = network(now, LifterState(*(part[rows] for part in state)))
        got, live_after = live.step(
            LifterInputs(*(part[:, 0].numpy() for part in now)), LifterState(*(part[rows] for part in live_state))
        )
        for one, other in zip(got, outputs, strict=True):
            assert one.dtype == np.float32
            # Single precision at three metres, and sums in another order.
            np.testing.assert_allclose(one, other[:, 0], atol=1e-5, rtol=0)
        for memory, new in ((state, after), (live_state, live_after)):
            for part, value in zip(memory, new, strict=True):
                part[rows] = value
