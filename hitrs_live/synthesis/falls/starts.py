"""Make a start of a fall from joints: fit the body, choose the moment of the event, say what the person does."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.labelled_motion import RATE_HZ
from hitrs_live.errors import DataError
from hitrs_live.skeleton import NTU25
from hitrs_live.synthesis.falls.body_shape import BodyShape, Floats, measure_shape, pelvis_axes
from hitrs_live.synthesis.falls.causes import Cause, Posture
from hitrs_live.synthesis.falls.humanoid import Humanoid
from hitrs_live.synthesis.falls.pose_fit import PoseFitter

_FEWEST_FRAMES: Final = 12
_MOVING_M_S: Final = 0.45
_LEVEL_DEG: Final = 38
_BEHIND_SHARE: Final = 0.16
"""Of the height: a pelvis so far behind the ankles needs a seat."""
_STANDING_SHARE: Final = 0.3
"""Of the height: the pelvis of a person on the feet or on a seat is above it."""
_LOWEST_SHARE: Final = 0.38
"""Of the height: the pelvis of a person who stands, bent or not, is above it."""
_SWING_M_S: Final = 0.8
_SLIP_AHEAD_SHARE: Final = 0.08
"""Of the height: a foot slips where it comes down, so far before the pelvis."""
_SIDES: Final = ("left", "right")
NEEDS_MOMENT: Final[tuple[Cause, ...]] = ("trip", "slip", "missed_step")
"""Causes that happen at a certain moment of a step."""
_FEET_OFF_M: Final = 0.12
_ERROR_M: Final = 0.09


@dataclass(frozen=True, kw_only=True)
class FittedStart:
    """A recording as poses of a humanoid. T frames."""

    shape: BodyShape
    qpos: Floats
    """(T, nq), on the floor."""
    error_m: Floats
    """(T,): how far the humanoid is from the recorded joints."""


@dataclass(frozen=True, kw_only=True)
class Moment:
    """Where in a start the event happens, and what the person does there."""

    frame: int
    posture: Posture
    direction: Floats
    """(2,): unit vector along the floor in which the person moves, else zero."""
    feet: tuple[str, str]
    """The foot that swings, and the one that is ahead."""
    ahead_m: float
    """How far the foot ahead is before the pelvis."""


def fit_start(joints_m: NDArray[np.floating]) -> FittedStart:
    """Fit a humanoid to a start. joints_m: (T, 25, 3), metres, y up, 30 Hz.

    Raises ValueError for another shape, DataError where the joints are no body that stands, moves or sits.
    """
    if joints_m.ndim != 3 or joints_m.shape[1:] != (len(NTU25), 3):
        raise ValueError(f"start has shape {joints_m.shape}, expected (T, {len(NTU25)}, 3)")
    if len(joints_m) < _FEWEST_FRAMES:
        raise DataError(f"start pose: {len(joints_m)} frames, expected at least {_FEWEST_FRAMES} for its velocities")
    if not np.isfinite(joints_m).all():
        raise DataError(
            f"start pose: {int((~np.isfinite(joints_m)).sum())} coordinates are not finite; fill them first"
        )
    shape, seen = measure_shape(joints_m)
    fitter = PoseFitter(Humanoid.build(shape))
    qpos, error = fitter.fit(joints_m, seen)
    return FittedStart(shape=shape, qpos=fitter.stand_on_floor(qpos), error_m=error)


def dress(start: FittedStart, humanoid: Humanoid) -> tuple[Floats, Floats]:
    """Give the motion of a start to another body. Returns qpos (T, nq) and joints (T, 25, 3), z up."""
    qpos = start.qpos.copy()
    legs = [sum(shape.lengths_m[name] for name in ("thigh", "shank")) for shape in (humanoid.shape, start.shape)]
    qpos[:, :3] *= legs[0] / legs[1]
    fitter = PoseFitter(humanoid)
    qpos = fitter.stand_on_floor(qpos)
    return qpos, fitter.joints_of(qpos)


def choose_moment(
    joints_m: Floats, error_m: Floats, rng: np.random.Generator, *, height_m: float, cause: Cause | None
) -> Moment:
    """Draw the frame of the event among those that suit the cause. joints_m: (T, 25, 3), z up.

    Raises DataError where no frame does.
    """
    frames = len(joints_m)
    for frame in rng.permutation(np.arange(max(3, frames // 4), frames - 3)):
        if error_m[frame] >= _ERROR_M:
            continue
        moment = _moment(joints_m, int(frame), height_m)
        if moment is not None and _suits(moment, joints_m, height_m, cause):
            return moment
    wanted = "" if cause is None else f" for a fall by {cause!r}"
    raise DataError(
        f"start pose: no frame of {frames} has a person who stands, moves or sits on the floor{wanted}; "
        "give a start that does"
    )


def _moment(joints_m: Floats, frame: int, height_m: float) -> Moment | None:
    at, pose = NTU25.index, joints_m[frame]
    ankles = pose[[at("left_ankle"), at("right_ankle")]]
    base = pose[at("spine_base")]
    upright = pose[at("head"), 2] - base[2] > 0.6 * np.linalg.norm(pose[at("head")] - base)
    grounded = pose[[at("left_foot"), at("right_foot")], 2].min() < _FEET_OFF_M
    if base[2] < _STANDING_SHARE * 0.8 * height_m or not upright or not grounded:
        return None
    velocity = (joints_m[frame + 2] - joints_m[frame - 2]) * RATE_HZ / 4
    speed = np.linalg.norm(velocity[at("spine_base"), :2])
    posture: Posture = "moving" if speed > _MOVING_M_S else "standing"
    if _is_seated(pose, ankles, height_m):
        posture = "seated"
    elif base[2] < _LOWEST_SHARE * height_m:
        return None
    direction = velocity[at("spine_base"), :2] / speed if posture == "moving" else np.zeros(2)
    feet = np.linalg.norm(velocity[[at("left_ankle"), at("right_ankle")], :2], axis=1)
    ahead = (ankles[:, :2] - base[:2]) @ direction
    return Moment(
        frame=frame, posture=posture, direction=direction, ahead_m=float(ahead.max()),
        feet=(_SIDES[int(feet.argmax())], _SIDES[int(ahead.argmax())]),
    )  # fmt: skip


def _is_seated(pose: Floats, ankles: Floats, height_m: float) -> bool:
    """Say whether both thighs are nearly level and the pelvis is far behind the feet."""
    at = NTU25.index
    across = pelvis_axes(pose)[:2, 1]
    ahead = np.array([across[1], -across[0]])
    thighs = pose[[at("left_knee"), at("right_knee")]] - pose[[at("left_hip"), at("right_hip")]]
    level = np.abs(thighs[:, 2]) < np.linalg.norm(thighs, axis=1) * np.sin(np.radians(_LEVEL_DEG))
    behind = (ankles[:, :2] - pose[at("spine_base"), :2]) @ ahead
    return bool(level.all() and behind.min() > _BEHIND_SHARE * height_m)


def _suits(moment: Moment, joints_m: Floats, height_m: float, cause: Cause | None) -> bool:
    if cause == "trip":
        ankle = joints_m[moment.frame - 1 : moment.frame + 2, NTU25.index(f"{moment.feet[0]}_ankle"), :2]
        return moment.posture == "moving" and bool(np.linalg.norm(ankle[2] - ankle[0]) * RATE_HZ / 2 > _SWING_M_S)
    if cause == "slip":
        foot = joints_m[moment.frame, NTU25.index(f"{moment.feet[1]}_foot"), 2]
        return moment.ahead_m > _SLIP_AHEAD_SHARE * height_m and bool(foot < 0.04 * height_m)
    if cause == "missed_step":
        return moment.posture == "moving"
    if cause in ("chair_pulled", "slide_off_chair"):
        return moment.posture == "seated"
    return True
