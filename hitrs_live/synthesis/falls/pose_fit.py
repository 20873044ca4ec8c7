"""Fit a humanoid's joint angles to recorded joints: damped least squares over positions, frame after frame."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.labelled_motion import RATE_HZ
from hitrs_live.errors import DataError
from hitrs_live.skeleton import NTU25
from hitrs_live.synthesis.falls.body_shape import Floats, pelvis_axes, to_physics
from hitrs_live.synthesis.falls.humanoid import Humanoid
from hitrs_live.synthesis.falls.physics import load_mujoco

_WEIGHTS: Final = {"spine_middle": 0.3, "spine_shoulder": 0.7, "neck": 0.3, "head": 0.5, "foot": 0.5, "hand": 0.15}
_FIRST_ITERATIONS, _ITERATIONS = 60, 5
_DAMPING, _REST_PULL = 1e-3, 2e-3
"""Squared metres by squared radian: of one step, and towards straight limbs where joints leave an angle free."""
_LARGEST_ERROR_M: Final = 0.12
_KERNEL: Final = np.exp(-0.5 * (np.arange(-2, 3) / 0.9) ** 2)
_FLOOR_SHARE: Final = 10
"""Percentile of the lowest point over frames that lies on the floor."""


def joint_weights(seen_mask: NDArray[np.bool_]) -> Floats:
    """Return (25,): how much each joint counts in a fit; seen_mask: (25,), True for joints the stream has."""
    weights = np.ones(len(NTU25))
    for number, name in enumerate(NTU25.joints):
        part = name.removeprefix("left_").removeprefix("right_")
        weights[number] = _WEIGHTS.get(part, 0.1 if part in ("hand_tip", "thumb") else 1.0)
    return weights * seen_mask


class PoseFitter:
    """Solve for the angles of one humanoid. Its data is its own; it may be used again and again."""

    def __init__(self, humanoid: Humanoid) -> None:
        self._humanoid = humanoid
        self._mujoco = load_mujoco()
        self.data = self._mujoco.MjData(humanoid.model)
        self._jacobian = np.zeros((3, humanoid.model.nv))

    def fit(self, joints_m: NDArray[np.floating], seen_mask: NDArray[np.bool_]) -> tuple[Floats, Floats]:
        """Fit a sequence. joints_m: (T, 25, 3), y up. Returns qpos (T, nq), smoothed, and the error (T,) in metres.

        The error is the root mean square over the weighted joints. Raises DataError where the body cannot follow.
        """
        points, weights = to_physics(joints_m), joint_weights(seen_mask)
        qpos = np.zeros((len(points), self._humanoid.model.nq))
        errors = np.zeros(len(points))
        now = self._first_guess(points[0])
        for frame, target in enumerate(points):
            now = self.solve(now, target, weights, iterations=_FIRST_ITERATIONS if frame == 0 else _ITERATIONS)
            apart = ((self._positions(now) - target) ** 2).sum(-1)
            errors[frame] = np.sqrt((weights * apart).sum() / weights.sum())
            qpos[frame] = now
        if (worst := float(np.median(errors))) > _LARGEST_ERROR_M:
            raise DataError(
                f"start pose: the body fits these joints to {worst * 100:.0f} cm, expected at most "
                f"{_LARGEST_ERROR_M * 100:.0f} cm; give joints in the order of NTU RGB+D, y up"
            )
        return smooth_angles(qpos), errors

    def solve(
        self, start: Floats, target_m: Floats, weights: Floats, *, iterations: int,
        free_mask: NDArray[np.bool_] | None = None, rest: Floats | None = None,
    ) -> Floats:  # fmt: skip
        """Move one pose towards positions.

        start: (nq,); target_m: (25, 3), z up; weights: (25,). free_mask: (nv,), True for what may move, all by default.
        rest: (hinges,), radians, the angles towards which those that joints leave open go; 0 by default.
        Returns (nq,).
        """
        model, qpos = self._humanoid.model, start.copy()
        used, root = np.flatnonzero(weights), np.sqrt(weights[weights != 0])[:, None]
        free = np.arange(model.nv) if free_mask is None else np.flatnonzero(free_mask)
        hinge = free >= 6
        rest = np.zeros(model.nq - 7) if rest is None else rest
        limits, step = self._humanoid.limits_rad, np.zeros(model.nv)
        for _ in range(iterations):
            residual = ((target_m[used] - self._positions(qpos)[used]) * root).ravel()
            jacobian = (self._jacobians(used)[:, :, free] * root[:, :, None]).reshape(-1, len(free))
            normal, gradient = jacobian.T @ jacobian, jacobian.T @ residual
            normal[np.diag_indices(len(free))] += _DAMPING + _REST_PULL * hinge
            gradient[hinge] -= _REST_PULL * (qpos[7:] - rest)[free[hinge] - 6]
            step[free] = np.linalg.solve(normal, gradient)
            self._mujoco.mj_integratePos(model, qpos, step, 1.0)
            qpos[7:] = np.clip(qpos[7:], limits[:, 0], limits[:, 1])
        return qpos

    def _jacobians(self, joints: NDArray[np.int64]) -> Floats:
        """Return (N, 3, nv): how each joint moves with each degree of freedom, at the last computed positions."""
        rows = np.zeros((len(joints), *self._jacobian.shape))
        for row, site in enumerate(self._humanoid.sites[joints]):
            self._mujoco.mj_jacSite(self._humanoid.model, self.data, self._jacobian, None, site)
            rows[row] = self._jacobian
        return rows

    def _first_guess(self, points: Floats) -> Floats:
        """Return an upright pose at the recorded place and heading. points: (25, 3)."""
        qpos = np.zeros(self._humanoid.model.nq)
        qpos[:3] = points[NTU25.root]
        self._mujoco.mju_mat2Quat(qpos[3:7], np.ascontiguousarray(pelvis_axes(points)).ravel())
        return qpos

    def _positions(self, qpos: Floats) -> Floats:
        self.data.qpos[:] = qpos
        self._mujoco.mj_kinematics(self._humanoid.model, self.data)
        self._mujoco.mj_comPos(self._humanoid.model, self.data)
        return self._humanoid.joints_m(self.data)

    def stand_on_floor(self, qpos: Floats, *, keep_flight: bool = True) -> Floats:
        """Shift a sequence up or down so that feet that carry stand on the floor and nothing is below it."""
        lowest = np.empty(len(qpos))
        for frame, pose in enumerate(qpos):
            self._positions(pose)
            lowest[frame] = self._humanoid.lowest_m(self.data)
        shift = -np.percentile(lowest, _FLOOR_SHARE) if keep_flight else -lowest
        below = np.maximum(0, -(lowest + shift))
        out = qpos.copy()
        out[:, 2] += shift + np.maximum(below, _smoothed(below[:, None])[:, 0])
        return out

    def joints_of(self, qpos: Floats) -> Floats:
        """Return (T, 25, 3), z up, the joints of poses (T, nq)."""
        return np.stack([self._positions(pose).copy() for pose in qpos])

    def velocities(self, qpos: Floats, frame: int) -> Floats:
        """Return the velocity (nv,) at a frame of a sequence, from the frames before and after it."""
        before, after = max(frame - 1, 0), min(frame + 1, len(qpos) - 1)
        velocity = np.zeros(self._humanoid.model.nv)
        if after > before:
            interval_s = (after - before) / RATE_HZ
            self._mujoco.mj_differentiatePos(self._humanoid.model, velocity, interval_s, qpos[before], qpos[after])
        return velocity


def smooth_angles(qpos: Floats) -> Floats:
    """Smooth poses over about 80 milliseconds: sensors' jitter would become velocity. qpos: (T, nq)."""
    out = qpos.copy()
    for frame in range(1, len(out)):
        if out[frame, 3:7] @ out[frame - 1, 3:7] < 0:
            out[frame, 3:7] *= -1
    out = _smoothed(out)
    out[:, 3:7] /= np.linalg.norm(out[:, 3:7], axis=1, keepdims=True)
    return out


def _smoothed(values: Floats) -> Floats:
    half = len(_KERNEL) // 2
    padded = np.pad(values, ((half, half), (0, 0)), mode="edge")
    weights: Any = _KERNEL / _KERNEL.sum()
    return np.asarray(sum(w * padded[i : i + len(values)] for i, w in enumerate(weights)), np.float64)
