"""Simulate falls from recorded or synthetic starts, again and again until they are plausible."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.array_format import BACKGROUND
from hitrs_live.data.labelled_motion import RATE_HZ, LabelledMotion
from hitrs_live.errors import ConfigError, DataError
from hitrs_live.synthesis.falls.body_shape import vary_shape
from hitrs_live.synthesis.falls.causes import STEPPING, Cause
from hitrs_live.synthesis.falls.humanoid import Humanoid
from hitrs_live.synthesis.falls.outcome import (
    FALLS,
    LIE,
    FallFacts,
    direction_kind,
    fall_facts,
    label_fall,
    label_stumble,
    why_rejected,
)  # fmt: skip
from hitrs_live.synthesis.falls.physics import without_warnings
from hitrs_live.synthesis.falls.recovery import plan_steps
from hitrs_live.synthesis.falls.rollout import FallRollout
from hitrs_live.synthesis.falls.starts import FittedStart, fit_start
from hitrs_live.synthesis.falls.stumble import run_stumble, why_not_recovered
from hitrs_live.synthesis.falls.take_over import TakeOver, draw_take_over

DEFAULT_CLASSES: Final[Mapping[str, int]] = {"fall_forward": 1, "fall_backward": 2, "fall_side": 3, "lie": 4}
MOST_TRIES: Final = 12
_FORCE_AFTER: Final = {
    "did not fall": 1.2, "too slow": 1.2, "head too fast": 0.85, "too fast": 0.85, "head first": 0.85,
}  # fmt: skip
"""Factor of the event's force in the next try, by the reason why one was rejected."""


def simulate_fall(
    start: NDArray[np.floating], rng: np.random.Generator, *, cause: Cause | None = None, recover: bool = False,
    classes: Mapping[str, int] = DEFAULT_CLASSES, name: str = "fall", subject: str = "start",
) -> LabelledMotion:  # fmt: skip
    """Simulate one fall of the body that a start shows.

    start: (T, 25, 3), metres, y up, 30 Hz, NTU25; the event happens in its last three quarters.
    recover: the person stumbles and stays up, a near miss. classes: numbers of fall_forward, fall_backward and
    fall_side, or of fall alone, and of lie.
    Raises ConfigError where MuJoCo is missing, DataError where no fall can start there, ValueError for a wrong shape.
    """
    simulator = FallSimulator([fit_start(start)], classes=classes, vary_bodies=False)
    return simulator.fall(rng, cause=cause, recover=recover, name=name, subject=subject)


