"""Measure what runs the pose model, in one run: both backends, ours with two threads, and MediaPipe's video mode.

    python benchmarks/speed/pose_backends.py [--data FOLDER] [--pictures 150] [--json FILE]

Each picture of 1, 2, 4 and 8 people goes to all of them in turn. "cpu" is the CPU time of the process and all its
threads, so that a machine with other work can be measured on. It is not independent of that work: where ten others
wanted two cores, ours took 1.7 times as much, MediaPipe's picture mode 2.7 times. "wall" is the time that passed, by
which two threads differ from one, and is of use on an idle machine only. "fps" are the pictures a second of one core
with nothing else to do, by the CPU time. Pictures of several people are made of clips of one person, side by side.
"extra ids" are those that the tracker gave to people beyond one each. MediaPipe's threads cannot be set from Python.
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import cv2
import msgspec
import numpy as np
from mediapipe import Image, ImageFormat
from mediapipe.tasks.python.core.base_options import BaseOptions
from mediapipe.tasks.python.vision.core.vision_task_running_mode import VisionTaskRunningMode
from mediapipe.tasks.python.vision.pose_landmarker import PoseLandmarker, PoseLandmarkerOptions
from numpy.typing import NDArray

from hitrs_live.config import PoseConfig, TrackConfig
from hitrs_live.messages import Frame, PoseFrame
from hitrs_live.pose.blazepose import landmarker as blazepose
from hitrs_live.pose.blazepose.networks import BlazePoseNetworks
from hitrs_live.pose.factory import make_pose_estimator, open_landmarker
from hitrs_live.pose.intrinsics import Intrinsics
from hitrs_live.pose.landmarks import poses_of
from hitrs_live.pose.mediapipe.models import find_pose_model
from hitrs_live.skeleton import MEDIAPIPE33
from hitrs_live.tracking.tracker import Tracker

ALONE = tuple(f"pose2sim_single_cam0{camera}.mp4" for camera in (1, 2, 3, 4))
TOGETHER = tuple(f"pose2sim_multi_cam0{camera}.mp4" for camera in (1, 2, 3, 4))
PEOPLE = (1, 2, 4, 8)
TWO_THREADS = "blazepose, 2 threads"
BACKENDS = ("mediapipe", "mediapipe video", "blazepose", TWO_THREADS)
EVERY = 2
"""The clips have 60 pictures a second."""
MOST_IN_A_ROW = 4
WARM_UP = 5
Picture = NDArray[np.uint8]
Step = Callable[[Picture], NDArray[np.float32]]


def read(clip: Path) -> list[Picture]:
    """Return every second picture of a clip, red-green-blue."""
    video = cv2.VideoCapture(str(clip))
    pictures = []
    while (got := video.read())[0]:
        pictures.append(np.ascontiguousarray(got[1][..., ::-1], np.uint8))
    return pictures[::EVERY]


def there_and_back(pictures: Sequence[Picture], first: int) -> Iterator[Picture]:
    """Yield a clip's pictures for ever, forwards and backwards, so that nothing jumps."""
    order = [*range(len(pictures)), *range(len(pictures) - 2, 0, -1)]
    index = first
    while True:
        yield pictures[order[index % len(order)]]
        index += 1


