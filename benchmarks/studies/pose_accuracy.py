"""Measure how well one camera's 3D joints agree with joints triangulated from four synchronised cameras.

    python benchmarks/studies/pose_accuracy.py --backend blazepose mediapipe [--data FOLDER] [--json FILE]

The pose stage is the live one, with each backend of `pose.backend` that is named. The reference is triangulated from
the image landmarks of all four cameras with their reference calibration, for every backend from those of MediaPipe's
own task. It shares the landmark network's errors in the image (a few centimetres), so the comparison measures mostly
depth, tilt and scale. Columns that begin with "refined" are of the joints after the tracker and the temporal lifter
(`pose.refine`), the others of joints as lifted from one picture.
"""

import argparse
import json
import os
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from hitrs_live.config import PoseBackend, PoseConfig, TrackConfig
from hitrs_live.evaluation.lifter_measures import lean_deg
from hitrs_live.messages import Frame, Pose, PoseFrame
from hitrs_live.pose.factory import make_pose_estimator
from hitrs_live.pose.intrinsics import Intrinsics
from hitrs_live.skeleton import MEDIAPIPE33, NTU25
from hitrs_live.streaming.joint_tracker import JointTracker

Array = NDArray[np.float64]
REFERENCE: Final[PoseBackend] = "mediapipe"
"""Whose image landmarks are triangulated."""
OFF_SCALE_M = 0.05
CLIP_HZ = 60.0
BEGIN_NS = 1_000_000_000
# From x right, y down, z away to the axes of messages.py.
TO_OUR_AXES = np.array((-1.0, -1.0, 1.0))


@dataclass(frozen=True, kw_only=True)
class Camera:
    """A calibrated camera."""

    name: str
    intrinsics: Intrinsics
    axes: Array
    """(3, 3), columns: right, down and forward of the camera, in room coordinates."""
    place_m: Array


def read_cameras(path: Path) -> list[Camera]:
    """Read a Qualisys calibration: millimetres, 64ths of a pixel, axes that look backwards."""
    cameras = []
    for entry in ET.parse(path).getroot().findall("cameras/camera"):
        pose = {key: float(value) for key, value in entry.find("transform").attrib.items()}
        lens = {key: float(value) for key, value in entry.find("intrinsic").attrib.items()}
        rows = np.array([[pose[f"r{a}{b}"] for b in (1, 2, 3)] for a in (1, 2, 3)])
        intrinsics = Intrinsics(
            fx=lens["focalLengthU"] / 64,
            fy=lens["focalLengthV"] / 64,
            cx=lens["centerPointU"] / 64,
            cy=lens["centerPointV"] / 64,
            width=1088,
            height=1920,
            distortion=(
                lens["radialDistortion1"],
                lens["radialDistortion2"],
                lens["tangentalDistortion1"],
                lens["tangentalDistortion2"],
                lens["radialDistortion3"],
            ),
        )
        place = np.array([pose["x"], pose["y"], pose["z"]]) / 1000
        cameras.append(
            Camera(
                name=entry.attrib["serial"],
                intrinsics=intrinsics,
                axes=rows.T @ np.diag((1.0, -1.0, -1.0)),
                place_m=place,
            )
        )
    return cameras


def look(camera: Camera, clip: Path, backend: PoseBackend, every: int) -> list[PoseFrame | None]:
    """Return what the pose stage makes of every `every`-th frame, at most one person; None where it failed."""
    estimator = make_pose_estimator(PoseConfig(backend=backend, max_people=1), camera.intrinsics)
    video = cv2.VideoCapture(str(clip))
    frames: list[PoseFrame | None] = []
    estimator.open()
    index = 0
    while (got := video.read())[0]:
        if index % every == 0:
            time_ns = BEGIN_NS + round(index / CLIP_HZ * 1e9)
            image = np.asarray(got[1], np.uint8)
            frames.append(estimator.step(Frame(index=index, capture_time_ns=time_ns, received_ns=time_ns, image=image)))
        index += 1
    estimator.close()
    return frames


