"""Simulate falls from recorded or synthetic starts, again and again until they are plausible."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.array_format import BACKGROUND
from hitrs_live.data.labelled_motion import LabelledMotion
from hitrs_live.errors import ConfigError, DataError
from hitrs_live.synthesis.falls.body_shape import BodyShape, vary_shape
from hitrs_live.synthesis.falls.causes import STEPPING, Cause, draw_plan
from hitrs_live.synthesis.falls.humanoid import RATE_HZ, Humanoid
from hitrs_live.synthesis.falls.outcome import (
    FALLS, LIE, FallFacts, direction_kind, fall_facts, label_fall, label_stumble, why_rejected,
)  # fmt: skip
from hitrs_live.synthesis.falls.physics import without_warnings
from hitrs_live.synthesis.falls.pose_fit import PoseFitter
from hitrs_live.synthesis.falls.recovery import plan_steps
from hitrs_live.synthesis.falls.rollout import FallRollout
from hitrs_live.synthesis.falls.starts import FittedStart, choose_moment, dress, fit_start
from hitrs_live.synthesis.falls.stumble import run_stumble, why_not_recovered

DEFAULT_CLASSES: Final[Mapping[str, int]] = {"fall_forward": 1, "fall_backward": 2, "fall_side": 3, "lie": 4}
MOST_TRIES: Final = 12
_LONGEST_BEFORE_S: Final = 3.0
_HARDER: Final = 1.12


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
        for number in range(MOST_TRIES):
            start = self._starts[rng.integers(len(self._starts))]
            shape = vary_shape(start.shape, rng) if self._vary else start.shape
            try:
                with without_warnings():
                    outcome = self._attempt(start, shape, rng, cause, recover, _HARDER**number, name, subject)
            except DataError as error:
                if len(self._starts) == 1:
                    raise
                outcome = "unsuitable start"
                last = error
            if isinstance(outcome, LabelledMotion):
                self.accepted += 1
                return outcome
            reasons[outcome] += 1
            self.rejected[outcome] += 1
        if reasons["unsuitable start"] == MOST_TRIES:
            raise last
        found = ", ".join(f"{reason} {count}" for reason, count in reasons.most_common())
        raise DataError(f"start pose: no plausible fall in {MOST_TRIES} tries ({found}); give another start or cause")

    def _attempt(
        self, start: FittedStart, shape: BodyShape, rng: np.random.Generator, cause: Cause | None, recover: bool,
        force: float, name: str, subject: str,
    ) -> LabelledMotion | str:  # fmt: skip
        humanoid = Humanoid.build(shape)
        qpos, joints = dress(start, humanoid)
        moment = choose_moment(joints, start.error_m, rng, height_m=shape.height_m, cause=cause)
        plan = draw_plan(
            rng, posture=moment.posture, direction=moment.direction, feet=moment.feet, cause=cause, recover=recover,
            force=force,
        )  # fmt: skip
        qpos[:, 2] += plan.step_height_m
        joints[..., 2] += plan.step_height_m
        velocity = PoseFitter(humanoid).velocities(qpos, moment.frame)
        first = max(0, moment.frame - int(_LONGEST_BEFORE_S * RATE_HZ))
        before, reference = joints[first : moment.frame], qpos[moment.frame :]
        if recover:
            planned, toward = plan_steps(humanoid, reference, joints[moment.frame], velocity, plan, rng, reach=1.0)
            rollout = run_stumble(humanoid, planned, velocity)
            self.simulated_s += len(rollout.qpos) / RATE_HZ
            if reason := why_not_recovered(rollout, height_m=shape.height_m):
                return reason
            self.last_facts, kind = None, direction_kind(joints[moment.frame], toward)
            full = f"stumble_{plan.cause}_{name}"
            return label_stumble(before, rollout, kind, self._classes, name=full, subject=subject)
        if plan.step_reach and plan.posture != "seated" and plan.cause in STEPPING:
            planned, _ = plan_steps(
                humanoid, reference, joints[moment.frame], velocity, plan, rng, reach=plan.step_reach
            )
            reference = planned
        rollout = FallRollout(humanoid, reference=reference, velocity=velocity, plan=plan, rng=rng).run()
        self.simulated_s += (len(rollout.qpos) - 1) / RATE_HZ
        facts = fall_facts(rollout, height_m=shape.height_m)
        if reason := why_rejected(rollout, facts, plan, height_m=shape.height_m):
            return reason
        self.last_facts = facts
        assert facts is not None
        chair = "_chair" if plan.posture == "seated" else ""
        full = f"{facts.kind}{chair}_{plan.cause}_{name}"
        return label_fall(before, rollout, facts, self._classes, name=full, subject=subject)


def check_classes(classes: Mapping[str, int]) -> None:
    """Raise ConfigError where the classes have no number for a fall."""
    missing = [kind for kind in FALLS if kind not in classes and "fall" not in classes]
    if missing:
        raise ConfigError(f"classes: no {', '.join(missing)}; expected {', '.join(FALLS)}, or fall, and {LIE}")
    if wrong := [kind for kind, number in classes.items() if kind.startswith("fall") and number == BACKGROUND]:
        raise ConfigError(f"classes: {', '.join(wrong)} is {BACKGROUND}, which is background; give it a number above")
