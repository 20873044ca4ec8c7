"""Count and time simulated falls: directions by cause, durations, speeds of impact, rejections, falls a core-minute.

    python benchmarks/studies/falls.py --count 200

A third of the starts each are synthetic standing, walking and sitting; where the data folder has recordings, pieces
of them join. Needs MuJoCo: pip install '.[physics]'.
"""

import argparse
import json
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from hitrs_live.data.array_format import data_folder
from hitrs_live.errors import DataError
from hitrs_live.synthesis.falls.causes import CAUSES
from hitrs_live.synthesis.falls.recorded_starts import recorded_starts
from hitrs_live.synthesis.falls.simulator import FallSimulator
from hitrs_live.synthesis.falls.starts import FittedStart
from hitrs_live.synthesis.falls.synthetic_starts import sitting_start, standing_start, walking_start

PERCENTILES = (0, 5, 50, 95, 100)
_NEAR_MISS_SHARE = 0.15


def draw_starts(count: int, rng: np.random.Generator) -> list[FittedStart]:
    """Draw synthetic starts, and as many recorded ones where there are recordings."""
    makers = (standing_start, walking_start, sitting_start)
    starts = [makers[number % 3](rng) for number in range(count)]
    try:
        starts += recorded_starts(data_folder() / "ship", count, rng)
    except DataError as error:
        print(f"without recordings: {error}")
    return starts


def measure(count: int, starts: list[FittedStart], rng: np.random.Generator) -> dict[str, Any]:
    """Simulate falls and count what they are."""
    simulator = FallSimulator(starts)
    kinds: dict[str, Counter[str]] = defaultdict(Counter)
    figures: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    failed, stumbles, frames = 0, 0, 0
    began_s = time.process_time()
    for number in range(count):
        recover = bool(rng.random() < _NEAR_MISS_SHARE)
        try:
            motion = simulator.fall(rng, recover=recover, name=str(number), subject=str(number))
        except DataError:
            failed += 1
            continue
        frames += len(motion)
        if (facts := simulator.last_facts) is None:
            stumbles += 1
            continue
        cause = next(name for name in CAUSES if f"_{name}_{number}" in motion.name)
        group = "chair" if "_chair_" in motion.name.removesuffix(f"_{cause}_{number}") + "_" else "free"
        kinds[f"{group} {cause}"][facts.kind] += 1
        figures[group].append((facts.duration_s, facts.head_speed_m_s, facts.pelvis_speed_m_s))
    cpu_s = time.process_time() - began_s
    return {
        "motions": simulator.accepted,
        "stumbles": stumbles,
        "failed": failed,
        "hours": frames / 30 / 3600,
        "cpu_s": cpu_s,
        "simulated_s_per_core_minute": 60 * simulator.simulated_s / cpu_s,
        "motions_per_core_minute": 60 * simulator.accepted / cpu_s,
        "rejected": dict(simulator.rejected.most_common()),
        "kinds_by_cause": {name: dict(counts) for name, counts in sorted(kinds.items())},
        "percentiles": {"of": PERCENTILES, **{group: _percentiles(rows) for group, rows in figures.items()}},
    }


def _percentiles(rows: list[tuple[float, float, float]]) -> dict[str, list[float]]:
    names = ("duration_s", "head_speed_m_s", "pelvis_speed_m_s")
    values = np.percentile(np.array(rows), PERCENTILES, axis=0).round(2)
    return {name: values[:, column].tolist() for column, name in enumerate(names)}


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--starts", type=int, default=45, help="synthetic starts, and recorded ones as many")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    report = measure(options.count, draw_starts(options.starts, rng), rng)
    text = json.dumps(report, indent=2)
    print(text)
    if options.json is not None:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
