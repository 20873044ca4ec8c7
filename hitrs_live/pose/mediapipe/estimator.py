"""MediaPipe as a pose estimator: its landmarker in a process of its own."""

from pathlib import Path

from hitrs_live.config import PoseConfig
from hitrs_live.pose.intrinsics import Intrinsics
from hitrs_live.pose.isolated import IsolatedPoseEstimator
from hitrs_live.pose.mediapipe.models import find_pose_model
from hitrs_live.pose.worker.landmarker import LandmarkerCall
from hitrs_live.skeleton import MEDIAPIPE33


def mediapipe_estimator(
    config: PoseConfig, intrinsics: Intrinsics, *, model: Path | None = None
) -> IsolatedPoseEstimator:
    """Make the estimator of one camera, not yet open; `open` raises PoseModelMissing where the model is not there.

    model: a `.task` file in place of the one that config.model names.
    """

    def find_landmarker() -> LandmarkerCall:
        path = find_pose_model(config.model) if model is None else model
        return LandmarkerCall(
            # By name: the pipeline's own process never loads MediaPipe.
            target="hitrs_live.pose.mediapipe.landmarker:MediaPipeLandmarker",
            arguments={
                "model": str(path),
                "max_people": config.max_people,
                "min_confidence": config.min_confidence,
            },
        )

    return IsolatedPoseEstimator(find_landmarker, skeleton=MEDIAPIPE33, config=config, intrinsics=intrinsics)
