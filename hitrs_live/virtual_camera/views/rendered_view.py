"""One sequence as one virtual camera saw it: what the pose stage made of it, and the truth.

A view is one `.npz`. Its landmarks are kept as in `data/real` (`data/formats/real_clips.py`), so the live stages can be
run on them again: `landmarks` (N, 33, 7), `frame` (N,), `frames`, `fps`, `width`, `height`. Beside them:

- `truth_m` (T, 25, 3): the joints of the rendered body in the axes of the camera (messages.py), of every frame.
- `inside`, `visible` (T, 25): whether each joint is in the picture, and also not hidden by the body, by other people or
  by furniture.
- `person` (T,): the row of `landmarks` that is this person, -1 where the person was not seen.
- `azimuth_deg` (T,): from where the person faces to the camera.
- `labels` (T,): class of each frame; `grid_labels` (G,): the same at 30 Hz; `grid_*`: further labels at 30 Hz.
- `meta`: JSON with the names, the camera and the effects.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.config import CameraConfig, Config
from hitrs_live.data.array_format import BROKEN
from hitrs_live.data.labelled_motion import RATE_HZ
from hitrs_live.errors import DataError
from hitrs_live.files.atomic_write import whole_file
from hitrs_live.messages import PoseFrame
from hitrs_live.pose.intrinsics import camera_intrinsics
from hitrs_live.pose.landmarks import poses_of
from hitrs_live.pose.recorded_landmarks import recorded_pose_frames
from hitrs_live.skeleton import MEDIAPIPE33, NTU25
from hitrs_live.streaming.joint_tracker import JointTracker
from hitrs_live.streaming.levelling import level_stream
from hitrs_live.streaming.recorded_tracks import live_joint_frames
from hitrs_live.virtual_camera.live_joints import LiveJoints
from hitrs_live.virtual_camera.pictures.camera_placement import VIEW_CLASSES, ViewClass

Floats = NDArray[np.float32]

_GRID: Final = "grid_"
_START_NS: Final = 1_000_000_000
_SAME_KEYPOINTS: Final = 1e-4
_SAME_PERSON: Final = 0.35
"""A row of joints this close to the true ones on average, as a share of the person's size in the picture, is that
person."""


@dataclass(frozen=True, kw_only=True)
class RenderedView:
    """What one virtual camera saw of one person. T frames, N rows of landmarks."""

    name: str
    source: str
    """Name of the data set's file, without suffix."""
    sequence: str
    subject: str
    landmarks: Floats
    """(N, 33, 7), of all people that were seen."""
    frame: NDArray[np.int64]
    """(N,)."""
    rate_hz: float
    width: int
    height: int
    truth_m: Floats
    """(T, 25, 3), metres, axes of the camera."""
    inside: NDArray[np.bool_]
    visible: NDArray[np.bool_]
    """(T, 25) both."""
    person: NDArray[np.int64]
    """(T,); row of `landmarks`, or -1."""
    azimuth_deg: Floats
    """(T,)."""
    labels: NDArray[np.int64]
    """(T,)."""
    grid_labels: Mapping[str, NDArray[Any]]
    """Labels at 30 Hz, (G,) each: "labels", and where the source has them "phase" and so on."""
    label_names: Mapping[int, str]
    view: ViewClass
    focal_px: float
    meta: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.truth_m)

    @property
    def person_name(self) -> str:
        """Whose motion it is, as "source:subject": people are held out by it."""
        return f"{self.source}:{self.subject}"

    def pose_frames(self, config: Config, *, start_ns: int = 0) -> Iterator[PoseFrame]:
        """Yield what the live pose stage reports of every frame, all people."""
        return recorded_pose_frames(
            self.landmarks, self.frame, frames=len(self), rate_hz=self.rate_hz, size=(self.width, self.height),
            config=config, start_ns=start_ns,
        )  # fmt: skip


