"""Draw what makes a person fall: the cause, where and how hard it acts, and how the person reacts."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np

from hitrs_live.errors import DataError
from hitrs_live.synthesis.falls.body_shape import Floats

Cause = Literal["push", "trip", "slip", "limp", "knee_buckle", "missed_step", "chair_pulled", "slide_off_chair"]
CAUSES: Final[tuple[Cause, ...]] = get_args(Cause)
Posture = Literal["standing", "moving", "seated"]
_SHARES: Final[dict[Posture, dict[Cause, float]]] = {
    "standing": {"push": 0.6, "limp": 0.22, "knee_buckle": 0.18},
    "moving": {"trip": 0.32, "slip": 0.22, "missed_step": 0.12, "push": 0.14, "limp": 0.12, "knee_buckle": 0.08},
    "seated": {"chair_pulled": 0.25, "slide_off_chair": 0.3, "limp": 0.25, "push": 0.2},
}
RECOVERABLE: Final = ("push", "trip", "slip")
STEPPING: Final = ("push", "trip", "missed_step")
"""Causes after which a person may try a step."""
_PUSHED: Final = ("chest", "pelvis", "left_upper_arm", "right_upper_arm", "left_shank", "right_shank")
_TONE: Final[dict[Cause, tuple[float, float]]] = {"limp": (0.02, 0.08), "slide_off_chair": (0.04, 0.25)}
"""Range of the tone while falling; who slides off a chair slumps."""
_PUSHED_STANDING: Final = (0.4, 0.25, 0.1, 0.1, 0.075, 0.075)
_PUSHED_SEATED: Final = (0.5, 0.1, 0.2, 0.2, 0.0, 0.0)


@dataclass(frozen=True, kw_only=True)
class FallPlan:
    """One drawn fall: an event at t = 0 and the person's reaction."""

    cause: Cause
    posture: Posture
    recover: bool
    """Whether the person keeps the balance: a near miss."""
    direction: Floats
    """(2,): unit vector in the floor, where a push points; for other causes where the person moves."""
    pushed: str
    """Body that a push acts on."""
    speed_change_m_s: float
    """Impulse of a push by the person's mass."""
    duration_s: float
    """Of the push, of the caught foot, or of the loss of friction."""
    foot: str
    """"left" or "right": the foot that trips, slips or steps."""
    friction: float
    """Of a slipping foot or seat."""
    step_height_m: float
    """Of a missed step."""
    limp_s: float
    """Time in which muscles lose their tone; 0 where they do not."""
    tone: float
    """Share of the muscles' stiffness that stays while falling."""
    delay_s: float
    """Reaction time."""
    reach: float
    """0 to 1: how far the arms reach out."""
    knees: float
    """0 to 1: how far knees and hips give way."""
    step_reach: float
    """0 to 1: length of an attempted step by that needed."""
    lie_tone: float
    lie_motion_deg: float
    """Amplitude of movement on the ground; 0 for lying still."""
    lie_s: float


def draw_cause(rng: np.random.Generator, *, posture: Posture, cause: Cause | None, recover: bool) -> Cause:
    """Draw a cause that suits what the person does, or check a given one.

    Raises DataError where the cause needs another start.
    """
    shares = _SHARES[posture]
    if recover:
        shares = {name: share for name, share in shares.items() if name in RECOVERABLE and posture != "seated"}
    if not shares or (cause is not None and cause not in shares):
        wanted = "a recovery" if cause is None else f"a {'recovery' if recover else 'fall'} by {cause!r}"
        raise DataError(
            f"start pose: {posture}, and {wanted} needs another start; choose {', '.join(shares) or 'one on the feet'}"
        )
    if cause is not None:
        return cause
    names = list(shares)
    return names[rng.choice(len(names), p=np.array(list(shares.values())) / sum(shares.values()))]


def draw_plan(
    rng: np.random.Generator, *, cause: Cause, posture: Posture, direction: Floats, feet: tuple[str, str],
    recover: bool, force: float,
) -> FallPlan:  # fmt: skip
    """Draw how a fall goes.

    direction: (2,), where the person moves, zero where it stands; feet: the one that swings, the one ahead;
    force: factor of the event.
    """
    angle = rng.uniform(-np.pi, np.pi)
    pushed = cause == "push"
    fainting = cause == "limp"
    weak = fainting or rng.random() < 0.12
    still = fainting or rng.random() < 0.4
    strength = rng.uniform(0.25, 0.7) if recover else rng.uniform(0.9, 1.9) * force
    return FallPlan(
        cause=cause,
        posture=posture,
        recover=recover,
        direction=np.array([np.cos(angle), np.sin(angle)]) if pushed or not direction.any() else direction,
        pushed=_PUSHED[rng.choice(len(_PUSHED), p=_PUSHED_SEATED if posture == "seated" else _PUSHED_STANDING)],
        speed_change_m_s=strength,
        duration_s=rng.uniform(0.1, 0.3) if pushed else rng.uniform(0.2, 0.5),
        foot=feet[cause == "slip"],
        friction=rng.uniform(0.005, 0.06),
        step_height_m=rng.uniform(0.12, 0.3) if cause == "missed_step" else 0.0,
        limp_s=rng.uniform(0.1, 1.0) if fainting else 0.0,
        tone=rng.uniform(*_TONE.get(cause, (0.15, 0.7))),
        delay_s=rng.uniform(0.12, 0.3),
        reach=0.0 if weak else rng.uniform(0.4, 1.0),
        knees=rng.uniform(0.0, 1.0),
        step_reach=0.0 if weak or rng.random() < 0.4 else rng.uniform(0.2, 0.7),
        lie_tone=rng.uniform(0.005, 0.04) if still else rng.uniform(0.04, 0.15),
        lie_motion_deg=0.0 if still else rng.uniform(4, 22),
        lie_s=rng.uniform(1.0, 3.0),
    )
