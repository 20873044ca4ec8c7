"""What every pose estimator is: pictures in, people with their joints in metres out.

To add one: implement `PoseEstimator`, or `worker.landmarker.Landmarker` where the network may hang or leak memory and
should run in a process of its own (`isolated`); give its points a name in `skeleton.KEYPOINT_LAYOUTS`; make it in
`factory`; add it to tests/contracts/test_pose_estimator_contract.py.
"""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import numpy as np

from hitrs_live.messages import Frame, PoseFrame
from hitrs_live.skeleton import KeypointLayout


class PoseEstimator(Protocol):
    """Find people in pictures, one picture at a time.

    Life: open, step as often as wanted, close. open and the calls of step may come from different threads, but never
    two at once. close is safe at any time, also twice; a closed estimator may be opened again.

    The 25 joints of a `Pose` are made from the estimator's points by the table `skeleton.KEYPOINT_LAYOUTS`
    (`lifting.lift`); joints that the layout lacks have confidence 0.
    """

    @property
    def skeleton(self) -> KeypointLayout:
        """The layout that `Pose.keypoints` comes in; its name is the `keypoint_layout` of every PoseFrame."""

    @property
    def restarts(self) -> int:
        """How often the estimator had to be restarted; 0 for one that cannot be."""

    @property
    def notice(self) -> str:
        """What went wrong last, in one line; empty where nothing did."""

    @property
    def people_limit(self) -> int | None:
        """How many people are looked for at most at present; None where that is not known."""

    def open(self) -> None:
        """Load the network and wait until it is ready.

        Raises ValueError where it is open already, PoseModelMissing or PoseProcessFailed where it cannot be.
        """

    def step(self, frame: Frame) -> PoseFrame | None:
        """Find the people in one frame; None where the estimator failed on it, which `drops` counts.

        frame.image: (height, width, 3) uint8, blue-green-red. Index and times of the result are the frame's own. Each
        Pose has joints_m (25, 3), metres, x left, y up, z away from the camera, all finite; confidence (25,) in
        [0, 1]; and the keypoints in `skeleton`'s order.

        Raises ValueError before open, after close and for a picture of another shape or type, PoseProcessFailed where
        the estimator cannot go on.
        """

    def drops(self) -> Mapping[str, int]:
        """Count the frames without a result since the start, by cause ("pose_gap"). Counts never decrease."""

    def close(self) -> None:
        """Free the network and everything else that open took."""


@runtime_checkable
class Interruptible(Protocol):
    """What an estimator may add whose step can take long: without it, stopping has to wait for the step."""

    def interrupt(self) -> None:
        """Make a step in another thread return soon, with None or an error; only close may follow."""


def check_picture(frame: Frame) -> None:
    """Raise ValueError where a frame's picture is not (height, width, 3) uint8."""
    if frame.image.ndim != 3 or frame.image.shape[2] != 3 or frame.image.dtype != np.uint8:
        raise ValueError(
            f"frame {frame.index}: got a picture of {frame.image.shape} {frame.image.dtype}, "
            "expected (height, width, 3) uint8"
        )


def not_open() -> ValueError:
    """Return the error of a step without open."""
    return ValueError("the pose estimator is not open; call open first")


def already_open() -> ValueError:
    """Return the error of a second open."""
    return ValueError("the pose estimator is open already; close it first")
