"""Draw the proportions of bodies, from children to tall adults.

Segment lengths are shares of the height (Drillis and Contini 1966, in Winter, Biomechanics and Motor Control of Human
Movement, 4th edition, figure 4.1); heights of children grow about linearly with age. Trunk joints lie where the live
joints lie: the hips at the hip joints, spine joints between the middle of the hips and that of the shoulders.
"""

from dataclasses import dataclass

import numpy as np

_CHILD_SHARE = 0.15
_CHILD_YEARS = (5.0, 15.0)
_HEIGHT_AT_5_M, _GROWTH_M = 1.10, 0.058
_ADULT_M = {"female": (1.63, 0.07), "male": (1.76, 0.075)}
_HEIGHT_LIMITS_M = (1.0, 2.05)
_SPREAD = 0.04
"""Standard deviation of a segment's length, as a share of it."""


@dataclass(frozen=True, kw_only=True)
class BodyProportions:
    """Lengths of one body's segments, in metres. Left and right are equal."""

    height_m: float
    thigh_m: float
    shank_m: float
    ankle_height_m: float
    """Of the ankle above the sole."""
    foot_m: float
    """From below the ankle to the ball of the foot."""
    hip_width_m: float
    """Between the hip joints."""
    trunk_m: float
    """From the middle of the hips to the middle of the shoulders."""
    shoulder_width_m: float
    upper_arm_m: float
    forearm_m: float
    hand_m: float
    """From the wrist to the finger tips."""
    neck_m: float
    """From the middle of the shoulders to the middle of the head."""
    girth: float
    """Width of the trunk relative to an average body of the same height."""

    @property
    def leg_m(self) -> float:
        """Height of the hip joint of a body that stands straight."""
        return self.thigh_m + self.shank_m + self.ankle_height_m

    @property
    def arm_m(self) -> float:
        """Distance of the wrist of a straight arm from the shoulder."""
        return self.upper_arm_m + self.forearm_m


def draw_body(rng: np.random.Generator) -> BodyProportions:
    """Draw a body: sex, age, height, weight, and an own variation of each segment."""
    sex = "female" if rng.random() < 0.5 else "male"
    height, youth = rng.normal(*_ADULT_M[sex]), 0.0
    if rng.random() < _CHILD_SHARE:
        years = rng.uniform(*_CHILD_YEARS)
        height = _HEIGHT_AT_5_M + _GROWTH_M * (years - _CHILD_YEARS[0]) + rng.normal(0, 0.05)
        youth = (_CHILD_YEARS[1] - years) / (_CHILD_YEARS[1] - _CHILD_YEARS[0])
    height = float(np.clip(height, *_HEIGHT_LIMITS_M))
    male = sex == "male" and not youth

    def segment(share: float, growth: float = 0.0) -> float:
        """Draw a length around a share of the height; growth: how much larger the share is in a young child."""
        return float(height * share * (1 + growth * youth) * np.exp(rng.normal(0, _SPREAD)))

    return BodyProportions(
        height_m=height,
        thigh_m=segment(0.245, -0.06),
        shank_m=segment(0.246, -0.06),
        ankle_height_m=segment(0.045),
        foot_m=segment(0.098),
        hip_width_m=segment(0.112 if male else 0.118),
        trunk_m=segment(0.288, 0.04),
        shoulder_width_m=segment(0.205 if male else 0.188, -0.03),
        upper_arm_m=segment(0.166, -0.04),
        forearm_m=segment(0.146, -0.04),
        hand_m=segment(0.1),
        neck_m=segment(0.115, 0.25),
        girth=float(np.clip(np.exp(rng.normal(0.0, 0.15)), 0.75, 1.6)),
    )
