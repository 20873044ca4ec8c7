"""Draw people over a picture: skeletons, actions and predicted poses."""

import cv2
import numpy as np
from numpy.typing import NDArray

from hitrs_live.messages import ExtrapolatedPoses, PoseForecast, Scene, SourceState
from hitrs_live.skeleton import NTU25
from hitrs_live.views.projection import NEAREST_M, LensLike, project

Image = NDArray[np.uint8]
Colour = tuple[int, int, int]

# Blue, green, red.
LEFT: Colour = (96, 178, 250)
RIGHT: Colour = (240, 190, 92)
MIDDLE: Colour = (232, 230, 226)
GHOST: Colour = (214, 132, 170)
"""Predicted poses."""
NOW: Colour = (168, 226, 150)
"""Poses extrapolated to the present."""
_SHADE: Colour = (34, 28, 24)
_TEXT: Colour = (240, 240, 238)
_QUIET: Colour = (176, 170, 164)
STATE_COLOURS: dict[SourceState, Colour] = {
    "connecting": (92, 190, 240),
    "up": (128, 208, 132),
    "stalled": (70, 160, 245),
    "lost": (92, 92, 240),
    "ended": (176, 170, 164),
}
_FONT = cv2.FONT_HERSHEY_DUPLEX
_SHIFT = 3
"""Bits of subpixel precision, so that joints move smoothly rather than from pixel to pixel."""
_HEAD = NTU25.index("head")
_HEAD_M, _LIMB_M = 0.105, 0.021
_FAINT = 0.35
"""Opacity of a predicted pose whose person's predictions are not reliable."""


def _side_colours() -> tuple[Colour, ...]:
    return tuple(
        LEFT if name.startswith("left") else RIGHT if name.startswith("right") else MIDDLE for name in NTU25.joints
    )


_COLOURS = _side_colours()


def draw(image: Image, scene: Scene, *, lens: LensLike) -> Image:
    """Draw a scene onto a picture, in place, and return it. Joints outside the picture are not drawn.

    image: (height, width, 3) uint8, blue-green-red, writable. The forecast is drawn as thin skeletons: future poses
    behind the people, present ones in front of them.
    """
    people, forecast = scene.people, scene.forecast
    rows = [row for row in range(len(people.track_ids)) if people.present[row] and people.track_ids[row] >= 0]
    # Nearer people are drawn over those behind them.
    rows.sort(key=lambda row: -float(np.nan_to_num(people.joints_m[row, NTU25.root, 2])))
    if forecast is not None:
        _draw_ghosts(image, rows, forecast.later, GHOST, forecast.reliable, lens)
    pixels_of = {row: project(people.joints_m[row], lens) for row in rows}
    for row, pixels in pixels_of.items():
        _draw_skeleton(image, people.joints_m[row], pixels, people.confidence[row], lens)
    if forecast is not None and forecast.now is not None:
        _draw_ghosts(image, rows, forecast.now, NOW, forecast.now.known, lens)
    for row, pixels in pixels_of.items():
        track_id = int(people.track_ids[row])
        _draw_label(
            image, pixels, track_id, scene.actions.get(track_id), head_px=_head_radius(people.joints_m[row], lens)
        )
    _draw_state(image, scene.state, scene.fps)
    if forecast is not None:
        _draw_legend(image, rows, forecast)
    return image


def _draw_skeleton(
    image: Image,
    joints_m: NDArray[np.floating],
    pixels: NDArray[np.float64],
    confidence: NDArray[np.floating],
    lens: LensLike,
) -> None:
    drawn = _drawable(image, pixels)
    if not drawn.any():
        return
    thickness = _pixels_across(_LIMB_M, joints_m[drawn, 2], lens, least=2, most=14)
    certainty = np.clip(np.nan_to_num(confidence), 0.0, 1.0)
    # Far limbs first, so that near ones cover them.
    for joint in sorted(NTU25.outward, key=lambda j: -float(np.nan_to_num(joints_m[j, 2]))):
        parent = NTU25.parents[joint]
        if drawn[joint] and drawn[parent] and joint != _HEAD:
            colour = _dimmed(_COLOURS[joint], float(min(certainty[joint], certainty[parent])))
            _line(image, pixels[parent], pixels[joint], colour, thickness)
    if drawn[_HEAD]:
        radius = _head_radius(joints_m, lens)
        centre = _shifted(pixels[_HEAD])
        cv2.circle(
            image, centre, radius << _SHIFT, _dimmed(MIDDLE, float(certainty[_HEAD])), max(2, thickness - 1),
            cv2.LINE_AA, _SHIFT,
        )  # fmt: skip


