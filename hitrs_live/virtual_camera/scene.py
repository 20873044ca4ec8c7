"""Places for people to be filmed in: rooms with furniture, and the outdoors; where the light comes from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.virtual_camera.textures import Colour, Material

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Block:
    """A box, or an ellipsoid, that may be turned about the vertical. Metres, in the axes of the scene."""

    centre: tuple[float, float, float]
    half: tuple[float, float, float]
    """Half its size along its own x, y and z."""
    yaw: float = 0.0
    """Turn about the vertical, radians."""
    material: Material
    round: bool = False


@dataclass(frozen=True, kw_only=True)
class Furniture:
    """Blocks that stand together, and the circle on the floor that they take."""

    blocks: tuple[Block, ...]
    centre: tuple[float, float]
    """x and z."""
    radius_m: float
    movable: bool = True
    """Whether it is left out where it would hide people; False for what is meant to."""


@dataclass(frozen=True, kw_only=True)
class SceneLight:
    """The light of a scene: one source far away, and light from all sides."""

    direction: tuple[float, float, float]
    """Unit vector towards the source."""
    strength: float
    colour: Colour
    ambient: float
    """Light from all sides, as a share."""
    shadow: float
    """How dark a shadow is, 0 to 1."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A place. The floor is at y = 0; a room's walls are parallel to x and z."""

    low: tuple[float, float]
    """x and z of the room's corner; of no meaning outdoors."""
    high: tuple[float, float]
    height_m: float
    outdoors: bool
    floor: Material
    walls: tuple[Material, Material, Material, Material]
    """At the lowest x, the highest x, the lowest z, the highest z."""
    ceiling: Material
    furniture: tuple[Furniture, ...]
    light: SceneLight
    sky: tuple[Colour, Colour] = ((0.75, 0.83, 0.92), (0.35, 0.55, 0.85))
    """Colour at the horizon, and above."""

    @property
    def blocks(self) -> Sequence[Block]:
        """All blocks of all furniture."""
        return [block for one in self.furniture for block in one.blocks]


FLOORS: Final = (
    ("tiles", (0.72, 0.70, 0.66), (0.45, 0.43, 0.40), (0.25, 0.6), 0.22),
    ("planks", (0.55, 0.38, 0.24), (0.3, 0.2, 0.1), (0.09, 0.2), 0.34),
    ("carpet", (0.45, 0.42, 0.42), (0.3, 0.3, 0.3), (0.4, 0.5), 0.22),
    ("speckled", (0.55, 0.55, 0.55), (0.4, 0.4, 0.4), (0.4, 0.5), 0.12),
    ("checks", (0.8, 0.8, 0.78), (0.35, 0.35, 0.38), (0.25, 0.5), 0.04),
    ("plain", (0.6, 0.6, 0.62), (0.5, 0.5, 0.5), (0.4, 0.5), 0.06),
)
"""Pattern, colours, range of its scale in metres, share of rooms."""
GROUNDS: Final = (
    ("grass", (0.28, 0.42, 0.16), (0.45, 0.48, 0.22), (0.4, 0.5), 0.45),
    ("speckled", (0.42, 0.42, 0.43), (0.4, 0.4, 0.4), (0.4, 0.5), 0.25),
    ("tiles", (0.6, 0.57, 0.53), (0.4, 0.38, 0.36), (0.2, 0.5), 0.15),
    ("speckled", (0.68, 0.6, 0.45), (0.5, 0.5, 0.5), (0.4, 0.5), 0.15),
)
_WALLS: Final = (("plain", 0.7), ("bricks", 0.08), ("stripes", 0.08), ("planks", 0.07), ("tiles", 0.07))
_LEAST_ROOM_M: Final = 1.2
"""The walls are at least this far from where people go."""


