"""Patterns of floors, walls and furniture, computed at any points of a surface."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Colour = tuple[float, float, float]

_NOISE_SIDE: Final = 256


@dataclass(frozen=True, kw_only=True)
class Material:
    """What a surface looks like."""

    pattern: str
    """A key of PATTERNS."""
    colour: Colour
    """Red, green, blue, 0 to 1."""
    second: Colour = (0.5, 0.5, 0.5)
    """Colour of joints between tiles, of the other stripes, and so on."""
    scale_m: float = 0.4
    """Size of a tile, a plank or a stripe."""
    glow: float = 0.0
    """Light of its own, as of a window or a screen: 1 for as bright as its colour."""
    phase: int = 0
    """Makes two surfaces of one material differ."""


def colour_of(values: NDArray[np.floating]) -> Colour:
    """Return three numbers as a colour, each from 0 to 1."""
    red, green, blue = np.clip(values, 0, 1)
    return (float(red), float(green), float(blue))


def colours_of(material: Material, u_m: Floats, v_m: Floats, pixel_m: Floats) -> Floats:
    """Return the colour of a surface at points.

    u_m, v_m: (N,), position on the surface, metres. pixel_m: (N,), what a pixel covers there; finer detail than that
    is left out. Returns (N, 3), 0 to 1.
    """
    return PATTERNS[material.pattern](material, u_m, v_m, pixel_m)


def _make_noise() -> Floats:
    """Return one field of noise that repeats without a seam: (side, side), -1 to 1."""
    rng = np.random.default_rng(20240501)
    return rng.uniform(-1, 1, (_NOISE_SIDE, _NOISE_SIDE)).astype(np.float32)


_NOISE: Final = _make_noise()


def noise(u: Floats, v: Floats, phase: int = 0) -> Floats:
    """Return smooth noise, about one bump per unit. u, v: (N,). Returns (N,), -1 to 1."""
    u, v = u + 17.3 * phase, v + 7.9 * phase
    u0, v0 = np.floor(u), np.floor(v)
    fu, fv = u - u0, v - v0
    fu, fv = fu * fu * (3 - 2 * fu), fv * fv * (3 - 2 * fv)
    i, j = u0.astype(np.int32) % _NOISE_SIDE, v0.astype(np.int32) % _NOISE_SIDE
    i1, j1 = (i + 1) % _NOISE_SIDE, (j + 1) % _NOISE_SIDE
    top = _NOISE[j, i] * (1 - fu) + _NOISE[j, i1] * fu
    bottom = _NOISE[j1, i] * (1 - fu) + _NOISE[j1, i1] * fu
    return np.asarray(top * (1 - fv) + bottom * fv, np.float32)


def _each(values: Floats, phase: int) -> Floats:
    """Return one random number, -1 to 1, for each whole number."""
    whole = np.floor(values).astype(np.int64) + 31 * phase
    return _NOISE[(whole // _NOISE_SIDE) % _NOISE_SIDE, whole % _NOISE_SIDE]


def _visible(size_m: float, pixel_m: Floats) -> Floats:
    """Return how much of a detail of that size can still be seen, 0 to 1."""
    return np.asarray(np.clip(1.5 - pixel_m / size_m * 1.5, 0, 1), np.float32)


def _mixed(first: Colour, second: Colour, share: Floats) -> Floats:
    a, b = np.array(first, np.float32), np.array(second, np.float32)
    return np.asarray(a + (b - a) * share[:, None], np.float32)


def _plain(material: Material, u: Floats, v: Floats, pixel: Floats) -> Floats:
    shade = 1 + 0.05 * noise(u * 1.5, v * 1.5, material.phase) + 0.02 * noise(u * 40, v * 40) * _visible(0.025, pixel)
    return np.asarray(np.array(material.colour, np.float32) * shade[:, None], np.float32)


def _tiles(material: Material, u: Floats, v: Floats, pixel: Floats) -> Floats:
    a, b = u / material.scale_m, v / material.scale_m
    edge = np.minimum(np.minimum(a % 1, 1 - a % 1), np.minimum(b % 1, 1 - b % 1)) * material.scale_m
    joint = np.clip(1.5 - edge / np.maximum(0.006, pixel), 0, 1) * np.clip(0.012 / np.maximum(pixel, 0.012), 0.15, 1)
    each = _each(np.floor(a) * 57 + np.floor(b), material.phase)
    shade = 1 + 0.06 * each + 0.05 * noise(a * 3, b * 3, material.phase)
    return _mixed(material.colour, material.second, joint.astype(np.float32)) * shade[:, None].astype(np.float32)


def _planks(material: Material, u: Floats, v: Floats, pixel: Floats) -> Floats:
    row = np.floor(v / material.scale_m)
    along = u / (9 * material.scale_m) + 0.37 * _each(row, material.phase)
    each = _each(row * 61 + np.floor(along), material.phase + 1)
    grain = noise(u * 3, v * 60, material.phase) * _visible(0.02, pixel) + 0.5 * noise(u * 1.2, v * 14, material.phase)
    edge = np.abs(v / material.scale_m - np.round(v / material.scale_m)) * material.scale_m
    gap = np.clip(1.5 - edge / np.maximum(0.003, pixel), 0, 1) * np.clip(0.006 / np.maximum(pixel, 0.006), 0.1, 1)
    shade = (1 + 0.16 * each + 0.10 * grain) * (1 - 0.5 * gap)
    return np.asarray(np.array(material.colour, np.float32) * shade[:, None], np.float32)


def _carpet(material: Material, u: Floats, v: Floats, pixel: Floats) -> Floats:
    fine = noise(u * 150, v * 150, material.phase) * _visible(0.012, pixel)
    coarse = noise(u * 6, v * 6, material.phase)
    shade = 1 + 0.22 * fine + 0.07 * coarse
    return np.asarray(np.array(material.colour, np.float32) * shade[:, None], np.float32)


def _grass(material: Material, u: Floats, v: Floats, pixel: Floats) -> Floats:
    fine = noise(u * 70, v * 70, material.phase) * _visible(0.03, pixel)
    middle = noise(u * 11, v * 11, material.phase) * _visible(0.15, pixel)
    share = 0.5 + 0.3 * noise(u * 0.7, v * 0.7, material.phase) + 0.25 * middle
    shade = 1 + 0.35 * fine
    return _mixed(material.colour, material.second, np.clip(share, 0, 1).astype(np.float32)) * shade[:, None]


def _speckled(material: Material, u: Floats, v: Floats, pixel: Floats) -> Floats:
    fine = noise(u * 120, v * 120, material.phase) * _visible(0.015, pixel)
    stain = noise(u * 0.9, v * 0.9, material.phase) + 0.5 * noise(u * 4, v * 4, material.phase)
    shade = 1 + 0.18 * fine + 0.09 * stain
    return np.asarray(np.array(material.colour, np.float32) * shade[:, None], np.float32)


def _bricks(material: Material, u: Floats, v: Floats, pixel: Floats) -> Floats:
    height = material.scale_m / 3
    row = np.floor(v / height)
    a = u / material.scale_m + 0.5 * (row % 2)
    edge = np.minimum(
        np.minimum(a % 1, 1 - a % 1) * material.scale_m, np.abs(v / height - np.round(v / height)) * height
    )
    joint = np.clip(1.5 - edge / np.maximum(0.008, pixel), 0, 1) * np.clip(0.016 / np.maximum(pixel, 0.016), 0.2, 1)
    shade = 1 + 0.2 * _each(np.floor(a) * 43 + row, material.phase) + 0.06 * noise(u * 30, v * 30, material.phase)
    return _mixed(material.colour, material.second, joint.astype(np.float32)) * shade[:, None].astype(np.float32)


def _stripes(material: Material, u: Floats, v: Floats, pixel: Floats) -> Floats:
    wave = np.sin(u * (2 * np.pi / material.scale_m))
    share = np.clip(0.5 + 2 * wave, 0, 1) * _visible(material.scale_m / 2, pixel)
    return _mixed(material.colour, material.second, share.astype(np.float32))


def _checks(material: Material, u: Floats, v: Floats, pixel: Floats) -> Floats:
    odd = (np.floor(u / material.scale_m) + np.floor(v / material.scale_m)) % 2
    share = 0.5 + (odd - 0.5) * _visible(material.scale_m, pixel)
    return _mixed(material.colour, material.second, share.astype(np.float32))


def _picture(material: Material, u: Floats, v: Floats, pixel: Floats) -> Floats:
    """Shapes of both colours and of colours between, as on a poster, a screen or a cover."""
    warp = 0.6 * noise(u * 3, v * 3, material.phase + 3)
    share = 0.5 + 0.9 * noise(u * 4 + warp, v * 4 + warp, material.phase)
    dark = 1 + 0.5 * noise(u * 9, v * 5, material.phase + 5)
    steps = np.round(np.clip(share, 0, 1) * 4) / 4
    return _mixed(material.colour, material.second, steps.astype(np.float32)) * dark[:, None]


PATTERNS: Final[Mapping[str, Callable[[Material, Floats, Floats, Floats], Floats]]] = {
    "plain": _plain,
    "tiles": _tiles,
    "planks": _planks,
    "carpet": _carpet,
    "grass": _grass,
    "speckled": _speckled,
    "bricks": _bricks,
    "stripes": _stripes,
    "checks": _checks,
    "picture": _picture,
}
