"""A synthetic person for tests and demonstrations: drawn as coloured markers, and found again by their colours.

A flat figure that faces the camera and lifts its left arm, with the 17 keypoints of COCO, each a disc of a colour of
its own. `SyntheticLandmarker` finds the discs in any picture, and so is a small example of a pose
estimator of one's own: 2D keypoints in another layout than MediaPipe's, made metric by one known length, here that of
the trunk. At the edge of a wide picture its joints are tilted by a few degrees, because `lifting.lift` corrects for
how pose networks see people there.
"""

import math
from collections.abc import Collection, Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from hitrs_live.messages import Frame, PoseFrame
from hitrs_live.pose.base import already_open, check_picture, not_open
from hitrs_live.pose.intrinsics import Intrinsics
from hitrs_live.pose.landmarks import poses_of
from hitrs_live.pose.worker.landmarker import Landmarker
from hitrs_live.pose.worker.protocol import LANDMARK_FIELDS
from hitrs_live.skeleton import COCO17

TRUNK_M = 0.5
"""From the middle of the hips to the middle of the shoulders."""
_UPPER_ARM_M, _FOREARM_M = 0.28, 0.25
_ARM_PERIOD_S = 4.0
_ARM_LIFT_RAD = 2.4
_MARKER_M = 0.018
# All mixtures of none, half and all of red, green and blue that are no grey.
_COLOURS = np.array([(r, g, b) for r in (0, 128, 255) for g in (0, 128, 255) for b in (0, 128, 255) if not r == g == b])
_COLOURS = _COLOURS[: len(COCO17)]
# Half of the way to the next colour would be 64; a compressed video moves colours by less.
_TOLERANCE = 48
_FEWEST_PIXELS = 4
# A disc is compact: its pixels' standard deviation, as a share of the picture's height. Noise is not.
_LARGEST_SPREAD = 0.03
_SHOULDERS = [COCO17.index("left_shoulder"), COCO17.index("right_shoulder")]
_HIPS = [COCO17.index("left_hip"), COCO17.index("right_hip")]
# Metres about the middle of the hips, x right in the picture, y down. The left side is to the right in the picture.
_HALF = {"eye": (0.045, -0.68), "ear": (0.09, -0.66), "shoulder": (0.19, -TRUNK_M), "hip": (0.12, 0.0),
         "knee": (0.13, 0.42), "ankle": (0.14, 0.84)}  # fmt: skip


def body_m(time_s: float) -> NDArray[np.float64]:
    """Return the figure's keypoints at a time: (17, 3), metres about the middle of the hips, x right, y down, z away.

    The left arm goes from hanging to raised sideways and back, once in four seconds.
    """
    points = np.zeros((len(COCO17), 3))
    points[COCO17.index("nose"), 1] = -0.62
    for side, sign in (("left", 1), ("right", -1)):
        for part, (x, y) in _HALF.items():
            points[COCO17.index(f"{side}_{part}"), :2] = (sign * x, y)
        lift = (
            0.15 if side == "right" else 0.15 + _ARM_LIFT_RAD * (1 - math.cos(2 * math.pi * time_s / _ARM_PERIOD_S)) / 2
        )
        along = np.array((sign * math.sin(lift), math.cos(lift)))
        shoulder = points[COCO17.index(f"{side}_shoulder"), :2]
        points[COCO17.index(f"{side}_elbow"), :2] = shoulder + _UPPER_ARM_M * along
        points[COCO17.index(f"{side}_wrist"), :2] = shoulder + (_UPPER_ARM_M + _FOREARM_M) * along
    return points


def draw_person(
    picture: NDArray[np.uint8], time_s: float, lens: Intrinsics, *, hips_m: tuple[float, float, float] = (0.0, 0.1, 3.0)
) -> None:
    """Draw the figure into a picture, over what it shows.

    picture: (height, width, 3) uint8, blue-green-red, of the lens's size, without a marker's colours: black, grey or
    white. hips_m: the middle of the hips, metres, x right, y down, z away from the camera. The lens's distortion is
    left out. Raises ValueError for a picture of another size.
    """
    if picture.shape[:2] != (lens.height, lens.width):
        raise ValueError(
            f"got a picture of {picture.shape[1]} x {picture.shape[0]}, expected {lens.width} x {lens.height}, "
            "the size of the lens; scale the lens to it"
        )
    x, y, z = (body_m(time_s) + hips_m).T
    radius = max(2, round(_MARKER_M * lens.fx / hips_m[2]))
    for column, row, colour in zip(lens.fx * x / z + lens.cx, lens.fy * y / z + lens.cy, _COLOURS, strict=True):
        # A pixel's middle is half a pixel from its corner.
        centre = (round(column - 0.5), round(row - 0.5))
        cv2.circle(picture, centre, radius, tuple(int(part) for part in colour[::-1]), thickness=-1)


