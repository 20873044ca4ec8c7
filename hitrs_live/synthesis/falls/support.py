"""Say what a simulated person stands on, where the balance lies, and what touches the floor."""

from typing import Any, Final

import numpy as np

from hitrs_live.synthesis.falls.body_shape import Floats
from hitrs_live.synthesis.falls.humanoid import Humanoid
from hitrs_live.synthesis.falls.physics import load_mujoco

_GRAVITY_M_S2: Final = 9.81
_DIRECTIONS: Final = np.stack(
    [np.cos(np.linspace(0, 2 * np.pi, 48, endpoint=False)), np.sin(np.linspace(0, 2 * np.pi, 48, endpoint=False))]
)
_OUTSIDE_M: Final = -0.5
"""Margin of a person whom nothing carries."""
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
        """Return (N, 2): where feet touch floor or step, and pelvis and thighs a seat."""
        pairs = np.asarray(data.contact.geom)
        floor, box = (pairs == self._floor).any(1), (pairs == self._box).any(1)
        carries = np.isin(pairs, self._feet).any(1) & (floor | box) | np.isin(pairs, self._seat).any(1) & box
        return np.asarray(data.contact.pos, np.float64)[carries, :2]

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
