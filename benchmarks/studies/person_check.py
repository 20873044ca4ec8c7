"""Count bodies that the person check leaves out: furniture in a room that people enter and leave, and real people.

    python benchmarks/studies/person_check.py --json reports/person_check.json

In the video `intel_one_by_one.mp4` a person fills more than a third of the picture's height; what the pose network
finds in the empty room is smaller. In the clips of `real/`, a track of at least 18 frames is a person. Landmarks of the
video are estimated once, and kept in --work.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hitrs_live.config import Config, TrackConfig
from hitrs_live.data.array_format import data_folder
from hitrs_live.data.formats.real_clips import RealClip, read_real_clips
from hitrs_live.evaluation.reports.write import write_report
from hitrs_live.evaluation.video_landmarks import read_video_clips
from hitrs_live.pose.recorded_landmarks import recorded_pose_frames
from hitrs_live.tracking.person_check import PersonCheck
from hitrs_live.tracking.tracker import Tracker

_ROOM = "intel_one_by_one.mp4"
_PERSON_HEIGHT = 0.35
_PERSON_FRAMES = 18


def count(clip: RealClip, config: Config) -> dict[int, tuple[int, int, float]]:
    """Track a clip's bodies. Returns for each track its frames, those left out, and its median height in a picture."""
    tracker, check = Tracker(config.pose.max_people, TrackConfig()), PersonCheck(config.pose.max_people)
    seen: Counter[int] = Counter()
    left_out: Counter[int] = Counter()
    heights: dict[int, list[float]] = {}
    frames = recorded_pose_frames(
        clip.landmarks, clip.frame, frames=clip.frames, rate_hz=clip.fps, size=(clip.width, clip.height), config=config
    )
    for frame in frames:
        people = tracker.step(frame)
        accepted = check.step(people).present
        for row in np.flatnonzero(people.present).tolist():
            track = int(people.track_ids[row])
            seen[track] += 1
            left_out[track] += not accepted[row]
            assert people.boxes is not None
            heights.setdefault(track, []).append(float(people.boxes[row, 3] - people.boxes[row, 1]))
    return {track: (seen[track], left_out[track], float(np.median(heights[track]))) for track in seen}


def summarise(tracks: Sequence[tuple[int, int, float]]) -> dict[str, int]:
    """Add up the bodies, and those left out, of tracks."""
    return {
        "tracks": len(tracks),
        "bodies": sum(frames for frames, _, _ in tracks),
        "left_out": sum(out for _, out, _ in tracks),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("runs/person_check"), help="folder of the video's landmarks")
    parser.add_argument("--json", type=Path, help="file to write the counts to")
    options = parser.parse_args()
    config, folder = Config(), data_folder()
    (room,) = read_video_clips([folder / "video" / _ROOM], config.pose, options.work)
    in_room = count(room, config).values()
    in_clips = [one for clip in read_real_clips(folder / "real") for one in count(clip, config).values()]
    report: dict[str, Any] = {
        "furniture": summarise([one for one in in_room if one[2] < _PERSON_HEIGHT]),
        "people_in_the_room": summarise([one for one in in_room if one[2] >= _PERSON_HEIGHT]),
        "people_in_clips": summarise([one for one in in_clips if one[0] >= _PERSON_FRAMES]),
    }
    for name, counts in report.items():
        print(f"{name}: {counts['left_out']} of {counts['bodies']} bodies left out, {counts['tracks']} tracks")
    if options.json is not None:
        write_report(options.json, report)


if __name__ == "__main__":
    main()