class FallSimulator:
    """Yield falls from a list of starts, with drawn bodies, causes and reactions."""

    def __init__(
        self, starts: Sequence[FittedStart], *, classes: Mapping[str, int] = DEFAULT_CLASSES, vary_bodies: bool = True
    ) -> None:
        if not starts:
            raise ValueError("no starts, expected at least one")
        check_classes(classes)
        self._starts, self._classes, self._vary = list(starts), classes, vary_bodies
        self.rejected: Counter[str] = Counter()
        """Number of simulations that were no plausible fall, by reason."""
        self.accepted = 0
        self.simulated_s = 0.0
        self.last_facts: FallFacts | None = None
        """Of the last fall; None after a stumble."""

    def falls(self, count: int, rng: np.random.Generator, *, near_miss_share: float = 0.15) -> Iterator[LabelledMotion]:
        """Yield `count` motions, of which a share are recovered stumbles."""
        for number in range(count):
            recover = rng.random() < near_miss_share
            yield self.fall(rng, recover=recover, name=f"{number:06d}", subject=f"body_{number:06d}")

    def fall(
        self, rng: np.random.Generator, *, cause: Cause | None = None, recover: bool = False, name: str, subject: str
    ) -> LabelledMotion:
        """Simulate one fall; redraw it until it is plausible.

        Raises DataError where none of MOST_TRIES is.
        """
        reasons: Counter[str] = Counter()
        unsuitable: DataError | None = None
        force = 1.0
        for _ in range(MOST_TRIES):
            try:
                with without_warnings():
                    outcome = self._attempt(rng, cause, recover, force, name, subject)
            except DataError as error:
                outcome, unsuitable = "unsuitable start", error
            if isinstance(outcome, LabelledMotion):
                self.accepted += 1
                return outcome
            reasons[outcome] += 1
            self.rejected[outcome] += 1
            force *= _FORCE_AFTER.get(outcome, 1.0)
        if unsuitable is not None and reasons["unsuitable start"] == MOST_TRIES:
            raise unsuitable
        found = ", ".join(f"{reason} {count}" for reason, count in reasons.most_common())
        raise DataError(f"start pose: no plausible fall in {MOST_TRIES} tries ({found}); give another start or cause")

    def _attempt(
        self, rng: np.random.Generator, cause: Cause | None, recover: bool, force: float, name: str, subject: str
    ) -> LabelledMotion | str:
        """Simulate once. Returns the motion, or why it is no plausible one."""
        start = self._starts[rng.integers(len(self._starts))]
        shape = vary_shape(start.shape, rng) if self._vary else start.shape
        take_over = draw_take_over(start, Humanoid.build(shape), rng, cause=cause, recover=recover, force=force)
        if recover:
            return self._stumble(take_over, rng, name, subject)
        return self._fall(take_over, rng, name, subject)

    def _fall(self, take_over: TakeOver, rng: np.random.Generator, name: str, subject: str) -> LabelledMotion | str:
        plan, height = take_over.plan, take_over.humanoid.shape.height_m
        reference = take_over.reference
        if plan.cause == "slip":
            # Who walks on would pull a foot without friction back under the body.
            reference = reference[:1]
        if plan.step_reach and plan.posture != "seated" and plan.cause in STEPPING:
            reference, _ = plan_steps(take_over, rng, reach=plan.step_reach)
        rollout = FallRollout(
            take_over.humanoid, reference=reference, velocity=take_over.velocity, plan=plan, rng=rng
        ).run()
        self.simulated_s += (len(rollout.qpos) - 1) / RATE_HZ
        facts = fall_facts(rollout)
        if isinstance(reason := why_rejected(rollout, facts, plan, height_m=height), str) or facts is None:
            return reason or "did not fall"
        self.last_facts = facts
        chair = "_chair" if plan.posture == "seated" else ""
        full = f"{facts.kind}{chair}_{plan.cause}_{name}"
        return label_fall(take_over.before_m, rollout, facts, self._classes, name=full, subject=subject)

    def _stumble(self, take_over: TakeOver, rng: np.random.Generator, name: str, subject: str) -> LabelledMotion | str:
        planned, toward = plan_steps(take_over, rng, reach=1.0)
        rollout = run_stumble(take_over.humanoid, planned, take_over.velocity)
        self.simulated_s += len(rollout.qpos) / RATE_HZ
        if reason := why_not_recovered(rollout, height_m=take_over.humanoid.shape.height_m):
            return reason
        self.last_facts, kind = None, direction_kind(take_over.event_m, toward)
        full = f"stumble_{take_over.plan.cause}_{name}"
        return label_stumble(take_over.before_m, rollout, kind, self._classes, name=full, subject=subject)


def check_classes(classes: Mapping[str, int]) -> None:
    """Raise ConfigError where the classes have no number for a fall."""
    missing = [kind for kind in FALLS if kind not in classes and "fall" not in classes]
    if missing:
        raise ConfigError(f"classes: no {', '.join(missing)}; expected {', '.join(FALLS)}, or fall, and {LIE}")
    if wrong := [kind for kind, number in classes.items() if kind.startswith("fall") and number == BACKGROUND]:
        raise ConfigError(f"classes: {', '.join(wrong)} is {BACKGROUND}, which is background; give it a number above")
