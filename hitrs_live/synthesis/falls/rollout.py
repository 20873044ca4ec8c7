"""Simulate one fall: a humanoid takes over from a recorded pose, something happens to it, and it reacts."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.labelled_motion import RATE_HZ
from hitrs_live.synthesis.falls.body_shape import Floats
from hitrs_live.synthesis.falls.causes import FallPlan
from hitrs_live.synthesis.falls.event_forces import EventForces
from hitrs_live.synthesis.falls.humanoid import STEPS_PER_FRAME, Humanoid
from hitrs_live.synthesis.falls.physics import diverged, load_mujoco
from hitrs_live.synthesis.falls.reactions import GroundMotion, protective_angles, reaction_share
from hitrs_live.synthesis.falls.stepping import leg_mask
from hitrs_live.synthesis.falls.support import Support

TICKS_PER_FRAME: Final = 4
_TICK_S: Final = 1 / (RATE_HZ * TICKS_PER_FRAME)
_LONGEST_FALL_S: Final = 2.6
_LEGS_LIMP, _TRUNK_LIMP = 0.6, 1.5
"""Time to go limp by the drawn one."""
_RELAX_S: Final = 0.5
"""From the stiffness of falling to that of lying."""


@dataclass(frozen=True, kw_only=True)
class Rollout:
    """What was simulated, at 30 Hz from the event on. F frames."""

    qpos: Floats
    """(F, nq)."""
    joints_m: Floats
    """(F, 25, 3), z up."""
    margin_m: Floats
    """(F,): distance of the extrapolated centre of mass from the edge of the base of support; negative outside."""
    landed_frame: int | None
    """First frame with trunk or head on the floor."""
    head_speed_m_s: float
    """Largest speed of the head before landing."""
    pelvis_speed_m_s: float
    """Largest downward speed of the pelvis before landing."""
    stable: bool
    """False where the simulation diverged."""


class FallRollout:
    """Run one fall on a humanoid whose model it changes meanwhile."""

    def __init__(
        self, humanoid: Humanoid, *, reference: Floats, velocity: Floats, plan: FallPlan, rng: np.random.Generator
    ) -> None:
        """reference: (T, nq), the poses that muscles aim at, from the event on; velocity: (nv,), at the event."""
        mujoco = load_mujoco()
        self._mujoco, self._humanoid, self._plan = mujoco, humanoid, plan
        self._model, self._data = humanoid.model, mujoco.MjData(humanoid.model)
        self._reference = reference
        self._gains = _Gains(humanoid.model)
        self._ground = GroundMotion.draw(humanoid, plan, rng)
        self._data.qpos[:], self._data.qvel[:] = reference[0], velocity
        self._data.ctrl[:] = reference[0, 7:]
        mujoco.mj_forward(self._model, self._data)
        self._forces = EventForces(humanoid, self._data, plan)
        self._support = Support(humanoid)
        self._legs = leg_mask(humanoid)[6:]
        self._landed_s: float | None = None
        self._rest: Floats | None = None

    def run(self) -> Rollout:
        """Simulate until the person lay for the drawn time, or did not fall. The model is restored."""
        frames: list[tuple[Floats, Floats, float]] = []
        speeds = np.zeros(2)
        time_s, stable = 0.0, True
        self._keep(frames)
        try:
            while stable and not self._finished(time_s):
                for _ in range(TICKS_PER_FRAME):
                    self._tick(time_s)
                    time_s += _TICK_S
                    if self._landed_s is None:
                        speeds = np.maximum(speeds, self._speeds())
                        if self._support.trunk_on_floor(self._data):
                            self._landed_s = time_s
                stable = not diverged(self._data)
                self._keep(frames)
        finally:
            self._forces.restore()
            self._gains.restore()
        landed = None if self._landed_s is None else int(np.ceil(self._landed_s * RATE_HZ - 1e-6))
        return Rollout(
            qpos=np.stack([one[0] for one in frames]),
            joints_m=np.stack([one[1] for one in frames]),
            margin_m=np.array([one[2] for one in frames]),
            landed_frame=landed,
            head_speed_m_s=float(speeds[0]),
            pelvis_speed_m_s=float(speeds[1]),
            stable=stable,
        )

    def _finished(self, time_s: float) -> bool:
        if self._landed_s is None:
            return time_s >= _LONGEST_FALL_S
        return time_s >= self._landed_s + self._plan.lie_s

    def _tick(self, time_s: float) -> None:
        self._forces.apply(time_s)
        self._gains.set(self._tone(time_s))
        self._data.ctrl[:] = self._targets(time_s)
        self._mujoco.mj_step(self._model, self._data, STEPS_PER_FRAME // TICKS_PER_FRAME)

    def _tone(self, time_s: float) -> Any:
        """Return the share of stiffness of each actuator, or of all."""
        plan = self._plan
        if self._landed_s is not None:
            lying = min((time_s - self._landed_s) / _RELAX_S, 1.0)
            return plan.tone + lying * (plan.lie_tone - plan.tone)
        if plan.cause == "limp":
            # Legs give way before the trunk: who faints sinks first, and then tips over.
            limp_s = plan.limp_s * np.where(self._legs, _LEGS_LIMP, _TRUNK_LIMP)
            return 1 + np.minimum(time_s / limp_s, 1.0) * (plan.tone - 1)
        tone = 1 + reaction_share(time_s, plan) * (plan.tone - 1)
        if plan.cause != "knee_buckle":
            return tone
        return np.where(self._knees(), 0.03, tone)

    def _knees(self) -> NDArray[np.bool_]:
        names = (
            ("left_shank_flex", "right_shank_flex") if self._plan.knees > 0.5 else (f"{self._plan.foot}_shank_flex",)
        )
        mask = np.zeros(self._model.nu, bool)
        mask[[self._humanoid.hinges[name] - 7 for name in names]] = True
        return mask

    def _targets(self, time_s: float) -> Floats:
        if self._landed_s is not None and (since := time_s - self._landed_s) > 0.25:
            if self._rest is None:
                self._rest = np.array(self._data.qpos[7:])
            return self._rest + self._ground.angles(since - 0.25)
        doing = self._recorded(time_s)
        share = reaction_share(time_s, self._plan)
        if share == 0 or self._plan.cause == "limp":
            return doing
        wanted = protective_angles(self._humanoid, doing, self._support.falling_toward(self._data), self._plan)
        return doing + share * (wanted - doing)

    def _recorded(self, time_s: float) -> Floats:
        """Return (hinges,): what the recorded person does, its last pose for ever."""
        place = min(time_s * RATE_HZ, len(self._reference) - 1.0)
        low = int(place)
        high = min(low + 1, len(self._reference) - 1)
        return self._reference[low, 7:] + (place - low) * (self._reference[high, 7:] - self._reference[low, 7:])

    def _speeds(self) -> Floats:
        head = self._model.body("head").id
        velocity = np.zeros(6)
        self._mujoco.mj_objectVelocity(self._model, self._data, self._mujoco.mjtObj.mjOBJ_BODY, head, velocity, 0)
        return np.array([np.linalg.norm(velocity[3:]), -self._data.qvel[2]])

    def _keep(self, frames: list[tuple[Floats, Floats, float]]) -> None:
        self._mujoco.mj_kinematics(self._model, self._data)
        pose = np.array(self._data.qpos)
        frames.append((pose, self._humanoid.joints_m(self._data).copy(), self._support.margin_m(self._data)))


class _Gains:
    """Stiffness and strength of all muscles, as shares of the body's own."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._gain, self._bias = model.actuator_gainprm.copy(), model.actuator_biasprm.copy()
        self._most = model.actuator_forcerange.copy()

    def set(self, share: Any) -> None:
        share = np.broadcast_to(np.asarray(share, np.float64), len(self._gain))
        self._model.actuator_gainprm[:, 0] = self._gain[:, 0] * share
        self._model.actuator_biasprm[:, 1] = self._bias[:, 1] * share
        # Damping falls less than stiffness, as in a relaxed limb.
        self._model.actuator_biasprm[:, 2] = self._bias[:, 2] * np.sqrt(share)

    def restore(self) -> None:
        self.set(1.0)
