"""Time the whole window recomputed, as a model without stream state must do, with the same weights in the same run."""

import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import msgspec
import numpy as np
import torch
from torch import Tensor

from hitrs_live.bench.engines import BenchEngine
from hitrs_live.bench.interleaved_timing import Timing, in_turns, timed
from hitrs_live.bench.results import HistoryCost, Recomputing
from hitrs_live.bench.step_timing import time_frames
from hitrs_live.checkpoint import Checkpoint
from hitrs_live.inference.base import Engine
from hitrs_live.inference.torch_engine import TorchEngine
from hitrs_live.model.detector import HitrsDetector
from hitrs_live.model.hitrs import gather_clips

MODEL = "model"
HISTORIES = (5, 10, 20, 40)
"""Window lengths, clips."""


def compare_recomputing(
    checkpoint: Checkpoint, engines: Mapping[str, BenchEngine], stream_ms: Mapping[str, float], *, turns: int
) -> Recomputing:
    """Time one window of one person in turns and compare it with the stream's step. stream_ms: by engine."""
    window, stride = _window(checkpoint), checkpoint.info.detector.encoder.clip_stride
    windows = {MODEL: timed(partial(checkpoint.model, window), time.process_time_ns)}
    for name, each in engines.items():
        windows[name] = timed(partial(recompute_window, each.engine, window[0]), each.clock)
    window_ms = {name: float(np.median(took)) for name, took in in_turns(windows, turns=turns).items()}
    return Recomputing(
        window_ms={name: round(ms, 3) for name, ms in window_ms.items()},
        every_clip_ms_per_frame={name: round(ms / stride, 3) for name, ms in window_ms.items()},
        over_stream={name: round(window_ms[name] / stream_ms[name], 1) for name in engines},
    )


def recompute_window(engine: Engine, joints: Tensor) -> Tensor:
    """Compute a whole window by an engine's submodules: every frame, every clip, one prediction.

    joints: (T, J, 3), normalised, all frames of the window -> logits (1, K).
    """
    grid = engine.grid
    clips = engine.encode_clips(gather_clips(engine.encode_frames(joints)[None], grid)[0])
    return engine.predict(clips[None], torch.tensor([len(clips)]), joints[None, -grid.clip_span :])[0]


def time_histories(checkpoint: Checkpoint, *, turns: int) -> tuple[HistoryCost, ...]:
    """Time stream and recomputation in torch for windows of 5 to 40 clips, as far as the model has positions for."""
    longest = checkpoint.info.detector.encoder.max_clips
    return tuple(_time_history(with_window(checkpoint, clips), turns=turns) for clips in HISTORIES if clips <= longest)


def with_window(checkpoint: Checkpoint, clips: int) -> Checkpoint:
    """Return the detector with a window of `clips` clips.

    Its cost is that of a detector trained so. Its outputs are not, where the window is longer than the trained one.
    """
    config = replace(checkpoint.info.detector, window_clips=clips)
    model = HitrsDetector(config)
    model.load_state_dict(checkpoint.model.state_dict())
    info = msgspec.structs.replace(checkpoint.info, detector=config)
    return Checkpoint(info=info, model=model.eval())


def _time_history(checkpoint: Checkpoint, *, turns: int) -> HistoryCost:
    engine, window = BenchEngine(engine=TorchEngine(checkpoint.model)), _window(checkpoint)
    timings: dict[str, Timing] = {
        "stream": lambda: float(time_frames(engine, checkpoint.info.normaliser, persons=1, strides=2).mean()),
        "window": timed(partial(checkpoint.model, window), engine.clock),
    }
    took = in_turns(timings, turns=turns)
    every_frame_ms = float(np.median(took["window"]))
    return HistoryCost(
        clips=checkpoint.info.detector.window_clips,
        stream_ms_per_frame=round(float(np.median(took["stream"])), 3),
        recompute_every_frame_ms=round(every_frame_ms, 3),
        recompute_every_clip_ms_per_frame=round(every_frame_ms / engine.engine.grid.clip_stride, 3),
    )


def _window(checkpoint: Checkpoint) -> Tensor:
    """Create a full window of random joints of one person. Returns (1, T, J, C)."""
    config = checkpoint.info.detector
    grid = config.encoder
    return torch.randn(
        1, grid.frames_of(config.window_clips), grid.joints, grid.channels, generator=torch.Generator().manual_seed(0)
    )
