"""Convolutions as a stream: step equals batch, rows are independent, a reset forgets, the past is finite."""

import pytest
import torch
from torch import Tensor

from hitrs_live.model.joint_convolutions import ConvolutionsConfig, JointConvolutions
from hitrs_live.streaming.convolution_stream import ConvolutionState, ConvolutionStream

FRAMES = 60


@pytest.fixture(scope="module", params=[1, 2, 3], ids=lambda interval: f"every {interval} frames")
def model(request: pytest.FixtureRequest) -> JointConvolutions:
    torch.manual_seed(0)
    config = ConvolutionsConfig(classes=5, width=8, dilations=(1, 4, 2), interval=request.param)
    return JointConvolutions(config).eval()


def joints_of(rows: int, frames: int = FRAMES) -> Tensor:
    return torch.randn(rows, frames, 25, 3, generator=torch.Generator().manual_seed(1))


def run(model: JointConvolutions, joints: Tensor, active: Tensor | None = None) -> Tensor:
    """Step all rows of (R, T, 25, 3); returns the logits (R, T, K), NaN where a row was not active."""
    stream, state = ConvolutionStream(model), ConvolutionState.empty(model.config, len(joints))
    logits = torch.full((*joints.shape[:2], model.config.classes), torch.nan)
    for frame in range(joints.shape[1]):
        rows = torch.arange(len(joints)) if active is None else active[:, frame].nonzero().squeeze(1)
        logits[rows, frame] = stream.read(stream.step(joints[rows, frame], rows, state))
    return logits


def test_each_step_equals_the_batch(model: JointConvolutions) -> None:
    joints = joints_of(3)
    with torch.no_grad():
        expected = model(joints)
    torch.testing.assert_close(run(model, joints), expected, atol=1e-5, rtol=0)


def test_a_row_that_pauses_goes_on_where_it_stopped_and_leaves_the_others_alone(model: JointConvolutions) -> None:
    joints = joints_of(2)
    active = torch.ones(2, FRAMES, dtype=torch.bool)
    active[1, 20:33] = False
    logits = run(model, joints, active)
    torch.testing.assert_close(logits[:1], run(model, joints[:1]), atol=1e-5, rtol=0)
    without_pause = run(model, joints[1:, active[1]])
    torch.testing.assert_close(logits[1:, active[1]], without_pause, atol=1e-5, rtol=0)


def test_a_reset_row_starts_over_and_the_other_goes_on(model: JointConvolutions) -> None:
    joints, stream = joints_of(2), ConvolutionStream(model)
    state = ConvolutionState.empty(model.config, 2)
    both = torch.arange(2)
    for frame in range(25):
        stream.step(joints[:, frame], both, state)
    state.reset(torch.tensor([True, False]))
    after = [stream.read(stream.step(joints[:, frame], both, state)) for frame in range(25, FRAMES)]
    logits = torch.stack(after, dim=1)
    torch.testing.assert_close(logits[0], run(model, joints[:1, 25:])[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(logits[1], run(model, joints[1:])[0, 25:], atol=1e-5, rtol=0)


def test_an_output_reads_as_many_frames_as_it_states_and_none_later(model: JointConvolutions) -> None:
    joints = joints_of(1)
    reach, last = model.config.reach_frames, FRAMES - 1
    changed = joints.clone().requires_grad_()
    model(changed)[0, last - 5].sum().backward()
    assert changed.grad is not None
    read = changed.grad[0].abs().sum((1, 2)).nonzero().squeeze(1)
    assert int(read.max()) == last - 5
    assert int(read.min()) >= last - 5 - reach + 1
