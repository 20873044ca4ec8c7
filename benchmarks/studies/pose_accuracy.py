"""Measure how well one camera's 3D joints agree with joints triangulated from four synchronised cameras.

    python benchmarks/studies/pose_accuracy.py [--data FOLDER] [--every 2] [--json FILE]

The reference is triangulated from the image landmarks of all four cameras with their reference calibration. It shares
the landmarker's errors in the image (a few centimetres), so the comparison measures mostly depth, tilt and scale.
Columns that begin with "refined" are of the joints after the tracker and the temporal lifter (`pose.refine`), the
others of joints as lifted from one picture.
"""

import argparse
import json
import os
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from hitrs_live.config import PoseConfig, TrackConfig
from hitrs_live.evaluation.lifter_measures import lean_deg
from hitrs_live.messages import PoseFrame
from hitrs_live.pose.intrinsics import Intrinsics
from hitrs_live.pose.landmarks import poses_of
from hitrs_live.pose.lifting import lift
from hitrs_live.pose.mediapipe.landmarker import MediaPipeLandmarker
from hitrs_live.pose.mediapipe.models import find_pose_model
from hitrs_live.skeleton import MEDIAPIPE33, NTU25
from hitrs_live.streaming.joint_tracker import JointTracker

Array = NDArray[np.float64]
OFF_SCALE_M = 0.05
CLIP_HZ = 60.0
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


def look(clip: Path, model: Path, every: int) -> list[NDArray[np.float32] | None]:
    """Return one person's landmarks, (33, 7), of every `every`-th frame, None where no person was detected."""
    landmarker = MediaPipeLandmarker(model, max_people=1, min_confidence=0.5)
    video = cv2.VideoCapture(str(clip))
    people: list[NDArray[np.float32] | None] = []
    index = 0
    while True:
        read, picture = video.read()
        if not read:
            break
        if index % every == 0:
            landmarks = landmarker.step(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))
            people.append(landmarks[0] if len(landmarks) else None)
        index += 1
    landmarker.close()
    return people


def triangulate(cameras: list[Camera], people: list[NDArray[np.float32]]) -> Array:
    """Triangulate the landmarks, (33, 3) metres in the room, with robust weights for views that agree."""
    rays = [c.intrinsics.rays(p[:, :2]) for c, p in zip(cameras, people, strict=True)]
    certainty = [(p[:, 5] * p[:, 6]).astype(float) ** 2 + 1e-3 for p in people]
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


def refine(camera: Camera, people: list[NDArray[np.float32] | None], rate_hz: float) -> list[Array | None]:
    """Track one camera's person and correct their joints as live: (25, 3) metres, None while untracked."""
    tracker = JointTracker(PoseConfig(max_people=1, refine=True), TrackConfig())
    refined: list[Array | None] = []
    for index, person in enumerate(people):
        time_ns = 1_000_000_000 + round(index / rate_hz * 1e9)
        landmarks = np.zeros((0, 33, 7), np.float32) if person is None else person[None]
        seen = tracker.step(
            PoseFrame(
                index=index,
                capture_time_ns=time_ns,
                received_ns=time_ns,
                poses=poses_of(landmarks, MEDIAPIPE33, camera.intrinsics, min_joint_confidence=0.3),
                keypoint_layout=MEDIAPIPE33.name,
                lens=camera.intrinsics.lens,
            )
        )
        refined.append(np.asarray(seen.joints_m[0], np.float64) if seen.present[0] else None)
    return refined


def true_joints(camera: Camera, places: Array) -> Array:
    """Express triangulated landmarks (33, 3) as joints (25, 3) in a camera's axes."""
    return np.asarray(MEDIAPIPE33.weights @ ((places - camera.place_m) @ camera.axes) * TO_OUR_AXES)


def compare(
    camera: Camera, person: NDArray[np.float32], refined: Array | None, places: Array
) -> tuple[dict[str, float], Array]:
    """Compare one camera's joints with the triangulated ones: errors in millimetres, and whether sides are swapped.

    Returns them and the root-aligned error of each joint, before and after (2, 25).
    """
    truth = true_joints(camera, places)
    one = person[None]
    joints = lift(one[..., 2:5], one[..., :2], one[..., 5], one[..., 6], camera.intrinsics, layout=MEDIAPIPE33)[0][0]
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


def measure(data: Path, every: int) -> tuple[dict[str, dict[str, float]], dict[str, list[float]]]:
    """Return the mean errors of each camera, of all, and of all frames without swapped sides, and those of each joint
    before and after the lifter."""
    cameras = read_cameras(data / "cameras" / "Calib.qca.txt")
    model = find_pose_model("full")
    views = [look(data / "video" / f"pose2sim_single_{c.name}.mp4", model, every) for c in cameras]
    rows: dict[str, list[dict[str, float]]] = {camera.name: [] for camera in cameras}
    refined = [refine(camera, people, CLIP_HZ / every) for camera, people in zip(cameras, views, strict=True)]
    joints = []
    for people, corrected in zip(zip(*views, strict=False), zip(*refined, strict=False), strict=True):
        known = [person for person in people if person is not None]
        if len(known) == len(cameras):
            places = triangulate(cameras, known)
            for camera, person, one in zip(cameras, known, corrected, strict=True):
                row, aligned = compare(camera, person, one, places)
                rows[camera.name].append(row)
                joints.append(aligned)
    rows["all"] = [row for some in rows.values() for row in some]
    rows["all, not swapped"] = [row for row in rows["all"] if not row["left_right_swapped"]]
    table = {
        name: {"frames": len(some), **{key: float(np.mean([row[key] for row in some])) for key in some[0]}}
        for name, some in rows.items()
    }
    mean = np.mean(joints, axis=0).T
    return table, {name: mean[joint].round(1).tolist() for joint, name in enumerate(NTU25.joints)}


def main() -> None:
    """Measure every camera, print one table and write the figures where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = os.environ.get("HITRS_DATA", Path(__file__).resolve().parents[2] / ".." / "shared" / "data")
    parser.add_argument("--data", type=Path, default=Path(default))
    parser.add_argument("--every", type=int, default=2, help="use every N-th frame (default: 2)")
    parser.add_argument("--json", type=Path, help="write the numbers here")
    chosen = parser.parse_args()
    table, joints = measure(chosen.data, chosen.every)
    keys = list(next(iter(table.values())))
    print("".join(f"{word:>19}" for word in ("camera", *keys)))
    for name, row in table.items():
        print(f"{name:>19}" + "".join(f"{row[key]:19.2f}" for key in keys))
    for name, (before, after) in joints.items():
        print(f"{name:>19}{before:10.0f}{after:10.0f} mm")
    if chosen.json:
        chosen.json.write_text(json.dumps({**table, "joints_mm": joints}, indent=2) + "\n")


if __name__ == "__main__":
    main()
