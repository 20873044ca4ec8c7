"""Time the steps of a detector's stream on this machine, with every window full."""

import time
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from hitrs_live.inference.base import Engine
from hitrs_live.skeleton import NTU25
from hitrs_live.streaming.convolution_stream import ConvolutionState, ConvolutionStream
from hitrs_live.streaming.detector_stream import stream_step
from hitrs_live.streaming.encoder_stream import StreamState
from hitrs_live.transforms import NormaliserConfig


def time_steps(
    engine: Engine,
    normaliser: NormaliserConfig,
    *,
    rows: int,
    step_frames: int,
    strides: int = 3,
    at_once: bool = False,
    clock: Callable[[], int] = time.perf_counter_ns,
) -> NDArray[np.float64]:
    """Time steps of people whose windows are full. Returns (strides, clip_stride) ms.

    step_frames: frames from one output on a row to the next; at_once: whether all end their clips in the same frame,
    otherwise they are spread over the frames of a stride; clock: nanoseconds, such as `time.process_time_ns` where
    other processes should not count. One more stride is run first, untimed.
    """
    grid, window = engine.grid, engine.config.window_clips
    state = StreamState.empty(grid, rows, window_clips=window, step_frames=step_frames)
    # As if each had been seen for a window and part of a stride: zeros cost what real joints do.
    state.frame_count += grid.frames_of(window)
    if not at_once:
        state.frame_count += torch.arange(rows) % grid.clip_stride
    state.clip_count += (state.frame_count - grid.clip_span) // step_frames + 1
    still, everyone = torch.zeros(rows, grid.joints, 3), torch.ones(rows, dtype=torch.bool)
    took_ms = np.zeros((1 + strides) * grid.clip_stride)
    for frame in range(len(took_ms)):
        began_ns = clock()
        stream_step(engine, still, everyone, state, normaliser)
        took_ms[frame] = (clock() - began_ns) / 1e6
    return took_ms.reshape(-1, grid.clip_stride)[1:]


def time_convolutions(
    convolutions: ConvolutionStream, *, rows: int, frames: int = 15, clock: Callable[[], int] = time.perf_counter_ns
) -> float:
    """Time a frame of convolutions of so many rows. Returns the median of `frames`, ms; one more is run first."""
    state, everyone = ConvolutionState.empty(convolutions.config, rows), torch.arange(rows)
    still = torch.zeros(rows, len(NTU25), 3)
    took_ms = np.zeros(1 + frames)
    for frame in range(len(took_ms)):
        began_ns = clock()
        convolutions.read(convolutions.step(still, everyone, state))
        took_ms[frame] = (clock() - began_ns) / 1e6
    return float(np.median(took_ms[1:]))


def ms_per_frame(took_ms: NDArray[np.float64]) -> float:
    """Summarise `time_steps`: mean over each stride, median over strides, so that one slow stride is ignored."""
    return float(np.median(took_ms.mean(1)))
