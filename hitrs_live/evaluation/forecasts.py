"""Let the live predictor say where joints go, and keep what it said of each recording."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.data.arrays import Sequence
from hitrs_live.messages import Tick
from hitrs_live.streaming.predictor import Predictor

_ROWS = 32


@dataclass(frozen=True, kw_only=True)
class Forecasts:
    """What was predicted of one recording, N times, F frames ahead each time."""

    seen: Sequence
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
    checkpoint: Checkpoint, recordings: list[tuple[Sequence, Sequence]], *, hop: int | None = None
) -> Iterator[Forecasts]:
    """Step the live predictor over recordings from the first frame to the last, many at once, longest first.

    recordings: each as it is seen and as it was; hop: frames from one prediction to the next, by default the clip
    stride. Only predictions of which every frame came are kept.
    """
    ordered = sorted(recordings, key=lambda pair: -len(pair[0].labels))
    for first in range(0, len(ordered), _ROWS):
        yield from _forecast_together(checkpoint, ordered[first : first + _ROWS], hop)


def _forecast_together(
    checkpoint: Checkpoint, recordings: list[tuple[Sequence, Sequence]], hop: int | None
) -> Iterator[Forecasts]:
    predictor = Predictor(checkpoint, rows=len(recordings), min_joint_confidence=0.0, hop=hop, mirror=False)
    rows = [_Row() for _ in recordings]
    horizon = checkpoint.model.config.horizon
    seen = [one for one, _ in recordings]
    lengths = np.array([len(one.labels) for one in seen])
    for frame in range(int(lengths.max())):
        for prediction in predictor.step(_tick(seen, lengths, frame, checkpoint.info.normaliser.rate_hz)):
            for number in np.flatnonzero(prediction.completed).tolist():
                if frame + horizon < lengths[number]:
                    rows[number].ends.append(frame)
                    rows[number].future_m.append(prediction.future_joints_m[number].copy())
                    rows[number].scale_m.append(prediction.scales_m[number].copy())
    for row, (given, truth) in zip(rows, recordings, strict=True):
        if row.ends:
            yield Forecasts(
                seen=given, true_m=truth.joints_m, ends=np.array(row.ends), future_m=np.stack(row.future_m),
                scale_m=np.stack(row.scale_m),
            )  # fmt: skip


def _tick(sequences: list[Sequence], lengths: NDArray[np.int64], frame: int, rate_hz: float) -> Tick:
    """Lay one frame of every recording out in rows; one that is over stands still and is not active."""
    now = np.minimum(frame, lengths - 1)
    joints_m = np.stack([one.joints_m[at] for one, at in zip(sequences, now, strict=True)])
    return Tick.of(joints_m, time_ns=round(frame / rate_hz * 1e9), active=frame < lengths, reset=frame == 0)