def draw_scene(
    rng: np.random.Generator, *, reach: tuple[Floats, Floats], eye: Floats, outdoors_share: float = 0.15
) -> Scene:
    """Draw a place without furniture.

    reach: lowest and highest (x, y, z) that people's joints come to; eye: (3,), where the camera is. Both are inside.
    """
    low, high = np.minimum(reach[0], eye), np.maximum(reach[1], eye)
    outdoors = bool(rng.random() < outdoors_share)
    more = rng.uniform(0.2, 3.0, 4)
    corner_low = np.minimum(low[[0, 2]] - 0.3, reach[0][[0, 2]] - _LEAST_ROOM_M * 0.6) - more[:2]
    corner_high = np.maximum(high[[0, 2]] + 0.3, reach[1][[0, 2]] + _LEAST_ROOM_M * 0.6) + more[2:]
    kind = _choose(rng, GROUNDS if outdoors else FLOORS)
    wall = _wall(rng)
    accent = _wall(rng) if rng.random() < 0.3 else wall
    return Scene(
        low=(float(corner_low[0]), float(corner_low[1])),
        high=(float(corner_high[0]), float(corner_high[1])),
        height_m=float(max(rng.uniform(2.3, 3.4), eye[1] + 0.15, reach[1][1] + 0.25)),
        outdoors=outdoors,
        floor=kind,
        walls=(wall, wall, accent, wall) if rng.random() < 0.5 else (accent, wall, wall, wall),
        ceiling=Material(pattern="plain", colour=_vary(rng, (0.86, 0.86, 0.84), 0.08)),
        furniture=(),
        light=_draw_light(rng, outdoors),
        sky=(_vary(rng, (0.75, 0.82, 0.9), 0.12), _vary(rng, (0.4, 0.58, 0.85), 0.15)),
    )


def _choose(
    rng: np.random.Generator, kinds: Sequence[tuple[str, Colour, Colour, tuple[float, float], float]]
) -> Material:
    shares = np.array([kind[-1] for kind in kinds])
    pattern, colour, second, scale, _ = kinds[rng.choice(len(kinds), p=shares / shares.sum())]
    return Material(
        pattern=pattern,
        colour=_vary(rng, colour, 0.14),
        second=_vary(rng, second, 0.08),
        scale_m=float(rng.uniform(*scale)),
        phase=int(rng.integers(100)),
    )


def _wall(rng: np.random.Generator) -> Material:
    pattern = str(rng.choice([name for name, _ in _WALLS], p=[share for _, share in _WALLS]))
    base = {"bricks": (0.55, 0.32, 0.25), "planks": (0.6, 0.45, 0.3)}.get(pattern)
    grey = rng.uniform(0.5, 0.98)
    colour = _vary(rng, base or (grey, grey, grey), 0.1)
    second = (0.7, 0.68, 0.64) if pattern == "bricks" else tuple(min(1.0, c * rng.uniform(0.8, 1.1)) for c in colour)
    scale = {"bricks": 0.24, "planks": 0.12, "tiles": 0.2}.get(pattern, float(rng.uniform(0.1, 0.4)))
    return Material(
        pattern=pattern, colour=colour, second=(second[0], second[1], second[2]), scale_m=scale,
        phase=int(rng.integers(100)),
    )  # fmt: skip


def _draw_light(rng: np.random.Generator, outdoors: bool) -> SceneLight:
    azimuth = rng.uniform(0, 2 * np.pi)
    height = np.deg2rad(rng.uniform(25, 75) if outdoors else rng.uniform(40, 85))
    cloudy = outdoors and rng.random() < 0.4
    ambient = float(rng.uniform(0.65, 0.8) if cloudy else rng.uniform(0.4, 0.65))
    return SceneLight(
        direction=(
            float(np.cos(height) * np.cos(azimuth)), float(np.sin(height)), float(np.cos(height) * np.sin(azimuth))
        ),
        strength=float(1.05 - ambient + rng.uniform(-0.1, 0.15)),
        colour=_vary(rng, (1.0, 0.97, 0.92), 0.06),
        ambient=ambient,
        shadow=float(rng.uniform(0.05, 0.2) if cloudy else rng.uniform(0.2, 0.6)),
    )  # fmt: skip


def _vary(rng: np.random.Generator, colour: Colour, by: float) -> Colour:
    """Return a colour brighter or darker, and with another tone."""
    varied = np.clip(np.array(colour) * rng.uniform(1 - 2 * by, 1 + by) + rng.uniform(-by, by, 3) * 0.3, 0.02, 1)
    return (float(varied[0]), float(varied[1]), float(varied[2]))
