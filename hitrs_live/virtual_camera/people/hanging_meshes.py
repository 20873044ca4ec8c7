"""Build what hangs from a body and is not its surface: skirts and long hair, moved by the bones beneath."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hitrs_live.skeleton import NTU25
from hitrs_live.virtual_camera.people.rest_body import RestBody

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]


@dataclass(frozen=True, kw_only=True)
class HangingMesh:
    """Hold a mesh at rest and the bones that move it."""

    vertices_m: Floats
    faces: Ints
    bone_indices: Ints
    bone_weights: Floats


def skirt_mesh(rest: RestBody, surface_m: Floats, reach: float, flare: float) -> HangingMesh:
    """Hang a skirt from the hips. surface_m: (V, 3), the clothed body; reach: 1 to the knee; flare: 0 straight.

    Each row is as wide as the body beneath in every direction, and never narrower than the row above.
    """
    hip, knee = (
        (rest.joints_m[NTU25.index(f"left_{name}")] + rest.joints_m[NTU25.index(f"right_{name}")]) / 2
        for name in ("hip", "knee")
    )
    rows, columns = 9, 32
    angles = np.linspace(0, 2 * np.pi, columns, endpoint=False)
    outward = np.stack((np.sin(angles), np.cos(angles)), axis=1)
    share = np.linspace(0, 1, rows)
    top, bottom = hip[1] + 0.10, hip[1] + reach * (knee[1] - hip[1])
    heights = top + share * (bottom - top)
    arms = _moved_by(rest, ("upperarm", "lowerarm", "wrist", "shoulder", "clavicle"))
    body = surface_m[arms < 0.2]
    centre = np.array([0.0, hip[2]])
    radii = np.zeros((rows, columns))
    for row, height in enumerate(heights):
        slab = body[np.abs(body[:, 1] - height) < 0.035][:, [0, 2]] - centre
        # Support function: the convex outline, as cloth bridges what is hollow.
        radii[row] = (slab @ outward.T).max(0) + 0.006 if len(slab) else 0.0
    radii = np.maximum.accumulate(radii, axis=0) + flare * 0.12 * share[:, None] ** 1.3
    radii *= 1 + 0.05 * share[:, None] * np.cos(8 * angles)
    points = np.empty((rows, columns, 3), np.float32)
    points[..., [0, 2]] = centre + radii[..., None] * outward
    points[..., 1] = heights[:, None]
    low = share[:, None] ** 0.8
    # The back hangs from the pelvis, the front is pushed by the thighs.
    legs = low * (0.62 + 0.33 * np.cos(angles))
    left = np.clip(0.5 + 0.75 * np.sin(angles), 0, 1) * np.ones((rows, 1))
    names = ("root", "upperleg02.L", "upperleg02.R")
    weights = np.stack((1 - legs, legs * left, legs * (1 - left)), axis=-1)
    return _grid(rest, points, names, weights, closed=True)


def hair_mesh(rest: RestBody, surface_m: Floats, hanging_m: float, half_angle_deg: float) -> HangingMesh:
    """Hang hair down behind the head. surface_m: (V, 3), the clothed body, hair included."""
    on_head = _moved_by(rest, ("head",)) > 0.9
    skull = surface_m[on_head]
    middle, half = (skull.max(0) + skull.min(0)) / 2, (skull.max(0) - skull.min(0)) / 2
    trunk = surface_m[_moved_by(rest, ("spine", "neck", "clavicle", "shoulder")) > 0.5]
    rows, columns = 10, 17
    share = np.linspace(0, 1, rows)
    heights = middle[1] + 0.35 * half[1] - share * (hanging_m + 0.35 * half[1])
    spread = np.radians(np.linspace(-half_angle_deg, half_angle_deg, columns))
    outward = np.stack((np.sin(spread), -np.cos(spread)), axis=1)
    size = np.array([half[0] * 1.0, half[2] * 0.92]) * (1.0 if half_angle_deg > 60 else 0.55)
    back = middle[2] - half[2] * 0.1 - (0.0 if half_angle_deg > 60 else half[2] * 0.5)
    points = np.empty((rows, columns, 3), np.float32)
    for row, height in enumerate(heights):
        narrow = 1 - 0.18 * share[row] ** 2
        ring = outward * size * narrow
        near = trunk[np.abs(trunk[:, 1] - height) < 0.03]
        push = 0.0
        if len(near):
            centre_back = near[np.abs(near[:, 0]) < 0.1]
            behind = float(centre_back[:, 2].min()) if len(centre_back) else float(near[:, 2].min())
            push = max(0.0, float((back + ring[:, 1].min()) - behind) + 0.012)
        points[row, :, 0] = ring[:, 0]
        points[row, :, 1] = height
        points[row, :, 2] = back + ring[:, 1] - push
    down = np.clip((share - 0.35) / 0.5, 0, 1)[:, None] * np.ones((1, columns))
    weights = np.stack((1 - down, 0.45 * down, 0.55 * down), axis=-1)
    return _grid(rest, points, ("head", "neck01", "spine01"), weights, closed=False)


def _moved_by(rest: RestBody, stems: tuple[str, ...]) -> NDArray[np.floating]:
    belongs = np.array([name.startswith(stems) for name in rest.bone_names])
    result: NDArray[np.floating] = (rest.bone_weights * belongs[rest.bone_indices]).sum(1)
    return result


def _grid(
    rest: RestBody, points: Floats, names: tuple[str, ...], weights: NDArray[np.floating], *, closed: bool
) -> HangingMesh:
    """Join rows and columns of points (R, C, 3) to triangles; weights: (R, C, N) of the named bones."""
    rows, columns = points.shape[:2]
    number = np.arange(rows * columns).reshape(rows, columns)
    following = np.roll(number, -1, axis=1) if closed else number[:, 1:]
    current = number if closed else number[:, :-1]
    a, b, c, d = current[:-1], following[:-1], following[1:], current[1:]
    faces = np.concatenate((np.stack((a, d, b), -1).reshape(-1, 3), np.stack((b, d, c), -1).reshape(-1, 3)))
    indices = np.zeros((rows * columns, 4), np.int32)
    shares = np.zeros((rows * columns, 4), np.float32)
    for k, name in enumerate(names):
        indices[:, k] = rest.bone_names.index(name)
        shares[:, k] = weights[..., k].ravel()
    return HangingMesh(
        vertices_m=points.reshape(-1, 3), faces=faces.astype(np.int32), bone_indices=indices, bone_weights=shares
    )