def person(frame: PoseFrame | None) -> Pose | None:
    """Return the person in a frame, where one was detected."""
    return frame.poses[0] if frame is not None and frame.poses else None


def triangulate(cameras: Sequence[Camera], views: Sequence[Pose]) -> Array:
    """Triangulate the landmarks, (33, 3) metres in the room, with robust weights for views that agree."""
    keypoints = [np.asarray(pose.keypoints, float) for pose in views]
    rays = [camera.intrinsics.rays(points[:, :2]) for camera, points in zip(cameras, keypoints, strict=True)]
    certainty = [points[:, 2] ** 2 + 1e-3 for points in keypoints]
    weights = certainty
    places = np.zeros((33, 3))
    for _ in range(4):
        normal, right = np.zeros((33, 3, 3)), np.zeros((33, 3))
        for camera, ray, weight in zip(cameras, rays, weights, strict=True):
            ahead = np.concatenate((ray, np.ones((33, 1))), axis=1) @ camera.axes.T
            ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
            across = np.eye(3) - ahead[:, :, None] * ahead[:, None, :]
            normal += weight[:, None, None] * across
            right += weight[:, None] * (across @ camera.place_m)
        places = np.linalg.solve(normal, right[..., None])[..., 0]
        weights = []
        for camera, ray, sure in zip(cameras, rays, certainty, strict=True):
            seen = (places - camera.place_m) @ camera.axes
            off = np.linalg.norm(seen[:, :2] - ray * seen[:, 2:], axis=1)
            weights.append(sure / (1 + (off / OFF_SCALE_M) ** 2))
    return places


def refine(frames: Sequence[PoseFrame | None]) -> list[Array | None]:
    """Track one camera's person and correct their joints as live: (25, 3) metres, None while untracked."""
    tracker = JointTracker(PoseConfig(max_people=1, refine=True), TrackConfig())
    refined: list[Array | None] = []
    for frame in frames:
        people = None if frame is None else tracker.step(frame)
        refined.append(None if people is None or not people.present[0] else people.joints_m[0].astype(float))
    return refined


def true_joints(camera: Camera, places: Array) -> Array:
    """Express triangulated landmarks (33, 3) as joints (25, 3) in a camera's axes."""
    return np.asarray(MEDIAPIPE33.weights @ ((places - camera.place_m) @ camera.axes) * TO_OUR_AXES)


def compare(camera: Camera, seen: Pose, refined: Array | None, places: Array) -> tuple[dict[str, float], Array]:
    """Compare one camera's joints with the triangulated ones: errors in millimetres, and whether sides are swapped.

    Returns them and the root-aligned error of each joint, before and after (2, 25).
    """
    truth, joints = true_joints(camera, places), np.asarray(seen.joints_m, float)
    left = [NTU25.index("left_shoulder"), NTU25.index("left_hip")]
    right = [NTU25.index("right_shoulder"), NTU25.index("right_hip")]
    across = (joints[left] - joints[right]).mean(axis=0)[:2] @ (truth[left] - truth[right]).mean(axis=0)[:2]
    corrected = joints if refined is None else refined
    aligned = np.stack(
        [np.linalg.norm((some - some[0]) - (truth - truth[0]), axis=1) * 1000 for some in (joints, corrected)]
    )
    figures = {
        "depth_m": float(truth[0, 2]),
        "depth_bias_mm": float(joints[0, 2] - truth[0, 2]) * 1000,
        "depth_error_mm": float(abs(joints[0, 2] - truth[0, 2])) * 1000,
        "root_error_mm": float(np.linalg.norm(joints[0] - truth[0])) * 1000,
        "camera_space_mm": float(np.linalg.norm(joints - truth, axis=1).mean()) * 1000,
        "root_aligned_mm": float(aligned[0].mean()),
        "left_right_swapped": float(across < 0),
        "lean_deg": float(abs(lean_deg(joints) - lean_deg(truth))),
        "refined_root_error_mm": float(np.linalg.norm(corrected[0] - truth[0])) * 1000,
        "refined_root_aligned_mm": float(aligned[1].mean()),
        "refined_lean_deg": float(abs(lean_deg(corrected) - lean_deg(truth))),
    }
    return figures, aligned


