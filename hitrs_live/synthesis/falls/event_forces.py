"""Apply what makes a simulated person fall: a push, a caught foot, ice, a step, a chair that goes."""

from typing import Any, Final

import numpy as np

from hitrs_live.synthesis.falls.body_shape import Floats
from hitrs_live.synthesis.falls.causes import FallPlan
from hitrs_live.synthesis.falls.humanoid import Humanoid
from hitrs_live.synthesis.falls.physics import load_mujoco

_FAR_M: Final = -50.0
_SLIDE_SHARE: Final = 1.4
"""Of the impulse of a push: that with which a person slides off a seat."""
_BOTH_SLIP: Final = 0.35
"""With knees that give way more than this, both feet slip."""
_LOW_SHARE: Final = 0.25
"""Of the impulse of a push: that of one at the knee, which takes the legs away."""
_DRAWN_S: Final = 0.35
_DRAG_NS_M: Final = 90.0
"""How a slipping foot comes to its speed: it is drawn ahead, as the load of the body does on ice."""


class EventForces:
    """Act on a model and its data from the event on; `restore` undoes what it changed in the model."""

    def __init__(self, humanoid: Humanoid, data: Any, plan: FallPlan) -> None:
        self._humanoid, self._model, self._data, self._plan = humanoid, humanoid.model, data, plan
        self._mujoco = load_mujoco()
        self._body_kind = self._mujoco.mjtObj.mjOBJ_BODY
        self._friction, self._size = self._model.geom_friction.copy(), self._model.geom_size.copy()
        self._box_start = np.array([0.0, 0.0, _FAR_M])
        # The foot becomes faster than the person, so that it gets ahead of the trunk.
        self._slip_speed_m_s = float(np.linalg.norm(data.qvel[:2])) + plan.speed_change_m_s
        if plan.posture == "seated":
            self._place_chair()
        elif plan.cause == "missed_step":
            self._place_step()
        if plan.cause == "trip":
            catch = self._model.equality(f"{plan.foot}_catch").id
            self._model.eq_data[catch, :3] = 0
            self._model.eq_data[catch, 3:6] = data.body(f"{plan.foot}_foot").xpos

    def apply(self, time_s: float) -> None:
        """Set forces, friction and ties for a time after the event."""
        plan, active = self._plan, time_s < self._plan.duration_s
        self._data.xfrc_applied[:] = 0
        if plan.cause == "push" and active:
            self._push(time_s)
        elif plan.cause == "trip":
            self._data.eq_active[self._model.equality(f"{plan.foot}_catch").id] = active
        elif plan.cause == "slip":
            self._slip(time_s)
        elif plan.cause == "slide_off_chair":
            self._slide(time_s)
        elif plan.cause == "chair_pulled":
            self._pull_chair(time_s)

    def restore(self) -> None:
        """Give the model its own friction and sizes back."""
        self._model.geom_friction[:] = self._friction
        self._model.geom_size[:] = self._size

    def _push(self, time_s: float) -> None:
        plan = self._plan
        low = plan.pushed.endswith("shank")
        impulse = plan.speed_change_m_s * self._humanoid.shape.mass_kg * (_LOW_SHARE if low else 1.0)
        size = impulse * np.pi / (2 * plan.duration_s) * np.sin(np.pi * time_s / plan.duration_s)
        body = self._model.body(plan.pushed).id
        self._data.xfrc_applied[body, :2] = size * plan.direction

    def _slip(self, time_s: float) -> None:
        plan = self._plan
        slippery = time_s < plan.duration_s + 0.4
        feet = ("left", "right") if plan.knees > _BOTH_SLIP else (plan.foot,)
        for name in (f"{foot}_foot_{edge}" for foot in feet for edge in ("in", "out")):
            geom = self._model.geom(name).id
            self._model.geom_friction[geom, 0] = plan.friction if slippery else self._friction[geom, 0]
        if time_s < _DRAWN_S:
            velocity = np.zeros(6)
            for foot in feet:
                body = self._data.body(f"{foot}_foot")
                self._mujoco.mj_objectVelocity(self._model, self._data, self._body_kind, body.id, velocity, 0)
                speed = velocity[3:5] @ plan.direction
                missing = self._slip_speed_m_s - speed
                self._data.xfrc_applied[body.id, :2] = max(_DRAG_NS_M * float(missing), 0.0) * plan.direction

    def _slide(self, time_s: float) -> None:
        plan = self._plan
        self._model.geom_friction[self._model.geom("box").id, 0] = plan.friction
        for name in ("pelvis", "abdomen", "left_thigh", "right_thigh"):
            self._model.geom_friction[self._model.geom(name).id, 0] = plan.friction
        if time_s > plan.duration_s + 0.5:
            return
        size = _SLIDE_SHARE * plan.speed_change_m_s * self._humanoid.shape.mass_kg / (plan.duration_s + 0.5)
        self._data.xfrc_applied[self._model.body("pelvis").id, :2] = size * self._heading()

    def _pull_chair(self, time_s: float) -> None:
        """Move the chair away behind the person, and out of the room when it is clear."""
        away = 1.5 + self._plan.speed_change_m_s
        moved = away * time_s
        place = self._box_start.copy()
        place[:2] -= moved * self._heading_at_start
        self._data.mocap_pos[self._box()] = place if moved < 0.7 else (0, 0, _FAR_M)

    def _box(self) -> int:
        return int(self._model.body("box").mocapid[0])

    def _heading(self) -> Floats:
        across = self._data.body("pelvis").xmat.reshape(3, 3)[:2, 1]
        ahead = np.array([across[1], -across[0]])
        return ahead / max(float(np.linalg.norm(ahead)), 1e-6)

    def _place(self, centre: Floats, half_size: tuple[float, float, float], ahead: Floats) -> None:
        self._model.geom_size[self._model.geom("box").id] = half_size
        self._box_start = np.array([centre[0], centre[1], half_size[2]])
        self._heading_at_start = ahead
        yaw = float(np.arctan2(ahead[1], ahead[0]))
        self._data.mocap_pos[self._box()] = self._box_start
        self._data.mocap_quat[self._box()] = (np.cos(yaw / 2), 0, 0, np.sin(yaw / 2))

    def _place_chair(self) -> None:
        """Put a seat under the pelvis, from behind it to half the thigh."""
        ahead = self._heading()
        pelvis = self._model.geom("pelvis").id
        seat_m = float(self._data.geom_xpos[pelvis, 2] - self._model.geom_size[pelvis, 0])
        half = 0.125 * self._humanoid.shape.height_m
        centre = self._data.body("pelvis").xpos[:2] + ahead * 0.03
        self._place(centre, (half, half * 1.1, max(seat_m / 2, 0.02)), ahead)

    def _place_step(self) -> None:
        """Put a step under the foot that carries, with its edge before the toes; the floor is lower ahead."""
        carrying = "right" if self._plan.foot == "left" else "left"
        toes = self._data.site(f"{carrying}_foot").xpos[:2]
        half = 0.6
        centre = toes + self._plan.direction * (0.06 - half)
        self._place(centre, (half, 0.8, self._plan.step_height_m / 2), self._plan.direction)
