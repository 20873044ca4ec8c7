"""Make the pose estimator that the settings ask for, and check early whether it can run."""

from hitrs_live.config import POSE_MODELS, PoseConfig
from hitrs_live.pose.base import PoseEstimator
from hitrs_live.pose.intrinsics import Intrinsics
from hitrs_live.pose.mediapipe.estimator import mediapipe_estimator
from hitrs_live.pose.mediapipe.models import find_pose_model


def make_pose_estimator(config: PoseConfig, intrinsics: Intrinsics) -> PoseEstimator:
    """Make the estimator of one camera, not yet open."""
    return mediapipe_estimator(config, intrinsics)


def check_model_file(config: PoseConfig) -> None:
    """Check the model where the settings name a file; raise PoseModelMissing where it is no pose model."""
    if config.model not in POSE_MODELS:
        find_pose_model(config.model)


def check_model(config: PoseConfig) -> None:
    """Check that the model is there, so that its absence is reported before anything is loaded.

    Nothing is fetched. Raises PoseModelMissing.
    """
    find_pose_model(config.model)
