"""Limits of the mean of a Poisson count, exact: of a rate of false alarms from the number that was counted."""

from collections.abc import Callable

import torch


def poisson_upper_limit(count: int, chance: float = 0.05) -> float:
    """Return the upper limit of a Poisson mean: the mean with this chance of a count of at most `count`.

    It is 3.0 for a count of 0 and a chance of 5 % (the rule of three).
    """
    return _solve_mean(lambda mean: _at_most(count, mean) > chance, count)


def poisson_interval(count: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the exact interval of a Poisson mean for a count (Garwood, Biometrika 1936)."""
    tail = (1 - confidence) / 2
    low = _solve_mean(lambda mean: 1 - _at_most(count - 1, mean) < tail, count) if count else 0.0
    return low, poisson_upper_limit(count, tail)


def _at_most(count: int, mean: float) -> float:
    """Return the chance of a Poisson count of at most `count`."""
    return float(torch.special.gammaincc(*torch.tensor([count + 1.0, mean], dtype=torch.float64)))


def _solve_mean(is_below: Callable[[float], bool], count: int) -> float:
    """Find by bisection the mean up to which a condition holds."""
    low, high = 0.0, 10.0 + 2.0 * count
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if is_below(middle) else (low, middle)
    return high
