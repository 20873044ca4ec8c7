"""Recordings made with --record: each person that the tracker follows in them becomes a sequence.

They pass through the tracker and the resampler of the live pipeline, so that a model is trained on what it will see.
"""

import csv
import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hitrs_live.codec import pose_frame
from hitrs_live.config import TrackConfig
from hitrs_live.data.dataset import UNLABELLED, Index, Sample
from hitrs_live.errors import DataError, MessageMalformed, SourceUnavailable
from hitrs_live.messages import JointsEvent, Tick
from hitrs_live.pose.tracker import Tracker
from hitrs_live.preparing.reading import Findings, Plan, Reading, record
from hitrs_live.preparing.tracks import SHORTEST_TRACK
from hitrs_live.sources.recording import Recording, is_recording
from hitrs_live.streaming.resampler import Resampler

MOST_PEOPLE = 6
BACKGROUND = "background"
_COLUMNS = ("recording", "track", "start_s", "end_s", "label")


@dataclass(frozen=True, kw_only=True)
class Interval:
    """An action that somebody wrote down. Seconds since the recording's first frame."""

    track: str
    """As in the sequence's name; empty for everybody."""
    start_s: float
    end_s: float
    label: str


Labels = dict[str, tuple[Interval, ...]]
"""By the recording's file name without its ending."""


def plan_recordings(path: Path, *, name: str, rate_hz: float, labels: Path | None = None) -> Plan:
    """Find recordings: one file, or all in a folder to any depth.

    Raises DataError where there is none, two have the same name, or the labels are broken or speak of none of them.
    """
    found = [path] if path.is_file() else sorted(one for one in path.rglob("*.mcap") if one.is_file())
    if not found or not any(is_recording(one) for one in found):
        raise DataError(f"{path}: no recording in it; give an .mcap file that --record made, or a folder of them")
    stems = [one.stem for one in found]
    if twice := sorted({stem for stem in stems if stems.count(stem) > 1}):
        raise DataError(f"{path}: two recordings of the name {twice[0]}; take one of them away")
    intervals = read_labels(labels) if labels else {}
    if labels and not intervals.keys() & set(stems):
        raise DataError(f"--labels {labels}: speaks of {', '.join(sorted(intervals))[:80]}, none of which is in {path}")
    classes = (BACKGROUND, *sorted({one.label for some in intervals.values() for one in some} - {BACKGROUND}))
    classes = classes if intervals else ()
    return Plan(
        folder=path.parent if path.is_file() else path,
        files=tuple(found),
        read=functools.partial(read_recording, rate_hz=rate_hz, labels=intervals, classes=classes),
        index=Index(
            name=name,
            source="our own recordings",
            rate_hz=rate_hz,
            labels=classes,
            background=0 if classes else None,
            samples=(),
        ),
        rests_on=repr(intervals),
    )


def read_recording(path: Path, *, rate_hz: float, labels: Labels, classes: tuple[str, ...]) -> Reading:
    """Read one recording: a sequence for every stretch in which a person was followed without a gap.

    Frames outside all intervals are background where the labels speak of the recording at all, else without label.
    Raises DataError where it is damaged.
    """
    try:
        recording = Recording(path)
        runs = _runs(recording, rate_hz)
    except (SourceUnavailable, MessageMalformed) as error:
        raise DataError(f"{path}: {error}") from None
    recorded, counts = [], {"frames": 0, "stretches dropped as too short": 0}
    for run, (first_s, joints) in runs.items():
        if len(joints) < SHORTEST_TRACK:
            counts["stretches dropped as too short"] += 1
            continue
        track = run.partition("#")[0]
        times_s = first_s + np.arange(len(joints)) / rate_hz
        of_frame = _frame_labels(labels.get(path.stem), track, times_s, classes)
        # Nobody knows who the people are: recordings can be held out, people cannot.
        sample = Sample(name=f"{path.stem}/{run}", subject=path.stem, bodies=())
        recorded.append(record(sample, [(0, np.stack(joints))], [of_frame]))
        counts["frames"] += len(joints)
    notes = {path.name: "cut short; read as far as it goes"} if recording.cut else {}
    return Reading(recorded=tuple(recorded), findings=Findings(counts=counts, notes=notes))


