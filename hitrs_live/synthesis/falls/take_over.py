"""Draw the moment at which a humanoid takes over from a start, and what happens to it there."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from hitrs_live.data.labelled_motion import RATE_HZ
from hitrs_live.synthesis.falls.body_shape import Floats
from hitrs_live.synthesis.falls.causes import Cause, FallPlan, draw_cause, draw_plan
from hitrs_live.synthesis.falls.humanoid import Humanoid
from hitrs_live.synthesis.falls.pose_fit import PoseFitter
from hitrs_live.synthesis.falls.starts import NEEDS_MOMENT, FittedStart, choose_moment, dress

_LONGEST_BEFORE_S: Final = 3.0


@dataclass(frozen=True, kw_only=True)
class TakeOver:
    """A humanoid in a recorded pose at the moment of an event."""

    humanoid: Humanoid
    before_m: Floats
    """(T, 25, 3), z up: joints up to the frame before the event."""
    event_m: Floats
    """(25, 3): joints at the event."""
    reference: Floats
    """(F, nq): recorded poses from the event on."""
    velocity: Floats
    """(nv,): at the event."""
    plan: FallPlan


def draw_take_over(
    start: FittedStart,
    humanoid: Humanoid,
    rng: np.random.Generator,
    *,
    cause: Cause | None,
    recover: bool,
    force: float,
) -> TakeOver:
    """Give a start's motion to a humanoid and draw an event. Raises DataError where the start does not suit it."""
    qpos, joints = dress(start, humanoid)
    height = humanoid.shape.height_m
    moment = choose_moment(joints, start.error_m, rng, height_m=height, cause=cause)
    cause = draw_cause(rng, posture=moment.posture, cause=cause, recover=recover)
    if cause in NEEDS_MOMENT:
        moment = choose_moment(joints, start.error_m, rng, height_m=height, cause=cause)
    plan = draw_plan(
        rng, cause=cause, posture=moment.posture, direction=moment.direction, feet=moment.feet, recover=recover,
        force=force,
    )  # fmt: skip
    qpos[:, 2] += plan.step_height_m
    joints[..., 2] += plan.step_height_m
    first = max(0, moment.frame - int(_LONGEST_BEFORE_S * RATE_HZ))
    return TakeOver(
        humanoid=humanoid,
        before_m=joints[first : moment.frame],
        event_m=joints[moment.frame],
        reference=qpos[moment.frame :],
        velocity=PoseFitter(humanoid).velocities(qpos, moment.frame),
        plan=plan,
    )
