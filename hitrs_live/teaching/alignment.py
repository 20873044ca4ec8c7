"""Align templates with a stream whose actions may begin at any time: subsequence dynamic time warping, tick by tick.

After Sakurai, Faloutsos and Yamamuro, "Stream Monitoring under the Time Warping Distance" (SPRING, 2007): one column of
the cost matrix is kept for each template, a match may begin at every tick, and the first tick of each path goes along.

Steps are to the same tick of the template, the next one, or the next but one: a match is done at any slower pace and up
to twice as fast. No step stays at one tick of the stream, so a column depends on the column before it alone and is
computed for all rows and templates at once. A skipped tick of the template costs as much as one that was matched.
The distance of a path is its cost per tick of the template, in units of the template's scale.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hitrs_live.teaching.templates import Templates

Floats = NDArray[np.float32]
_FAR = np.float32(1e9)
_AHEAD = 2
"""Columns before a template's first tick: where paths begin, and one that none passes."""


@dataclass(kw_only=True)
class AlignmentState:
    """The newest column of each template on R rows. Advanced in place."""

    costs: Floats
    """(R, N, L + 2), of the best path that ends at each tick of the template with the newest tick of the stream."""
    starts: NDArray[np.int32]
    """(R, N, L + 2), the tick of the row at which that path began."""
    ticks: NDArray[np.int32]
    """(R,), ticks of the row since its reset."""

    @classmethod
    def empty(cls, templates: Templates, rows: int) -> "AlignmentState":
        """Return the state of rows that have seen nothing."""
        count, longest, _ = templates.points.shape
        shape = (rows, count, longest + _AHEAD)
        return cls(
            costs=np.full(shape, _FAR, np.float32), starts=np.zeros(shape, np.int32), ticks=np.zeros(rows, np.int32)
        )

    def reset(self, rows: NDArray[np.bool_]) -> None:
        """Forget the past of some rows. rows: (R,), True for those."""
        self.costs[rows] = _FAR
        self.starts[rows] = 0
        self.ticks[rows] = 0

    def take_over(self, before: "AlignmentState", now: NDArray[np.int64], was: NDArray[np.int64]) -> None:
        """Go on from the columns of other templates. now, was: (n,), templates here and the same ones there."""
        shared = min(self.costs.shape[2], before.costs.shape[2])
        self.costs[:, now, :shared] = before.costs[:, was, :shared]
        self.starts[:, now, :shared] = before.starts[:, was, :shared]


class Aligner:
    """Align all templates with the tokens of all rows, one tick at a time. It owns no state."""

    def __init__(self, templates: Templates) -> None:
        """Take the templates, N of at most L ticks."""
        self.templates = templates
        self._last = templates.lengths - 1 + _AHEAD
        self._units = (templates.lengths * templates.scales).astype(np.float32)

    def step(self, tokens: Floats, rows: NDArray[np.int64], state: AlignmentState) -> tuple[Floats, NDArray[np.int32]]:
        """Advance some rows by one tick, in place.

        tokens: (M, C); rows: (M,), which rows. Returns the distances of the best paths that end now, (M, N), and the
        ticks of their rows at which they began, (M, N), of which the newest is `state.ticks - 1`.
        """
        local = self._local(tokens)
        before, began = state.costs[rows], state.starts[rows]
        # Wherever the stream is, a path may begin.
        before[:, :, 1] = 0.0
        began[:, :, 1] = state.ticks[rows, None]
        skipped = before[:, :, :-2].copy()
        skipped[:, :, 1:] += local[:, :, :-1]
        next_one, same = before[:, :, 1:-1], before[:, :, 2:]
        costs: Floats = np.minimum(next_one, same)
        starts = np.where(same < next_one, began[:, :, 2:], began[:, :, 1:-1])
        faster = skipped < costs
        costs = (np.where(faster, skipped, costs) + local).astype(np.float32, copy=False)
        starts = np.where(faster, began[:, :, :-2], starts)
        state.costs[rows, :, _AHEAD:] = np.minimum(costs, _FAR)
        state.starts[rows, :, _AHEAD:] = starts
        state.ticks[rows] += 1
        every = np.arange(len(self._last))
        last = self._last - _AHEAD
        distances: Floats = costs[:, every, last] / self._units
        return distances, starts[:, every, last]

    def _local(self, tokens: Floats) -> Floats:
        """Compute the distance of each token from each tick of each template. tokens: (M, C). Returns (M, N, L)."""
        templates = self.templates
        squares = (tokens * tokens).sum(axis=1)[:, None] + templates.squares - 2 * (tokens @ templates.columns)
        local: Floats = np.sqrt(np.maximum(squares, 0.0)).reshape(len(tokens), *templates.points.shape[:2])
        return local


def align(templates: Templates, tokens: Floats) -> tuple[Floats, NDArray[np.int32]]:
    """Align templates with a whole sequence. tokens: (T, C). Returns distances and starts of each tick, (T, N)."""
    aligner, state = Aligner(templates), AlignmentState.empty(templates, 1)
    row = np.zeros(1, np.int64)
    steps = [aligner.step(token[None], row, state) for token in tokens]
    if not steps:
        nothing = np.zeros((0, len(templates.lengths)))
        return nothing.astype(np.float32), nothing.astype(np.int32)
    return np.concatenate([one for one, _ in steps]), np.concatenate([one for _, one in steps])