def read_labels(path: Path) -> Labels:
    """Read intervals from a CSV file with the columns recording, track, start_s, end_s, label.

    Raises DataError, naming the line, where it is broken.
    """
    found: dict[str, list[Interval]] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            if tuple(reader.fieldnames or ()) != _COLUMNS:
                raise DataError(f"--labels {path}: columns {reader.fieldnames}, wanted {','.join(_COLUMNS)}")
            for row in reader:
                try:
                    interval = _interval(row)
                except (ValueError, TypeError, AttributeError) as error:
                    raise DataError(f"--labels {path}, line {reader.line_num}: {error}") from None
                found.setdefault(row["recording"].strip().removesuffix(".mcap"), []).append(interval)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"--labels {path}: cannot be read ({error}), wanted a CSV file") from None
    if not found:
        raise DataError(f"--labels {path}: no line after its heading; wanted one an action")
    return {name: tuple(some) for name, some in found.items()}


def _interval(row: dict[str | None, str]) -> Interval:
    if None in row or None in row.values():
        raise ValueError(f"wanted {len(_COLUMNS)} values, one a column")
    start_s, end_s, label = float(row["start_s"]), float(row["end_s"]), row["label"].strip()
    if not 0 <= start_s < end_s or not label or not row["recording"].strip():
        raise ValueError(f"got {','.join(row.values())[:60]!r}, wanted a recording, 0 <= start_s < end_s and a label")
    return Interval(track=row["track"].strip(), start_s=start_s, end_s=end_s, label=label)


def _frame_labels(
    intervals: Sequence[Interval] | None, track: str, times_s: NDArray[np.float64], classes: tuple[str, ...]
) -> NDArray[np.int16]:
    if intervals is None:
        return np.full(len(times_s), UNLABELLED, np.int16)
    labels = np.zeros(len(times_s), np.int16)
    for one in intervals:
        if one.track in ("", track):
            labels[(times_s >= one.start_s) & (times_s < one.end_s)] = classes.index(one.label)
    return labels


def _runs(recording: Recording, rate_hz: float) -> dict[str, tuple[float, list[NDArray[np.float32]]]]:
    """Collect every track's frames: by `track-ID`, after a gap `track-ID#2` and so on, with the time of the first."""
    runs: dict[str, tuple[float, list[NDArray[np.float32]]]] = {}
    parts: dict[int, int] = {}
    broken_off: set[int] = set()
    for since_ns, tick in _ticks(recording, rate_hz):
        broken_off.update(tick.track_ids[tick.reset].tolist())
        for row in np.flatnonzero(tick.active):
            track = int(tick.track_ids[row])
            if track in broken_off or track not in parts:
                broken_off.discard(track)
                parts[track] = parts.get(track, 0) + 1
            name = f"track-{track}" + (f"#{parts[track]}" if parts[track] > 1 else "")
            first_s = (int(tick.time_ns[row]) - since_ns) / 1e9
            runs.setdefault(name, (first_s, []))[1].append(tick.joints_m[row].copy())
    return runs


def _ticks(recording: Recording, rate_hz: float) -> Iterator[tuple[int, Tick]]:
    """Run the tracker and the resampler. Yields every tick, with the capture time of the recording's first frame."""
    tracker = Tracker(MOST_PEOPLE, TrackConfig())
    resampler = Resampler(TrackConfig(), rows=MOST_PEOPLE, rate_hz=rate_hz)
    since_ns: int | None = None
    for event in recording.messages(JointsEvent):
        if not isinstance(event, JointsEvent):
            continue
        since_ns = event.capture_time_ns if since_ns is None else since_ns
        frame = pose_frame(event, event.capture_time_ns)
        if not all(np.isfinite(pose.joints_m).all() for pose in frame.poses):
            raise DataError(f"{recording.path}, frame {event.index}: joints that are not finite; record it anew")
        for people in tracker.step(frame):
            for tick in resampler.step(people):
                yield since_ns, tick
