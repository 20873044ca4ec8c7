"""Measure the count of repetitions per class on synthetic streams, whose repetitions are known, with live errors.

Each series of an action is one event from the onset of its first repetition to the end of its last, and one of its
repetitions alone is another. Onset and end are moved by up to 0.3 s, as a detector has them. Joints have the modelled
errors of the live pose stage.

    python benchmarks/studies/repetitions.py --json reports/repetitions.json
"""

import argparse
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.labelled_motion import RATE_HZ, LabelledMotion
from hitrs_live.evaluation.reports.write import write_report
from hitrs_live.messages import ActionEvent, JointFrame
from hitrs_live.negative_bank.live_view import open_live_view
from hitrs_live.streaming.repetitions import UNCOUNTED, RepetitionCounter
from hitrs_live.synthesis.stream import MotionSynthesiser

LONGEST_PAUSE_S: Final = 1.2
"""A longer one separates two series."""
MOVED_S: Final = 0.3
BEFORE_S: Final = 2.0
END_DELAY_S: Final = 0.3
"""From an event's end to its detection: the merge gap."""
UPDATE_FRAMES: Final = 15
LONGEST_REPETITION_S: Final = 6.0
"""Longer ones are no single repetitions: small arm circles are labelled as a whole."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """An action to count: frames of a stream's joints."""

    label: str
    joints_m: NDArray[np.float32]
    """(T, 25, 3), metres, from before the onset to a moment after the end, when the end is detected."""
    onset: int
    """Frame of the joints."""
    end: int
    """Likewise."""
    true: int


def series_of(motion: LabelledMotion, number: int) -> list[list[tuple[int, int]]]:
    """List the repetitions of one class, first frame and end, series by series."""
    own = np.where(motion.labels == number, motion.repetition, 0)
    edges = np.flatnonzero(np.diff(own, prepend=0, append=0))
    repetitions = [(int(a), int(b)) for a, b in pairwise(edges) if own[a]]
    series: list[list[tuple[int, int]]] = []
    for one in repetitions:
        if series and one[0] - series[-1][-1][1] <= LONGEST_PAUSE_S * RATE_HZ:
            series[-1].append(one)
        else:
            series.append([one])
    return series


def draw_events(each: int, seed: int) -> list[Event]:
    """Draw series of every counted class, with live errors."""
    synthesiser, view = MotionSynthesiser(seed=seed), open_live_view("modelled")
    rng = np.random.default_rng(seed)
    events = []
    for number, label in enumerate(synthesiser.classes):
        if number == 0 or label in UNCOUNTED:
            continue
        for index in range(each):
            motion = synthesiser.action(label, index)
            joints_m = view(motion.joints_m, rng).joints_m
            for series in series_of(motion, number):
                if any(end - first > LONGEST_REPETITION_S * RATE_HZ for first, end in series):
                    continue
                spans = [(series, len(series))]
                if len(series) > 1:
                    spans.append(([series[rng.integers(len(series))]], 1))
                events += [_event(label, joints_m, part, true, rng) for part, true in spans]
    return events


def _event(
    label: str, joints_m: NDArray[np.float32], part: list[tuple[int, int]], true: int, rng: np.random.Generator
) -> Event:
    moved = rng.uniform(-MOVED_S, MOVED_S, 2) * RATE_HZ
    onset = max(0, part[0][0] + int(moved[0]))
    end = min(len(joints_m), max(onset + 3, part[-1][1] + int(moved[1])))
    first = max(0, onset - round(BEFORE_S * RATE_HZ))
    return Event(
        label=label,
        joints_m=joints_m[first : end + round(END_DELAY_S * RATE_HZ)],
        onset=onset - first,
        end=end - first,
        true=true,
    )


def count_all(events: list[Event]) -> list[int]:
    """Count the repetitions of every event, each in a row of one counter."""
    rows = len(events)
    counter = RepetitionCounter(rows=rows, rate_hz=RATE_HZ)
    lengths = np.array([len(one.joints_m) for one in events])
    counts = [0] * rows
    for frame in range(lengths.max()):
        there = frame < lengths
        joints_m = np.stack([one.joints_m[min(frame, len(one.joints_m) - 1)] for one in events])
        counter.observe(JointFrame.of(joints_m, time_ns=_ns(frame), active=there, reset=there & (frame == 0)))
        for row in np.flatnonzero(there).tolist():
            one, last = events[row], int(lengths[row]) - 1
            started = min(one.onset + UPDATE_FRAMES, last)
            if frame == started:
                counter.annotate(_message("start", row, one, frame))
            elif frame > started and (frame - started) % UPDATE_FRAMES == 0:
                counter.annotate(_message("update", row, one, frame))
            if frame == last:
                counts[row] = counter.annotate(_message("end", row, one, frame)).count or 0
    return counts


def _message(state: Any, row: int, event: Event, frame: int) -> ActionEvent:
    return ActionEvent(
        source_id="synthetic", capture_time_ns=_ns(frame), state=state, label=event.label, score=1.0, track_id=row,
        onset_time_ns=_ns(event.onset), end_time_ns=_ns(event.end) if state == "end" else None, detection_delay_s=0.5,
        window_start_ns=0, window_end_ns=_ns(frame),
    )  # fmt: skip


def _ns(frame: int) -> int:
    return round(frame / RATE_HZ * 1e9)


def summarise(pairs: list[tuple[int, int]]) -> dict[str, Any]:
    """Compare counts with the truth. pairs: true, counted."""
    true = sum(one for one, _ in pairs)
    return {
        "events": len(pairs),
        "true": true,
        "counted": sum(one for _, one in pairs),
        "error": round(sum(abs(one - counted) for one, counted in pairs) / true, 4),
        "exact": round(sum(one == counted for one, counted in pairs) / len(pairs), 4),
        "within_one": round(sum(abs(one - counted) <= 1 for one, counted in pairs) / len(pairs), 4),
    }


def main() -> None:
    """Draw, count, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--each", type=int, default=8, help="series of each class")
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    events = draw_events(options.each, options.seed)
    by_class: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for one, counted in zip(events, count_all(events), strict=True):
        by_class[one.label].append((one.true, counted))
    every = [pair for pairs in by_class.values() for pair in pairs]
    report: dict[str, Any] = {
        "command": f"python benchmarks/studies/repetitions.py --each {options.each} --seed {options.seed}",
        "all": summarise(every),
        "several": summarise([pair for pair in every if pair[0] > 1]),
        "classes": {label: summarise(pairs) for label, pairs in by_class.items()},
        "uncounted": sorted(UNCOUNTED),
    }
    for label, row in (*report["classes"].items(), ("several", report["several"]), ("all", report["all"])):
        print(f"{label:24}", *(f"{key} {value:<8}" for key, value in row.items()))
    if options.json:
        write_report(options.json, report)


if __name__ == "__main__":
    main()
