"""The Hi-TRS detector as a `StreamModel`: an inference engine, the normaliser and the checkpoint's description.

A detector may have convolutions beside Hi-TRS. They read the same normalised joints, and the logits of both are
averaged.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from hitrs_live.checkpoint import Checkpoint, CheckpointInfo
from hitrs_live.config import ModelConfig
from hitrs_live.inference.backend_selection import OpenedEngine
from hitrs_live.inference.base import Engine
from hitrs_live.inference.torch_engine import TorchEngine
from hitrs_live.streaming.convolution_stream import ConvolutionState, ConvolutionStream
from hitrs_live.streaming.detector_stream import stream_step
from hitrs_live.streaming.encoder_stream import StreamState
from hitrs_live.streaming.profile_step import ms_per_frame, time_convolutions, time_steps
from hitrs_live.streaming.stream_model import LoadedModel, ModelOutput, StreamDescription
from hitrs_live.transforms import denormalise


def describe_stream(info: CheckpointInfo, step_frames: int | None = None) -> StreamDescription:
    """Describe a detector as a stream. step_frames: frames between outputs, by default the clip stride."""
    grid = info.detector.encoder
    return StreamDescription(
        labels=info.labels,
        pair_labels=info.pair_labels,
        rate_hz=info.normaliser.rate_hz,
        step_frames=step_frames or grid.clip_stride,
        span_frames=grid.clip_span,
        window_frames=max(
            grid.frames_of(info.detector.window_clips), info.convolutions.reach_frames if info.convolutions else 0
        ),
        label_lag_frames=info.label_lag_frames,
        horizon_frames=info.detector.horizon,
        independent=info.independent,
        temperature=info.temperature,
        on=info.on,
        off=info.off,
        name=info.name,
        embedding_width=grid.clip_width,
    )


@dataclass(kw_only=True)
class HitrsState:
    """The history of R rows. Advanced in place."""

    encoder: StreamState
    convolutions: ConvolutionState | None


class HitrsStream:
    """A detector that encodes each frame and each clip once and recomputes only the video level for an output."""

    def __init__(self, checkpoint: Checkpoint, *, engine: Engine | None = None, step_frames: int | None = None) -> None:
        """Take the model and the engine that computes it.

        engine: by default the reference, torch on the CPU. step_frames: frames between outputs on a row, by default
        the clip stride; `empty_state` raises ValueError for one that does not divide the stride.
        """
        self.description = describe_stream(checkpoint.info, step_frames)
        self._engine = engine or TorchEngine(checkpoint.model)
        self._convolutions = ConvolutionStream(checkpoint.convolutions) if checkpoint.convolutions else None
        self._normaliser = checkpoint.info.normaliser
        self._clips_only = False

    @property
    def can_skip(self) -> bool:
        """Whether there are outputs between the ends of clips, as `SkipsOutputs` defines it."""
        return self.description.step_frames < self._engine.grid.clip_stride

    def skip_outputs(self, *, clips_only: bool) -> None:
        """Leave out the outputs between the ends of clips, as `SkipsOutputs` defines it."""
        self._clips_only = clips_only

    def empty_state(self, rows: int) -> HitrsState:
        """Return the state of rows that have seen nothing, as `StreamModel` defines it."""
        config = self._engine.config
        encoder = StreamState.empty(
            config.encoder, rows, window_clips=config.window_clips, step_frames=self.description.step_frames
        )
        beside = self._convolutions
        return HitrsState(encoder=encoder, convolutions=ConvolutionState.empty(beside.config, rows) if beside else None)

    def reset(self, rows: Tensor, state: HitrsState) -> HitrsState:
        """Forget the past of some rows, in place, as `StreamModel` defines it."""
        state.encoder.reset(rows)
        if state.convolutions:
            state.convolutions.reset(rows)
        return state

    @torch.inference_mode()
    def step(self, joints_m: Tensor, state: HitrsState, active: Tensor) -> tuple[ModelOutput, HitrsState]:
        """Advance the active rows by one frame, in place, as `StreamModel` defines it."""
        output, state.encoder = stream_step(
            self._engine, joints_m, active, state.encoder, self._normaliser, clips_only=self._clips_only
        )
        logits = output.logits
        if self._convolutions and state.convolutions:
            logits = _with_convolutions(logits, output.rows, self._convolutions, state, active)
        future, scales = output.future, output.scales
        # Most frames complete no clip, and then there is nothing to convert.
        if len(output.rows):
            future, scales = denormalise(future, output.body), scales * output.body.size_m[:, None, None]
        return ModelOutput(
            rows=output.rows, logits=logits, future_joints_m=future, scales_m=scales,
            embeddings=output.embeddings,
        ), state  # fmt: skip

    def describe_cost(self, *, people: int, rows: int) -> str:
        """Time this stream and one with an output every clip; return one line, empty where the two are the same.

        people: for the line's text; rows: how many are stepped at once, mirror images counted.
        """
        step_frames, stride = self.description.step_frames, self._engine.grid.clip_stride
        if step_frames >= stride:
            return ""
        beside_ms = time_convolutions(self._convolutions, rows=rows) if self._convolutions else 0.0
        own_ms, clip_ms = (
            beside_ms + ms_per_frame(time_steps(self._engine, self._normaliser, rows=rows, step_frames=step))
            for step in (step_frames, stride)
        )
        pace = "frame" if step_frames == 1 else f"{step_frames} frames"
        number = "1 person" if people == 1 else f"{people} people"
        # Short enough for one line of a terminal of 80 columns.
        return f"predicting every {pace}: {own_ms:.1f} ms/frame for {number}; --update clip: {clip_ms:.1f} ms"


def _with_convolutions(
    logits: Tensor, rows: Tensor, convolutions: ConvolutionStream, state: HitrsState, active: Tensor
) -> Tensor:
    """Advance the convolutions of the active rows and average logits with theirs.

    logits: (M, K), of some of these rows, (M,). Returns (M, K).
    """
    assert state.convolutions
    moved = active.nonzero().squeeze(1)
    read = convolutions.step(state.encoder.newest_joints(moved), moved, state.convolutions)
    if not len(rows):
        return logits
    return convolutions.config.average(logits, convolutions.read(read[torch.isin(moved, rows)]))


class HitrsLoader:
    """A `ModelLoader` of a detector by the settings `[model]`; the engine is opened by `load`."""

    def __init__(
        self, checkpoint: Checkpoint, config: ModelConfig, open_engine: Callable[[], OpenedEngine] | None = None
    ) -> None:
        """Take the detector. open_engine: opens what computes it; None for the reference, torch on the CPU."""
        self._checkpoint, self._mirror = checkpoint, config.mirror
        self._open_engine = open_engine or (lambda: OpenedEngine(engine=TorchEngine(checkpoint.model)))
        self.description = describe_stream(checkpoint.info, checkpoint.info.step_frames(config.update))

    def load(self, people: int) -> LoadedModel:
        """Open the engine, which may have to be built first, and measure what outputs between clips cost."""
        opened = self._open_engine()
        stream = HitrsStream(self._checkpoint, engine=opened.engine, step_frames=self.description.step_frames)
        rows = people * (2 if self._mirror else 1)
        return LoadedModel(
            model=stream, notice=opened.notice, information=stream.describe_cost(people=people, rows=rows)
        )
