"""The error model: true joints in a camera's axes to joints as the live pose stage would have computed them.

A network gives the error that a pose in a view lets expect; what the pose stage really did beyond that, on rendered
pictures of alike poses in alike views, is copied.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Self

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from hitrs_live.config import CameraConfig
from hitrs_live.data.interpolation import interpolate
from hitrs_live.data.labelled_motion import RATE_HZ, LabelledMotion
from hitrs_live.errors import DataError
from hitrs_live.files.atomic_write import whole_file
from hitrs_live.pose.intrinsics import camera_intrinsics
from hitrs_live.skeleton import NTU25
from hitrs_live.synthesis.smoothing import smooth_frames
from hitrs_live.transforms import fill_unseen
from hitrs_live.virtual_camera.camera import Camera
from hitrs_live.virtual_camera.joint_errors.coordinates import (
    CONDITIONS,
    TARGETS,
    body_sizes_m,
    conditions,
    live_joints,
)
from hitrs_live.virtual_camera.joint_errors.error_choice import choose_errors
from hitrs_live.virtual_camera.joint_errors.error_library import DESCRIPTION, KEYS, ErrorLibrary, describe
from hitrs_live.virtual_camera.joint_errors.expected_targets import ExpectedTargets
from hitrs_live.virtual_camera.joint_errors.pairs import mirror_joints
from hitrs_live.virtual_camera.live_joints import LiveJoints
from hitrs_live.virtual_camera.pictures.camera_placement import Placement, draw_placement

Floats = NDArray[np.float32]
SHIPPED: Final = Path(__file__).parents[2] / "weights" / "joint_errors.safetensors"
SMOOTHING_FRAMES: Final = 0.7
_FARTHEST_M: Final = 2.0
_BELOW_FLOOR_SHARE: Final = 0.1
"""Share of frames whose lowest joint may be below the floor: joints of the feet have errors."""
_FORMAT = "2"
_KEY = "hitrs_live_joint_errors"
_PEOPLE = "people"
_MOST_CONDITION = 3.0


@dataclass(frozen=True, kw_only=True)
class Scales:
    """Numbers about the pairs that the model was fitted on."""

    condition_mean: Tensor
    """(CONDITIONS,)."""
    condition_scale: Tensor
    """(CONDITIONS,); divides the conditions."""
    target_mean: Tensor
    """(TARGETS,)."""
    target_scale: Tensor
    """(TARGETS,); multiplies normalised targets."""
    description_mean: Tensor
    """(DESCRIPTION,)."""
    key_axes: Tensor
    """(DESCRIPTION, KEYS); from descriptions of frames to keys."""

    @classmethod
    def empty(cls) -> Self:
        """Return numbers that change nothing; a file's replace them."""
        return cls(
            condition_mean=torch.zeros(CONDITIONS),
            condition_scale=torch.ones(CONDITIONS),
            target_mean=torch.zeros(TARGETS),
            target_scale=torch.ones(TARGETS),
            description_mean=torch.zeros(DESCRIPTION),
            key_axes=torch.eye(DESCRIPTION)[:, :KEYS],
        )

    def normalise(self, condition: Tensor) -> Tensor:
        """Normalise and clip conditions, (..., T, CONDITIONS)."""
        return ((condition - self.condition_mean) / self.condition_scale).clamp(-_MOST_CONDITION, _MOST_CONDITION)

    def keys(self, expected: Floats, condition: Floats, rate_hz: float) -> Floats:
        """Compute the keys (T, KEYS) of the frames of one stream; see `error_library.describe`."""
        description = describe(expected, condition, rate_hz)
        keys: Floats = (description - self.description_mean.numpy()) @ self.key_axes.numpy()
        return keys


def on_floor(joints_m: Floats) -> Floats:
    """Move a motion up or down so that its lowest joints are at y = 0. joints_m: (T, 25, 3), metres, y up."""
    lowest = np.quantile(joints_m[..., 1].min(axis=1), _BELOW_FLOOR_SHARE)
    floored: Floats = (joints_m - np.array([0, lowest, 0])).astype(np.float32)
    return floored


