"""Cut clothes out of a body's surface: where each covers it, and how far it stands off."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from hitrs_live.virtual_camera.people.body_coordinates import BodyCoordinates
from hitrs_live.virtual_camera.people.colours import cloth_colour

Floats = NDArray[np.float32]


class Layer(IntEnum):
    """Number the layers; where several cover the skin, the last one is seen."""

    SOCKS = 0
    TROUSERS = 1
    TOP = 2
    SKIRT = 3
    JACKET = 4
    SHOES = 5
    HAIR = 6
    BROWS = 7


class Pattern(IntEnum):
    """Number the patterns as the shader knows them."""

    PLAIN = 0
    STRIPES_ACROSS = 1
    STRIPES_DOWN = 2
    CHECKS = 3
    DOTS = 4
    BLOTCHES = 5
    PRINT_ON_CHEST = 6
    ZIP = 7
    SOLE = 8


@dataclass(frozen=True, kw_only=True)
class Garment:
    """Describe one piece of clothing on one body."""

    layer: Layer
    cover_m: Floats
    """(V,), above 0 inside; about the distance to the garment's edge, metres."""
    thickness_m: float
    """How far the cloth stands off the skin."""
    smoothing: int
    """How often the cloth's surface is smoothed: tight clothes show the body, loose ones hide it."""
    first: Floats
    second: Floats
    pattern: Pattern = Pattern.PLAIN
    size_m: float = 0.06
    gloss: float = 0.02
    folds: float = 0.35
    """How far the cloth's folds turn its surface from the light, 0 for none."""


def draw_garments(
    at: BodyCoordinates, lowest_m: float, rng: np.random.Generator, *, feminine: float
) -> tuple[list[Garment], float]:
    """Draw what a person wears. lowest_m: height of the soles at rest; feminine: 0 to 1, how likely a skirt is.

    Returns the garments and how far down the thigh a skirt reaches (0 for none, 1 to the knee).
    """
    garments: list[Garment] = []
    skirt = float(rng.uniform(0.55, 1.1)) if rng.random() < 0.45 * feminine else 0.0
    trousers = _trousers(at, rng, under_skirt=skirt > 0)
    if trousers is not None:
        garments.append(trousers)
    garments.append(_top(at, rng))
    if skirt:
        garments.append(_skirt(at, rng, garments[-1]))
    if rng.random() < 0.22:
        garments.append(_jacket(at, rng))
    return garments + _footwear(at, lowest_m, rng), skirt


def _pattern(rng: np.random.Generator, plain: float) -> tuple[Pattern, float]:
    """Draw a pattern and its size in metres; `plain` is the chance of none."""
    if rng.random() < plain:
        return Pattern.PLAIN, 0.06
    kinds = (Pattern.STRIPES_ACROSS, Pattern.STRIPES_DOWN, Pattern.CHECKS, Pattern.DOTS, Pattern.BLOTCHES)
    return kinds[int(rng.integers(len(kinds)))], float(rng.uniform(0.03, 0.12))


def _trousers(at: BodyCoordinates, rng: np.random.Generator, *, under_skirt: bool) -> Garment | None:
    """Cut shorts, leggings or trousers."""
    if under_skirt and rng.random() < 0.5:
        return None
    kind = "leggings" if under_skirt else str(rng.choice(["trousers", "shorts", "leggings"], p=[0.55, 0.27, 0.18]))
    ends = {"trousers": (1.85, 2.02), "shorts": (0.35, 0.95), "leggings": (1.3, 2.0)}
    reach = float(rng.uniform(*ends[kind]))
    waist = float(rng.uniform(0.12, 0.3))
    cover = np.minimum((waist - at.height) * at.trunk_m, (reach - at.leg) * at.leg_m)
    cover = np.where(at.on_arm > 0.3, -0.1, cover)
    pattern, size_m = _pattern(rng, 0.9)
    tight = kind == "leggings"
    return Garment(
        layer=Layer.TROUSERS, cover_m=cover.astype(np.float32),
        thickness_m=0.004 if tight else float(rng.uniform(0.008, 0.022)), smoothing=1 if tight else 6,
        first=cloth_colour(rng), second=cloth_colour(rng), pattern=pattern, size_m=size_m,
        gloss=0.06 if tight else 0.02, folds=0.08 if tight else 0.45,
    )  # fmt: skip