def lifted_joints(view: RenderedView, config: Config) -> LiveJoints:
    """Return this person's joints as the pose stage lifts them, at the frames of the view, before any tracking."""
    lens = camera_intrinsics(config.camera).scaled(width=view.width, height=view.height)
    seen = view.person >= 0
    joints = np.full((len(view), len(NTU25), 3), np.nan, np.float32)
    confidence = np.zeros((len(view), len(NTU25)), np.float32)
    poses = poses_of(
        view.landmarks[view.person[seen]], MEDIAPIPE33, lens, min_joint_confidence=config.pose.min_joint_confidence
    )
    for index, pose in zip(np.flatnonzero(seen), poses, strict=True):
        joints[index], confidence[index] = pose.joints_m, pose.confidence
    return LiveJoints(joints_m=_filled(joints, seen), confidence=confidence, lost_mask=~seen)


def corrected_joints(view: RenderedView, config: Config) -> LiveJoints:
    """Return this person's joints as the joint tracker gives them, at the frames of the view, before levelling."""
    tracker = JointTracker(config.pose, config.track)
    joints = np.full((len(view), len(NTU25), 3), np.nan, np.float32)
    confidence = np.zeros((len(view), len(NTU25)), np.float32)
    seen = np.zeros(len(view), bool)
    for index, frame in enumerate(view.pose_frames(config, start_ns=_START_NS)):
        people = tracker.step(frame)
        if view.person[index] < 0 or people.keypoints is None or not people.present.any():
            continue
        rows = np.flatnonzero(people.present)
        own = view.landmarks[view.person[index], :, :2]
        row = rows[np.abs(people.keypoints[rows, :, :2] - own).mean(axis=(1, 2)).argmin()]
        if np.allclose(people.keypoints[row, :, :2], own, atol=_SAME_KEYPOINTS):
            joints[index], confidence[index], seen[index] = people.joints_m[row], people.confidence[row], True
    return LiveJoints(joints_m=_filled(joints, seen), confidence=confidence, lost_mask=~seen)


def tracked_joints(view: RenderedView, config: Config) -> LiveJoints:
    """Return this person's joints as the model gets them: tracked, resampled to 30 Hz, levelled.

    G instants from the first. Of the people tracked, the one nearest to the truth is taken at each instant.
    """
    instants = len(view.grid_labels["labels"])
    joints = np.full((instants, len(NTU25), 3), np.nan, np.float32)
    confidence = np.zeros((instants, len(NTU25)), np.float32)
    lens = camera_intrinsics(config.camera).scaled(width=view.width, height=view.height)
    truth = true_fractions(view)
    times = np.arange(instants) / RATE_HZ
    frame_of = np.clip(np.round(times * view.rate_hz).astype(int), 0, len(view) - 1)
    frames = live_joint_frames(
        view.pose_frames(config, start_ns=_START_NS), rate_hz=RATE_HZ, pose=config.pose, track=config.track,
        camera=CameraConfig(level="off"),
    )  # fmt: skip
    nearest = np.full(instants, np.inf)
    for one in frames:
        for row in np.flatnonzero(one.active):
            instant = round((int(one.time_ns[row]) - _START_NS) / 1e9 * RATE_HZ)
            if not 0 <= instant < instants:
                continue
            place = one.joints_m[row]
            seen_at = np.stack(
                (
                    (lens.cx - lens.fx * place[:, 0] / place[:, 2]) / view.width,
                    (lens.cy - lens.fy * place[:, 1] / place[:, 2]) / view.height,
                ),
                axis=-1,
            )
            apart = distance_apart(seen_at, truth[frame_of[instant]], view.width / view.height)
            if apart < min(nearest[instant], _SAME_PERSON):
                nearest[instant] = apart
                joints[instant], confidence[instant] = place, one.confidence[row]
    seen = np.isfinite(nearest)
    levelled = level_stream(_filled(joints, seen), confidence, config.camera, rate_hz=RATE_HZ)
    return LiveJoints(joints_m=levelled, confidence=confidence, lost_mask=~seen)


def true_fractions(view: RenderedView) -> Floats:
    """Return where the true joints are in the picture, as fractions of it: (T, 25, 2)."""
    depth = np.maximum(view.truth_m[..., 2], 0.05)
    x = 0.5 - view.focal_px * view.truth_m[..., 0] / depth / view.width
    y = 0.5 - view.focal_px * view.truth_m[..., 1] / depth / view.height
    return np.stack((x, y), axis=-1).astype(np.float32)


