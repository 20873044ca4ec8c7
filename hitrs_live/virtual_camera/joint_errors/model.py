"""The error model: true joints in a camera's axes to joints as the live pose stage would have computed them."""

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

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
from hitrs_live.virtual_camera.joint_errors.networks import FlowNetwork, FrameNetwork, bias_network, jitter_network
from hitrs_live.virtual_camera.joint_errors.noise import PARTS, SLOW_PARTS, draw_noise
from hitrs_live.virtual_camera.live_joints import LiveJoints
from hitrs_live.virtual_camera.pictures.camera_placement import Placement, draw_placement

Floats = NDArray[np.float32]
SHIPPED: Final = Path(__file__).parents[2] / "weights" / "joint_errors.safetensors"
STEPS: Final = 5
"""Steps from noise to errors; see reports/joint_errors.json for what fewer cost."""
SMOOTHING_FRAMES: Final = 0.7
_FARTHEST_M: Final = 2.0
_BELOW_FLOOR_SHARE: Final = 0.1
"""Share of frames whose lowest joint may be below the floor: joints of the feet have errors."""
_FORMAT = "1"
_KEY = "hitrs_live_joint_errors"
_MOST_LOGIT = 20.0
_MOST_JITTER = 2.5


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
    """(TARGETS,); multiplies the output of the bias network."""
    spread: Tensor
    """(TARGETS, TARGETS); from uncorrelated components to targets about the expected ones."""
    shares: Tensor
    """(TARGETS, PARTS) for `draw_noise`."""
    jitter_scale: Tensor
    """(TARGETS,); brings jitter that varies with the pose to the variance that it has over all poses."""
    burst_shares: Tensor
    """(1, PARTS), for the logarithm of what all jitter of a frame has in common."""
    lost_shares: Tensor
    """(1, PARTS), for the noise that decides when the person is lost."""

    @classmethod
    def empty(cls) -> "Scales":
        """Return numbers that change nothing; a file's replace them."""
        return cls(
            condition_mean=torch.zeros(CONDITIONS),
            condition_scale=torch.ones(CONDITIONS),
            target_mean=torch.zeros(TARGETS),
            target_scale=torch.ones(TARGETS),
            spread=torch.eye(TARGETS),
            shares=torch.full((TARGETS, PARTS), 1 / PARTS),
            jitter_scale=torch.ones(TARGETS),
            burst_shares=torch.zeros(1, PARTS),
            lost_shares=torch.full((1, PARTS), 1 / PARTS),
        )


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
    """Draw errors of live joints, given true joints and a view. Rows are independent; the same seed gives the same."""

    def __init__(self, bias: FrameNetwork, jitter: FrameNetwork, flow: FlowNetwork, scales: Scales) -> None:
        """Take the networks, fitted or not."""
        self.bias, self.jitter, self.flow, self.scales = bias.eval(), jitter.eval(), flow.eval(), scales

    @classmethod
    def load(cls, path: Path = SHIPPED) -> "JointErrorModel":
        """Load a fitted model, by default the packaged one. Raises DataError where the file is none."""
        expected = "expected a file of `hitrs-live fit-joint-errors`"
        bias, jitter, flow, scales = bias_network(), jitter_network(), FlowNetwork(), Scales.empty()
        try:
            with safe_open(path, framework="pt") as file:
                found = (file.metadata() or {}).get(_KEY)
                tensors = {key: file.get_tensor(key).float() for key in file.keys()}  # noqa: SIM118
        except FileNotFoundError:
            raise DataError(f"{path}: no such file; {expected}") from None
        except Exception as error:  # safetensors raises its own class, without a public name.
            raise DataError(f"{path}: cannot be read ({str(error)[:80]}); {expected}") from None
        if found != _FORMAT:
            raise DataError(f"{path}: format {found}, this version reads {_FORMAT}; {expected}")
        try:
            bias.load_state_dict(_part(tensors, "bias."))
            jitter.load_state_dict(_part(tensors, "jitter."))
            flow.load_state_dict(_part(tensors, "flow."))
            scales = replace(scales, **_part(tensors, "scales."))
        except (RuntimeError, TypeError) as error:
            raise DataError(f"{path}: other weights than this version's ({str(error)[:80]}); {expected}") from None
        return cls(bias, jitter, flow, scales)

    def save(self, path: Path, provenance: str) -> None:
        """Write the model in half precision, whole or not at all. provenance: how it was fitted, in words."""
        tensors = {f"scales.{key}": value for key, value in vars(self.scales).items()}
        for name, network in (("bias", self.bias), ("jitter", self.jitter), ("flow", self.flow)):
            tensors |= {f"{name}.{key}": value for key, value in network.state_dict().items()}
        with whole_file(path) as unfinished:
            save_file(
                {key: value.detach().half().contiguous() for key, value in tensors.items()},
                unfinished,
                {_KEY: _FORMAT, "provenance": provenance},
            )

    def apply(
        self, joints_m: Floats, rng: np.random.Generator, *, view: Placement | None = None, steps: int = STEPS
    ) -> LiveJoints:
        """See one person's stream through a camera. joints_m: (T, 25, 3) at 30 Hz, metres, y up.

        view: where the camera stands, its lens and its frame rate, in the world of the joints, whose floor is at y = 0;
        where None, the motion is put on the floor and a camera is drawn. steps: from noise to errors.
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
            rate_hz=np.array([view.rate_hz]), steps=steps,
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
        steps: int = STEPS,
    ) -> list[LiveJoints]:
        """Draw live joints of B streams, T frames each, at the cameras' own rates.

        true_m: (B, T, 25, 3), metres, the camera's axes; focal_ratio: (B,), of the focal length over the one that the
        live path assumes; rate_hz: (B,).
        """
        rows, frames = true_m.shape[:2]
        sizes_m, ratio = body_sizes_m(true_m), focal_ratio.astype(np.float32)
        with torch.inference_mode():
            # The flow works at half the rate inside: it needs an even number of frames.
            condition = self._normalised(conditions(true_m, sizes_m, rate_hz.astype(np.float32)))
            noise = self.shape_noise(self.jitter(condition), *self.draw_parts(rng, rows, condition.shape[-1]))
            expected = self.bias(condition)
            target = self.expand(self.flow_to_error(noise, condition, steps), expected)
            lost = self._lost(expected[:, -1, :frames], rng)
        joints_m, confidence = live_joints(true_m, target[:, :frames].numpy(), sizes_m, ratio)
        return [
            LiveJoints(joints_m=bridge(joints, gone), confidence=certain, lost_mask=gone)
            for joints, certain, gone in zip(joints_m, confidence, lost, strict=True)
        ]

    def draw_parts(self, rng: np.random.Generator, rows: int, frames: int) -> tuple[Tensor, Tensor, Tensor]:
        """Draw slow noise and jitter, (rows, TARGETS, frames), and bursts, (rows, 1, frames)."""
        slow, fast = self.scales.shares.clone(), self.scales.shares.clone()
        slow[:, SLOW_PARTS:], fast[:, :SLOW_PARTS] = 0, 0
        drawn = [draw_noise(rng, rows, frames, shares.numpy()) for shares in (slow, fast, self.scales.burst_shares)]
        return torch.from_numpy(drawn[0]), torch.from_numpy(drawn[1]), torch.from_numpy(drawn[2])

    def shape_noise(self, jitter: Tensor, slow: Tensor, fast: Tensor, burst: Tensor) -> Tensor:
        """Give jitter the size that it has for the pose. All (B, TARGETS or 1, T) -> (B, TARGETS, T)."""
        size = torch.exp(jitter.clamp(-_MOST_JITTER, _MOST_JITTER) + burst)
        return slow + fast * size * self.scales.jitter_scale[:, None]

    def flow_to_error(self, noise: Tensor, condition: Tensor, steps: int) -> Tensor:
        """Move noise along the flow. noise: (B, TARGETS, T), condition: (B, CONDITIONS, T) -> (B, TARGETS, T)."""
        state, encoded = noise, self.flow.encode(condition)
        for step in range(steps):
            time = torch.full((len(noise),), (step + 0.5) / steps)
            state = state + self.flow(state, time, encoded) / steps
        return state

    def expand(self, error: Tensor, expected: Tensor) -> Tensor:
        """Compute targets (B, T, TARGETS) from uncorrelated errors and the bias network's output."""
        mean = expected[:, :TARGETS].mT * self.scales.target_scale + self.scales.target_mean
        return mean + error.mT @ self.scales.spread.T

    def _normalised(self, condition: Floats) -> Tensor:
        """Normalise and clip conditions, (B, T, CONDITIONS), and repeat the last frame where T is odd."""
        scaled = (torch.from_numpy(condition) - self.scales.condition_mean) / self.scales.condition_scale
        scaled = scaled.clamp(-5, 5).mT
        return scaled if scaled.shape[-1] % 2 == 0 else torch.cat((scaled, scaled[..., -1:]), dim=-1)

    def _lost(self, logit: Tensor, rng: np.random.Generator) -> NDArray[np.bool_]:
        """Decide in which frames the person is lost. logit: (B, T)."""
        noise = draw_noise(rng, len(logit), logit.shape[1], self.scales.lost_shares.numpy())[:, 0]
        below = 0.5 * (1 + torch.erf(torch.from_numpy(noise) / math.sqrt(2)))
        lost: NDArray[np.bool_] = (below < torch.sigmoid(logit.clamp(-_MOST_LOGIT, _MOST_LOGIT))).numpy()
        return lost


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


def bridge(joints_m: Floats, lost: NDArray[np.bool_]) -> Floats:
    """Interpolate lost frames from those around them, as the live resampler does. (T, 25, 3), (T,)."""
    if not lost.any() or lost.all():
        return joints_m
    kept = np.flatnonzero(~lost)
    place = np.interp(np.arange(len(lost)), kept, np.arange(len(kept)))
    return interpolate(joints_m[kept], place)