def _top(at: BodyCoordinates, rng: np.random.Generator) -> Garment:
    """Cut a T-shirt, a shirt with long sleeves, a jumper or a tank top."""
    kind = str(rng.choice(["t_shirt", "long_sleeve", "jumper", "tank_top"], p=[0.48, 0.2, 0.14, 0.18]))
    sleeves = {"t_shirt": (0.35, 0.75), "long_sleeve": (1.75, 2.0), "jumper": (1.85, 2.0), "tank_top": (-0.12, 0.02)}
    thickness = {"t_shirt": (0.004, 0.02), "long_sleeve": (0.004, 0.016), "jumper": (0.012, 0.028)}
    cover = _upper_cover(
        at, sleeve=float(rng.uniform(*sleeves[kind])), hem=float(rng.uniform(-0.22, 0.2)),
        neck_m=float(rng.uniform(0.08, 0.11)), scoop=float(rng.choice([0.0, 0.1, 0.3, 0.5])),
    )  # fmt: skip
    pattern, size_m = _pattern(rng, 0.62)
    if pattern == Pattern.PLAIN and rng.random() < 0.3:
        pattern, size_m = Pattern.PRINT_ON_CHEST, at.chest_height_m
    return Garment(
        layer=Layer.TOP, cover_m=cover, thickness_m=float(rng.uniform(*thickness.get(kind, (0.002, 0.008)))),
        smoothing=int(rng.integers(2, 9)), first=cloth_colour(rng), second=cloth_colour(rng), pattern=pattern,
        size_m=size_m, folds=0.5 if kind == "jumper" else 0.35,
    )  # fmt: skip


def _upper_cover(at: BodyCoordinates, *, sleeve: float, hem: float, neck_m: float, scoop: float) -> Floats:
    """Return cover (V,) of a garment of the upper body: sleeve and hem as in BodyCoordinates' arm and height.

    neck_m: how far from the neck's base it begins; scoop: 0 round to 0.5 deep.
    """
    down = np.where(at.from_neck_m[:, 1] < 0, 1 - scoop, 1.0)
    from_neck_m = np.linalg.norm(at.from_neck_m * np.stack((np.ones_like(down), down, np.ones_like(down)), 1), axis=1)
    cover = np.minimum((sleeve - at.arm) * at.arm_m, from_neck_m - neck_m)
    # Below the hips both legs count; what is above the neck's base stays free.
    low = (at.height - hem) * at.trunk_m
    cover = np.minimum(cover, np.where(at.on_arm > 0.5, 1.0, low))
    cover = np.minimum(cover, np.where(at.on_head > 0.4, -0.1, 1.0))
    result: Floats = cover.astype(np.float32)
    return result


def _skirt(at: BodyCoordinates, rng: np.random.Generator, top: Garment) -> Garment:
    """Cut the part of a skirt or dress that lies on the hips; what hangs free is a mesh of its own."""
    is_dress = rng.random() < 0.4
    waist = float(rng.uniform(0.15, 0.35))
    cover = np.minimum((waist - at.height) * at.trunk_m, (0.1 - at.leg) * at.leg_m)
    cover = np.where(at.on_arm > 0.3, -0.1, cover)
    pattern, size_m = (top.pattern, top.size_m) if is_dress else _pattern(rng, 0.6)
    return Garment(
        layer=Layer.SKIRT, cover_m=cover.astype(np.float32), thickness_m=0.014, smoothing=6,
        first=top.first if is_dress else cloth_colour(rng), second=top.second if is_dress else cloth_colour(rng),
        pattern=Pattern.PLAIN if pattern == Pattern.PRINT_ON_CHEST else pattern, size_m=size_m, folds=0.2,
    )  # fmt: skip


def _jacket(at: BodyCoordinates, rng: np.random.Generator) -> Garment:
    """Cut a jacket, a hoodie or a short coat: loose, with long sleeves."""
    cover = _upper_cover(
        at, sleeve=float(rng.uniform(1.85, 2.05)), hem=float(rng.uniform(-0.5, 0.0)),
        neck_m=float(rng.uniform(0.07, 0.085)), scoop=0.0,
    )  # fmt: skip
    return Garment(
        layer=Layer.JACKET, cover_m=cover, thickness_m=float(rng.uniform(0.025, 0.045)), smoothing=14,
        first=cloth_colour(rng), second=cloth_colour(rng), pattern=Pattern.ZIP, size_m=0.006,
        gloss=float(rng.choice([0.02, 0.12])), folds=0.6,
    )  # fmt: skip


def _footwear(at: BodyCoordinates, lowest_m: float, rng: np.random.Generator) -> list[Garment]:
    """Cut socks and shoes, or leave the feet bare."""
    garments = []
    if rng.random() < 0.7:
        cover = np.minimum((at.leg - float(rng.uniform(1.5, 1.93))) * at.leg_m, np.where(at.on_leg > 0.5, 1.0, -0.1))
        garments.append(Garment(
            layer=Layer.SOCKS, cover_m=cover.astype(np.float32), thickness_m=0.003, smoothing=2,
            first=cloth_colour(rng), second=cloth_colour(rng), folds=0.1,
        ))  # fmt: skip
    if rng.random() < 0.85:
        cover = np.minimum((at.leg - float(rng.choice([1.99, 1.9, 1.7]))) * at.leg_m, (at.on_foot - 0.35) * 0.1)
        garments.append(Garment(
            layer=Layer.SHOES, cover_m=cover.astype(np.float32), thickness_m=0.011, smoothing=30,
            first=cloth_colour(rng), second=np.array(rng.choice([0.08, 0.9]) * np.ones(3), np.float32),
            pattern=Pattern.SOLE, size_m=lowest_m + 0.022, gloss=0.1, folds=0.0,
        ))  # fmt: skip
    return garments
