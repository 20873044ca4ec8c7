"""Furniture of boxes and ellipsoids: what stands on the floor."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.virtual_camera.scene import Block, Furniture, Scene
from hitrs_live.virtual_camera.surface_materials import draw_cloth, draw_paint, draw_wood
from hitrs_live.virtual_camera.textures import Material, colour_of
from hitrs_live.virtual_camera.wall_clutter import draw_wall_clutter

Floats = NDArray[np.float64]
_Box = tuple[tuple[float, float, float], tuple[float, float, float], Material]
"""Centre and half size about the middle of a piece's place on the floor, and its material."""


def _chair(rng: np.random.Generator) -> list[_Box]:
    seat, wide, deep = rng.uniform(0.42, 0.5), rng.uniform(0.2, 0.26), rng.uniform(0.2, 0.26)
    frame, cushion = draw_wood(rng), draw_cloth(rng) if rng.random() < 0.6 else draw_wood(rng)
    legs: list[_Box] = [
        ((x * (wide - 0.02), seat / 2, z * (deep - 0.02)), (0.02, seat / 2, 0.02), frame)
        for x in (-1, 1)
        for z in (-1, 1)
    ]
    back = rng.uniform(0.2, 0.32)
    return [
        *legs,
        ((0, seat, 0), (wide, 0.03, deep), cushion),
        ((0, seat + back, -deep), (wide, back * 0.7, 0.02), cushion),
        ((-wide, seat + back, -deep), (0.02, back, 0.02), frame),
        ((wide, seat + back, -deep), (0.02, back, 0.02), frame),
    ]


def _table(rng: np.random.Generator) -> list[_Box]:
    height = rng.uniform(0.42, 0.5) if rng.random() < 0.4 else rng.uniform(0.7, 0.78)
    wide, deep = rng.uniform(0.4, 0.9), rng.uniform(0.3, 0.45)
    top, leg = draw_wood(rng), draw_wood(rng)
    boxes: list[_Box] = [
        ((x * (wide - 0.05), height / 2, z * (deep - 0.05)), (0.03, height / 2, 0.03), leg)
        for x in (-1, 1)
        for z in (-1, 1)
    ]
    boxes.append(((0, height, 0), (wide, 0.02, deep), top))
    for _ in range(rng.integers(0, 5)):
        half = rng.uniform(0.03, 0.13, 3)
        x, z = rng.uniform(-1, 1) * (wide - half[0]), rng.uniform(-1, 1) * (deep - half[2])
        boxes.append(((x, height + 0.02 + half[1], z), tuple(half), draw_paint(rng)))
    return boxes


def _sofa(rng: np.random.Generator) -> list[_Box]:
    cloth, wide = draw_cloth(rng), rng.uniform(0.45, 1.05)
    seat, back, deep = rng.uniform(0.36, 0.44), rng.uniform(0.72, 0.9), rng.uniform(0.38, 0.46)
    boxes: list[_Box] = [
        ((0, seat / 2, 0), (wide, seat / 2, deep), cloth),
        ((0, back / 2, -deep + 0.08), (wide, back / 2, 0.1), cloth),
        *(((x * wide, seat * 0.7, 0), (0.1, seat * 0.7, deep), cloth) for x in (-1.0, 1.0)),
    ]
    for _ in range(rng.integers(0, 4)):
        x = rng.uniform(-0.8, 0.8) * wide
        boxes.append(((x, seat + 0.17, -deep + 0.24), (0.2, 0.17, 0.07), draw_cloth(rng)))
    return boxes


def _shelf(rng: np.random.Generator) -> list[_Box]:
    wide, height, deep = rng.uniform(0.35, 0.7), rng.uniform(0.8, 2.1), rng.uniform(0.14, 0.2)
    wood = draw_wood(rng)
    boxes: list[_Box] = [
        *(((x * wide, height / 2, 0), (0.015, height / 2, deep), wood) for x in (-1.0, 1.0)),
        ((0, height / 2, -deep), (wide, height / 2, 0.01), wood),
    ]
    levels = max(2, round(height / 0.36))
    for level in range(levels + 1):
        y = level * (height - 0.03) / levels + 0.015
        boxes.append(((0, y, 0), (wide, 0.012, deep), wood))
        x = -wide + 0.03
        while level < levels and x < wide - 0.1 and len(boxes) < 40:
            thick, tall = rng.uniform(0.015, 0.09), rng.uniform(0.08, 0.14)
            if rng.random() < 0.75:
                boxes.append(((x + thick, y + tall, 0.02), (thick, tall, deep * 0.7), draw_paint(rng)))
            x += 2 * thick + rng.uniform(0.0, 0.12)
    return boxes