def compose(clips: Sequence[Sequence[Picture]], people: int, count: int) -> list[Picture]:
    """Return pictures with a clip of one person in each tile; further tiles show one mirrored and at another time."""
    rows = -(-people // MOST_IN_A_ROW)
    height = 720 if rows == 1 else 1080 // rows
    width = round(height * 9 / 16)
    streams = [there_and_back(clips[tile % len(clips)], first=12 * (tile // len(clips))) for tile in range(people)]
    pictures = []
    for _ in range(count):
        tiles = []
        for tile, stream in enumerate(streams):
            one = cv2.resize(next(stream), (width, height), interpolation=cv2.INTER_AREA)
            tiles.append(one[:, ::-1] if tile // len(clips) % 2 else one)
        columns = -(-people // rows)
        lines = [np.concatenate(tiles[start : start + columns], axis=1) for start in range(0, people, columns)]
        pictures.append(np.ascontiguousarray(np.concatenate(lines)))
    return pictures


def video_mode(config: PoseConfig) -> tuple[Step, Callable[[], None]]:
    """Return MediaPipe's task in its video mode, and what closes it."""
    task = PoseLandmarker.create_from_options(
        PoseLandmarkerOptions(
            base_options=BaseOptions(model_asset_path=str(find_pose_model(config.model))),
            running_mode=VisionTaskRunningMode.VIDEO, num_poses=config.max_people,
        )
    )  # fmt: skip
    index = 0

    def step(picture: Picture) -> NDArray[np.float32]:
        nonlocal index
        index += 1
        result: Any = task.detect_for_video(Image(image_format=ImageFormat.SRGB, data=picture), index * 33)
        people = [
            [(a.x, a.y, w.x, w.y, w.z, a.visibility, a.presence) for a, w in zip(image, world, strict=True)]
            for image, world in zip(result.pose_landmarks, result.pose_world_landmarks, strict=True)
        ]
        return np.array(people, np.float32).reshape(len(people), 33, 7)

    return step, task.close


def opened(backend: str, most: int) -> tuple[Step, Callable[[], None]]:
    """Return what finds people with one of the backends, and what closes it."""
    if backend == "mediapipe video":
        return video_mode(PoseConfig(max_people=most))
    if backend == TWO_THREADS:
        # No setting: the pose process has one core's worth of work, and the others are for other cameras and the model.
        with patch.object(blazepose, "BlazePoseNetworks", partial(BlazePoseNetworks, threads=2)):
            return opened("blazepose", most)
    landmarker = open_landmarker(msgspec.convert({"backend": backend, "max_people": most}, PoseConfig))
    return landmarker.step, landmarker.close


def measure(pictures: Sequence[Picture], people: int) -> list[dict[str, Any]]:
    """Show every picture to every backend. Returns a row for each."""
    height, width = pictures[0].shape[:2]
    lens = Intrinsics.from_field_of_view(60, width=width, height=height)
    steps = {backend: opened(backend, people) for backend in BACKENDS}
    trackers = {backend: Tracker(people, TrackConfig()) for backend in BACKENDS}
    cpu_ms: dict[str, list[float]] = {backend: [] for backend in BACKENDS}
    wall_ms: dict[str, list[float]] = {backend: [] for backend in BACKENDS}
    found: dict[str, list[int]] = {backend: [] for backend in BACKENDS}
    ids: dict[str, set[int]] = {backend: set() for backend in BACKENDS}
    for index, picture in enumerate(pictures):
        for backend in BACKENDS:
            began, began_wall = time.process_time(), time.perf_counter()
            landmarks = steps[backend][0](picture)
            cpu_ms[backend].append((time.process_time() - began) * 1000)
            wall_ms[backend].append((time.perf_counter() - began_wall) * 1000)
            found[backend].append(len(landmarks))
            stamp = index * 33_333_333
            poses = poses_of(landmarks, MEDIAPIPE33, lens, min_joint_confidence=PoseConfig().min_joint_confidence)
            tracks = trackers[backend].step(
                PoseFrame(
                    index=index, capture_time_ns=stamp, received_ns=stamp, poses=poses, keypoint_layout=MEDIAPIPE33.name
                )
            )  # fmt: skip
            ids[backend].update(tracks.track_ids[tracks.present].tolist())
    for _, close in steps.values():
        close()
    return [
        {
            "backend": backend,
            "cpu_p50_ms": float(np.percentile(cpu_ms[backend][WARM_UP:], 50)),
            "cpu_p99_ms": float(np.percentile(cpu_ms[backend][WARM_UP:], 99)),
            "cpu_mean_ms": float(np.mean(cpu_ms[backend][WARM_UP:])),
            "wall_p50_ms": float(np.percentile(wall_ms[backend][WARM_UP:], 50)),
            "wall_p99_ms": float(np.percentile(wall_ms[backend][WARM_UP:], 99)),
            "found": float(np.mean(found[backend][WARM_UP:])),
            "extra_ids": max(len(ids[backend]) - people, 0),
        }
        for backend in BACKENDS
    ]


def memory_mb(backend: str, pictures: Sequence[Picture], people: int) -> float:
    """Return the memory of a pose process after some pictures, MiB."""
    height, width = pictures[0].shape[:2]
    config = msgspec.convert({"backend": backend, "max_people": people}, PoseConfig)
    estimator = make_pose_estimator(config, Intrinsics.from_field_of_view(60, width=width, height=height))
    estimator.open()
    for index, picture in enumerate(pictures[:30]):
        image = np.ascontiguousarray(picture[..., ::-1])
        estimator.step(Frame(index=index, capture_time_ns=index, received_ns=index, image=image))
    memory = estimator.measure_memory_mb() or 0.0
    estimator.close()
    return memory


def main() -> None:
    """Measure composed pictures of 1, 2, 4 and 8 people, and the clips of two, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = os.environ.get("HITRS_DATA", Path(__file__).resolve().parents[2] / ".." / "shared" / "data")
    parser.add_argument("--data", type=Path, default=Path(default))
    parser.add_argument("--pictures", type=int, default=150, help="of each number of people")
    parser.add_argument("--json", type=Path, help="write the numbers here")
    chosen = parser.parse_args()
    cv2.setNumThreads(1)
    clips = [read(chosen.data / "video" / name) for name in ALONE]
    rows: list[dict[str, Any]] = []
    print(
        f"{'pictures':24}{'size':>12}{'people':>7}  {'backend':21}{'found':>6}{'cpu p50':>9}{'p99':>7}{'fps':>6}"
        f"{'wall p50':>9}{'p99':>7}{'ids':>5}"
    )

    def add(name: str, pictures: Sequence[Picture], people: int) -> None:
        size = f"{pictures[0].shape[1]}x{pictures[0].shape[0]}"
        for row in measure(pictures, people):
            rows.append({"pictures": name, "size": size, "people": people, **row})
            print(
                f"{name:24}{size:>12}{people:7}  {row['backend']:21}{row['found']:6.2f}{row['cpu_p50_ms']:9.1f}"
                f"{row['cpu_p99_ms']:7.1f}{1000 / row['cpu_mean_ms']:6.0f}"
                f"{row['wall_p50_ms']:9.1f}{row['wall_p99_ms']:7.1f}{row['extra_ids']:5}",
                flush=True,
            )

    for people in PEOPLE:
        add("composed", compose(clips, people, chosen.pictures), people)
    for name in TOGETHER:
        add(name, read(chosen.data / "video" / name), 2)
    two = compose(clips, 2, 30)
    memory = {backend: memory_mb(backend, two, 2) for backend in ("mediapipe", "blazepose")}
    print("memory of the pose process, MiB:", ", ".join(f"{name} {value:.0f}" for name, value in memory.items()))
    if chosen.json:
        report = {"cpus": os.cpu_count(), "load": os.getloadavg()[0], "memory_mb": memory, "rows": rows}
        chosen.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
