"""Say where on a body each vertex lies: how far along arm and leg, how high on the trunk, where on the head."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hitrs_live.skeleton import NTU25
from hitrs_live.virtual_camera.people.rest_body import RestBody

Floats = NDArray[np.float32]
# Along the arm or leg, for what belongs to the trunk.
_TRUNK = -0.3


@dataclass(frozen=True, kw_only=True)
class BodyCoordinates:
    """Hold the coordinates of all V vertices of a body at rest."""

    arm: Floats
    """(V,), 0 at the shoulder, 1 at the elbow, 2 at the wrist; negative on the trunk."""
    leg: Floats
    """(V,), 0 at the hip, 1 at the knee, 2 at the ankle; negative on the trunk."""
    on_arm: Floats
    """(V,), 0 to 1, how much the arm's bones move the vertex."""
    on_leg: Floats
    on_head: Floats
    on_foot: Floats
    height: Floats
    """(V,), on the trunk: 0 at the hip joints, 1 at the shoulder joints, about 1.2 at the chin."""
    from_neck_m: Floats
    """(V, 3), from the base of the neck, metres."""
    head: Floats
    """(V, 3), from the middle of the head in halves of its size: x left, y up, z front."""
    arm_m: float
    """Length of the upper arm."""
    leg_m: float
    """Length of the thigh."""
    chest_height_m: float
    """Height of the middle of the chest at rest."""
    trunk_m: float
    """From the hip joints to the shoulder joints."""


def body_coordinates(rest: RestBody) -> BodyCoordinates:
    """Compute the coordinates of a body at rest."""
    vertices = rest.vertices_m
    joint = {name: rest.joints_m[k] for k, name in enumerate(NTU25.joints)}
    on_arm = _share(rest, ("upperarm", "lowerarm", "wrist"))
    on_leg = _share(rest, ("upperleg", "lowerleg", "foot"))
    on_head = _share(rest, ("head", "neck03"))
    arm = _along(rest, ("shoulder", "elbow", "wrist"), ("lowerarm", "wrist"), on_arm)
    leg = _along(rest, ("hip", "knee", "ankle"), ("lowerleg", "foot"), on_leg)
    hips = (joint["left_hip"] + joint["right_hip"]) / 2
    shoulders = (joint["left_shoulder"] + joint["right_shoulder"]) / 2
    trunk_m = float(shoulders[1] - hips[1])
    neck = rest.head("neck01") + np.array([0, 0.0, 0.01])
    away = vertices - neck
    skull = vertices[on_head > 0.9]
    middle, half = (skull.max(0) + skull.min(0)) / 2, (skull.max(0) - skull.min(0)) / 2
    return BodyCoordinates(
        arm=arm, leg=leg, on_arm=on_arm, on_leg=on_leg, on_head=on_head, on_foot=_share(rest, ("foot",)),
        height=((vertices[:, 1] - hips[1]) / trunk_m).astype(np.float32),
        from_neck_m=away.astype(np.float32),
        head=((vertices - middle) / half).astype(np.float32),
        arm_m=float(np.linalg.norm(joint["left_elbow"] - joint["left_shoulder"])),
        leg_m=float(np.linalg.norm(joint["left_knee"] - joint["left_hip"])),
        chest_height_m=float(hips[1] + 0.7 * trunk_m),
        trunk_m=trunk_m,
    )  # fmt: skip


def _share(rest: RestBody, stems: tuple[str, ...]) -> Floats:
    """Return how much (V,) the bones whose names begin so move each vertex, 0 to 1."""
    belongs = np.array([name.startswith(stems) for name in rest.bone_names])
    result: Floats = (rest.bone_weights * belongs[rest.bone_indices]).sum(1).astype(np.float32)
    return result


def _along(rest: RestBody, names: tuple[str, str, str], lower: tuple[str, ...], share: Floats) -> Floats:
    """Return how far (V,) along a limb of two bones each vertex lies: 0, 1 and 2 at its three joints."""
    vertices = rest.vertices_m
    is_left = vertices[:, 0] > 0
    places = []
    for start, end in ((names[0], names[1]), (names[1], names[2])):
        one, other = (
            np.where(is_left[:, None], *(rest.joints_m[NTU25.index(f"{side}_{name}")] for side in ("left", "right")))
            for name in (start, end)
        )
        bone = other - one
        places.append(np.sum((vertices - one) * bone, axis=1) / np.sum(bone * bone, axis=1))
    on_lower = _share(rest, lower)
    place = (1 - on_lower) * np.clip(places[0], -0.5, 1.3) + on_lower * (1 + places[1])
    result: Floats = (share * place + (1 - share) * _TRUNK).astype(np.float32)
    return result