def _cupboard(rng: np.random.Generator) -> list[_Box]:
    wide, height, deep = rng.uniform(0.35, 0.9), rng.uniform(0.6, 2.1), rng.uniform(0.2, 0.3)
    wood = draw_wood(rng)
    door = _vary_material(rng, wood)
    doors = int(rng.integers(1, 4))
    boxes: list[_Box] = [((0, height / 2, 0), (wide, height / 2, deep), wood)]
    for number in range(doors):
        x = -wide + wide * (2 * number + 1) / doors
        boxes.append(((x, height / 2, deep), (wide / doors - 0.015, height / 2 - 0.04, 0.012), door))
        boxes.append(((x + wide / doors - 0.07, height / 2, deep + 0.02), (0.012, 0.05, 0.015), draw_paint(rng)))
    return boxes


def _bed(rng: np.random.Generator) -> list[_Box]:
    wide, cloth = rng.uniform(0.45, 0.8), draw_cloth(rng)
    pillow = Material(pattern="plain", colour=(0.9, 0.9, 0.88))
    return [
        ((0, 0.15, 0), (wide, 0.15, 1.0), draw_wood(rng)),
        ((0, 0.4, 0.1), (wide, 0.12, 0.9), cloth),
        ((0, 0.45, -1.0), (wide, 0.45, 0.04), draw_wood(rng)),
        ((0, 0.52, -0.75), (wide * 0.7, 0.07, 0.18), pillow),
    ]


def _crate(rng: np.random.Generator) -> list[_Box]:
    half = rng.uniform(0.12, 0.32, 3)
    return [((0, half[1], 0), tuple(half), draw_wood(rng) if rng.random() < 0.5 else draw_paint(rng))]


PIECES: Final[Sequence[tuple[Callable[[np.random.Generator], list[_Box]], float, float]]] = (
    (_chair, 0.35, 0.26), (_table, 0.75, 0.16), (_sofa, 0.9, 0.14), (_shelf, 0.55, 0.16), (_cupboard, 0.7, 0.12),
    (_bed, 1.2, 0.05), (_crate, 0.35, 0.11),
)  # fmt: skip
"""What makes a piece, the radius that it takes, and its share among all furniture."""
_OUTDOORS: Final = (_chair, _table, _crate)
_AGAINST_WALL: Final = (_sofa, _shelf, _cupboard, _bed)


def draw_furniture(rng: np.random.Generator, scene: Scene, *, keep_clear: Floats, most: int = 9) -> list[Furniture]:
    """Draw furniture, plants, lamps, and in rooms what hangs on the walls.

    keep_clear: (N, 2), x and z of places that people come to. Nothing stands within half a metre of them.
    """
    pieces: list[Furniture] = []
    wanted = int(rng.integers(0, most)) // (2 if scene.outdoors else 1)
    for _ in range(wanted):
        make, radius, _ = _draw_piece(rng)
        if scene.outdoors and make not in _OUTDOORS:
            continue
        for _ in range(8):
            centre, yaw = _draw_place(rng, scene, radius, against_wall=make in _AGAINST_WALL and not scene.outdoors)
            if is_free(centre, radius, keep_clear, pieces):
                pieces.append(place(make(rng), centre, yaw, radius))
                break
    for _ in range(rng.integers(0, 3)):
        centre, _ = _draw_place(rng, scene, 0.3, against_wall=not scene.outdoors)
        if is_free(centre, 0.3, keep_clear, pieces):
            pieces.append(_plant(rng, centre) if rng.random() < 0.6 or scene.outdoors else _lamp(rng, centre))
    if not scene.outdoors:
        pieces.append(Furniture(blocks=tuple(draw_wall_clutter(rng, scene)), centre=(0, 0), radius_m=0))
        if rng.random() < 0.35:
            pieces.append(_rug(rng, keep_clear))
    return pieces


def draw_occluder(rng: np.random.Generator, *, eye: Floats, person: Floats, keep_clear: Floats) -> Furniture | None:
    """Draw a piece of furniture between the camera and a person; None where there is no room for one."""
    for _ in range(6):
        make = (_chair, _table, _sofa, _crate, _cupboard)[rng.integers(5)]
        radius = next(radius for one, radius, _ in PIECES if one is make)
        share = rng.uniform(0.35, 0.8)
        along = person[[0, 2]] - eye[[0, 2]]
        side = np.array((-along[1], along[0])) / max(float(np.linalg.norm(along)), 1e-6)
        spot = eye[[0, 2]] + share * along + side * rng.normal(0, 0.35)
        centre = (float(spot[0]), float(spot[1]))
        if is_free(centre, radius, keep_clear, ()) and np.linalg.norm(spot - eye[[0, 2]]) > radius + 0.25:
            return replace(place(make(rng), centre, float(rng.uniform(0, 2 * np.pi)), radius), movable=False)
    return None


