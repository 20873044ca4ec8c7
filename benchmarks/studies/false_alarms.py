"""Count false alarms: in real video, and in everyday actions recorded by a Kinect.

    python benchmarks/studies/false_alarms.py --checkpoint FILE --json reports/false_alarms.json [--work DIR]

Video goes through the whole live path, `hitrs-live live --video CLIP --speed max --plain --record ...`, and the events
are read from the recording. UTKinect is resampled to the models' rate first. With --work the recordings are kept, and
a later run, such as one of another checkpoint, replays their joints instead of estimating poses again; the events are
the same.
"""

import argparse
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rates import at_usual_rate
from rich.console import Console
from rich.table import Table

from hitrs_live.checkpoint import Checkpoint, load_checkpoint
from hitrs_live.data.array_format import BACKGROUND, data_folder
from hitrs_live.data.class_map import read_streams
from hitrs_live.data.open_dataset import BACKGROUND_NAME, open_dataset
from hitrs_live.evaluation.decode_streams import decode_streams
from hitrs_live.evaluation.kept_streams import StreamResult
from hitrs_live.evaluation.metrics.false_alarms import false_alarm_frames
from hitrs_live.evaluation.reports.detection import TOLERANCE_S, detection_report
from hitrs_live.evaluation.reports.write import about_run, write_report
from hitrs_live.evaluation.run_model import run_model
from hitrs_live.messages import ActionEvent, JointsEvent
from hitrs_live.skeleton import NTU25
from hitrs_live.sources.recording import Recording
from hitrs_live.streaming.thresholds import Thresholds, find_thresholds

TRUE = {
    "sports2d_demo": ("walk",),  # a woman walks across; a man stands on a roof and somersaults off it
    "intel_one_by_one": ("walk",),  # people walk in and out, seen from above
    "pose2sim_single": ("walk",),  # a man takes a few steps along a mat, bends and balances
    "pose2sim_multi": ("walk",),  # the same, and another person who walks behind him
}
"""By prefix of a clip's name: the classes that occur in it. In other clips none does."""

NEAR = {"sitDown": ("sit_to_stand",), "standUp": ("sit_to_stand",)}
"""Everyday actions that contain one of the classes under another name."""
WALKING_M_S = 0.3
"""A person who moves at least this fast while `walk` is reported does walk, whatever the label: carrying something, or
going to the next action."""


