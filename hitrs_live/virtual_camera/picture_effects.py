"""What a camera does to a picture: motion blur, rolling shutter, defocus, exposure, white balance, noise, compression.

Colours are 8 bit throughout, so that each effect costs a few milliseconds at 640 x 480.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from hitrs_live.virtual_camera.picture_motion import Motion, smear

Picture = NDArray[np.uint8]
Range = tuple[float, float]

_BLOCK: Final = 16
"""Pixels along a side of the blocks that a video encoder leaves unchanged."""
_NOISE_MARGIN: Final = 64
"""Each frame takes another part of one larger field of noise, shifted by up to this many pixels."""


@dataclass(frozen=True, kw_only=True)
class EffectRanges:
    """Ranges that the effects of one view are drawn from."""

    gain: Range = (0.55, 1.35)
    """Exposure: factor on the brightness."""
    gamma: Range = (0.8, 1.25)
    warmth: Range = (-0.16, 0.16)
    """White balance: red is multiplied by 1 + warmth, blue by 1 - warmth."""
    tint: Range = (-0.05, 0.05)
    """Factor on green, less 1."""
    noise: Range = (0.5, 9.0)
    """Standard deviation of the noise in the middle of the brightness, in levels of 255."""
    defocus_px: Range = (0.0, 1.4)
    """Standard deviation of the blur, pixels of a picture 480 high."""
    shutter_s: Range = (1 / 500, 1 / 30)
    """Exposure time; the darker the scene, the longer."""
    readout_s: Range = (0.0, 0.03)
    """Time between the first row and the last (rolling shutter)."""
    quality: Range = (22, 92)
    """JPEG quality of the compression."""
    still_levels: Range = (0.0, 5.0)
    """A block that differs by less from the frame before is not sent again, as in a video; 0 for none."""
    low_resolution_share: float = 0.15
    """Share of views whose resolution changes while they run, as in a video call."""


@dataclass(frozen=True, kw_only=True)
class EffectSettings:
    """The effects of one view; units as in EffectRanges."""

    gain: float
    gamma: float
    warmth: float
    tint: float
    noise: float
    defocus_px: float
    shutter_s: float
    readout_s: float
    quality: int
    still_levels: float
    changes_resolution: bool


def draw_effects(rng: np.random.Generator, ranges: EffectRanges | None = None) -> EffectSettings:
    """Draw the effects of one view. A dark picture has a longer exposure and more noise."""
    ranges = ranges or EffectRanges()
    darkness = rng.beta(1.2, 2.0)
    return EffectSettings(
        gain=float(rng.uniform(*ranges.gain)),
        gamma=float(rng.uniform(*ranges.gamma)),
        warmth=float(rng.uniform(*ranges.warmth)),
        tint=float(rng.uniform(*ranges.tint)),
        noise=_between(ranges.noise, darkness * rng.uniform(0.4, 1)),
        defocus_px=_between(ranges.defocus_px, rng.beta(1, 2.5)),
        shutter_s=_between(ranges.shutter_s, darkness),
        readout_s=float(rng.uniform(*ranges.readout_s)),
        quality=round(rng.uniform(*ranges.quality)),
        still_levels=max(0.0, float(rng.uniform(-ranges.still_levels[1] / 2, ranges.still_levels[1]))),
        changes_resolution=bool(rng.random() < ranges.low_resolution_share),
    )


class PictureEffects:
    """Apply the effects of one view to its frames, in their order."""

    def __init__(self, settings: EffectSettings, rng: np.random.Generator) -> None:
        """Begin before the first frame."""
        self._settings, self._rng = settings, rng
        self._table = _brightness_table(settings)
        self._noise: NDArray[np.int8] | None = None
        self._amplitude = _noise_table(settings.noise)
        self._sent: Picture | None = None
        self._scale = 1.0
        self._scale_frames = 0

    def apply(self, picture: Picture, motion: Motion | None = None) -> Picture:
        """Return what the camera makes of a rendered picture.

        picture: (height, width, 3) uint8, red-green-blue. motion: of the people in it, for motion blur and the rolling
        shutter.
        """
        settings = self._settings
        shape = picture.shape
        if motion is not None:
            picture = smear(picture, motion, shutter_s=settings.shutter_s, readout_s=settings.readout_s)
        scale = self._next_scale()
        if scale < 1:
            picture = cv2.resize(
                picture, (round(shape[1] * scale), round(shape[0] * scale)), interpolation=cv2.INTER_AREA
            )  # type: ignore[assignment]
        sigma = settings.defocus_px * picture.shape[0] / 480
        if sigma > 0.3:
            picture = cv2.GaussianBlur(picture, (0, 0), sigma)  # type: ignore[assignment]
        picture = cv2.LUT(picture, self._table)  # type: ignore[assignment]
        picture = self._compressed(self._noisy(picture))
        if picture.shape != shape:
            picture = cv2.resize(picture, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)  # type: ignore[assignment]
        return picture

    def _next_scale(self) -> float:
        """Return the frame's resolution as a share of the picture's; it keeps for some seconds."""
        if not self._settings.changes_resolution:
            return 1.0
        if self._scale_frames == 0:
            self._scale, self._scale_frames = float(self._rng.choice((1.0, 0.75, 0.5))), int(self._rng.integers(20, 90))
            self._sent = None
        self._scale_frames -= 1
        return self._scale

    def _noisy(self, picture: Picture) -> Picture:
        """Add noise whose strength depends on the brightness."""
        if self._settings.noise <= 0:
            return picture
        height, width = picture.shape[:2]
        field = self._noise
        if field is None or field.shape[0] < height + _NOISE_MARGIN:
            size = (height + _NOISE_MARGIN, width + _NOISE_MARGIN, 3)
            # Sensors filter their noise, so neighbouring pixels share some of it.
            white = self._rng.standard_normal(size, np.float32)
            smooth = cv2.GaussianBlur(white, (0, 0), 0.6)
            field = self._noise = np.clip(smooth / smooth.std() * 32, -127, 127).astype(np.int8)
        top, left = self._rng.integers(0, _NOISE_MARGIN, 2)
        part = field[top : top + height, left : left + width]
        strength = cv2.LUT(picture, self._amplitude)
        # Fixed point: the field has 32 units a standard deviation, the table 8 a level.
        change = cv2.multiply(part, strength, scale=1 / 256, dtype=cv2.CV_16S)
        return cv2.add(picture, change, dtype=cv2.CV_8U)  # type: ignore[return-value]

    def _compressed(self, picture: Picture) -> Picture:
        _, encoded = cv2.imencode(".jpg", picture, (cv2.IMWRITE_JPEG_QUALITY, self._settings.quality))
        decoded: Picture = cv2.imdecode(encoded, cv2.IMREAD_COLOR)  # type: ignore[assignment]
        before, self._sent = self._sent, decoded
        if self._settings.still_levels <= 0 or before is None or before.shape != decoded.shape:
            return decoded
        height, width = decoded.shape[:2]
        change = cv2.cvtColor(cv2.absdiff(decoded, before), cv2.COLOR_RGB2GRAY)
        size = (-(-width // _BLOCK), -(-height // _BLOCK))
        blocks = cv2.resize(change, size, interpolation=cv2.INTER_AREA) > self._settings.still_levels
        sent = cv2.resize(blocks.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
        cv2.copyTo(decoded, sent, before)
        self._sent = before
        return before.copy()


def _between(ends: Range, share: float) -> float:
    return float(ends[0] + (ends[1] - ends[0]) * share)


def _brightness_table(settings: EffectSettings) -> NDArray[np.uint8]:
    """Return (1, 256, 3): the level of red, green and blue after exposure, white balance and gamma."""
    level = np.arange(256) / 255
    balance = np.array((1 + settings.warmth, 1 + settings.tint, 1 - settings.warmth))
    bright = settings.gain * level[:, None] ** settings.gamma * balance
    # A soft shoulder instead of a hard limit, as cameras have.
    soft = np.where(bright < 0.8, bright, 0.8 + 0.2 * np.tanh((bright - 0.8) / 0.2))
    return np.asarray(np.clip(soft * 255 + 0.5, 0, 255).astype(np.uint8)[None])


def _noise_table(noise: float) -> NDArray[np.uint8]:
    """Return (256,): eight times the standard deviation of the noise at each level: of the sensor, and of the light."""
    level = np.arange(256) / 255
    sigma = noise * np.sqrt(0.35 + 1.3 * level)
    return np.asarray(np.clip(sigma * 8, 0, 255).astype(np.uint8))
