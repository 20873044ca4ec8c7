"""The gate: an engine runs only where it gives the reference's answers, asked anew at every load.

Asked are streams of made people, every clip of windows that fill and slide, in the largest batches and one by one;
and what a stream should never hold: nobody, people a hundred times too large, rubbish where no clip is yet.
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
"""Of any logit, of any place ahead as a share of the largest, and of any scale as a share of itself; None for no limit
but being a number."""
LEAST_SAME: dict[Precision, float] = {"fp32": 1.0, "fp16": 1.0, "bf16": 1.0, "int8": 0.99}
"""Share of clips that must be taken for the same action."""
_JUDGEMENTS: dict[Precision, int] = {"fp32": 52, "fp16": 104, "bf16": 104, "int8": 416}
"""How many clips are asked about, at least: two whole streams where every value has a narrow limit, since every start
waits for them; a share of 99 % wants hundreds."""
_HUGE = 100.0
_RUBBISH = 1e3


@dataclass(frozen=True, kw_only=True)
class Questions:
    """Streams to ask about, and in what batches. B streams, T frames."""

    streams: Tensor
    """(B, T, J, 3), normalised."""
    rows: int
    """Rows in a call, at most."""


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What an engine says of every clip. A judgements."""

    logits: Tensor
    """(A, K)."""
    future: Tensor
    """(A, F, J, 3)."""
    scales: Tensor
    """(A, F, J)."""


@dataclass(frozen=True, kw_only=True)
class Parity:
    """How far an engine is from the reference."""

    logit_error: float
    """Largest difference of any logit."""
    future_error: float
    """Largest difference of any place ahead, as a share of the largest place, or of one body size."""
    scale_error: float
    """Largest difference of any place's scale, as a share of that scale: a range off by a tenth is one, near or far."""
    same: float
    """Share of the made people's clips that are taken for the same action."""

    def refusal(self, precision: Precision) -> str:
        """Say why an engine of that precision may not run; empty where it may."""
        limit, worst = LARGEST_ERROR[precision], max(self.logit_error, self.future_error, self.scale_error)
        if not worst < float("inf"):
            return "its answers are no numbers"
        if limit is not None and worst > limit:
            return f"its answers are {worst:.1e} from torch's, wanted {limit:g} in {precision}"
        if self.same < LEAST_SAME[precision]:
            return f"it names {self.same:.1%} of clips as torch does, wanted {LEAST_SAME[precision]:.0%} in {precision}"
        return ""


def check_parity(engine: Engine, reference: Engine, *, max_rows: int = 16) -> Parity:
    """Compare an engine with the reference. Raises EngineUnavailable, saying how far it is off, where it is too far."""
    parity = measure_parity(engine, reference, max_rows=max_rows)
    if reason := parity.refusal(engine.precision):
        raise EngineUnavailable(f"refused: {reason}")
    return parity


def measure_parity(engine: Engine, reference: Engine, *, max_rows: int = 16) -> Parity:
    """Ask both the same and compare."""
    logit_error = future_error = scale_error = 0.0
    same = 1.0
    for name, questions in _questions(reference, max_rows, _JUDGEMENTS[engine.precision]).items():
        got, wanted = answer(engine, questions), answer(reference, questions)
        logit_error = max(logit_error, _largest(got.logits - wanted.logits))
        scale = max(1.0, float(wanted.future.abs().max()))
        future_error = max(future_error, _largest(got.future - wanted.future) / scale)
        scale_error = max(scale_error, _largest(got.scales / wanted.scales - 1.0))
        if name == "people":
            same = float((got.logits.argmax(1) == wanted.logits.argmax(1)).float().mean())
    return Parity(logit_error=logit_error, future_error=future_error, scale_error=scale_error, same=same)


def _largest(difference: Tensor) -> float:
    return float(difference.abs().nan_to_num(nan=float("inf")).max())


def _questions(engine: Engine, max_rows: int, judgements: int) -> dict[str, Questions]:
    grid, window = engine.grid, engine.config.window_clips
    clips = window + 2
    people = probe_streams(-(-judgements // clips), grid.frames_of(clips))
    short = people[:1, : grid.frames_of(2)]
    return {
        "people": Questions(streams=people, rows=max_rows),
        "one person": Questions(streams=short, rows=1),
        "nobody": Questions(streams=torch.zeros_like(short), rows=max_rows),
        "giants": Questions(streams=short * _HUGE, rows=max_rows),
    }


def answer(engine: Engine, questions: Questions) -> Answers:
    """Let an engine judge every clip of streams, level by level. B streams of N clips give A = B * N judgements."""
    grid, streams, rows = engine.grid, questions.streams, questions.rows
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
    return Answers(logits=logits, future=future, scales=scales)


def windows_of(clips: Tensor, window: int) -> tuple[Tensor, Tensor]:
    """Make the window that ends with each clip. clips: (B, N, C).

    Returns (B * N, W, C), rubbish where the window is not full yet, and how many are real, (B * N,).
    """
    streams, count = clips.shape[:2]
    windows = clips.new_full((streams, count, window, clips.shape[2]), _RUBBISH)
    valid_clips = torch.arange(1, count + 1).clamp_max(window)
    for newest, real in enumerate(valid_clips.tolist()):
        windows[:, newest, :real] = clips[:, newest + 1 - real : newest + 1]
    return windows.flatten(0, 1), valid_clips.repeat(streams)


def _in_batches(run: Callable[[Tensor], Tensor], rows: int, inputs: Tensor) -> Tensor:
    return torch.cat([run(part) for part in torch.split(inputs, rows)])