def place(boxes: Sequence[_Box], centre: tuple[float, float], yaw: float, radius_m: float) -> Furniture:
    """Put a piece at a place on the floor, turned by yaw radians."""
    cos, sin = np.cos(yaw), np.sin(yaw)
    blocks = tuple(
        Block(
            centre=(float(centre[0] + cos * x + sin * z), float(y), float(centre[1] - sin * x + cos * z)),
            half=(float(half[0]), float(half[1]), float(half[2])),
            yaw=float(yaw),
            material=material,
        )
        for (x, y, z), half, material in boxes
    )
    return Furniture(blocks=blocks, centre=centre, radius_m=radius_m)


def is_free(centre: tuple[float, float], radius_m: float, keep_clear: Floats, pieces: Sequence[Furniture]) -> bool:
    """Return whether a circle on the floor keeps its distance from people's places and from other furniture."""
    apart = np.linalg.norm(keep_clear - np.array(centre), axis=1).min() if len(keep_clear) else np.inf
    return bool(apart > radius_m + 0.45) and all(
        np.hypot(centre[0] - one.centre[0], centre[1] - one.centre[1]) > 0.8 * (radius_m + one.radius_m)
        for one in pieces
    )


def _draw_piece(rng: np.random.Generator) -> tuple[Callable[[np.random.Generator], list[_Box]], float, float]:
    shares = np.array([share for _, _, share in PIECES])
    return PIECES[rng.choice(len(PIECES), p=shares / shares.sum())]


def _draw_place(
    rng: np.random.Generator, scene: Scene, radius: float, *, against_wall: bool
) -> tuple[tuple[float, float], float]:
    """Return x and z of a place in the room, and the yaw that turns its front away from the nearest wall."""
    low, high = np.array(scene.low), np.array(scene.high)
    spot = rng.uniform(low + radius, np.maximum(high - radius, low + radius + 0.01))
    yaw = rng.uniform(0, 2 * np.pi)
    if against_wall:
        wall = int(rng.integers(4))
        near = min(0.5, radius * 0.6)
        axis = 0 if wall < 2 else 1
        spot[axis] = low[axis] + near if wall % 2 == 0 else high[axis] - near
        yaw = (np.pi / 2, -np.pi / 2, 0.0, np.pi)[wall]
    return (float(spot[0]), float(spot[1])), float(yaw)


def _plant(rng: np.random.Generator, centre: tuple[float, float]) -> Furniture:
    height = rng.uniform(0.3, 1.1)
    leaves = [
        Block(
            centre=(
                float(centre[0] + rng.normal(0, 0.1)), float(height + rng.normal(0, 0.15)),
                float(centre[1] + rng.normal(0, 0.1)),
            ),
            half=tuple(rng.uniform(0.06, 0.25, 3)), yaw=float(rng.uniform(0, 6)), round=True,
            material=Material(pattern="grass", colour=(0.16, 0.34, 0.12), second=(0.3, 0.42, 0.15)),
        )
        for _ in range(rng.integers(4, 9))
    ]  # fmt: skip
    pot = Block(centre=(centre[0], 0.15, centre[1]), half=(0.14, 0.15, 0.14), material=draw_paint(rng))
    stem = Block(centre=(centre[0], height / 2, centre[1]), half=(0.015, height / 2, 0.015), material=draw_wood(rng))
    return Furniture(blocks=(pot, stem, *leaves), centre=centre, radius_m=0.3)


def _lamp(rng: np.random.Generator, centre: tuple[float, float]) -> Furniture:
    height = float(rng.uniform(1.2, 1.7))
    shade = Material(pattern="plain", colour=(1.0, 0.93, 0.75), glow=float(rng.uniform(0.3, 0.9)))
    blocks = (
        Block(centre=(centre[0], height / 2, centre[1]), half=(0.012, height / 2, 0.012), material=draw_paint(rng)),
        Block(centre=(centre[0], 0.015, centre[1]), half=(0.14, 0.015, 0.14), material=draw_paint(rng)),
        Block(centre=(centre[0], height, centre[1]), half=(0.17, 0.14, 0.17), material=shade, round=True),
    )
    return Furniture(blocks=blocks, centre=centre, radius_m=0.3)


def _rug(rng: np.random.Generator, keep_clear: Floats) -> Furniture:
    middle = np.median(keep_clear, axis=0) + rng.normal(0, 0.5, 2)
    half = (float(rng.uniform(0.6, 1.6)), 0.006, float(rng.uniform(0.5, 1.2)))
    block = Block(
        centre=(float(middle[0]), 0.0, float(middle[1])),
        half=half,
        yaw=float(rng.uniform(0, 6)),
        material=draw_cloth(rng),
    )
    return Furniture(blocks=(block,), centre=(float(middle[0]), float(middle[1])), radius_m=0)


def _vary_material(rng: np.random.Generator, material: Material) -> Material:
    shade = rng.uniform(0.8, 1.1)
    return replace(material, colour=colour_of(np.array(material.colour) * shade))