def kept_near(joints_m: Floats, radius_m: float = _FARTHEST_M) -> Floats:
    """Shrink the path over the floor of a person who leaves a circle: no camera that stands still sees all of it.

    joints_m: (T, 25, 3), metres. Only the root's path is shrunk; the model sees joints relative to the root.
    """
    level = joints_m[:, :1] * np.array((1, 0, 1), np.float32)
    path = level - (level.min(0) + level.max(0)) / 2
    farthest = float(np.linalg.norm(path, axis=-1).max())
    kept: Floats = joints_m - level + path * min(1.0, radius_m / max(farthest, 1e-6))
    return kept.astype(np.float32)


class JointErrorModel:
    """Draw live joints, given true joints and a view. Rows are independent; the same seed gives the same."""

    def __init__(self, expected: ExpectedTargets, library: ErrorLibrary, scales: Scales) -> None:
        """Take the network of the expected error, fitted or not, and the errors that are copied about it."""
        self.expected, self.library, self.scales = expected.eval(), library, scales

    @classmethod
    def load(cls, path: Path = SHIPPED) -> Self:
        """Load a fitted model, by default the packaged one. Raises DataError where the file is none."""
        wanted = "expected a file of `hitrs-live fit-joint-errors`"
        try:
            with safe_open(path, framework="pt") as file:
                about = file.metadata() or {}
                tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        except FileNotFoundError:
            raise DataError(f"{path}: no such file; {wanted}") from None
        except Exception as error:  # safetensors raises its own class, without a public name.
            raise DataError(f"{path}: cannot be read ({str(error)[:80]}); {wanted}") from None
        if about.get(_KEY) != _FORMAT:
            raise DataError(f"{path}: format {about.get(_KEY)}, this version reads {_FORMAT}; {wanted}")
        network = ExpectedTargets()
        try:
            network.load_state_dict({key: value.float() for key, value in _part(tensors, "expected.").items()})
            scales = replace(Scales.empty(), **{key: one.float() for key, one in _part(tensors, "scales.").items()})
            library = _library_of(_part(tensors, "library."), tuple(about.get(_PEOPLE, "").split(",")))
        except (RuntimeError, TypeError, ValueError, KeyError) as error:
            raise DataError(f"{path}: not this version's contents ({str(error)[:80]}); {wanted}") from None
        return cls(network, library, scales)

    def save(self, path: Path, provenance: str) -> None:
        """Write the model in half precision, whole or not at all. provenance: how it was fitted, in words."""
        tensors = {f"scales.{key}": value.half() for key, value in vars(self.scales).items()}
        tensors |= {f"expected.{key}": value.half() for key, value in self.expected.state_dict().items()}
        library = self.library
        tensors |= {
            "library.error": torch.from_numpy(library.error).half(),
            "library.key": torch.from_numpy(library.key).half(),
            "library.lost_mask": torch.from_numpy(library.lost_mask),
            "library.remaining": torch.from_numpy(library.remaining).short(),
            "library.person": torch.from_numpy(library.person).short(),
        }
        about = {_KEY: _FORMAT, "provenance": provenance, _PEOPLE: ",".join(library.people)}
        with whole_file(path) as unfinished:
            save_file({key: value.detach().contiguous() for key, value in tensors.items()}, unfinished, about)

    def without(self, people: set[str]) -> Self:
        """Return a model that copies no errors of some people's views."""
        return type(self)(self.expected, self.library.without(people), self.scales)

    def apply(self, joints_m: Floats, rng: np.random.Generator, *, view: Placement | None = None) -> LiveJoints:
        """See one person's stream through a camera. joints_m: (T, 25, 3) at 30 Hz, metres, y up.

        view: where the camera stands, its lens and its frame rate, in the world of the joints, whose floor is at y = 0;
        where None, the motion is put on the floor and a camera is drawn.
        Frames at another rate than 30 Hz are resampled as the live path does.
        """
        if view is None:
            joints_m = on_floor(kept_near(joints_m))
            view = draw_placement(rng, joints_m.astype(np.float64))
        # As the renderer does before it poses a body.
        true_m = in_camera_axes(
            smooth_frames(joints_m.astype(np.float64), SMOOTHING_FRAMES).astype(np.float32), view.camera
        )
        frames = len(true_m)
        at = np.arange(0, frames - 1 + 1e-6, RATE_HZ / view.rate_hz)
        seen = self.apply_in_camera(
            interpolate(true_m, at)[None], rng, focal_ratio=np.array([focal_ratio(view.camera)]),
            rate_hz=np.array([view.rate_hz]),
        )[0]  # fmt: skip
        back = np.minimum(np.arange(frames) * view.rate_hz / RATE_HZ, len(at) - 1)
        return LiveJoints(
            joints_m=interpolate(seen.joints_m, back),
            confidence=interpolate(seen.confidence, back),
            lost_mask=seen.lost_mask[np.round(back).astype(int)],
        )

    def apply_to_motion(
        self, motion: LabelledMotion, rng: np.random.Generator, *, view: Placement | None = None
    ) -> LabelledMotion:
        """See a labelled motion through a camera; labels are kept. Its joints are then in the camera's axes.

        Joints that are not seen get the position of their nearest seen ancestor, as on the live path.
        """
        live = self.apply(motion.joints_m, rng, view=view)
        filled = fill_unseen(torch.from_numpy(live.joints_m), torch.from_numpy(live.seen_mask)).numpy()
        return replace(motion, joints_m=filled)

    def apply_in_camera(
        self,
        true_m: Floats,
        rng: np.random.Generator,
        *,
        focal_ratio: NDArray[np.floating],
        rate_hz: NDArray[np.floating],
    ) -> list[LiveJoints]:
        """Draw live joints of B streams, T frames each, at the cameras' own rates.

        true_m: (B, T, 25, 3), metres, the camera's axes; focal_ratio: (B,), of the focal length over the one that the
        live path assumes; rate_hz: (B,).
        """
        # Errors are the same in a mirror: each view serves twice.
        flipped = rng.random(len(true_m)) < 0.5
        turned_m = np.where(flipped[:, None, None, None], mirror_joints(true_m), true_m)
        sizes_m, ratio = body_sizes_m(turned_m), focal_ratio.astype(np.float32)
        condition = self.scales.normalise(torch.from_numpy(conditions(turned_m, sizes_m, rate_hz.astype(np.float32))))
        with torch.inference_mode():
            expected = self.expected(condition.mT).mT.numpy()
        streams = zip(expected, condition.numpy(), rate_hz.tolist(), strict=True)
        copied = choose_errors(self.library, np.stack([self.scales.keys(*one) for one in streams]), rng)
        target = (expected + copied.error) * self.scales.target_scale.numpy() + self.scales.target_mean.numpy()
        joints_m, confidence = live_joints(turned_m, target, sizes_m, ratio)
        joints_m = np.where(flipped[:, None, None, None], mirror_joints(joints_m), joints_m)
        confidence = np.where(flipped[:, None, None], confidence[..., list(NTU25.mirror)], confidence)
        return [
            LiveJoints(joints_m=bridge(joints, lost), confidence=certain, lost_mask=lost)
            for joints, certain, lost in zip(joints_m, confidence, copied.lost_mask, strict=True)
        ]