def _draw_ghosts(
    image: Image,
    rows: list[int],
    extrapolated: ExtrapolatedPoses,
    colour: Colour,
    reliable: NDArray[np.bool_],
    lens: LensLike,
) -> None:
    for row in rows:
        if extrapolated.known[row]:
            _draw_ghost(image, extrapolated.joints_m[row], lens, colour, strength=1.0 if reliable[row] else _FAINT)


def _draw_ghost(
    image: Image, joints_m: NDArray[np.floating], lens: LensLike, colour: Colour, *, strength: float
) -> None:
    pixels = project(joints_m, lens)
    drawn = _drawable(image, pixels)
    if not drawn.any():
        return
    thickness, size = _thin(image), image.shape[1::-1]
    low = np.clip(np.floor(pixels[drawn].min(0)).astype(int) - 2 * thickness, 0, size)
    high = np.clip(np.ceil(pixels[drawn].max(0)).astype(int) + 2 * thickness + 1, low, size)
    part = image[low[1] : high[1], low[0] : high[0]]
    if not part.size:
        return
    sketch = part.copy()
    for joint in NTU25.outward:
        parent = NTU25.parents[joint]
        if drawn[joint] and drawn[parent]:
            _line(sketch, pixels[parent] - low, pixels[joint] - low, colour, thickness)
    cv2.addWeighted(sketch, strength, part, 1.0 - strength, 0.0, part)


def _draw_label(
    image: Image, pixels: NDArray[np.float64], track_id: int, action: tuple[str, float] | None, head_px: int
) -> None:
    drawn = _drawable(image, pixels)
    if not drawn.any():
        return
    left, top = (float(value) for value in np.min(pixels[drawn], axis=0))
    right = float(np.max(pixels[drawn, 0]))
    if drawn[_HEAD]:
        top = min(top, float(pixels[_HEAD, 1]) - head_px)
    name = f"person {track_id}"
    text = name if action is None else f"{name}   {action[0].replace('_', ' ')}  {action[1]:.2f}"
    scale = max(0.42, min(1.2, image.shape[0] / 1000))
    (width, height), _ = cv2.getTextSize(text, _FONT, scale, 1)
    pad = round(0.6 * height)
    x = round(min(max((left + right - width) / 2, pad + 2), image.shape[1] - width - pad - 2))
    y = round(min(max(top - 1.6 * height, 1.8 * height), image.shape[0] - pad - 2))
    _shade(image, x - pad, y - height - pad, x + width + pad, y + pad, MIDDLE if action is None else LEFT)
    if action is None:
        cv2.putText(image, text, (x, y), _FONT, scale, _QUIET, 1, cv2.LINE_AA)
        return
    cv2.putText(image, text, (x, y), _FONT, scale, _TEXT, 1, cv2.LINE_AA)
    # The score as a bar under the words.
    reach = round((width + 2 * pad) * min(1.0, max(0.0, action[1])))
    cv2.line(image, (x - pad, y + pad), (x - pad + reach, y + pad), LEFT, 2, cv2.LINE_AA)


def _draw_state(image: Image, state: SourceState, fps: float) -> None:
    scale = max(0.42, min(1.2, image.shape[0] / 1100))
    text = f"{state}   {fps:.1f} fps"
    (width, height), _ = cv2.getTextSize(text, _FONT, scale, 1)
    pad = round(0.7 * height)
    dot = round(0.45 * height)
    left, top = pad, pad
    _shade(image, left, top, left + width + 3 * pad + 2 * dot, top + height + 2 * pad, MIDDLE)
    middle = top + pad + height // 2
    cv2.circle(image, (left + pad + dot, middle), dot, STATE_COLOURS[state], -1, cv2.LINE_AA)
    cv2.putText(
        image, text, (left + 2 * pad + 2 * dot, top + pad + height), _FONT, scale, _TEXT, 1, cv2.LINE_AA
    )  # fmt: skip


