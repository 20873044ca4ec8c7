"""Materials of furniture: wood, cloth, and plain paint of any colour."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from hitrs_live.virtual_camera.textures import Colour, Material, colour_of

_WOODS: Final[Sequence[Colour]] = (
    (0.5, 0.33, 0.2), (0.66, 0.5, 0.33), (0.3, 0.2, 0.13), (0.85, 0.83, 0.8), (0.2, 0.2, 0.22), (0.75, 0.62, 0.45),
)  # fmt: skip


def draw_wood(rng: np.random.Generator) -> Material:
    """Draw a kind of wood, or a painted board."""
    colour = _WOODS[int(rng.integers(len(_WOODS)))]
    return Material(pattern="planks", colour=colour, scale_m=float(rng.uniform(0.1, 0.3)), phase=int(rng.integers(99)))


def draw_cloth(rng: np.random.Generator) -> Material:
    """Draw a cloth, plain or with a pattern."""
    colour = colour_of(rng.uniform(0.1, 0.8, 3) * 0.6 + rng.uniform(0.05, 0.35))
    second = colour_of(np.array(colour) * rng.uniform(0.6, 1.4))
    pattern = str(rng.choice(("carpet", "plain", "stripes", "checks"), p=(0.5, 0.3, 0.1, 0.1)))
    return Material(
        pattern=pattern,
        colour=colour,
        second=second,
        scale_m=float(rng.uniform(0.06, 0.2)),
        phase=int(rng.integers(99)),
    )


def draw_paint(rng: np.random.Generator) -> Material:
    """Draw a plain surface of any colour."""
    return Material(pattern="plain", colour=colour_of(rng.uniform(0.05, 0.95, 3)), phase=int(rng.integers(99)))
