"""Read the views of `hitrs-live render` as pairs of true and live joints."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hitrs_live.config import Config
from hitrs_live.pose.intrinsics import camera_intrinsics
from hitrs_live.virtual_camera.joint_errors.pairs import JointPair
from hitrs_live.virtual_camera.live_joints import LiveJoints
from hitrs_live.virtual_camera.views.rendered_sets import view_files
from hitrs_live.virtual_camera.views.rendered_view import RenderedView, corrected_joints, lifted_joints, read_view


def read_pairs(folder: Path) -> Sequence[JointPair]:
    """Read every view in a folder, by name.

    Raises DataError where there is none, or one is damaged.
    """
    config = Config()
    return [live_pair(read_view(path), config) for path in view_files(folder)]


def live_pair(view: RenderedView, config: Config) -> JointPair:
    """Set a person's joints as the live path gives them, tracked and corrected, beside the truth."""
    return _pair(view, corrected_joints(view, config), config)


def lifted_pair(view: RenderedView, config: Config) -> JointPair:
    """Set a person's joints as lifted from each picture, before they are corrected, beside the truth."""
    return _pair(view, lifted_joints(view, config), config)


def _pair(view: RenderedView, live: LiveJoints, config: Config) -> JointPair:
    assumed = camera_intrinsics(config.camera).scaled(width=view.width, height=view.height)
    return JointPair(
        name=view.name,
        subject=f"{view.source}:{view.subject}",
        true_m=view.truth_m,
        live_m=np.where(live.lost_mask[:, None, None], np.nan, live.joints_m).astype(np.float32),
        confidence=live.confidence,
        focal_ratio=view.focal_px / assumed.fx,
        rate_hz=view.rate_hz,
        view=view.view,
    )
