"""Draw hair, brows and beards: where they cover the head, how far they stand off, and what hangs down."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hitrs_live.virtual_camera.people.body_coordinates import BodyCoordinates
from hitrs_live.virtual_camera.people.colours import cloth_colour

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Hair:
    """Describe the hair of one head."""

    cover_m: Floats
    """(V,), above 0 where hair, a scarf or a cap covers the head; about metres."""
    brows_m: Floats
    """(V,), above 0 on brows and beard."""
    thickness_m: Floats
    """(V,), how far the hair stands off."""
    colour: Floats
    brows: Floats
    hanging_m: float
    """How far long hair hangs below the middle of the head; 0 for short hair."""
    hanging_half_angle_deg: float
    """How far round the head, from the back, the hanging hair reaches: 40 for a pony tail, 115 for open hair."""


def draw_hair(at: BodyCoordinates, hair: Floats, rng: np.random.Generator, *, feminine: float, is_child: bool) -> Hair:
    """Draw a hair style. hair: its colour (3,); feminine: 0 to 1, how likely long hair is."""
    x, y, z = at.head.T
    chances = np.array([0.10 * (1 - feminine), 0.5 - 0.35 * feminine, 0.1, 0.3 * feminine, 0.22 * feminine, 0.06, 0.05])
    if is_child:
        chances[0] = 0
    kinds = ("shaved", "short", "full", "long", "pony_tail", "cap", "scarf")
    kind = str(rng.choice(kinds, p=chances / chances.sum()))
    # From the forehead down behind the ears: higher in front, to the neck at the back.
    front = float(rng.uniform(0.5, 0.62))
    slope = float(rng.uniform(0.85, 1.1))
    line = np.where(z > 0, front + 0.25 * z - 0.35 * np.abs(x) ** 2, front + slope * z * 1.25)
    cover = (y - np.maximum(line, -0.75)) * 0.11 + rng.normal(0, 0.0015, len(y))
    stands = {
        "shaved": 0.0,
        "short": 0.012,
        "full": 0.045,
        "long": 0.018,
        "pony_tail": 0.006,
        "cap": 0.014,
        "scarf": 0.016,
    }
    amount = stands[kind] * float(rng.uniform(0.7, 1.3))
    colour = hair
    if kind == "cap":
        cover, colour = (y - 0.45 - 0.1 * z) * 0.11, cloth_colour(rng)
    if kind == "scarf":
        face = np.hypot(x / 0.75, (y + 0.12) / 0.78)
        cover = np.where(z > 0.1, (face - 1) * 0.08, 0.08)
        colour = cloth_colour(rng)
    on_head = (
        at.on_head
        if kind != "scarf"
        else np.maximum(at.on_head, np.clip(1.5 - np.linalg.norm(at.from_neck_m, axis=1) / 0.1, 0, 1))
    )
    cover = np.minimum(cover, (on_head - 0.5) * 0.1)
    hanging = {"long": float(rng.uniform(0.18, 0.42)), "pony_tail": float(rng.uniform(0.2, 0.34))}.get(kind, 0.0)
    return Hair(
        cover_m=cover.astype(np.float32), brows_m=_brows(at, rng, feminine=feminine, is_child=is_child),
        thickness_m=(amount * np.clip(cover / 0.02, 0, 1)).astype(np.float32), colour=colour, brows=hair * 0.8,
        hanging_m=hanging, hanging_half_angle_deg=float(rng.uniform(95, 125)) if kind == "long" else 28.0,
    )  # fmt: skip


def _brows(at: BodyCoordinates, rng: np.random.Generator, *, feminine: float, is_child: bool) -> Floats:
    """Return cover (V,) of the brows, and of a beard for some."""
    x, y, z = at.head.T
    brow = float(rng.uniform(0.028, 0.045)) - np.abs(y - 0.17 - 0.12 * (np.abs(x) - 0.14))
    brow = np.minimum(brow, np.minimum(np.abs(x) - 0.13, 0.6 - np.abs(x)))
    cover = np.where(z > 0.5, brow * 0.1, -0.01)
    if not is_child and rng.random() < 0.35 * (1 - feminine):
        chin = np.minimum(-0.42 - y, z - 0.05)
        lips = np.maximum(np.abs(x) - 0.26, np.abs(y + 0.47) - 0.09)
        cover = np.maximum(cover, np.where(at.on_head > 0.6, np.minimum(chin, lips) * 0.1, -0.01))
    result: Floats = cover.astype(np.float32)
    return result
