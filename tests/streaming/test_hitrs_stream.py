"""The detector as a stream model: its numbers, its loader, and the measured cost of an output every frame."""

import re

import numpy as np
import pytest
import torch
from two_class_detector import DETECTOR, GRID
from two_class_detector import checkpoint as checkpoint

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.config import ModelConfig
from hitrs_live.inference.backend_selection import OpenedEngine
from hitrs_live.inference.torch_engine import TorchEngine
from hitrs_live.model.joint_convolutions import ConvolutionsConfig, JointConvolutions
from hitrs_live.streaming.convolution_stream import ConvolutionStream
from hitrs_live.streaming.hitrs_stream import HitrsLoader, describe_stream
from hitrs_live.streaming.profile_step import ms_per_frame, time_convolutions, time_steps


def test_a_detector_is_described_by_its_clip_grid(checkpoint: Checkpoint) -> None:
    described = describe_stream(checkpoint.info)
    # Clips of 7 frames, every second one, and 4 clips at a stride of 7.
    assert (described.span_frames, described.step_frames, described.window_frames) == (13, 7, 3 * 7 + 13)
    assert (described.label_lag_frames, described.horizon_frames, described.rate_hz) == (3, 6, 30.0)
    assert describe_stream(checkpoint.info, 1).step_frames == 1


def test_a_loader_opens_the_engine_only_when_it_is_asked_to_load(checkpoint: Checkpoint) -> None:
    opened: list[TorchEngine] = []

    def open_engine() -> OpenedEngine:
        opened.append(TorchEngine(checkpoint.model))
        return OpenedEngine(engine=opened[0], notice="runs on torch in fp32; no GPU")

    loader = HitrsLoader(checkpoint, ModelConfig(update="clip"), open_engine)
    assert loader.description == describe_stream(checkpoint.info)
    assert not opened
    loaded = loader.load(2)
    assert len(opened) == 1
    assert loaded.model.description == loader.description
    assert loaded.notice == "runs on torch in fp32; no GPU"


def test_predicting_every_frame_reports_its_cost_and_every_clip_reports_nothing(checkpoint: Checkpoint) -> None:
    assert HitrsLoader(checkpoint, ModelConfig(update="clip")).load(2).information == ""
    line = HitrsLoader(checkpoint, ModelConfig(update="frame")).load(2).information
    cost = re.fullmatch(r"predicting every frame: (\S+) ms/frame for 2 people; --update clip: (\S+) ms", line)
    assert cost
    every_frame_ms, every_clip_ms = (float(number) for number in cost.groups())
    assert every_frame_ms > every_clip_ms > 0, "seven times the clips and predictions"


@pytest.mark.parametrize(("step_frames", "clips_a_stride"), [(7, 1), (1, 7)])
def test_what_is_timed_is_people_with_full_windows_who_came_at_different_frames(
    checkpoint: Checkpoint, step_frames: int, clips_a_stride: int
) -> None:
    predicted: list[torch.Size] = []
    hook = checkpoint.model.encoder.video_encoder.embed.register_forward_pre_hook(
        lambda _, args: predicted.append(args[0].shape)
    )
    took_ms = time_steps(
        TorchEngine(checkpoint.model), checkpoint.info.normaliser, rows=3, step_frames=step_frames, strides=2
    )
    hook.remove()
    assert took_ms.shape == (2, GRID.clip_stride)
    assert (took_ms > 0).all()
    assert {clips for _, clips, _ in predicted} == {DETECTOR.window_clips}
    assert sum(people for people, _, _ in predicted) == 3 * 3 * clips_a_stride, "three people, one stride untimed"
    assert len(predicted) == 3 * (3 if step_frames == 7 else 7), "no two people end a clip of the grid at once"


def test_one_slow_stride_does_not_change_the_cost_of_a_frame() -> None:
    took_ms = np.array([[1.0, 3.0], [1.0, 3.0], [1.0, 900.0]])
    assert ms_per_frame(took_ms) == 2.0


def test_convolutions_beside_the_model_are_timed_frame_by_frame_by_the_clock_that_is_given() -> None:
    config = ConvolutionsConfig(classes=3, width=8, dilations=(1, 2))
    stream = ConvolutionStream(JointConvolutions(config).eval())
    # Two milliseconds from each look at the clock to the next, but for one frame that took a second.
    looks_ns = np.arange(0, 22 * 2_000_000, 2_000_000)
    looks_ns[5:] += 1_000_000_000
    assert time_convolutions(stream, rows=2, frames=10, clock=iter(looks_ns.tolist()).__next__) == 2.0
