"""Let the live predictor say where joints go, and keep what it said of each recording."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.data.array_format import LabelledSequence
from hitrs_live.evaluation.step_rows import chunks, step_rows
from hitrs_live.streaming.hitrs_stream import HitrsStream
from hitrs_live.streaming.predictor import Predictor


@dataclass(frozen=True, kw_only=True)
class Forecasts:
    """What was predicted of one recording, N times, F frames ahead each time."""

    seen: LabelledSequence
    """As the predictor was given it."""
    true_m: NDArray[np.float32]
    """(T, 25, 3): as it really was."""
    ends: NDArray[np.int64]
    """(N,): the frame after which each prediction was made, whose F frames were all recorded."""
    future_m: NDArray[np.float32]
    """(N, F, 25, 3)."""
    scale_m: NDArray[np.float32]
    """(N, F, 25)."""


@dataclass(kw_only=True)
class _Row:
    ends: list[int] = field(default_factory=list)
    future_m: list[NDArray[np.float32]] = field(default_factory=list)
    scale_m: list[NDArray[np.float32]] = field(default_factory=list)


def forecast(
    checkpoint: Checkpoint,
    recordings: list[tuple[LabelledSequence, LabelledSequence]],
    *,
    step_frames: int | None = None,
) -> Iterator[Forecasts]:
    """Step the live predictor over recordings from the first frame to the last, many at once, longest first.

    recordings: each as it is seen and as it was; step_frames: frames from one prediction to the next, by default the
    clip stride. Only predictions of which every frame came are kept.
    """
    ordered = sorted(recordings, key=lambda pair: -len(pair[0].labels))
    for part in chunks(len(ordered)):
        yield from _forecast_together(checkpoint, ordered[part], step_frames)


def _forecast_together(
    checkpoint: Checkpoint, recordings: list[tuple[LabelledSequence, LabelledSequence]], step_frames: int | None
) -> Iterator[Forecasts]:
    predictor = Predictor(HitrsStream(checkpoint, step_frames=step_frames), rows=len(recordings), mirror=False)
    rows = [_Row() for _ in recordings]
    horizon = checkpoint.model.config.horizon
    seen = [one for one, _ in recordings]
    for frame, number, prediction in step_rows(predictor, seen, rate_hz=checkpoint.info.normaliser.rate_hz):
        if frame + horizon < len(seen[number].labels):
            rows[number].ends.append(frame)
            rows[number].future_m.append(prediction.future_joints_m[number].copy())
            rows[number].scale_m.append(prediction.scales_m[number].copy())
    for row, (given, truth) in zip(rows, recordings, strict=True):
        if row.ends:
            yield Forecasts(
                seen=given, true_m=truth.joints_m, ends=np.array(row.ends), future_m=np.stack(row.future_m),
                scale_m=np.stack(row.scale_m),
            )  # fmt: skip