def in_camera_axes(joints_m: Floats, camera: Camera) -> Floats:
    """Express joints (..., 3) of the world as the live path does: x left, y up, z away from the camera."""
    seen: Floats = (camera.to_camera(joints_m.astype(np.float64)) * (-1, -1, 1)).astype(np.float32)
    return seen


def focal_ratio(camera: Camera) -> float:
    """Return a camera's focal length over the one that the live path assumes without a calibration."""
    assumed = camera_intrinsics(CameraConfig()).scaled(width=camera.width, height=camera.height)
    return float(camera.focal_px / assumed.fx)


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}


def _library_of(tensors: dict[str, Tensor], people: tuple[str, ...]) -> ErrorLibrary:
    return ErrorLibrary(
        error=tensors["error"].float().numpy(),
        key=tensors["key"].float().numpy(),
        lost_mask=tensors["lost_mask"].bool().numpy(),
        remaining=tensors["remaining"].long().numpy(),
        person=tensors["person"].long().numpy(),
        people=people,
    )


def bridge(joints_m: Floats, lost: NDArray[np.bool_]) -> Floats:
    """Interpolate lost frames from those around them, as the live resampler does. (T, 25, 3), (T,)."""
    if not lost.any() or lost.all():
        return joints_m
    kept = np.flatnonzero(~lost)
    place = np.interp(np.arange(len(lost)), kept, np.arange(len(kept)))
    return interpolate(joints_m[kept], place)
