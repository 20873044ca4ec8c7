"""Describe the lights of a scene."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Light:
    """Describe a light that is far away."""

    direction: Floats
    """(3,), from the scene towards the light; any length."""
    colour: Floats
    """(3,), linear; 1 lights a white surface that faces it fully."""


def _key() -> tuple[Light, ...]:
    return (
        Light(direction=np.array([0.5, 0.9, 0.6]), colour=np.array([0.75, 0.72, 0.68])),
        Light(direction=np.array([-0.8, 0.4, 0.3]), colour=np.array([0.16, 0.18, 0.2])),
    )


@dataclass(frozen=True, kw_only=True)
class Lighting:
    """Describe all lights; the first one casts shadows."""

    lights: tuple[Light, ...] = field(default_factory=_key)
    """One to three."""
    sky: Floats = field(default_factory=lambda: np.array([0.42, 0.44, 0.46]))
    """(3,), linear: what surfaces that look up receive from all around."""
    ground: Floats = field(default_factory=lambda: np.array([0.26, 0.24, 0.22]))
    """(3,), linear: what surfaces that look down receive."""
    background: Floats = field(default_factory=lambda: np.array([0.6, 0.63, 0.66]))
    """(3,), sRGB, where nothing is drawn."""
    shadow_softness: float = 1.0
    """Width of the shadow's edge, 0 for a sharp one."""

    def __post_init__(self) -> None:
        if not 1 <= len(self.lights) <= 3:
            raise ValueError(f"got {len(self.lights)} lights, expected 1 to 3")
