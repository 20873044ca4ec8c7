"""Measure how well the repetitions of an unknown action are found, on synthetic people who show it to a camera.

A person walks up, may do something else, repeats one action five times, with pauses or back to back, may do something
else, and walks off. Joints have the modelled errors of the live pose stage. `counted down` is the same without what is
more than 1.5 s before the first repetition and after the last, as a recording with a countdown has it. A repetition is
found where it overlaps one found by half of what both cover.

    python benchmarks/studies/shown_repetitions.py --json reports/shown_repetitions.json
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.labelled_motion import RATE_HZ
from hitrs_live.evaluation.reports.write import write_report
from hitrs_live.negative_bank.live_view import open_live_view
from hitrs_live.streaming.repetitions import UNCOUNTED
from hitrs_live.synthesis.shown_action import ShownActions, ShownActionSettings
from hitrs_live.teaching.find_repetitions import find_repetitions, overlap

Span = tuple[int, int]

LASTING: Final = ("cross_arms", "phone_to_ear", "raise_hand", "wave")
"""Classes with a pose that lasts, of those that have no count."""
ONE_WAY: Final = (
    "sit_to_stand", "stand_to_sit", "get_up", "lie_down", "kneel", "step", "plank", "mountain_climber", "sit_up",
)  # fmt: skip
"""Classes that do not end in the pose in which they begin, or whose rest is no pose of its own. Left out unless
--one-way: their times are given by hand (`teach add`)."""
REPETITIONS: Final = 5
AROUND_S: Final = 1.5
LEAST_OVERLAP: Final = 0.5
WAYS: Final = {
    "paused": ShownActionSettings(repetitions=REPETITIONS),
    "back to back": ShownActionSettings(repetitions=REPETITIONS, rest_s=(0.0, 0.0)),
}


@dataclass
class Tally:
    """Repetitions of some streams."""

    true: int = 0
    found: int = 0
    right: int = 0
    streams: int = 0
    all_right: int = 0
    overlaps: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def add(self, true: Sequence[Span], found: Sequence[Span], took_s: float) -> None:
        """Count one stream."""
        overlaps = matched(true, found)
        self.true += len(true)
        self.found += len(found)
        self.right += len(overlaps)
        self.streams += 1
        self.all_right += len(overlaps) == len(true) == len(found)
        self.overlaps += overlaps
        self.seconds.append(took_s)

    def row(self) -> dict[str, Any]:
        """Summarise."""
        return {
            "streams": self.streams,
            "recall": round(self.right / self.true, 4),
            "precision": round(self.right / max(self.found, 1), 4),
            "all_five": round(self.all_right / self.streams, 4),
            "median_overlap": round(float(np.median(self.overlaps)), 3) if self.overlaps else None,
            "median_ms": round(1e3 * float(np.median(self.seconds)), 1),
        }


def matched(true: Sequence[Span], found: Sequence[Span]) -> list[float]:
    """Return the overlaps of true repetitions with found ones, each found one counted once."""
    pairs = sorted(((overlap(a, b), i, j) for i, a in enumerate(true) for j, b in enumerate(found)), reverse=True)
    taken: set[tuple[str, int]] = set()
    overlaps = []
    for share, i, j in pairs:
        if share >= LEAST_OVERLAP and ("true", i) not in taken and ("found", j) not in taken:
            taken |= {("true", i), ("found", j)}
            overlaps.append(share)
    return overlaps


def spans_of(labels: NDArray[np.int64], repetition: NDArray[np.int64], number: int) -> list[Span]:
    """List the repetitions of a class, first frame and end."""
    own = np.where(labels == number, repetition, 0)
    edges = np.flatnonzero(np.diff(own, prepend=0, append=0)).tolist()
    return [(a, b) for a, b in pairwise(edges) if own[a]]


def draw(
    names: Sequence[str], each: int, seed: int
) -> Iterator[tuple[str, str, NDArray[np.float32], NDArray[np.float32], list[Span]]]:
    """Draw streams; yield the class, the way, joints and confidence as live, and the repetitions."""
    shown, view, rng = ShownActions(seed=seed), open_live_view("modelled"), np.random.default_rng(seed)
    for name in names:
        for way, settings in WAYS.items():
            for index in range(each):
                motion = shown.show(name, index, settings)
                true = spans_of(motion.labels, motion.repetition, shown.classes.index(name))
                if len(true) != REPETITIONS:
                    # A program that shows the class on its other side alone.
                    continue
                live = view(motion.joints_m, rng)
                yield name, way, live.joints_m, live.confidence, true


def measure(names: Sequence[str], each: int, seed: int, expected: int | None) -> dict[str, Tally]:
    """Find the repetitions of every stream."""
    tallies: dict[str, Tally] = {}
    for name, way, joints_m, confidence, true in draw(names, each, seed):
        first = max(0, true[0][0] - round(AROUND_S * RATE_HZ))
        cut = slice(first, true[-1][1] + round(AROUND_S * RATE_HZ))
        for scene, part, offset in (("counted down", cut, first), ("with others", slice(None), 0)):
            began = time.process_time()
            found = find_repetitions(joints_m[part], confidence[part], expected=expected)
            took_s = time.process_time() - began
            spans = [(one.start + offset, one.end + offset) for one in found]
            for key in (f"{scene}, {way}", f"{scene}, {name}"):
                tallies.setdefault(key, Tally()).add(true, spans, took_s)
    return tallies


def main() -> None:
    """Draw, find, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--each", type=int, default=1, help="streams of each class and way")
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument("--classes", default="", metavar="A,B", help="only these")
    parser.add_argument("--one-way", action="store_true", help="also classes that do not return to where they begin")
    parser.add_argument("--any-number", action="store_true", help="do not say how many repetitions are expected")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    names = [name for name in options.classes.split(",") if name] or [
        name
        for name in ShownActions(seed=0).classes[1:]
        if (name not in UNCOUNTED or name in LASTING) and (options.one_way or name not in ONE_WAY)
    ]
    tallies = measure(names, options.each, options.seed, None if options.any_number else REPETITIONS)
    ways = [key for key in tallies if key.partition(", ")[2] in WAYS]
    report: dict[str, Any] = {
        "command": f"python benchmarks/studies/shown_repetitions.py --each {options.each} --seed {options.seed}"
        + (" --any-number" if options.any_number else ""),
        "scenes": {key: tallies[key].row() for key in ways},
        "classes": {key: tallies[key].row() for key in tallies if key not in ways},
    }
    for key, row in (*report["classes"].items(), *report["scenes"].items()):
        print(f"{key:40}", *(f"{name} {value}" for name, value in row.items()))
    if options.json:
        write_report(options.json, report)


if __name__ == "__main__":
    main()
