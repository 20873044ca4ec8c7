"""Say what a simulated person stands on, where the balance lies, and what touches the floor."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.synthesis.falls.body_shape import Floats
from hitrs_live.synthesis.falls.humanoid import Humanoid
from hitrs_live.synthesis.falls.physics import load_mujoco

_GRAVITY_M_S2: Final = 9.81
_DIRECTIONS: Final = np.stack(
    [np.cos(np.linspace(0, 2 * np.pi, 48, endpoint=False)), np.sin(np.linspace(0, 2 * np.pi, 48, endpoint=False))]
)
_OUTSIDE_M: Final = -0.5
"""Margin of a person whom nothing carries."""
_NEAR_M: Final = 0.03
"""Height above its ground up to which a sole or a thigh carries."""
_TRUNK: Final = ("pelvis", "abdomen", "chest", "chest_top", "head")
_SEAT: Final = ("pelvis", "abdomen", "left_thigh", "right_thigh")


class Support:
    """Contacts of one humanoid, by kind."""

    def __init__(self, humanoid: Humanoid) -> None:
        model = humanoid.model
        self._mujoco = load_mujoco()
        self._humanoid, self._model = humanoid, model
        self._floor, self._box = model.geom("floor").id, model.geom("box").id
        feet = [f"{side}_foot_{edge}" for side in ("left", "right") for edge in ("in", "out")]
        self._feet = [model.geom(name).id for name in feet]
        self._trunk = [model.geom(name).id for name in _TRUNK]
        self._seat = [model.geom(name).id for name in _SEAT]
        self._pelvis = model.body("pelvis").id

    def trunk_on_floor(self, data: Any) -> bool:
        """Say whether pelvis, trunk or head touches the floor."""
        pairs = np.asarray(data.contact.geom)
        return bool(((pairs == self._floor).any(1) & np.isin(pairs, self._trunk).any(1)).any())

    def base_m(self, data: Any) -> Floats:
        """Return (N, 2): the parts of the soles near floor or step, and those of pelvis and thighs near a seat."""
        soles, seat = self._ends(data, self._feet), self._ends(data, self._seat)
        on_step, on_seat = self._over_box(data, soles), self._over_box(data, seat)
        top = data.geom_xpos[self._box, 2] + self._model.geom_size[self._box, 2]
        ground = np.where(on_step, top, 0.0)
        stands = np.abs(soles[:, 2] - ground) < _NEAR_M
        sits = on_seat & (np.abs(seat[:, 2] - top) < _NEAR_M)
        return np.concatenate([soles[stands, :2], seat[sits, :2]])

    def _ends(self, data: Any, geoms: list[int]) -> Floats:
        """Return (2 N, 3): the lowest points of both ends of capsules."""
        along = data.geom_xmat[geoms].reshape(-1, 3, 3)[:, :, 2] * self._model.geom_size[geoms, 1:2]
        ends = np.concatenate([data.geom_xpos[geoms] + along, data.geom_xpos[geoms] - along])
        ends[:, 2] -= np.tile(self._model.geom_size[geoms, 0], 2)
        return np.asarray(ends, np.float64)

    def _over_box(self, data: Any, points: Floats) -> NDArray[np.bool_]:
        local = (points - data.geom_xpos[self._box]) @ data.geom_xmat[self._box].reshape(3, 3)
        over = (np.abs(local[:, :2]) <= self._model.geom_size[self._box, :2]).all(1)
        # Where there is none, it is far below the floor.
        return np.asarray(over & (data.geom_xpos[self._box, 2] > 0))

    def margin_m(self, data: Any) -> float:
        """Return how far the extrapolated centre of mass (Hof 2005, equation 6) lies inside the base of support."""
        points = self.base_m(data)
        if not len(points):
            return _OUTSIDE_M
        self._mujoco.mj_subtreeVel(self._model, data)
        centre, velocity = data.subtree_com[self._pelvis], data.subtree_linvel[self._pelvis]
        ahead_s = np.sqrt(max(centre[2], 0.1) / _GRAVITY_M_S2)
        extrapolated = centre[:2] + velocity[:2] * ahead_s
        return float(((points @ _DIRECTIONS).max(0) - extrapolated @ _DIRECTIONS).min())

    def falling_toward(self, data: Any) -> Floats:
        """Return (2,): the direction from the feet to the trunk and head in the pelvis's axes, ahead and left; unit."""
        feet = (data.body("left_foot").xpos + data.body("right_foot").xpos) / 2
        lean = (data.body("head").xpos + data.body("pelvis").xpos)[:2] / 2 - feet[:2]
        velocity = data.subtree_linvel[self._pelvis][:2] if data.subtree_linvel.any() else np.zeros(2)
        toward = lean + 0.1 * velocity
        axes = data.body("pelvis").xmat.reshape(3, 3)
        across = axes[:2, 1] if np.linalg.norm(axes[:2, 1]) > 0.3 else axes[:2, 0]
        across = across / max(float(np.linalg.norm(across)), 1e-6)
        ahead = np.array([across[1], -across[0]])
        local = np.array([toward @ ahead, toward @ across])
        return local / max(float(np.linalg.norm(local)), 1e-6)
