"""Read recordings made with --record: each person that the tracker follows becomes a sequence.

They pass through the tracker and the resampler of the live pipeline, so training data is like live data.
"""

import csv
import functools
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hitrs_live.config import PoseConfig, TrackConfig
from hitrs_live.data.dataset import UNLABELLED, Index, Sample
from hitrs_live.data.protocols import USUAL_RATE_HZ
from hitrs_live.errors import DataError, MessageMalformed, SourceUnavailable
from hitrs_live.files.text_file import TextUnreadable, read_text
from hitrs_live.joint_checks import MOST_BAD, find_bad
from hitrs_live.messages import JointFrame, JointsEvent, PoseFrame
from hitrs_live.prepare.intervals import Span, label_frames
from hitrs_live.prepare.reading import BAD_JOINTS, Findings, Plan, Reading, record
from hitrs_live.prepare.tracks import SHORTEST_TRACK
from hitrs_live.skeleton import NTU25
from hitrs_live.sources.recording import Recording, is_recording
from hitrs_live.streaming.joint_tracker import JointTracker
from hitrs_live.streaming.resampler import Resampler
from hitrs_live.wire.codec import pose_frame

MOST_PEOPLE = 6
BACKGROUND = "background"
_COLUMNS = ("recording", "track", "start_s", "end_s", "label")


@dataclass(frozen=True, kw_only=True)
class Interval:
    """An annotated action. Seconds since the recording's first frame."""

    track: str
    """Track as in the sequence's name; empty for all people."""
    start_s: float
    end_s: float
    label: str


Runs = dict[str, tuple[float, list[NDArray[np.float32]]]]
"""Gapless stretches of tracks by name: the time of the first frame in seconds, and the frames, (25, 3) each."""
Labels = dict[str, tuple[Interval, ...]]
"""Annotations by the recording's file name without suffix."""


def plan_recordings(path: Path, *, name: str, rate_hz: float = USUAL_RATE_HZ, labels: Path | None = None) -> Plan:
    """List recordings: one file, or all in a folder to any depth. rate_hz: to resample to; labels: a CSV of intervals.

    Raises DataError where there is none, two have the same name, or the labels cannot be read or name none of them.
    """
    files = [path] if path.is_file() else sorted(one for one in path.rglob("*.mcap") if one.is_file())
    if not files or not any(is_recording(one) for one in files):
        raise DataError(f"{path}: no recording in it; give an .mcap file made with --record, or a folder of them")
    stems = [one.stem for one in files]
    if twice := sorted({stem for stem in stems if stems.count(stem) > 1}):
        raise DataError(f"{path}: two recordings of the name {twice[0]}; remove one of them")
    intervals = read_labels(labels) if labels else {}
    if labels and not intervals.keys() & set(stems):
        raise DataError(f"--labels {labels}: names {', '.join(sorted(intervals))[:80]}, none of which is in {path}")
    classes = (BACKGROUND, *sorted({one.label for some in intervals.values() for one in some} - {BACKGROUND}))
    classes = classes if intervals else ()
    return Plan(
        folder=path.parent if path.is_file() else path,
        files=tuple(files),
        read=functools.partial(read_recording, rate_hz=rate_hz, labels=intervals, classes=classes),
        index=Index(
            name=name,
            source="our own recordings",
            rate_hz=rate_hz,
            labels=classes,
            background=0 if classes else None,
            samples=(),
        ),
        depends_on=repr(intervals),
        left_out={f"--labels {name}": "no recording of that name" for name in sorted(set(intervals) - set(stems))},
    )


def read_recording(path: Path, *, rate_hz: float, labels: Labels, classes: tuple[str, ...]) -> Reading:
    """Read one recording: a sequence for every stretch in which a person is tracked without a gap.

    Frames outside all intervals are background where the recording is annotated at all, else unlabelled.
    Raises DataError where it is damaged.
    """
    try:
        recording = Recording(path)
        runs, bad_joints = _runs(recording, rate_hz)
    except (SourceUnavailable, MessageMalformed) as error:
        raise DataError(f"{path}: {error}") from None
    recorded, counts, notes = [], {"frames": 0, "stretches dropped as too short": 0}, []
    intervals = labels.get(path.stem)
    unused = list(intervals or ())
    for run, (first_s, joints) in runs.items():
        if len(joints) < SHORTEST_TRACK:
            counts["stretches dropped as too short"] += 1
            continue
        track = run.partition("#")[0]
        times_s = first_s + np.arange(len(joints)) / rate_hz
        of_frame = np.full(len(joints), UNLABELLED, np.int16)
        if intervals is not None:
            spans = {one: span for one in intervals if (span := _span(one, track, times_s, classes)) is not None}
            unused = [one for one in unused if one not in spans]
            of_run = label_frames(list(spans.values()), len(joints), names=classes)
            of_frame = of_run.labels
            notes += [f"{run}: {note}" for note in of_run.notes]
            counts |= {name: counts.get(name, 0) + count for name, count in of_run.counts.items()}
        # The people are unknown: splits can hold out recordings, but not people.
        sample = Sample(name=f"{path.stem}/{run}", subject=path.stem, bodies=())
        recorded.append(record(sample, [(0, np.stack(joints))], [of_frame]))
        counts["frames"] += len(joints)
    counts[BAD_JOINTS] = bad_joints
    if unused:
        counts["labels without a frame"] = len(unused)
        first = unused[0]
        tracks = ", ".join(sorted({run.partition("#")[0] for run in runs})) or "no track"
        notes.append(
            f"{len(unused)} labels without a frame, the first is {first.label} {first.start_s:g} to {first.end_s:g} s "
            f"of {first.track or 'all people'}; the recording has {tracks}"
        )
    if recording.cut:
        notes.append("cut short; read to its last whole message")
    noted = {path.name: "; ".join(notes)} if notes else {}
    return Reading(recorded=tuple(recorded), findings=Findings(counts=counts, notes=noted))


