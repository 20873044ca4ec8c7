"""Draw the manner in which one person performs an action: what of the body goes along that the action does not need.

A program states what defines an action. People add habits of their own, the same in each repetition: the trunk sways
back in a curl, the arms swing ahead in a squat, a knee gives way, everything is slower or larger than described. A
detector that never sees them takes their absence for a part of the class.
"""

from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from hitrs_live.synthesis.channels import ARMS, INDEX, PARTS, SIDES, columns

Floats = NDArray[np.floating]

_PLAIN_SHARE: Final = 0.3
"""Share of performances that are as the program states."""
_MOST_WIDER: Final = 0.15
"""How far beyond a range of the program values may lie at either end, as a share of the range."""
_TEMPO: Final = 0.3
"""Standard deviation of the logarithm of a further factor of the tempo, at full strength."""
_SWINGING_ARMS_SHARE: Final = 0.4
"""Share of performances, of programs that leave the arms free, in which they move with the rhythm of the action."""
_TRUNK_SHARE: Final = 0.6
_ONE_ARM_SHARE: Final = 0.3
_OPPOSED_SHARE: Final = 0.3
"""Share of swinging arms that swing against each other, as those of a runner do."""

_SPREAD_DEG: Final = {
    "pelvis.pitch": 4.0, "pelvis.roll": 2.5, "pelvis.turn": 5.0, "spine.flexion": 6.0, "spine.side": 4.0,
    "spine.turn": 6.0, "head.nod": 8.0, "head.turn": 10.0, "head.tilt": 4.0, "arm.elevation": 6.0, "arm.plane": 8.0,
    "arm.rotation": 10.0, "elbow": 8.0, "elbow.out": 15.0, "pronation": 15.0, "wrist": 10.0, "hip.flexion": 4.0,
    "hip.abduction": 4.0, "hip.rotation": 5.0, "knee": 6.0, "ankle": 5.0, "knee.out": 4.0,
}  # fmt: skip
"""Standard deviations of a habit from phase to phase, at full strength."""
_SWING_DEG: Final = {"arm.elevation": 32.0, "arm.plane": 25.0, "arm.rotation": 20.0, "elbow": 35.0}
"""The same for arms that swing."""
_ARMS_AT: Final = {
    "arm.elevation": (3.0, 75.0), "arm.plane": (5.0, 95.0), "arm.rotation": (-40.0, 30.0), "elbow": (5.0, 125.0),
}  # fmt: skip
"""Where arms that swing begin."""
_OPPOSED_DEG: Final = {"arm.elevation": 38.0, "arm.plane": 6.0, "arm.rotation": 6.0, "elbow": 12.0}
_OPPOSED_AT: Final = {
    "arm.elevation": (0.0, 30.0), "arm.plane": (65.0, 95.0), "arm.rotation": (-25.0, 10.0), "elbow": (30.0, 120.0),
}  # fmt: skip
"""The same for arms that swing against each other."""
_TRUNK: Final = [*PARTS["trunk"], *(INDEX[f"pelvis.{name}"] for name in ("pitch", "roll", "turn"))]


class Manner:
    """The habits of one performance: constant offsets of channels in each phase, and what of the body they move."""

    def __init__(
        self, *, strength: float, tempo: float, trunk: bool, arms: tuple[str, ...], seed: int, opposed: bool = False
    ) -> None:
        """Keep the draw.

        strength: 0 to 1; trunk, arms: whether and which of them follow though they are free; opposed: whether the arms
        swing against each other.
        """
        self.tempo, self.trunk, self.arms, self.opposed = tempo, trunk, arms, opposed
        self._strength, self._seed = strength, seed
        self._arm_columns = [number for side in arms for number in columns(side, ARMS)]

    @classmethod
    def draw(cls, rng: np.random.Generator, *, free_arms: bool, upright: bool) -> Self:
        """Draw a manner.

        free_arms: whether the program leaves both arms free; upright: whether the body stands or sits, since on the
        floor, hands and feet have their places.
        """
        strength = 0.0 if rng.random() < _PLAIN_SHARE else float(rng.uniform(0.2, 1.0))
        if not upright:
            strength *= 0.3
        swings = free_arms and upright and strength > 0 and rng.random() < _SWINGING_ARMS_SHARE
        opposed = swings and rng.random() < _OPPOSED_SHARE
        sides = SIDES if opposed or rng.random() >= _ONE_ARM_SHARE else (SIDES[rng.integers(2)],)
        return cls(
            strength=strength,
            tempo=float(np.exp(rng.normal(0, _TEMPO * strength))),
            trunk=strength > 0 and rng.random() < _TRUNK_SHARE,
            arms=sides if swings else (),
            opposed=opposed,
            seed=int(rng.integers(1 << 62)),
        )

    @classmethod
    def plain(cls) -> Self:
        """Return the manner of who does what the program states and no more."""
        return cls(strength=0.0, tempo=1.0, trunk=False, arms=(), seed=0)

    def widened(self, low: float, high: float) -> tuple[float, float]:
        """Widen a range of the program."""
        more = _MOST_WIDER * self._strength * (high - low)
        return low - more, high + more

    def owned(self) -> list[int]:
        """List the channels that the performance moves although its program leaves them free."""
        return [*(_TRUNK if self.trunk else ()), *self._arm_columns]

    def at_start(self) -> Floats:
        """Return what is added to the start, (C,)."""
        offset = self.in_phase("start")
        rng = np.random.default_rng((self._seed, 1))
        begins = _OPPOSED_AT if self.opposed else _ARMS_AT
        drawn = {name: rng.uniform(*limits) for name, limits in begins.items()}
        for side in self.arms:
            for name, value in drawn.items():
                offset[INDEX[f"{side}.{name}"]] = value + rng.normal(0, 4)
        return offset

    def in_phase(self, name: str, lead: str = "") -> Floats:
        """Return what is added at the end of a phase, (C,): always the same for the same phase and leading side.

        Without a leading side, arms that swing against each other are where they are between two swings.
        """
        rng = np.random.default_rng((self._seed, 0, *name.encode()))
        offset = _SPREAD * self._strength * rng.normal(0, 1, len(_SPREAD))
        if self.arms:
            # Mostly both arms alike, or each as the other in the opposite direction.
            spreads = _OPPOSED_DEG if self.opposed else _SWING_DEG
            swing = {name: rng.normal(0, spread) for name, spread in spreads.items()}
            for side in self.arms:
                for name, value in swing.items():
                    turned = self._direction(side, lead) if name == "arm.elevation" else 1.0
                    offset[INDEX[f"{side}.{name}"]] = turned * value + rng.normal(0, 6)
        return offset.astype(np.float32)

    def _direction(self, side: str, lead: str) -> float:
        if not self.opposed:
            return 1.0
        return 0.0 if not lead else -1.0 if side == lead else 1.0


def _spread() -> Floats:
    spread = np.zeros(len(INDEX), np.float32)
    for name, number in INDEX.items():
        spread[number] = _SPREAD_DEG.get(name, _SPREAD_DEG.get(name.partition(".")[2], 0.0))
    return spread


_SPREAD: Final = _spread()
"""(C,)."""
