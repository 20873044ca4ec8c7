"""Measure lifted joints of rendered views against the truth, before and after the temporal lifter."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from hitrs_live.config import PoseConfig
from hitrs_live.evaluation.metrics.alignment import aligned, root_aligned_error
from hitrs_live.evaluation.metrics.rejection import auroc
from hitrs_live.skeleton import NTU25
from hitrs_live.temporal_lifting.bones import BONES_OF, THIGHS, TRUNK
from hitrs_live.temporal_lifting.confidence import IS_LIMB, joint_confidence
from hitrs_live.temporal_lifting.network import LifterNetwork
from hitrs_live.virtual_camera.lifter_sequences import LifterSequence, as_landmarks_lie, make_sequence
from hitrs_live.virtual_camera.pictures.camera_placement import VIEW_CLASSES
from hitrs_live.virtual_camera.views.rendered_view import RenderedView

Floats = NDArray[np.float32]
FAR_OFF_M: Final = 0.15
"""A joint whose place about the root is further off counts as wrong."""
_SPINE_SHOULDER = NTU25.index("spine_shoulder")


@dataclass(frozen=True, kw_only=True)
class MeasuredView:
    """Joints of one view in T frames, and how far off they are."""

    view: str
    joints_m: Floats
    """(T, 25, 3), axes of messages.py."""
    true_m: Floats
    """(T, 25, 3), where MediaPipe's landmarks of the rendered body lie (`as_landmarks_lie`)."""
    visible: NDArray[np.bool_]
    """(T, 25)."""
    confidence: Floats
    """(T, 25), of the lifted pose, or combined with what the lifter expects."""
    expected_m: Floats | None = None
    """(T, 25), the expected error; None before the lifter."""

    @property
    def error_m(self) -> Floats:
        """(T, 25), distance from the true joint about the root."""
        return root_aligned_error(self.joints_m, self.true_m).astype(np.float32)


def lean_deg(joints_m: Floats) -> Floats:
    """Return how far trunks lean towards the camera, degrees: (..., 25, 3) -> (...)."""
    trunk = joints_m[..., _SPINE_SHOULDER, :] - joints_m[..., NTU25.root, :]
    leaned: Floats = np.degrees(np.arctan2(-trunk[..., 2], trunk[..., 1])).astype(np.float32)
    return leaned


def size_m(joints_m: Floats) -> Floats:
    """Return the sizes of bodies, the trunk and a thigh, metres: (..., 25, 3) -> (...)."""
    lengths = np.linalg.norm(BONES_OF @ joints_m, axis=-1)
    size: Floats = lengths[..., TRUNK] + (lengths[..., THIGHS[0]] + lengths[..., THIGHS[1]]) / 2
    return size


def measured_sequences(views: Sequence[RenderedView], *, true_lens: bool = False) -> list[LifterSequence]:
    """Lift views as the live path does, without a calibration or with the true lens; views in which the person was
    hardly seen are left out."""
    return [one for view in views if (one := make_sequence(view, true_lens=true_lens)) is not None]


def before_lifter(one: LifterSequence) -> MeasuredView:
    """Return a sequence's joints as lifted from single pictures, with the tracker's smoothing of the distance."""
    return MeasuredView(
        view=one.view, joints_m=one.inputs.joints_m[0].numpy(), true_m=as_landmarks_lie(one.true_m),
        visible=_visible(one), confidence=one.inputs.certainty[0].numpy(),
    )  # fmt: skip


@torch.inference_mode()
def after_lifter(one: LifterSequence, network: LifterNetwork) -> MeasuredView:
    """Return a sequence's joints as the lifter corrects them."""
    outputs, _ = network(one.inputs, network.initial_state(1))
    expected = outputs.error_m[0].numpy()
    confidence = joint_confidence(one.inputs.certainty[0].numpy(), outputs.visible[0].numpy(), expected, least=0.0)
    return MeasuredView(
        view=one.view, joints_m=outputs.joints_m[0].numpy(), true_m=as_landmarks_lie(one.true_m),
        visible=_visible(one), confidence=confidence, expected_m=expected,
    )  # fmt: skip


def figures(measured: Sequence[MeasuredView]) -> dict[str, Any]:
    """Return the figures of several views together.

    error_mm: mean distance from the true joint about the root; of each frame's mean, the median; of visible and hidden
    joints. lean_deg: median of how much further the trunk leans towards the camera than it truly does, and of its
    size. jitter_mm: change of the error from frame to frame. bone_mm: deviation of a bone's length over a view.
    """
    error = np.concatenate([one.error_m for one in measured]) * 1e3
    visible = np.concatenate([one.visible for one in measured])
    lean = np.concatenate([lean_deg(one.joints_m) - lean_deg(one.true_m) for one in measured])
    bones = [np.linalg.norm(BONES_OF @ one.joints_m, axis=-1).std(axis=0).mean() for one in measured]
    return {
        "views": len(measured),
        "frames": len(error),
        "error_mm": _rounded(error.mean()),
        "error_median_mm": _rounded(np.median(error.mean(axis=1))),
        "error_visible_mm": _mean(error[visible]),
        "error_hidden_mm": _mean(error[~visible]),
        "lean_deg": _rounded(np.median(lean)),
        "lean_size_deg": _rounded(np.median(np.abs(lean))),
        "jitter_mm": _rounded(np.mean([_jitter_mm(one) for one in measured])),
        "bone_mm": _rounded(np.mean(bones) * 1e3),
    }


