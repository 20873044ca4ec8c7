"""The parity gate: an engine runs only where its outputs are the reference's, checked at every load.

The probes are streams of synthetic people, every clip of windows that fill and slide, in the largest batches and one by
one; and inputs that a stream should never have: no person, people a hundred times too large, invalid values in the
window's unused places.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from hitrs_live.config import Precision
from hitrs_live.errors import EngineUnavailable
from hitrs_live.inference.base import Engine
from hitrs_live.inference.probe_streams import probe_streams
from hitrs_live.model.hitrs import gather_clips

LARGEST_ERROR: dict[Precision, float | None] = {"fp32": 1e-4, "fp16": 2e-2, "bf16": 2e-2, "int8": None}
"""Largest allowed error of any logit, of any future position relative to the largest, and of any scale relative to
itself; None for no limit except being finite."""
MIN_AGREEMENT: dict[Precision, float] = {"fp32": 1.0, "fp16": 1.0, "bf16": 1.0, "int8": 0.99}
"""Share of clips whose best class must be the reference's."""
_PROBE_CLIPS: dict[Precision, int] = {"fp32": 52, "fp16": 104, "bf16": 104, "int8": 416}
"""Fewest clips that are compared: two whole streams where every value has a narrow limit, since every start waits for
them; hundreds where agreement of 99 % is measured."""
_HUGE = 100.0
_INVALID = 1e3


@dataclass(frozen=True, kw_only=True)
class Probe:
    """Streams to run, and the batch size. B streams, T frames."""

    streams: Tensor
    """(B, T, J, 3), normalised."""
    rows: int
    """The most rows per call."""


@dataclass(frozen=True, kw_only=True)
class ProbeOutputs:
    """An engine's outputs for every clip of a probe. A clips in all."""

    logits: Tensor
    """(A, K)."""
    future: Tensor
    """(A, F, J, 3)."""
    scales: Tensor
    """(A, F, J)."""


@dataclass(frozen=True, kw_only=True)
class Parity:
    """How far an engine's outputs are from the reference's."""

    logit_error: float
    """Largest difference of any logit."""
    future_error: float
    """Largest difference of any future position, relative to the largest position, or to one body size."""
    scale_error: float
    """Largest difference of any scale, relative to that scale, so that near and far frames count alike."""
    same: float
    """Share of the synthetic people's clips whose best class is the reference's."""

    def refusal(self, precision: Precision) -> str:
        """Return why an engine of that precision may not run; empty where it may."""
        limit, worst = LARGEST_ERROR[precision], max(self.logit_error, self.future_error, self.scale_error)
        if not worst < float("inf"):
            return "its outputs are not finite"
        if limit is not None and worst > limit:
            return f"its outputs are {worst:.1e} from torch's, expected at most {limit:g} in {precision}"
        if self.same < MIN_AGREEMENT[precision]:
            return (
                f"its best class is torch's for {self.same:.1%} of clips, "
                f"expected {MIN_AGREEMENT[precision]:.0%} in {precision}"
            )
        return ""


def check_parity(engine: Engine, reference: Engine, *, max_rows: int = 16) -> Parity:
    """Compare an engine with the reference. Raises EngineUnavailable, with the error, where it is too large."""
    parity = measure_parity(engine, reference, max_rows=max_rows)
    if reason := parity.refusal(engine.precision):
        raise EngineUnavailable(f"refused: {reason}")
    return parity


def measure_parity(engine: Engine, reference: Engine, *, max_rows: int = 16) -> Parity:
    """Run all probes on both engines and compare."""
    logit_error = future_error = scale_error = 0.0
    same = 1.0
    for name, probe in _probes(reference, max_rows, _PROBE_CLIPS[engine.precision]).items():
        got, expected = run_probe(engine, probe), run_probe(reference, probe)
        logit_error = max(logit_error, _largest(got.logits - expected.logits))
        scale = max(1.0, float(expected.future.abs().max()))
        future_error = max(future_error, _largest(got.future - expected.future) / scale)
        scale_error = max(scale_error, _largest(got.scales / expected.scales - 1.0))
        if name == "people":
            same = float((got.logits.argmax(1) == expected.logits.argmax(1)).float().mean())
    return Parity(logit_error=logit_error, future_error=future_error, scale_error=scale_error, same=same)


def _largest(difference: Tensor) -> float:
    return float(difference.abs().nan_to_num(nan=float("inf")).max())


def _probes(engine: Engine, max_rows: int, min_clips: int) -> dict[str, Probe]:
    grid, window = engine.grid, engine.config.window_clips
    clips = window + 2
    people = probe_streams(-(-min_clips // clips), grid.frames_of(clips))
    short = people[:1, : grid.frames_of(2)]
    return {
        "people": Probe(streams=people, rows=max_rows),
        "one person": Probe(streams=short, rows=1),
        "no person": Probe(streams=torch.zeros_like(short), rows=max_rows),
        "giants": Probe(streams=short * _HUGE, rows=max_rows),
    }


def run_probe(engine: Engine, probe: Probe) -> ProbeOutputs:
    """Run an engine on every clip of streams, level by level. B streams of N clips give A = B * N outputs."""
    grid, streams, rows = engine.grid, probe.streams, probe.rows
    tokens = _in_batches(lambda part: engine.encode_frames(part), rows, streams.flatten(0, 1))
    spread = gather_clips(tokens.reshape(*streams.shape[:2], *tokens.shape[1:]), grid)
    clips = _in_batches(lambda part: engine.encode_clips(part), rows, spread.flatten(0, 1))
    windows, valid_clips = windows_of(clips.reshape(*spread.shape[:2], -1), engine.config.window_clips)
    starts = torch.arange(spread.shape[1]) * grid.clip_stride
    spans = streams[:, starts[:, None] + torch.arange(grid.clip_span)].flatten(0, 1)
    parts = [
        engine.predict(windows[first : first + rows], valid_clips[first : first + rows], spans[first : first + rows])
        for first in range(0, len(windows), rows)
    ]
    logits, future, scales = (torch.cat(column) for column in zip(*parts, strict=True))
    return ProbeOutputs(logits=logits, future=future, scales=scales)


def windows_of(clips: Tensor, window: int) -> tuple[Tensor, Tensor]:
    """Build the window that ends with each clip. clips: (B, N, C).

    Returns (B * N, W, C), with invalid values where the window is not full yet, and how many are valid, (B * N,).
    """
    streams, count = clips.shape[:2]
    windows = clips.new_full((streams, count, window, clips.shape[2]), _INVALID)
    valid_clips = torch.arange(1, count + 1).clamp_max(window)
    for newest, valid in enumerate(valid_clips.tolist()):
        windows[:, newest, :valid] = clips[:, newest + 1 - valid : newest + 1]
    return windows.flatten(0, 1), valid_clips.repeat(streams)


def _in_batches(run: Callable[[Tensor], Tensor], rows: int, inputs: Tensor) -> Tensor:
    return torch.cat([run(part) for part in torch.split(inputs, rows)])
