"""Draw colours of skin, hair and cloth at random. All are sRGB from 0 to 1."""

import colorsys

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
# From light to dark, evenly spaced for the eye: the tones of the Monk Skin Tone scale (Ellis Monk, CC BY 4.0).
_SKIN = ("f6ede4", "f3e7db", "f7ead0", "eadaba", "d7bd96", "a07e56", "825c43", "604134", "3a312a", "292420")
_HAIR = (
    ("14110f", 0.34), ("2b1d14", 0.24), ("4a3020", 0.14), ("6b4a2f", 0.06), ("8d5a36", 0.04), ("b8935a", 0.06),
    ("7d7873", 0.06), ("d5d0c8", 0.04), ("7a2f22", 0.02),
)  # fmt: skip
# What most clothes are: black, white, greys, navy, denim, khaki, olive, brown.
_CLOTH = (
    "16161a", "232326", "f2f2ef", "e4e2dc", "8b8c8f", "55585c", "1d2742", "2c4468", "4f6f93", "7d97b3", "b9a883",
    "8c7a56", "4c5238", "5a4231", "7b2430",
)  # fmt: skip


def _rgb(code: str) -> Floats:
    return np.array([int(code[k : k + 2], 16) / 255 for k in (0, 2, 4)], np.float32)


def _varied(colour: Floats, rng: np.random.Generator, share: float) -> Floats:
    """Make a colour (3,) lighter or darker by up to a share."""
    result: Floats = np.clip(colour * rng.uniform(1 - share, 1 + share), 0, 1).astype(np.float32)
    return result


def skin_colour(rng: np.random.Generator) -> Floats:
    """Draw a skin colour (3,) from the whole range of tones."""
    place = rng.uniform(0, len(_SKIN) - 1.001)
    first, share = int(place), place - int(place)
    tone = (1 - share) * _rgb(_SKIN[first]) + share * _rgb(_SKIN[first + 1])
    # The scale is of flat patches; living skin is redder, more so where it is light.
    # The scale's darkest tones are those of shade: light skin is rendered darker than its patch, dark skin lighter.
    brighter = np.interp(place, (0, 5, 9), (0.97, 1.0, 1.4))
    redder = tone * np.array([1.0, 0.90, 0.82], np.float32) * brighter
    result: Floats = np.clip(redder * rng.uniform(0.95, 1.05), 0, 1).astype(np.float32)
    return result


def hair_colour(rng: np.random.Generator, skin: Floats, age: float) -> Floats:
    """Draw a hair colour (3,): mostly dark with dark skin, often grey in old age."""
    codes, weights = zip(*_HAIR, strict=True)
    chances = np.array(weights)
    if skin.mean() < 0.5:
        chances[2:6] *= 0.1
    if age > 0.85:
        chances[6:8] *= 12
    result: Floats = _rgb(codes[rng.choice(len(codes), p=chances / chances.sum())])
    return _varied(result, rng, 0.15)


def cloth_colour(rng: np.random.Generator) -> Floats:
    """Draw a colour (3,) of clothes: two of three are plain, the others bright."""
    if rng.random() < 0.65:
        return _varied(_rgb(str(rng.choice(_CLOTH))), rng, 0.13)
    hue, saturation, value = rng.random(), rng.uniform(0.3, 0.9), rng.uniform(0.3, 0.95)
    return np.array(colorsys.hsv_to_rgb(hue, saturation, value), np.float32)