def find_person(landmarks: Floats, true: Floats, aspect: float) -> int:
    """Return which row is the person whose true joints are given, -1 where none is near enough.

    landmarks: (P, 33, 7); true: (25, 2), fractions of the picture; aspect: its width by its height.
    """
    if not len(landmarks):
        return -1
    places = np.einsum("jl,plc->pjc", MEDIAPIPE33.weights, landmarks[..., :2])
    apart = [distance_apart(place, true, aspect) for place in places]
    best = int(np.argmin(apart))
    return best if apart[best] < _SAME_PERSON else -1


def distance_apart(first: Floats, second: Floats, aspect: float) -> float:
    """Return how far apart two people's joints (25, 2) are on average, as a share of the second one's extent.

    A person seen with left and right swapped is as far away as one seen rightly.
    """
    scale = np.array((aspect, 1.0), np.float32)
    extent = max(float(np.ptp(second * scale, axis=0).max()), 1e-6)
    straight = np.linalg.norm((first - second) * scale, axis=-1).mean()
    crossed = np.linalg.norm((first[list(NTU25.mirror)] - second) * scale, axis=-1).mean()
    return float(min(straight, crossed)) / extent


def _filled(joints_m: Floats, seen: NDArray[np.bool_]) -> Floats:
    """Interpolate the frames in which a person was not seen; before the first and after the last, hold them."""
    if seen.all() or not seen.any():
        return np.nan_to_num(joints_m)
    frames = np.arange(len(joints_m))
    flat = joints_m.reshape(len(joints_m), -1)
    columns = [np.interp(frames, frames[seen], flat[seen, column]) for column in range(flat.shape[1])]
    return np.stack(columns, axis=1).reshape(joints_m.shape).astype(np.float32)


def write_view(path: Path, view: RenderedView) -> None:
    """Write a view, whole or not at all."""
    meta = {
        **view.meta, "name": view.name, "source": view.source, "sequence": view.sequence, "subject": view.subject,
        "view": view.view, "label_names": {str(number): name for number, name in view.label_names.items()},
        "focal_px": view.focal_px,
    }  # fmt: skip
    arrays: dict[str, Any] = {
        "landmarks": view.landmarks.astype(np.float16),
        "frame": view.frame.astype(np.int32),
        "frames": len(view),
        "fps": view.rate_hz,
        "width": view.width,
        "height": view.height,
        "truth_m": view.truth_m.astype(np.float32),
        "inside": view.inside,
        "visible": view.visible,
        "person": view.person.astype(np.int32),
        "azimuth_deg": view.azimuth_deg.astype(np.float32),
        "labels": view.labels.astype(np.int16),
        **{_GRID + key: values for key, values in view.grid_labels.items()},
        "meta": json.dumps(meta),
    }
    with whole_file(path) as unfinished, unfinished.open("wb") as file:
        np.savez_compressed(file, **arrays)


def read_view(path: Path) -> RenderedView:
    """Read what `write_view` wrote. Raises DataError, naming the file, where it is damaged or something else."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
        meta = json.loads(str(arrays["meta"]))
        view = RenderedView(
            name=str(meta["name"]), source=str(meta["source"]), sequence=str(meta["sequence"]),
            subject=str(meta["subject"]),
            landmarks=arrays["landmarks"].astype(np.float32), frame=arrays["frame"].astype(np.int64),
            rate_hz=float(arrays["fps"]), width=int(arrays["width"]), height=int(arrays["height"]),
            truth_m=arrays["truth_m"], inside=arrays["inside"], visible=arrays["visible"],
            person=arrays["person"].astype(np.int64), azimuth_deg=arrays["azimuth_deg"],
            labels=arrays["labels"].astype(np.int64),
            grid_labels={key[len(_GRID) :]: value for key, value in arrays.items() if key.startswith(_GRID)},
            label_names={int(number): str(name) for number, name in meta["label_names"].items()},
            view=meta["view"], focal_px=float(meta["focal_px"]), meta=meta,
        )  # fmt: skip
    except (*BROKEN, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{path}: no rendered view ({type(error).__name__}: {str(error)[:80]}); expected an .npz of "
            "`hitrs-live render`; remove it and run the same command again"
        ) from None
    if view.view not in VIEW_CLASSES or view.truth_m.shape[1:] != (len(NTU25), 3):
        raise DataError(f"{path}: a view {view.view!r} of joints {view.truth_m.shape}, expected (T, 25, 3)")
    return view