def _draw_legend(image: Image, rows: list[int], forecast: PoseForecast) -> None:
    """Explain the thin skeletons in the lower left corner."""
    entries: list[tuple[str, Colour | None]] = []
    for extrapolated, colour, words in ((forecast.later, GHOST, "{} ms ahead"), (forecast.now, NOW, "now, {} ms on")):
        shown = [] if extrapolated is None else [extrapolated.ahead_ms[row] for row in rows if extrapolated.known[row]]
        if shown:
            entries.append((words.format(round(float(max(shown)))), colour))
    if any(forecast.later.known[row] and not forecast.reliable[row] for row in rows):
        entries.append(("faint: not reliable", None))
    if not entries:
        return
    scale = max(0.36, min(1.0, image.shape[0] / 1400))
    sizes = [cv2.getTextSize(text, _FONT, scale, 1)[0] for text, _ in entries]
    width, height = np.max(sizes, axis=0).tolist()
    pad, dash, step = round(0.7 * height), 2 * height, 2 * height
    left, bottom = pad, image.shape[0] - pad
    top = bottom - len(entries) * step - pad
    _shade(image, left, top, left + 3 * pad + dash + width, bottom, MIDDLE)
    for number, (text, dash_colour) in enumerate(entries, start=1):
        baseline = top + number * step
        if dash_colour is not None:
            middle = baseline - height // 2
            cv2.line(image, (left + pad, middle), (left + pad + dash, middle), dash_colour, _thin(image), cv2.LINE_AA)
        cv2.putText(image, text, (left + 2 * pad + dash, baseline), _FONT, scale, _QUIET, 1, cv2.LINE_AA)


def _thin(image: Image) -> int:
    return max(1, round(int(image.shape[0]) / 400))


def _drawable(image: Image, pixels: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Mark joints in the picture or near enough for a limb to reach into it; farther away, integers overflow."""
    height, width = image.shape[:2]
    with np.errstate(invalid="ignore"):
        near = np.abs(pixels - (width / 2, height / 2)) < (2.0 * width, 2.0 * height)
    return np.asarray(near.all(-1), np.bool_)


def _head_radius(joints_m: NDArray[np.floating], lens: LensLike) -> int:
    distance_m = joints_m[_HEAD, 2]
    if not distance_m > NEAREST_M:
        return 0
    return _pixels_across(_HEAD_M, distance_m[None], lens, least=4, most=200)


def _pixels_across(metres: float, distance_m: NDArray[np.floating], lens: LensLike, *, least: int, most: int) -> int:
    return int(np.clip(round(lens.fy * metres / float(np.median(distance_m))), least, most))


def _dimmed(colour: Colour, certainty: float) -> Colour:
    """Dim a colour by a joint's confidence, down to a quarter of its brightness at 0."""
    share = 0.25 + 0.75 * certainty
    return (round(colour[0] * share), round(colour[1] * share), round(colour[2] * share))


def _shade(image: Image, left: int, top: int, right: int, bottom: int, edge: Colour) -> None:
    """Darken a box so that words on it are readable on any picture; a thin line marks its left edge."""
    height, width = image.shape[:2]
    left, right = max(0, left), min(width, right)
    top, bottom = max(0, top), min(height, bottom)
    if right <= left or bottom <= top:
        return
    part = image[top:bottom, left:right]
    cv2.addWeighted(part, 0.28, np.full_like(part, _SHADE), 0.72, 0.0, part)
    cv2.line(image, (left, top), (left, bottom - 1), edge, 2)


def _shifted(point: NDArray[np.float64]) -> tuple[int, int]:
    return round(float(point[0]) * (1 << _SHIFT)), round(float(point[1]) * (1 << _SHIFT))


def _line(image: Image, begin: NDArray[np.float64], end: NDArray[np.float64], colour: Colour, thickness: int) -> None:
    cv2.line(image, _shifted(begin), _shifted(end), colour, thickness, cv2.LINE_AA, _SHIFT)
