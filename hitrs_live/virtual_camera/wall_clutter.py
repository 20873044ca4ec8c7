"""What hangs on the walls of a room: pictures, windows, doors, screens, curtains, shelves."""

from dataclasses import replace

import numpy as np

from hitrs_live.virtual_camera.scene import Block, Scene
from hitrs_live.virtual_camera.surface_materials import draw_cloth, draw_wood
from hitrs_live.virtual_camera.textures import Material, colour_of


def draw_wall_clutter(rng: np.random.Generator, scene: Scene) -> list[Block]:
    """Draw pictures, windows, doors, screens and curtains on the walls."""
    blocks: list[Block] = []
    for wall in range(4):
        axis, end = (0, 2)[wall // 2], (scene.low, scene.high)[wall % 2][wall // 2]
        along_low, along_high = (scene.low[1 - wall // 2], scene.high[1 - wall // 2])
        position = along_low + rng.uniform(0.2, 1.0)
        while position < along_high - 0.4:
            wide, y, tall, thick, material = _draw_hanging(rng, scene)
            if position + 2 * wide > along_high - 0.1:
                break
            blocks.append(_on_wall(axis, end, position + wide, y, (wide, tall, thick), material))
            if material.glow > 0:
                frame = Material(pattern="plain", colour=colour_of(rng.uniform(0.3, 0.95) * np.ones(3)))
                blocks += [
                    _on_wall(axis, end, position + wide + x * wide, y + h * tall, (a, b, thick + 0.01), frame)
                    for x, h, a, b in _window_bars(wide, tall)
                ]
            position += 2 * wide + rng.exponential(0.9) + 0.15
    return blocks


def _on_wall(
    axis: int, end: float, along: float, y: float, half: tuple[float, float, float], material: Material
) -> Block:
    """Put a block on a wall across an axis (0 or 2). half: along the wall, up, and out of it."""
    wide, tall, thick = half
    if axis == 0:
        return Block(centre=(end, y, along), half=(thick, tall, wide), material=material)
    return Block(centre=(along, y, end), half=(wide, tall, thick), material=material)


def _window_bars(wide: float, tall: float) -> list[tuple[float, float, float, float]]:
    """Return place (shares of the window's half size) and half size of each bar of a window's frame."""
    bar = 0.025
    return [
        *((x, 0.0, bar, tall + bar) for x in (-1.0, 0.0, 1.0)), *((0.0, h, wide + bar, bar) for h in (-1.0, 1.0)),
    ]  # fmt: skip


def _draw_hanging(rng: np.random.Generator, scene: Scene) -> tuple[float, float, float, float, Material]:
    """Return half width, height of the middle, half height, half thickness and material of a thing on a wall."""
    kind = rng.random()
    if kind < 0.14:
        return 0.42, 1.02, 1.02, 0.03, draw_wood(rng)
    if kind < 0.34:
        glow = float(rng.uniform(0.2, 1.0))
        window = Material(pattern="picture", colour=(0.9, 0.95, 1.0), second=(0.78, 0.87, 0.9), glow=glow)
        return float(rng.uniform(0.35, 0.9)), 1.45, float(rng.uniform(0.4, 0.7)), 0.02, window
    if kind < 0.46:
        tall = (scene.height_m - 0.3) / 2
        return float(rng.uniform(0.2, 0.5)), tall + 0.05, tall, 0.05, replace(draw_cloth(rng), pattern="stripes")
    if kind < 0.56:
        screen = Material(pattern="plain", colour=(0.04, 0.04, 0.05))
        return float(rng.uniform(0.35, 0.65)), 1.2, float(rng.uniform(0.22, 0.38)), 0.04, screen
    if kind < 0.68:
        return float(rng.uniform(0.3, 0.6)), float(rng.uniform(1.1, 1.8)), 0.02, 0.14, draw_wood(rng)
    picture = Material(
        pattern="picture", colour=colour_of(rng.uniform(0, 1, 3)), second=colour_of(rng.uniform(0, 1, 3)),
        phase=int(rng.integers(99)),
    )  # fmt: skip
    return float(rng.uniform(0.12, 0.5)), float(rng.uniform(1.2, 1.9)), float(rng.uniform(0.12, 0.4)), 0.02, picture
