"""Where cameras stand and how they look: heights, distances, angles, lenses, frame rates and resolutions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray

from hitrs_live.skeleton import NTU25
from hitrs_live.tracking.unseen_legs import LEGS
from hitrs_live.virtual_camera.camera import Camera

Floats = NDArray[np.float64]
ViewClass = Literal["front", "oblique", "side", "back"]
VIEW_CLASSES: Final[tuple[ViewClass, ...]] = get_args(ViewClass)
Range = tuple[float, float]
_Key = TypeVar("_Key")

VIEW_EDGES_DEG: Final[Mapping[ViewClass, Range]] = {
    "front": (0, 25), "oblique": (25, 65), "side": (65, 115), "back": (115, 180)
}  # fmt: skip
"""Angle between where a person faces and the direction to the camera, by class of view."""
_TRIES: Final = 60
_LEFT_HIP, _RIGHT_HIP = NTU25.index("left_hip"), NTU25.index("right_hip")
_LEFT_SHOULDER, _RIGHT_SHOULDER = NTU25.index("left_shoulder"), NTU25.index("right_shoulder")
_WAIST: Final = NTU25.index("spine_middle")
_LEAST_DEPTH_M, _LEAST_LEG_DEPTH_M = 0.4, 0.1
"""How near a joint may come to the camera; legs that are not to be in the picture may be below it."""
_MOST_LEGS_INSIDE: Final = 0.05
"""Share of the legs' joints that may be in a picture that is to end near the hips."""


@dataclass(frozen=True, kw_only=True)
class CameraRanges:
    """Ranges that the camera of a view is drawn from."""

    height_m: Range = (0.3, 3.0)
    usual_height_m: Range = (0.7, 1.7)
    """On a table, on a screen, on a tripod."""
    usual_share: float = 0.6
    """Share of cameras at a usual height; the others are anywhere in `height_m`."""
    pitch_deg: Range = (-60.0, 45.0)
    """Below and above the horizontal."""
    roll_deg: Range = (-12.0, 12.0)
    level_share: float = 0.5
    """Share of cameras with less than 2 degrees of roll."""
    field_of_view_deg: Range = (35.0, 100.0)
    """Horizontal."""
    distance_m: Range = (1.5, 8.0)
    """From the middle of where the person goes, along the floor."""
    view_shares: Mapping[ViewClass, float] = field(
        default_factory=lambda: {"front": 0.35, "oblique": 0.3, "side": 0.22, "back": 0.13}
    )
    cut_share: float = 0.2
    """Share of views in which the picture's edge may cut the person."""
    least_inside: float = 0.97
    """Least share of joints, over all frames, in the picture; where the edge may cut, `least_inside_cut`."""
    least_inside_cut: float = 0.6
    person_height: Range = (0.3, 1.1)
    """Height of the standing person as a share of the picture's."""
    cut_below_hips: bool = False
    """Whether the picture is to end near the hips, as that of a webcam on a desk. What is to be in the picture, and the
    person's height, are then those of the upper body."""
    sizes: Mapping[tuple[int, int], float] = field(
        default_factory=lambda: {
            (320, 240): 0.1, (426, 240): 0.05, (640, 480): 0.35, (640, 360): 0.15, (848, 480): 0.1, (800, 600): 0.05,
            (1280, 720): 0.15, (1920, 1080): 0.05,
        }
    )  # fmt: skip
    """Shares of widths and heights, pixels."""
    rates_hz: Mapping[float, float] = field(
        default_factory=lambda: {10.0: 0.06, 15.0: 0.14, 20.0: 0.06, 24.0: 0.06, 25.0: 0.14, 30.0: 0.5, 60.0: 0.04}
    )
    """Shares of frame rates."""


@dataclass(frozen=True, kw_only=True)
class Placement:
    """A camera before a person, with its frame rate."""

    camera: Camera
    rate_hz: float
    azimuth_deg: float
    """From where the person faces to the camera, -180 to 180, positive to the person's left."""
    pitch_deg: float
    roll_deg: float
    field_of_view_deg: float
    inside_share: float
    """Share of the person's joints, over all frames, in the picture."""

    @property
    def view(self) -> ViewClass:
        """The class of the view."""
        return view_of(self.azimuth_deg)


def view_of(azimuth_deg: float) -> ViewClass:
    """Return the class of a view by the angle between where the person faces and the camera."""
    angle = abs((azimuth_deg + 180) % 360 - 180)
    return next(name for name, (_, end) in VIEW_EDGES_DEG.items() if angle <= end)


def facing(joints_m: Floats) -> Floats:
    """Return where people face along the floor: (..., 25, 3) -> (..., 2) unit vectors, x and z."""
    left = joints_m[..., _LEFT_HIP, :] - joints_m[..., _RIGHT_HIP, :]
    left = left + joints_m[..., _LEFT_SHOULDER, :] - joints_m[..., _RIGHT_SHOULDER, :]
    # Up cross forward is left, so forward is left cross up.
    forward = np.stack((-left[..., 2], left[..., 0]), axis=-1)
    return np.asarray(forward / np.maximum(np.linalg.norm(forward, axis=-1, keepdims=True), 1e-9))


def azimuths_deg(joints_m: Floats, eye_m: Floats) -> Floats:
    """Return the angle from where people face to the camera at eye_m (3,): (T, 25, 3) -> (T,), -180 to 180."""
    forward = facing(joints_m)
    towards = (eye_m - joints_m[:, 0])[:, [0, 2]]
    cross = forward[:, 0] * towards[:, 1] - forward[:, 1] * towards[:, 0]
    # Seen from above with z down the page, a turn from x to z is clockwise: to the right.
    return np.asarray(np.degrees(np.arctan2(-cross, (forward * towards).sum(axis=1))))


