"""Write what a soak measured as a JSON report, print it as tables, and say which promises were broken."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from measures import drift
from pipeline_process import Use
from rich.console import Console
from rich.table import Table

WARM_UP_SHARE, LONGEST_WARM_UP_S = 0.2, 120.0
"""Left out of a drift: what is loaded and allocated at first."""
WINDOW_S = 30.0
MARKS = (0.0, 0.25, 0.5, 0.75, 1.0)
SLOWEST_RECOVERY_S = 60.0
"""The longest that a fault may last on after its end; what takes longer counts as not recovered."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What was measured at one time."""

    time_s: float
    """Since the first source was up."""
    use: Use
    latency_ms: tuple[float, ...]
    """From capture to receipt, of all that came since the sample before."""
    calm: bool
    """Whether no fault was there, and the last one was recovered from."""


@dataclass(frozen=True, kw_only=True)
class Injected:
    """A fault that was injected."""

    name: str
    at_s: float
    lasted_s: float
    recovered_s: float | None
    """From its end until every source gave frames again and the reliable subscriber had all events; None for never."""
    seen: tuple[str, ...]
    """What grew or came while it lasted, of everything that is counted."""
    wanted: tuple[str, ...]
    """Any of these had to."""

    def is_seen(self) -> bool:
        """Return whether it was counted or published as it must be."""
        return not self.wanted or bool(set(self.seen) & set(self.wanted))


@dataclass(kw_only=True)
class Outcome:
    """All that a soak found."""

    seed: int
    minutes: float
    sources: dict[str, str]
    samples: list[Sample] = field(default_factory=list)
    injected: list[Injected] = field(default_factory=list)
    drops: dict[str, int] = field(default_factory=dict)
    frames: dict[str, int] = field(default_factory=dict)
    events: dict[str, int] = field(default_factory=dict)
    """Of the reliable subscriber: how many were received, lost, repeated and out of order; gaps that it reported."""
    ended: str = ""
    """Why the pipeline ended by itself; empty if it did not."""
    exit_code: int | None = None
    stopped_s: float = 0.0

    def broken(self) -> list[str]:
        """Return the promises that were broken, each as a line."""
        lines = [f"the pipeline ended: {self.ended}"] if self.ended else []
        if self.exit_code:
            lines.append(f"it ended with code {self.exit_code} after SIGTERM, expected 0")
        lines += [
            f"the reliable subscriber has {self.events[key]} {key.replace('_', ' ')}, expected 0"
            for key in ("lost", "repeated", "out_of_order", "gaps") if self.events.get(key)
        ]  # fmt: skip
        for each in self.injected:
            if each.recovered_s is None:
                lines.append(f"{each.name} at {each.at_s:.0f} s: not recovered within {SLOWEST_RECOVERY_S:g} s")
            if not each.is_seen():
                lines.append(f"{each.name} at {each.at_s:.0f} s: none of {', '.join(each.wanted)} was counted")
        return lines


def report(outcome: Outcome) -> dict[str, Any]:
    """Return the report as it is written."""
    samples = outcome.samples
    return {
        "seed": outcome.seed,
        "minutes": outcome.minutes,
        "sources": outcome.sources,
        "frames": outcome.frames,
        "faults": [
            {**asdict(each), "at_s": round(each.at_s, 1), "lasted_s": round(each.lasted_s, 1),
             "recovered_s": None if each.recovered_s is None else round(each.recovered_s, 1)}
            for each in outcome.injected
        ],
        "broken": outcome.broken(),
        "events": outcome.events,
        "drops": outcome.drops,
        "memory_mb": _marks(samples, "memory_mb"),
        "children_mb": _marks(samples, "children_mb"),
        "drift": {key: _drift(samples, key) for key in ("memory_mb", "children_mb", "threads", "descriptors")},
        "latency": {"calm": _latency(samples, calm=True), "with_faults": _latency(samples, calm=False)},
        "stopped_s": round(outcome.stopped_s, 2),
        "exit_code": outcome.exit_code,
    }  # fmt: skip


def show(written: dict[str, Any]) -> None:
    """Print a report."""
    console = Console()
    faults = Table("at", "fault", "lasted", "recovered after", "seen", title=f"faults of seed {written['seed']}")
    for each in written["faults"]:
        late = each["recovered_s"]
        faults.add_row(
            f"{each['at_s']:.0f} s", each["name"], f"{each['lasted_s']:.1f} s",
            "never" if late is None else f"{late:.1f} s", ", ".join(each["seen"]),
        )  # fmt: skip
    console.print(faults)
    drifts = Table("", "least", "most", "drift, percent an hour", title=f"{written['minutes']:g} minutes")
    for key, each in written["drift"].items():
        drifts.add_row(key, f"{each['least']:.1f}", f"{each['most']:.1f}", _plus_minus(each))
    console.print(drifts)
    for name, each in written["latency"].items():
        console.print(
            f"latency {name}: p50 {each['p50_ms']} ms, p99 {each['p99_ms']} ms of {each['messages']} messages"
        )
    console.print(f"events {written['events']}; drops {written['drops']}; stopped in {written['stopped_s']} s")
    for line in written["broken"]:
        console.print(f"[red]broken[/]: {line}")


def _marks(samples: Sequence[Sample], key: str) -> list[list[float]]:
    chosen = [samples[round(share * (len(samples) - 1))] for share in MARKS] if samples else []
    return [[round(each.time_s), round(getattr(each.use, key), 1)] for each in chosen]


def _drift(samples: Sequence[Sample], key: str) -> dict[str, float | None]:
    """Measure it in calm times alone: what a fault takes while it lasts is no drift."""
    last_s = samples[-1].time_s if samples else 0.0
    kept = [each for each in samples if each.calm and each.time_s >= min(WARM_UP_SHARE * last_s, LONGEST_WARM_UP_S)]
    values = [getattr(each.use, key) for each in kept]
    found = drift([each.time_s for each in kept], values, WINDOW_S)
    known = np.isfinite(found.standard_error)
    return {
        "least": round(min(values, default=0.0), 1),
        "most": round(max(values, default=0.0), 1),
        "percent_per_hour": round(found.percent_per_hour, 2) if known else None,
        "standard_error": round(found.standard_error, 2) if known else None,
    }


def _latency(samples: Sequence[Sample], *, calm: bool) -> dict[str, float | None]:
    values = [value for each in samples if each.calm == calm for value in each.latency_ms]
    p50, p99 = (round(float(np.percentile(values, share)), 1) if values else None for share in (50, 99))
    return {"messages": len(values), "p50_ms": p50, "p99_ms": p99}


def _plus_minus(each: dict[str, float | None]) -> str:
    return "too short" if each["standard_error"] is None else f"{each['percent_per_hour']} ± {each['standard_error']}"
