"""Measure the cost of pose estimation: start-up, time a frame, memory, for at most 1, 2 and 3 people.

    python benchmarks/speed/pose_cost.py [--data FOLDER] [--frames 100] [--width 640] [--json FILE]

Time is from handing a frame to the pose estimator to having its poses, the way to the pose process and back included.
"""

import argparse
import json
import os
import time
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from hitrs_live.config import PoseConfig, TrackConfig
from hitrs_live.messages import Frame
from hitrs_live.pose.factory import make_pose_estimator
from hitrs_live.pose.intrinsics import Intrinsics
from hitrs_live.streaming.joint_tracker import JointTracker

CLIPS = ("sports2d_demo.mp4", "intel_one_by_one.mp4", "pose2sim_multi_cam01.mp4", "pose2sim_multi_cam04.mp4")


def read(clip: Path, count: int, width: int | None) -> list[NDArray[np.uint8]]:
    """Return pictures evenly spread over a clip, scaled to the width where one is asked for."""
    video = cv2.VideoCapture(str(clip))
    total = int(video.get(cv2.CAP_PROP_FRAME_COUNT))
    pictures = []
    # The middle half, where the people are.
    for index in range(total):
        got, picture = video.read()
        if not got:
            break
        if total // 4 <= index and len(pictures) < count:
            if width:
                height = round(picture.shape[0] * width / picture.shape[1])
                picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
            pictures.append(picture)
    return pictures


def measure(pictures: list[NDArray[np.uint8]], max_people: int) -> dict[str, float]:
    """Run the pose estimator and the tracker over pictures with timestamps of 30 frames a second."""
    height, width = pictures[0].shape[:2]
    lens = Intrinsics.from_field_of_view(60, width=width, height=height)
    estimator = make_pose_estimator(PoseConfig(max_people=max_people), lens)
    tracker = JointTracker(PoseConfig(max_people=max_people), TrackConfig())
    began = time.perf_counter()
    estimator.open()
    start_s = time.perf_counter() - began
    pose_ms, track_ms, people = [], [], []
    for index, picture in enumerate(pictures):
        stamp = index * 33_333_333
        began = time.perf_counter()
        poses = estimator.step(Frame(index=index, capture_time_ns=stamp, received_ns=stamp, image=picture))
        assert poses is not None, estimator.notice
        posed = time.perf_counter()
        tracker.step(poses)
        pose_ms.append((posed - began) * 1000)
        track_ms.append((time.perf_counter() - posed) * 1000)
        people.append(len(poses.poses))
    memory_mb = estimator.measure_memory_mb() or 0.0
    estimator.close()
    warm = pose_ms[5:]
    return {
        "people": float(np.mean(people)),
        "start_s": start_s,
        "pose_p50_ms": float(np.percentile(warm, 50)),
        "pose_p99_ms": float(np.percentile(warm, 99)),
        "track_p50_ms": float(np.percentile(track_ms[5:], 50)),
        "memory_mb": memory_mb,
    }


def main() -> None:
    """Measure every clip with 1, 2 and 3 people at most and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = os.environ.get("HITRS_DATA", Path(__file__).resolve().parents[2] / ".." / "shared" / "data")
    parser.add_argument("--data", type=Path, default=Path(default))
    parser.add_argument("--frames", type=int, default=100, help="of each clip")
    parser.add_argument("--width", type=int, help="scale pictures to this width (default: not scaled)")
    parser.add_argument("--json", type=Path, help="write the numbers here")
    chosen = parser.parse_args()
    rows = []
    print(
        f"{'clip':30}{'size':>12}{'max':>5}{'people':>8}{'start s':>9}{'p50 ms':>8}{'p99 ms':>8}{'track':>7}{'MB':>6}"
    )
    for name in CLIPS:
        pictures = read(chosen.data / "video" / name, chosen.frames, chosen.width)
        size = f"{pictures[0].shape[1]}x{pictures[0].shape[0]}"
        for max_people in (1, 2, 3):
            row = measure(pictures, max_people)
            rows.append({"clip": name, "size": size, "max_people": max_people, **row})
            print(
                f"{name:30}{size:>12}{max_people:5}{row['people']:8.2f}{row['start_s']:9.2f}{row['pose_p50_ms']:8.1f}"
                f"{row['pose_p99_ms']:8.1f}{row['track_p50_ms']:7.2f}{row['memory_mb']:6.0f}"
            )
    if chosen.json:
        load = os.getloadavg()[0]
        chosen.json.write_text(json.dumps({"cpus": os.cpu_count(), "load": load, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
