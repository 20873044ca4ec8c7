"""Say where a falling person's limbs go: arms towards the ground, knees that give way, movement on the ground."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from hitrs_live.synthesis.falls.body_shape import Floats
from hitrs_live.synthesis.falls.causes import FallPlan
from hitrs_live.synthesis.falls.humanoid import Humanoid

_REACH_TIME_S: Final = 0.28
_LIE_PERIODS_S: Final = (0.8, 3.0)


def protective_angles(humanoid: Humanoid, reference: Floats, toward: Floats, plan: FallPlan) -> Floats:
    """Compute the angles that a person falling in a direction takes.

    reference: (hinges,), radians, what the person was doing; toward: (2,), the direction of the fall in the pelvis's
    axes, ahead and left. Returns (hinges,), radians.
    """
    ahead, left = float(toward[0]), float(toward[1])
    forward, back = max(ahead, 0.0), max(-ahead, 0.0)
    angles = reference.copy()

    def move(name: str, target_deg: float, share: float) -> None:
        place = humanoid.hinges[name] - 7
        angles[place] += share * (np.radians(target_deg) - angles[place])

    for side, sign in (("left", 1), ("right", -1)):
        near, far = max(sign * left, 0.0), max(-sign * left, 0.0)
        move(f"{side}_upper_arm_flex", 80 * forward - 45 * back + 20 * near, plan.reach)
        move(f"{side}_upper_arm_raise", 15 + 65 * near + 25 * far + 15 * back, plan.reach)
        move(f"{side}_upper_arm_turn", 0, plan.reach)
        move(f"{side}_forearm_flex", 25 + 15 * forward, plan.reach)
        give = plan.knees * (0.35 + 0.65 * back)
        move(f"{side}_thigh_flex", 30 * forward + 75 * back + 25 * near, give)
        move(f"{side}_shank_flex", 65 * forward + 80 * back + 45 * near, give)
    alert = min(plan.reach * 2, 1.0)
    move("head_bend", 40 * back - 30 * forward, alert)
    move("head_lean", 25 * left, alert)
    move("abdomen_bend", 20 * back + 8 * forward, 0.6 * alert)
    move("chest_bend", 18 * back + 5 * forward, 0.6 * alert)
    move("chest_lean", 12 * left, 0.6 * alert)
    limits = humanoid.limits_rad
    return np.clip(angles, limits[:, 0], limits[:, 1])


def reaction_share(time_s: float, plan: FallPlan) -> float:
    """Return how far the reaction has set in, 0 to 1, at a time after the event."""
    progress = np.clip((time_s - plan.delay_s) / _REACH_TIME_S, 0, 1)
    return float(progress * progress * (3 - 2 * progress))


@dataclass(frozen=True, kw_only=True)
class GroundMotion:
    """Slow movement of a few joints of a person on the ground."""

    amplitude_rad: Floats
    """(hinges,); zero for joints at rest."""
    period_s: Floats
    phase_rad: Floats

    @classmethod
    def draw(cls, humanoid: Humanoid, plan: FallPlan, rng: np.random.Generator) -> "GroundMotion":
        """Draw which joints move; none for a person who lies still."""
        hinges = len(humanoid.hinges)
        moving = rng.random(hinges) < 0.4
        size = np.radians(plan.lie_motion_deg) * rng.uniform(0.3, 1.0, hinges)
        return cls(
            amplitude_rad=size * moving,
            period_s=rng.uniform(*_LIE_PERIODS_S, hinges),
            phase_rad=rng.uniform(0, 2 * np.pi, hinges),
        )

    def angles(self, time_s: float) -> Floats:
        """Return (hinges,), radians: the offset at a time after landing; it grows from zero."""
        grown = min(time_s / 0.8, 1.0)
        return grown * self.amplitude_rad * np.sin(2 * np.pi * time_s / self.period_s + self.phase_rad)