def draw_placement(
    rng: np.random.Generator,
    joints_m: Floats,
    ranges: CameraRanges | None = None,
    *,
    view: ViewClass | None = None,
    size: tuple[int, int] | None = None,
    rate_hz: float | None = None,
) -> Placement:
    """Draw a camera that sees a person.

    joints_m: (T, 25, 3), the person over time, y up, the floor at 0. view, size (width, height) and rate_hz are drawn
    where they are not given. Of several tries, the one that sees most of the person is taken where none sees enough.
    """
    ranges = ranges or CameraRanges()
    chosen: ViewClass = view if view else pick(rng, ranges.view_shares)
    size = size or pick(rng, ranges.sizes)
    rate_hz = rate_hz or pick(rng, ranges.rates_hz)
    few = joints_m[:: max(1, len(joints_m) // 40)]
    legs = few[:, LEGS]
    if ranges.cut_below_hips:
        few = few.copy()
        few[:, LEGS] = few[:, [_WAIST]]
    least = ranges.least_inside if rng.random() >= ranges.cut_share else ranges.least_inside_cut
    best: Placement | None = None
    best_fault = np.inf
    for _ in range(_TRIES):
        placed = _draw_once(rng, few, ranges, chosen, size, rate_hz)
        if placed is None or (placed.camera.project(legs)[1] < _LEAST_LEG_DEPTH_M).any():
            continue
        tall = _height_in_picture(few, placed.camera)
        low, high = ranges.person_height
        fault = max(0, least - placed.inside_share) + max(0, low - tall) + 0.3 * max(0, tall - high)
        if ranges.cut_below_hips:
            fault += max(0, _inside(legs, placed.camera).mean() - _MOST_LEGS_INSIDE)
        if fault < best_fault:
            best, best_fault = placed, fault
        if fault == 0:
            break
    if best is None:
        raise ValueError(f"no camera fits the ranges {ranges}; expected ranges that allow one")
    return best


def pick(rng: np.random.Generator, shares: Mapping[_Key, float]) -> _Key:
    """Draw a key by its share."""
    weights = np.array(list(shares.values()), float)
    return list(shares)[rng.choice(len(weights), p=weights / weights.sum())]


def _draw_once(
    rng: np.random.Generator, joints_m: Floats, ranges: CameraRanges, view: ViewClass, size: tuple[int, int],
    rate_hz: float,
) -> Placement | None:  # fmt: skip
    low, high = VIEW_EDGES_DEG[view]
    azimuth = np.radians(rng.uniform(low, high) * rng.choice((-1, 1)))
    ahead = facing(joints_m).mean(axis=0)
    ahead /= max(float(np.linalg.norm(ahead)), 1e-9)
    # To the person's left is left in the sense of `azimuths_deg`.
    left = np.array((ahead[1], -ahead[0]))
    towards = np.cos(azimuth) * ahead + np.sin(azimuth) * left
    centre = np.median(joints_m[:, 0], axis=0)
    # Shorter distances are more usual than longer ones.
    distance = ranges.distance_m[0] + (ranges.distance_m[1] - ranges.distance_m[0]) * rng.beta(1.3, 2.2)
    height = rng.uniform(*(ranges.usual_height_m if rng.random() < ranges.usual_share else ranges.height_m))
    eye = np.array((centre[0] + distance * towards[0], height, centre[2] + distance * towards[1]))
    field_deg = float(np.clip(rng.normal(64, 14), *ranges.field_of_view_deg))
    top, bottom = joints_m[..., 1].max(), joints_m[..., 1].min()
    aim = centre + rng.normal(0, 0.18, 3)
    aim[1] = (top + bottom) / 2 + rng.normal(0, 0.28)
    flat = float(np.hypot(aim[0] - eye[0], aim[2] - eye[2]))
    pitch = float(np.clip(np.degrees(np.arctan2(aim[1] - eye[1], flat)), *ranges.pitch_deg))
    aim[1] = eye[1] + flat * np.tan(np.radians(pitch))
    roll = rng.uniform(-2, 2) if rng.random() < ranges.level_share else rng.uniform(*ranges.roll_deg)
    camera = Camera.looking_at(eye, aim, width=size[0], height=size[1], fov_deg=field_deg, roll_deg=float(roll))
    if (camera.project(joints_m)[1] < _LEAST_DEPTH_M).any():
        return None
    return Placement(
        camera=camera, rate_hz=rate_hz, azimuth_deg=float(np.median(azimuths_deg(joints_m, eye))), pitch_deg=pitch,
        roll_deg=float(roll), field_of_view_deg=field_deg, inside_share=float(_inside(joints_m, camera).mean()),
    )  # fmt: skip


def _inside(joints_m: Floats, camera: Camera) -> NDArray[np.bool_]:
    """Return which joints are in the picture: (..., 3) -> (...)."""
    pixels, _ = camera.project(joints_m)
    return np.asarray(((pixels >= 0) & (pixels <= (camera.width, camera.height))).all(axis=-1))


def _height_in_picture(joints_m: Floats, camera: Camera) -> float:
    """Return the person's usual height as a share of the picture's. joints_m: (T, 25, 3)."""
    pixels, _ = camera.project(joints_m)
    tall = np.ptp(pixels[..., 1], axis=1)
    return float(np.quantile(tall, 0.8)) / camera.height
