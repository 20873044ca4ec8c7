"""Read the channels of a motion as the pose of a body: columns by name, and the axes of the trunk."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.skeleton import NTU25
from hitrs_live.synthesis.anthropometry import BodyProportions
from hitrs_live.synthesis.channels import INDEX, limit
from hitrs_live.synthesis.rotations import about_x, about_y, about_z

Floats = NDArray[np.floating]

SIGNS: Final = {"left": 1.0, "right": -1.0}
"""Direction of outward along x, by side."""
ABOVE_FLOOR_M: Final = 0.02
"""Least height of a joint."""
_LOWER_SPINE = 0.4
_LOWER_NECK = 0.4
"""Share of the spine's and the head's rotation in the lower of their two segments."""


class PoseChannels:
    """The channels of a motion as columns, and the axes of the trunk."""

    def __init__(self, channels: Floats, body: BodyProportions) -> None:
        self.body = body
        self._columns = np.ascontiguousarray(limit(channels).T)
        heading = about_y(self["root.heading"])
        self.heading = heading
        self.place = np.stack((self["root.x"], np.zeros(len(channels), np.float32), self["root.z"]), axis=1)
        tilt = about_x(self["pelvis.pitch"]) @ about_z(-self["pelvis.roll"])
        self.pelvis = heading @ about_y(self["pelvis.turn"]) @ tilt
        self.lower_spine = self.pelvis @ self._bend(_LOWER_SPINE)
        self.chest = self.pelvis @ self._bend(1.0)
        self.neck = self.chest @ self._nod(_LOWER_NECK)
        self.head = self.chest @ self._nod(1.0)

    def __getitem__(self, name: str) -> Floats:
        column: Floats = self._columns[INDEX[name]]
        return column

    def vector(self, x: str, y: str, z: str, *, side: str | None = None) -> Floats:
        """Return three channels as vectors, (T, 3); of a side, x is outward."""
        sign = SIGNS[side] if side else 1.0
        return np.stack((sign * self[x], self[y], self[z]), axis=1).astype(np.float32)

    def _bend(self, share: float) -> Floats:
        return (
            about_y(share * self["spine.turn"])
            @ about_x(share * self["spine.flexion"])
            @ about_z(-share * self["spine.side"])
        )

    def _nod(self, share: float) -> Floats:
        turn, nod, tilt = (share * self[f"head.{name}"] for name in ("turn", "nod", "tilt"))
        return about_y(turn) @ about_x(nod) @ about_z(-tilt)


class JointColumns:
    """Read and write columns of joints by name. joints: (T, 25, 3)."""

    def __init__(self, joints: Floats) -> None:
        self._joints = joints

    def __getitem__(self, name: str) -> Floats:
        column: Floats = self._joints[:, NTU25.index(name)]
        return column

    def __setitem__(self, name: str, value: Floats) -> None:
        self._joints[:, NTU25.index(name)] = value


def upward(length_m: float) -> Floats:
    """Return a vector of that length up the y axis, (3,)."""
    return np.array((0, length_m, 0), np.float32)