class SyntheticLandmarker:
    """Find the figure in a picture by the colours of its markers. A `Landmarker`; it has no state."""

    def step(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Find at most one figure.

        picture: (height, width, 3) uint8, red-green-blue. Returns (P, 17, LANDMARK_FIELDS) float32, P 0 or 1. Without
        both hips and both shoulders there is no figure; any other marker that is not found has visibility 0 and the
        position of the hips.
        """
        height, width = picture.shape[:2]
        pixels = _find_markers(picture)
        seen = ~np.isnan(pixels[:, 0])
        if not seen[[*_SHOULDERS, *_HIPS]].all():
            return np.empty((0, len(COCO17), LANDMARK_FIELDS), np.float32)
        hips, shoulders = pixels[_HIPS].mean(axis=0), pixels[_SHOULDERS].mean(axis=0)
        pixels[~seen] = hips
        person = np.zeros((1, len(COCO17), LANDMARK_FIELDS), np.float32)
        person[0, :, :2] = pixels / (width, height)
        person[0, :, 2:4] = (pixels - hips) * (TRUNK_M / max(float(np.linalg.norm(shoulders - hips)), 1.0))
        person[0, :, 5], person[0, :, 6] = seen, 1.0
        return person


class SyntheticPoseEstimator:
    """Find the synthetic figure in the calling process. A `PoseEstimator`."""

    skeleton = COCO17
    """The layout of the keypoints."""
    restarts = 0
    """Nothing here can fail."""
    people_limit = 1
    """There is one figure."""

    def __init__(self, intrinsics: Intrinsics, *, gaps: Collection[int] = ()) -> None:
        """Take the camera. gaps: indices of frames that get no result, as if the estimator had failed on them."""
        self._intrinsics, self._gaps = intrinsics, gaps
        self._landmarker: Landmarker | None = None
        self._lost = 0
        self.notice = ""
        """Which frame got no result last; empty where all got one."""

    def open(self) -> None:
        """Make the landmarker. Raises ValueError where it is open already."""
        if self._landmarker is not None:
            raise already_open()
        self._landmarker = SyntheticLandmarker()

    def step(self, frame: Frame) -> PoseFrame | None:
        """Find the figure in one frame; None for the indices in `gaps`. Raises as `PoseEstimator.step` does."""
        if self._landmarker is None:
            raise not_open()
        check_picture(frame)
        if frame.index in self._gaps:
            self._lost += 1
            self.notice = f"the synthetic pose estimator left out frame {frame.index}"
            return None
        height, width = frame.image.shape[:2]
        landmarks = self._landmarker.step(np.ascontiguousarray(frame.image[..., ::-1]))
        lens = self._intrinsics.scaled(width=width, height=height)
        return PoseFrame(
            index=frame.index,
            capture_time_ns=frame.capture_time_ns,
            received_ns=frame.received_ns,
            poses=poses_of(landmarks, COCO17, lens, min_joint_confidence=0.0),
            keypoint_layout=COCO17.name,
            lens=lens.lens,
        )

    def drops(self) -> Mapping[str, int]:
        """Count the frames without a result, under "pose_gap"."""
        return {"pose_gap": self._lost}

    def close(self) -> None:
        """Drop the landmarker; safe at any time, also twice."""
        self._landmarker = None


def _find_markers(picture: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the middles of the markers: (17, 2), pixels from the top left corner, not-a-number where there is none."""
    parts = cv2.split(picture)
    # Only what is no grey can be a marker: a few pixels of most pictures, and the rest need no second look.
    strength = cv2.subtract(
        cv2.max(cv2.max(parts[0], parts[1]), parts[2]), cv2.min(cv2.min(parts[0], parts[1]), parts[2])
    )
    spots = cv2.findNonZero(cv2.inRange(strength, 127 - 2 * _TOLERANCE, 255))
    middles = np.full((len(COCO17), 2), np.nan)
    if spots is None:
        return middles
    # Of shape (M, 1, 2) or (M, 2), by the version of OpenCV.
    spots = spots.reshape(-1, 2)
    colours = picture[spots[:, 1], spots[:, 0]].astype(np.int16)
    for point, colour in enumerate(_COLOURS):
        marker = spots[(np.abs(colours - colour) <= _TOLERANCE).all(axis=1)]
        if len(marker) >= _FEWEST_PIXELS and marker.std(axis=0).max() <= _LARGEST_SPREAD * picture.shape[0]:
            middles[point] = marker.mean(axis=0) + 0.5
    return middles