def cause_figures(measured: Sequence[MeasuredView]) -> dict[str, float]:
    """Return what the errors of several views, lifted with the true lens, are made of.

    error_mm: mean distance from the true joint about the root; scaled_mm, turned_mm, fitted_mm: the same after the best
    scale, turn, or both; depth_mm, beside_mm: its parts along and across the camera's axis; root_mm: of the root's
    place, the mean and the median of frames. size_percent, distance_percent: how much too large or far away a person
    is, the mean of views and the standard deviation of single ones.
    """
    joints = np.concatenate([one.joints_m for one in measured])
    true = np.concatenate([one.true_m for one in measured])
    off = aligned(joints, true, turn=False, scale=False) - (true - true[:, :1])
    root = np.linalg.norm(joints[:, 0] - true[:, 0], axis=-1) * 1e3
    sizes = [np.log(size_m(one.joints_m) / size_m(one.true_m)).mean() for one in measured]
    distances = [
        np.log(np.linalg.norm(one.joints_m[:, 0], axis=-1) / np.linalg.norm(one.true_m[:, 0], axis=-1)).mean()
        for one in measured
    ]
    return {
        "error_mm": _rounded(np.linalg.norm(off, axis=-1).mean() * 1e3),
        "scaled_mm": _rounded(root_aligned_error(joints, true, scale=True).mean() * 1e3),
        "turned_mm": _rounded(root_aligned_error(joints, true, turn=True).mean() * 1e3),
        "fitted_mm": _rounded(root_aligned_error(joints, true, turn=True, scale=True).mean() * 1e3),
        "depth_mm": _rounded(np.abs(off[..., 2]).mean() * 1e3),
        "beside_mm": _rounded(np.linalg.norm(off[..., :2], axis=-1).mean() * 1e3),
        "root_mm": _rounded(root.mean()),
        "root_median_mm": _rounded(np.median(root)),
        "size_percent": _rounded(np.mean(sizes) * 100),
        "size_spread_percent": _rounded(np.std(sizes) * 100),
        "distance_percent": _rounded(np.mean(distances) * 100),
        "distance_spread_percent": _rounded(np.std(distances) * 100),
    }


def by_view(measured: Sequence[MeasuredView]) -> dict[str, dict[str, Any]]:
    """Return the figures of all views and of each class of view."""
    groups = {"all": list(measured)} | {name: [one for one in measured if one.view == name] for name in VIEW_CLASSES}
    return {name: figures(some) for name, some in groups.items() if some}


def confidence_figures(measured: Sequence[MeasuredView]) -> dict[str, float | None]:
    """Return how well confidence separates visible joints from hidden ones, and right ones from those far off.

    The root is left out of the latter, since errors are about it. Of visible and of hidden joints of arms and legs:
    `mean`, and `counted`, the share that counts as seen by the default settings.
    """
    confidence = np.concatenate([one.confidence for one in measured])
    visible = np.concatenate([one.visible for one in measured])
    off = np.concatenate([one.error_m for one in measured]) > FAR_OFF_M
    least = PoseConfig().min_joint_confidence
    limbs, limbs_visible = confidence[:, IS_LIMB], visible[:, IS_LIMB]
    found: dict[str, float | None] = {
        "auroc_visible": auroc(confidence[visible], confidence[~visible]),
        "auroc_limb_visible": auroc(limbs[limbs_visible], limbs[~limbs_visible]),
        "auroc_far_off": auroc(confidence[:, 1:][~off[:, 1:]], confidence[:, 1:][off[:, 1:]]),
    }
    for name, mask in (("limb_visible", visible & IS_LIMB), ("limb_hidden", ~visible & IS_LIMB)):
        found[f"mean_{name}"] = float(confidence[mask].mean()) if mask.any() else None
        found[f"counted_{name}"] = float((confidence[mask] >= least).mean()) if mask.any() else None
    return {key: None if value is None else round(value, 3) for key, value in found.items()}


def by_joint(measured: Sequence[MeasuredView]) -> Mapping[str, float]:
    """Return the mean error of each joint, millimetres."""
    mean = np.concatenate([one.error_m for one in measured]).mean(axis=0) * 1e3
    return {name: _rounded(value) for name, value in zip(NTU25.joints, mean, strict=True)}


def _jitter_mm(one: MeasuredView) -> float:
    about = one.joints_m - one.joints_m[:, :1] - one.true_m + one.true_m[:, :1]
    return float(np.linalg.norm(np.diff(about, axis=0), axis=-1).mean() * 1e3)


def _visible(one: LifterSequence) -> NDArray[np.bool_]:
    if one.visible is None:
        raise ValueError("a sequence without known visibility was not rendered; expected one of make_sequence")
    return np.asarray(one.visible.numpy())


def _mean(values: NDArray[np.floating]) -> float | None:
    return _rounded(values.mean()) if values.size else None


def _rounded(value: np.floating | float) -> float:
    return round(float(value), 1)