def read_labels(path: Path) -> Labels:
    """Read intervals from a CSV file with the columns recording, track, start_s, end_s, label.

    Raises DataError, naming the line, where it is damaged.
    """
    intervals: dict[str, list[Interval]] = {}
    try:
        reader = csv.DictReader(io.StringIO(read_text(path)))
        if tuple(name.strip() for name in reader.fieldnames or ()) != _COLUMNS:
            raise DataError(f"--labels {path}: columns {str(reader.fieldnames)[:80]}, expected {','.join(_COLUMNS)}")
        reader.fieldnames = _COLUMNS
        for row in reader:
            # A spreadsheet writes a line of commas for an emptied row.
            if not any(value.strip() for value in row.values() if isinstance(value, str)):
                continue
            try:
                interval = _interval(row)
            except (ValueError, TypeError, AttributeError) as error:
                raise DataError(f"--labels {path}, line {reader.line_num}: {str(error)[:120]}") from None
            intervals.setdefault(row["recording"].strip().removesuffix(".mcap"), []).append(interval)
    except (OSError, TextUnreadable, csv.Error) as error:
        raise DataError(f"--labels {path}: cannot be read ({str(error)[:120]}), expected a CSV file") from None
    if not intervals:
        raise DataError(f"--labels {path}: no line after its heading; expected one per action")
    return {name: tuple(some) for name, some in intervals.items()}


def _interval(row: dict[str | None, str]) -> Interval:
    if None in row or None in row.values():
        raise ValueError(f"expected {len(_COLUMNS)} values, one per column")
    start_s, end_s, label = float(row["start_s"]), float(row["end_s"]), row["label"].strip()
    if not 0 <= start_s < end_s or not label or not row["recording"].strip():
        raise ValueError(f"got {','.join(row.values())[:60]!r}, expected a recording, 0 <= start_s < end_s and a label")
    track = row["track"].strip()
    # As every message and log line names a person.
    track = f"track-{track}" if track.isdecimal() else track
    return Interval(track=track, start_s=start_s, end_s=end_s, label=label)


def _span(one: Interval, track: str, times_s: NDArray[np.float64], classes: tuple[str, ...]) -> Span | None:
    """Return the frames of a run that an interval covers, None where it covers none or is for another track."""
    if one.track not in ("", track):
        return None
    start, end = np.searchsorted(times_s, [one.start_s, one.end_s]).tolist()
    return Span(label=classes.index(one.label), start=start, end=end) if start < end else None


def _runs(recording: Recording, rate_hz: float) -> tuple[Runs, int]:
    """Collect every track's gapless stretches: the first is named `track-ID`, the next `track-ID#2` and so on.

    Returns them, and the number of joints without a position. Raises DataError where half or more have none.
    """
    runs: Runs = {}
    parts: dict[int, int] = {}
    interrupted: set[int] = set()
    joints, bad = 0, 0
    for since_ns, frame, joint_frames in _frames(recording, rate_hz):
        joints += len(frame.poses) * len(NTU25)
        bad += sum(int(find_bad(pose.joints_m).sum()) for pose in frame.poses)
        _collect(runs, parts, interrupted, since_ns, joint_frames)
    if bad >= MOST_BAD * max(joints, 1):
        raise DataError(
            f"{recording.path}: {bad} of {joints} joints without a position, expected metres in most of them"
        )
    return runs, bad


def _collect(
    runs: Runs, parts: dict[int, int], interrupted: set[int], since_ns: int, joint_frames: Sequence[JointFrame]
) -> None:
    """Append joint frames to the runs. parts: number of runs by track; interrupted: tracks whose next run is new."""
    for joint_frame in joint_frames:
        interrupted.update(joint_frame.track_ids[joint_frame.reset].tolist())
        for row in np.flatnonzero(joint_frame.active):
            track = int(joint_frame.track_ids[row])
            if track in interrupted or track not in parts:
                interrupted.discard(track)
                parts[track] = parts.get(track, 0) + 1
            name = f"track-{track}" + (f"#{parts[track]}" if parts[track] > 1 else "")
            first_s = (int(joint_frame.time_ns[row]) - since_ns) / 1e9
            runs.setdefault(name, (first_s, []))[1].append(joint_frame.joints_m[row].copy())


def _frames(recording: Recording, rate_hz: float) -> Iterator[tuple[int, PoseFrame, list[JointFrame]]]:
    """Track, lift and resample. Yields the first frame's capture time, each frame and its joint frames."""
    tracker = JointTracker(PoseConfig(max_people=MOST_PEOPLE), TrackConfig())
    resampler = Resampler(TrackConfig(), rows=MOST_PEOPLE, rate_hz=rate_hz)
    since_ns: int | None = None
    for event in recording.messages(JointsEvent):
        if not isinstance(event, JointsEvent):
            continue
        since_ns = event.capture_time_ns if since_ns is None else since_ns
        frame = pose_frame(event, event.capture_time_ns)
        yield since_ns, frame, list(resampler.step(tracker.step(frame)))