def run_clip(clip: Path, work: Path, flags: list[str]) -> Recording:
    """Run the live path over a clip, or over its joints where an earlier run recorded them."""
    joints, unfinished = work / f"{clip.stem}.mcap", work / f"{clip.stem}.part.mcap"
    recorded = joints.exists()
    source = ["--replay", str(joints)] if recorded else ["--video", str(clip)]
    command = [
        sys.executable, "-m", "hitrs_live.cli", "live", *source, "--speed", "max", "--plain",
        "--bind", "tcp://127.0.0.1:*", "--record", str(unfinished), "--overwrite", *flags,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{clip}: {done.stderr.strip()}")
    # Only a complete recording is kept for later runs.
    return Recording(unfinished if recorded else unfinished.replace(joints))


def count_clip(name: str, recording: Recording) -> dict[str, Any]:
    """Count the actions reported in one clip, and its minutes and person-minutes."""
    times, people, reported = [], 0, Counter[str]()
    for message in recording.messages(JointsEvent, ActionEvent):
        if isinstance(message, JointsEvent):
            times.append(message.capture_time_ns)
            people += message.joints_m.shape[0]
        elif isinstance(message, ActionEvent) and message.state == "start":
            reported[message.label] += 1
    frame_min = float(np.median(np.diff(times))) / 60e9 if len(times) > 1 else 0.0
    right = next((classes for begin, classes in TRUE.items() if name.startswith(begin)), ())
    return {
        "minutes": round(len(times) * frame_min, 3),
        "person_minutes": round(people * frame_min, 3),
        "true": list(right),
        "told": dict(reported.most_common()),
        "false": sum(count for label, count in reported.items() if label not in right),
    }


def count_clips(folder: Path, work: Path, flags: list[str]) -> dict[str, Any]:
    """Run every clip of a folder and add a total."""
    clips = {clip.stem: count_clip(clip.stem, run_clip(clip, work, flags)) for clip in sorted(folder.glob("*.mp4"))}
    sums = {key: round(sum(clip[key] for clip in clips.values()), 3) for key in ("minutes", "person_minutes", "false")}
    wrong = sum((Counter(_wrong(clip)) for clip in clips.values()), Counter[str]())
    return {"clips": clips, "all": sums | {"told_wrongly": dict(wrong.most_common())}}


def _wrong(clip: dict[str, Any]) -> dict[str, int]:
    return {label: count for label, count in clip["told"].items() if label not in clip["true"]}


def count_everyday(
    path: Path, checkpoint: Checkpoint, thresholds: Thresholds | None, step_frames: int | None
) -> dict[str, Any]:
    """Count false alarms among actions that the detector does not know, which count as background."""
    data, info = open_dataset(path), checkpoint.info
    sequences = read_streams(data, info.labels, BACKGROUND)
    own = (BACKGROUND_NAME, *data.classes)
    doing = {sequence.name: sequence.labels for sequence in read_streams(data, own, BACKGROUND)}
    results = decode_streams(
        run_model(checkpoint, sequences, step_frames=step_frames), info, thresholds=thresholds, step_frames=step_frames
    )
    report = detection_report(results, info.labels, rate_hz=info.normaliser.rate_hz)
    alarms = [
        alarm
        for result in results
        for alarm in _alarms(result, doing[result.sequence.name], own, info.normaliser.rate_hz)
    ]
    reported = Counter((label, action) for label, action, _ in alarms)
    near = sum(near for _, _, near in alarms)
    hours = report["background_s"] / 3600
    return {
        "data": data.index.name,
        "hours": round(hours, 3),
        "false_alarms": report["false_alarms"],
        "per_hour": round(report["false_alarms"] / hours, 1) if hours else None,
        "near": near,
        "per_hour_without_near": round((report["false_alarms"] - near) / hours, 1) if hours else None,
        "told": [{"told": label, "doing": action, "times": count} for (label, action), count in reported.most_common()],
        "known": {
            label: {key: row[key] for key in ("starts", "told", "precision", "start_recall", "ap")}
            for label, row in report["per_class"].items()
        },
    }


def _alarms(result: StreamResult, doing: np.ndarray, own: Sequence[str], rate_hz: float) -> list[tuple[str, str, bool]]:
    """Pair each false alarm with the true action that lasted longest while it ran, or background if there was none.

    doing: (T,) int64, true actions; own: their names. Returns for each false alarm the reported label, the true
    action, and whether the report is nearly right.
    """
    away = false_alarm_frames(result.sequence.labels, round(TOLERANCE_S * rate_hz))
    alarms = []
    for action in result.detected:
        first, last = (min(len(doing) - 1, round(at_s * rate_hz)) for at_s in (action.onset_s, action.end_s))
        if not away[first]:
            continue
        during = doing[first : last + 1]
        acting = during[during != BACKGROUND]
        did = own[int(np.bincount(acting).argmax()) if len(acting) else BACKGROUND]
        going = action.label == "walk" and _speed_m_s(result.sequence.joints_m[first : last + 1], rate_hz) > WALKING_M_S
        alarms.append((action.label, did, going or action.label in NEAR.get(did, ())))
    return alarms


def _speed_m_s(joints_m: np.ndarray, rate_hz: float) -> float:
    """Compute the mean speed of the root over the ground; noise is reduced by using every fifth frame."""
    ground = joints_m[::5, NTU25.root][:, [0, 2]]
    way = float(np.linalg.norm(np.diff(ground, axis=0), axis=1).sum())
    return way / max(len(ground) - 1, 1) / 5 * rate_hz


def main() -> None:
    """Count both and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", help="detector to measure (default: the one shipped)")
    parser.add_argument("--thresholds", default="", metavar="FILE", help="as the setting action.thresholds has it")
    parser.add_argument("--update", choices=("clip", "frame"), default="frame", help="when it predicts")
    parser.add_argument("--work", type=Path, metavar="DIR", help="keep the recordings there (default: deleted)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    checkpoint = load_checkpoint(options.checkpoint)
    thresholds = find_thresholds(options.thresholds, checkpoint, options.checkpoint).thresholds
    flags = ["--update", options.update]
    for flag, value in (("--checkpoint", options.checkpoint), ("--thresholds", options.thresholds)):
        flags += [flag, value] if value else []
    step_frames = checkpoint.info.step_frames(options.update)
    with tempfile.TemporaryDirectory() as folder:
        work = options.work or Path(folder)
        work.mkdir(parents=True, exist_ok=True)
        video = count_clips(data_folder() / "video", work, flags)
        everyday_at = at_usual_rate(data_folder() / "measure" / "utkinect_streams.npz", work / "utkinect_streams")
        everyday = count_everyday(everyday_at, checkpoint, thresholds, step_frames)
    show(Console(), video, everyday)
    if options.json:
        about = about_run(checkpoint, thresholds, options.update, mirror=True)
        write_report(options.json, about | {"video": video, "everyday": everyday})


def show(console: Console, video: dict[str, Any], everyday: dict[str, Any]) -> None:
    """Print a row for each clip, and the false alarms of everyday actions."""
    clips = Table("clip", "minutes", "person-minutes", "true", "reported", "false", title="real video, whole live path")
    for name, clip in video["clips"].items():
        reported = ", ".join(f"{label} {count}" for label, count in clip["told"].items()) or "nothing"
        true = ", ".join(clip["true"]) or "nothing"
        minutes = (f"{clip[key]:.2f}" for key in ("minutes", "person_minutes"))
        clips.add_row(name, *minutes, true, reported, str(clip["false"]))
    total = video["all"]
    clips.add_row("all", f"{total['minutes']:.2f}", f"{total['person_minutes']:.2f}", "", "", str(total["false"]))
    console.print(clips)
    alarms = f"{everyday['false_alarms']} in {everyday['hours']:.2f} h, {everyday['per_hour']} an hour"
    without = f"{everyday['near']} of them nearly right, {everyday['per_hour_without_near']} an hour without"
    rows = Table("reported", "while the person did", "times", title=f"{everyday['data']}: {alarms}; {without}")
    for row in everyday["told"]:
        rows.add_row(row["told"], row["doing"], str(row["times"]))
    console.print(rows)


if __name__ == "__main__":
    main()
