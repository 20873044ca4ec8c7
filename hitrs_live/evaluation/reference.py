"""Offline reference of the live path: predict a whole recording without streaming, each window from scratch."""

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.data.array_format import LabelledSequence
from hitrs_live.model.detector import HitrsDetector
from hitrs_live.skeleton import mirrored_labels
from hitrs_live.transforms import NormaliserConfig, average_sides, normalise_sequence
from hitrs_live.transforms import mirror as mirrored

_AT_ONCE = 256
"""Clips encoded in one batch, to limit memory for long recordings."""


def run_reference(
    checkpoint: Checkpoint, sequence: LabelledSequence, *, step_frames: int | None = None, mirror: bool = True
) -> NDArray[np.float32]:
    """Predict a recording as the live predictor does, averaged with its mirror image or not.

    Returns (N, K) logits, as `offline_logits` does.
    """
    logits = _with_convolutions(checkpoint, sequence, step_frames)
    if not mirror:
        return logits
    image = replace(sequence, joints_m=mirrored(torch.from_numpy(sequence.joints_m)).numpy())
    of_image, classes = _with_convolutions(checkpoint, image, step_frames), mirrored_labels(checkpoint.info.labels)
    averaged: NDArray[np.float32] = average_sides(*map(torch.from_numpy, (logits, of_image, classes))).numpy()
    return averaged


@torch.inference_mode()
def _with_convolutions(
    checkpoint: Checkpoint, sequence: LabelledSequence, step_frames: int | None
) -> NDArray[np.float32]:
    """Predict a recording by Hi-TRS, averaged with the convolutions where the detector has some. Returns (N, K)."""
    info, beside = checkpoint.info, checkpoint.convolutions
    logits = offline_logits(checkpoint.model, sequence, info.normaliser, step_frames)
    if beside is None:
        return logits
    joints, _ = normalise_sequence(torch.from_numpy(sequence.joints_m)[None], info.normaliser)
    grid = info.detector.encoder
    of_convolutions = beside(joints)[0, grid.clip_span - 1 :: step_frames or grid.clip_stride].numpy()
    return beside.config.average(logits, of_convolutions)


@torch.inference_mode()
def offline_logits(
    model: HitrsDetector, sequence: LabelledSequence, normaliser: NormaliserConfig, step_frames: int | None = None
) -> NDArray[np.float32]:
    """Predict a recording at the end of every clip, or every `step_frames` frames, each time from its own window.

    step_frames: frames from one prediction to the next, a divisor of the clip stride, which is the default. Returns
    (N, K) logits; the first is for the frame that completes the first clip.
    """
    grid, window = model.config.encoder, model.config.window_clips
    step_frames = step_frames or grid.clip_stride
    joints, _ = normalise_sequence(torch.from_numpy(sequence.joints_m)[None], normaliser)
    if joints.shape[1] < grid.clip_span:
        return np.zeros((0, model.config.classes), np.float32)
    tokens = model.encoder.frame_encoder(joints[0])
    starts = torch.arange(0, joints.shape[1] - grid.clip_span + 1, step_frames)
    frames = starts[:, None] + torch.arange(grid.clip_length) * grid.frame_interval
    clips = torch.cat(
        [model.encoder.clip_encoder(tokens[frames[n : n + _AT_ONCE]]) for n in range(0, len(frames), _AT_ONCE)]
    )
    # A window is the clips that end a stride apart, the newest last. It is padded at its end; causal attention never
    # reads the padding.
    apart = grid.clip_stride // step_frames
    newest = torch.arange(len(clips))
    counts = (newest // apart + 1).clamp_max(window)
    places = (newest - apart * (counts - 1))[:, None] + apart * torch.arange(window)
    _, outputs = model.encoder.video_encoder(clips[places.clamp_max(len(clips) - 1)], causal=True)
    logits: NDArray[np.float32] = model.action_head(outputs[newest, counts - 1]).numpy()
    return logits
