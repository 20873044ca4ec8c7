"""The templates of taught actions: sequences of tokens that a stream is aligned with."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

LEAST_TICKS = 2
MOST_TICKS = 600


@dataclass(frozen=True, kw_only=True)
class Templates:
    """N templates of A actions, padded to one length; none of them where only sequences were taught."""

    points: Floats
    """(N, L, C), the tokens of each, oldest first; zeros past its length."""
    lengths: NDArray[np.int64]
    """(N,), ticks of each."""
    actions: NDArray[np.int64]
    """(N,), the action that each is of, 0 to A - 1."""
    scales: Floats
    """(N,), the distance that counts as 1: distances of templates become comparable by it."""

    def __post_init__(self) -> None:
        """Raise ValueError where the arrays do not fit together."""
        count = len(self.points)
        if self.points.ndim != 3 or not self.points.shape[2]:
            raise ValueError(f"templates of shape {self.points.shape}, expected (N, L, C)")
        for name in ("lengths", "actions", "scales"):
            if getattr(self, name).shape != (count,):
                raise ValueError(f"{name} of shape {getattr(self, name).shape}, expected ({count},)")
        if not count:
            return
        if self.lengths.min() < LEAST_TICKS or self.lengths.max() > min(self.points.shape[1], MOST_TICKS):
            raise ValueError(
                f"templates of {self.lengths.min()} to {self.lengths.max()} ticks, expected {LEAST_TICKS} to "
                f"{min(self.points.shape[1], MOST_TICKS)}"
            )
        if self.actions.min() < 0 or not np.isfinite(self.points).all():
            raise ValueError("templates with a negative action, or with numbers that are not finite")
        if not (np.isfinite(self.scales).all() and (self.scales > 0).all()):
            raise ValueError("scales that are not positive numbers")

    @classmethod
    def none(cls, channels: int) -> "Templates":
        """Return no templates, of tokens of so many channels."""
        return cls(
            points=np.zeros((0, LEAST_TICKS, channels), np.float32), lengths=np.zeros(0, np.int64),
            actions=np.zeros(0, np.int64), scales=np.zeros(0, np.float32),
        )  # fmt: skip

    @classmethod
    def of(
        cls, sequences: Sequence[Floats], actions: Sequence[int], scales: Sequence[float] | None = None
    ) -> "Templates":
        """Pad sequences of tokens, (T, C) each, to one length. scales: 1 for each by default."""
        longest = max(map(len, sequences))
        points = np.zeros((len(sequences), longest, sequences[0].shape[1]), np.float32)
        for number, tokens in enumerate(sequences):
            points[number, : len(tokens)] = tokens
        return cls(
            points=points,
            lengths=np.array([len(tokens) for tokens in sequences], np.int64),
            actions=np.array(actions, np.int64),
            scales=np.ones(len(sequences), np.float32) if scales is None else np.array(scales, np.float32),
        )

    @cached_property
    def columns(self) -> Floats:
        """(C, N * L), all tokens side by side, as they are multiplied with those of a stream."""
        return np.ascontiguousarray(self.points.reshape(-1, self.points.shape[2]).T)

    @cached_property
    def squares(self) -> Floats:
        """(N * L,), the squared length of each token."""
        flat = self.points.reshape(-1, self.points.shape[2])
        squares: Floats = (flat * flat).sum(axis=1)
        return squares

    def of_action(self, action: int) -> NDArray[np.int64]:
        """Return the templates of an action, (n,), ascending."""
        return np.flatnonzero(self.actions == action)

    def with_scales(self, scales: Floats) -> "Templates":
        """Return the same templates with other scales, (N,)."""
        return Templates(points=self.points, lengths=self.lengths, actions=self.actions, scales=scales)