def measure(
    cameras: Sequence[Camera], truth: Sequence[Array | None], views: Sequence[Sequence[PoseFrame | None]]
) -> dict[str, Any]:
    """Compare what one backend saw with the triangulated landmarks of each frame, None where these are not known.

    Returns the mean errors of each camera, of all, and of all frames without swapped sides, and under "joints_mm" those
    of each joint before and after the lifter.
    """
    rows: dict[str, list[dict[str, float]]] = {camera.name: [] for camera in cameras}
    joints = []
    for camera, frames in zip(cameras, views, strict=True):
        for places, frame, refined in zip(truth, frames, refine(frames), strict=True):
            if places is not None and (seen := person(frame)) is not None:
                row, aligned = compare(camera, seen, refined, places)
                rows[camera.name].append(row)
                joints.append(aligned)
    rows["all"] = [row for some in rows.values() for row in some]
    rows["all, not swapped"] = [row for row in rows["all"] if not row["left_right_swapped"]]
    table: dict[str, Any] = {
        name: {"frames": len(some), **{key: float(np.mean([row[key] for row in some])) for key in some[0]}}
        for name, some in rows.items()
    }
    mean = np.mean(joints, axis=0).T
    return {**table, "joints_mm": {name: mean[joint].round(1).tolist() for joint, name in enumerate(NTU25.joints)}}


def measure_all(data: Path, backends: Sequence[PoseBackend], every: int) -> dict[PoseBackend, dict[str, Any]]:
    """Measure each backend on the same frames, beside the same reference."""
    cameras = read_cameras(data / "cameras" / "Calib.qca.txt")
    views = {
        backend: [look(c, data / "video" / f"pose2sim_single_{c.name}.mp4", backend, every) for c in cameras]
        for backend in dict.fromkeys((REFERENCE, *backends))
    }
    truth: list[Array | None] = []
    for frames in zip(*views[REFERENCE], strict=True):
        known = [pose for pose in map(person, frames) if pose is not None]
        truth.append(triangulate(cameras, known) if len(known) == len(cameras) else None)
    return {backend: measure(cameras, truth, views[backend]) for backend in backends}


def main() -> None:
    """Measure every camera, print one table and write the figures where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = os.environ.get("HITRS_DATA", Path(__file__).resolve().parents[2] / ".." / "shared" / "data")
    parser.add_argument("--data", type=Path, default=Path(default))
    parser.add_argument(
        "--backend", nargs="+", choices=get_args(PoseBackend), default=(PoseConfig().backend,),
        help=f"those of pose.backend to measure (default: {PoseConfig().backend}, as live)",
    )  # fmt: skip
    parser.add_argument("--every", type=int, default=1, help="use every N-th frame (default: 1, all)")
    parser.add_argument("--json", type=Path, help="write the numbers here")
    chosen = parser.parse_args()
    measured = measure_all(chosen.data, chosen.backend, chosen.every)
    for backend, table in measured.items():
        joints = table["joints_mm"]
        rows = {name: row for name, row in table.items() if row is not joints}
        keys = list(next(iter(rows.values())))
        print("".join(f"{word:>19}" for word in (backend, *keys)))
        for name, row in rows.items():
            print(f"{name:>19}" + "".join(f"{row[key]:19.2f}" for key in keys))
        for name, (before, after) in joints.items():
            print(f"{name:>19}{before:10.0f}{after:10.0f} mm")
    if chosen.json:
        report = {"reference": REFERENCE, "every": chosen.every, "backends": measured}
        chosen.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
