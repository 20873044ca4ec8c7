"""Make the pose estimator that the settings ask for, and check early whether it can run."""

from pathlib import Path
from typing import Final, cast

from hitrs_live.config import POSE_MODELS, PoseBackend, PoseConfig
from hitrs_live.pose.intrinsics import Intrinsics
from hitrs_live.pose.isolated import IsolatedPoseEstimator
from hitrs_live.pose.mediapipe.models import find_pose_model
from hitrs_live.pose.worker.landmarker import LandmarkerCall, OpenLandmarker
from hitrs_live.skeleton import MEDIAPIPE33

_LANDMARKERS: Final[dict[PoseBackend, str]] = {
    # By name: the pipeline's own process never loads them.
    "blazepose": "hitrs_live.pose.blazepose.landmarker:BlazePoseLandmarker",
    "mediapipe": "hitrs_live.pose.mediapipe.landmarker:MediaPipeLandmarker",
}


def make_pose_estimator(
    config: PoseConfig, intrinsics: Intrinsics, *, model: Path | None = None
) -> IsolatedPoseEstimator:
    """Make the estimator of one camera, not yet open; `open` raises PoseModelMissing where the model is not there.

    model: a `.task` file in place of the one that config.model names.
    """
    return IsolatedPoseEstimator(
        lambda: _landmarker_call(config, model), skeleton=MEDIAPIPE33, config=config, intrinsics=intrinsics
    )


def open_landmarker(config: PoseConfig) -> OpenLandmarker:
    """Open what the estimator runs, with the same settings, in this process.

    Raises PoseModelMissing where the model is not in the cache.
    """
    return cast(OpenLandmarker, _landmarker_call(config, None).make())


def check_model_file(config: PoseConfig) -> None:
    """Check the model where the settings name a file; raise PoseModelMissing where it is no pose model."""
    if config.model not in POSE_MODELS:
        find_pose_model(config.model)


def check_model(config: PoseConfig) -> None:
    """Check that the model is there, so that its absence is reported before anything is loaded.

    Nothing is fetched. Raises PoseModelMissing.
    """
    find_pose_model(config.model)


def _landmarker_call(config: PoseConfig, model: Path | None) -> LandmarkerCall:
    return LandmarkerCall(
        target=_LANDMARKERS[config.backend],
        arguments={
            "model": str(find_pose_model(config.model) if model is None else model),
            "max_people": config.max_people,
            "min_confidence": config.min_confidence,
        },
    )
