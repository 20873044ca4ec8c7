"""Compare the features of synthetic repetitions with those of real ones, class by class."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.evaluation.synthesis.features import FEATURES, feature_table
from hitrs_live.evaluation.synthesis.repetitions import Repetition

Floats = NDArray[np.float64]

QUANTILES: Final = (0.05, 0.5, 0.95)
_INSIDE = (0.01, 0.99)
_LEAST_COVERED = 0.9
"""Share of real repetitions within the synthetic range below which a feature is flagged."""
_LEAST_REAL = 4
_MOST = 200
"""Repetitions of a class that are measured: more change the quantiles little."""
_CLOSE = {"_deg": 5.0, "_deg_s": 20.0, "_s": 0.1, "_hz": 0.3}
_CLOSE_LENGTHS = 0.05
"""How far outside the synthetic range a real value may be: about the error of a depth camera's joints."""


def compare(real: Sequence[Repetition], synthetic: Sequence[Repetition]) -> dict[str, Any]:
    """Compare both sets for every class that real data has.

    Returns by class: counts, people and sources; `features`: by name the real and the synthetic 5, 50 and 95 %
    quantiles, `covered` (share of real repetitions within the synthetic 1 to 99 % range, widened by the error of a
    depth camera), `below` and `above` (shares outside on either side), `distance` (Wasserstein-1 distance over the
    spread of both together); `covered`: mean over the features; `flagged`: the features that are covered least,
    worst first. A class without synthetic repetitions has no features.
    """
    report: dict[str, Any] = {}
    for label in sorted({one.label for one in real}):
        true, made = ([one for one in group if one.label == label] for group in (real, synthetic))
        report[label] = {
            "real": len(true),
            "people": len({(one.source, one.subject) for one in true}),
            "sources": sorted({one.source for one in true}),
            "synthetic": len(made),
            **(_compare_class(*(feature_table(_some(one)) for one in (true, made))) if made else {}),
        }
    return report


def _some(repetitions: Sequence[Repetition]) -> list[Repetition]:
    """Choose at most `_MOST` repetitions."""
    chosen = np.random.default_rng(0).permutation(len(repetitions))[:_MOST]
    return [repetitions[number] for number in sorted(chosen.tolist())]


def _compare_class(real: Floats, synthetic: Floats) -> dict[str, Any]:
    features = {}
    for number, name in enumerate(FEATURES):
        true, made = (table[:, number][np.isfinite(table[:, number])] for table in (real, synthetic))
        if len(true) >= _LEAST_REAL and len(made) >= _LEAST_REAL:
            features[name] = _compare_feature(name, true, made)
    flagged = sorted(
        (name for name in features if features[name]["covered"] < _LEAST_COVERED),
        key=lambda name: features[name]["covered"],
    )
    covered = [one["covered"] for one in features.values()]
    return {"covered": round(float(np.mean(covered)), 3) if covered else None, "flagged": flagged, "features": features}


def _compare_feature(name: str, real: Floats, synthetic: Floats) -> dict[str, Any]:
    close = _tolerance(name)
    low, high = np.quantile(synthetic, _INSIDE)
    below, above = float((real < low - close).mean()), float((real > high + close).mean())
    return {
        "real": _rounded(np.quantile(real, QUANTILES)),
        "synthetic": _rounded(np.quantile(synthetic, QUANTILES)),
        "covered": round(1 - below - above, 3),
        "below": round(below, 3),
        "above": round(above, 3),
        "distance": round(distance(real, synthetic), 3),
    }


def distance(first: Floats, second: Floats) -> float:
    """Compute the Wasserstein-1 distance of two samples, over the standard deviation of both together; 0 = alike."""
    at = (np.arange(200) + 0.5) / 200
    spread = float(np.std(np.concatenate((np.quantile(first, at), np.quantile(second, at)))))
    return float(np.abs(np.quantile(first, at) - np.quantile(second, at)).mean()) / max(spread, 1e-9)


def _tolerance(name: str) -> float:
    unit = next((unit for unit in ("_deg_s", "_deg", "_s", "_hz") if unit in name), None)
    return _CLOSE[unit] if unit else 0.5 if name.endswith("_speed") else _CLOSE_LENGTHS


def _rounded(values: Floats) -> list[float]:
    return [round(float(value), 3) for value in values]
