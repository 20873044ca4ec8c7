"""Everything that is fixed in one view: people, place, camera and light."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.virtual_camera.camera import Camera
from hitrs_live.virtual_camera.people.appearance import Appearance
from hitrs_live.virtual_camera.people.body import Body
from hitrs_live.virtual_camera.pictures.camera_placement import CameraRanges, Placement, ViewClass, draw_placement, pick
from hitrs_live.virtual_camera.pictures.picture_effects import EffectRanges, EffectSettings, draw_effects
from hitrs_live.virtual_camera.places.backdrop import hidden_share
from hitrs_live.virtual_camera.places.furniture import draw_furniture, draw_occluder
from hitrs_live.virtual_camera.places.scene import Scene, draw_scene
from hitrs_live.virtual_camera.source_streams import SourceStream

Floats = NDArray[np.float32]

_CLEAR_FRAMES: Final = 60
_FLOOR_FRAMES: Final = 24
_MOST_HIDDEN: Final = 0.03
"""Share of the joints that a piece of furniture may hide by chance; what is meant to hide may hide _MOST_OCCLUDED."""
_MOST_OCCLUDED: Final = 0.4
_LEAST_APART_M: Final = 0.65


@dataclass(frozen=True, kw_only=True)
class SetupRanges:
    """What a view is drawn from."""

    cameras: CameraRanges = field(default_factory=CameraRanges)
    effects: EffectRanges = field(default_factory=EffectRanges)
    outdoors_share: float = 0.15
    occluder_share: float = 0.2
    """Share of views with a piece of furniture before the person."""
    others: tuple[float, float, float] = (0.82, 0.14, 0.04)
    """Shares of views with no, one and two other people."""
    most_drawn: int = 960
    """Larger pictures are drawn at this width, in pixels, and enlarged: pose networks see less."""


@dataclass(frozen=True, kw_only=True)
class Person:
    """A body that moves. T frames of the camera."""

    appearance: Appearance
    bones: Floats
    """(T, B, 3, 4)."""
    joints_m: Floats
    """(T, 25, 3)."""
    height_m: float
    """Of the body."""


@dataclass(frozen=True, kw_only=True)
class ViewSetup:
    """One view before it is rendered."""

    people: tuple[Person, ...]
    """The first is the person whose truth is kept."""
    scene: Scene
    placement: Placement
    effects: EffectSettings
    size: tuple[int, int]
    """Width and height of the pictures, pixels; the camera's own may be smaller."""
    seed: int
    """Of the noise."""

    def __len__(self) -> int:
        return len(self.people[0].bones)


def draw_setup(
    stream: SourceStream,
    others: Sequence[SourceStream],
    rng: np.random.Generator,
    ranges: SetupRanges | None = None,
    *,
    view: ViewClass | None = None,
    size: tuple[int, int] | None = None,
) -> ViewSetup:
    """Draw bodies, a camera, a place and effects. others: streams of further people, used as far as one is wanted.

    Raises RenderUnavailable where the body mesh is missing.
    """
    ranges = ranges or SetupRanges()
    rate_hz = pick(rng, ranges.cameras.rates_hz)
    times = frame_times(stream, rate_hz)
    main = _make_person(stream, times, rate_hz, rng)
    placement = draw_placement(
        rng, main.joints_m.astype(float), ranges.cameras, view=view, size=size, rate_hz=rate_hz
    )  # fmt: skip
    people = [main]
    for other in others[: int(rng.choice(3, p=ranges.others))]:
        person = _place_beside(_make_person(other, times, rate_hz, rng), people, placement.camera, rng)
        people += [person] if person else []
    drawn = placement.camera
    wanted = (drawn.width, drawn.height)
    if drawn.width > ranges.most_drawn:
        placement = replace(placement, camera=_smaller(drawn, ranges.most_drawn))
    return ViewSetup(
        people=tuple(people), scene=_draw_place(rng, people, placement.camera, ranges), placement=placement,
        effects=draw_effects(rng, ranges.effects), size=wanted, seed=int(rng.integers(2**31)),
    )  # fmt: skip


def frame_times(stream: SourceStream, rate_hz: float) -> NDArray[np.float64]:
    """Return the times of the camera's frames, seconds from the stream's first frame."""
    return np.arange(int(stream.duration_s * rate_hz + 1e-6) + 1) / rate_hz


def resample(stream: SourceStream, rate_hz: float, times: NDArray[np.float64] | None = None) -> Floats:
    """Return the stream's joints at times, or at a rate; beyond its end the stream is run back and forth."""
    times = frame_times(stream, rate_hz) if times is None else times
    last = len(stream.joints_m) - 1
    position = times * stream.rate_hz
    position = last - np.abs(position % max(2 * last, 1) - last)
    before = np.minimum(position.astype(int), last)
    share = (position - before)[:, None, None].astype(np.float32)
    after = np.minimum(before + 1, last)
    return np.asarray(stream.joints_m[before] * (1 - share) + stream.joints_m[after] * share, np.float32)


def _make_person(stream: SourceStream, times: NDArray[np.float64], rate_hz: float, rng: np.random.Generator) -> Person:
    """Pose a body drawn for a stream, its feet on the floor at y = 0."""
    body = Body.drawn_for(stream.joints_m, rng)
    appearance = Appearance.draw(body, rng)
    posed = body.pose(resample(stream, rate_hz, times), smoothing_frames=0.7 * rate_hz / 30)
    few = slice(None, None, max(1, len(posed) // _FLOOR_FRAMES))
    floor = np.float32(np.quantile(_lowest_points(appearance, posed.bones[few]), 0.15))
    bones, joints = posed.bones.copy(), posed.joints_m.copy()
    bones[..., 1, 3] -= floor
    joints[..., 1] -= floor
    return Person(appearance=appearance, bones=bones, joints_m=joints, height_m=body.height_m)


def _lowest_points(appearance: Appearance, bones: Floats) -> Floats:
    """Return the height of the lowest point of a dressed body in each frame: bones (T, B, 3, 4) -> (T,)."""
    # Of each bone only its own vertices matter, and of those every eighth is enough.
    few = slice(None, None, 8)
    rest = np.concatenate((appearance.vertices_m[few], np.ones_like(appearance.vertices_m[few, :1])), axis=1)
    rows = np.einsum("vk,tvkc->tvc", appearance.bone_weights[few], bones[:, appearance.bone_indices[few], 1])
    return np.asarray(np.einsum("tvc,vc->tv", rows, rest).min(axis=1), np.float32)


def _smaller(camera: Camera, width: int) -> Camera:
    height = round(camera.height * width / camera.width)
    return replace(camera, width=width, height=height, focal_px=camera.focal_px * width / camera.width)


def _place_beside(person: Person, present: Sequence[Person], camera: Camera, rng: np.random.Generator) -> Person | None:
    """Put another person beside those present, turned at random; None where no place is found."""
    taken = np.concatenate([floor_path(one) for one in present])
    middle = np.median(floor_path(present[0]), axis=0)
    for _ in range(30):
        angle, away, turn = rng.uniform(0, 2 * np.pi), rng.uniform(0.8, 2.6), rng.uniform(0, 2 * np.pi)
        spot = middle + away * np.array((np.cos(angle), np.sin(angle)))
        moved = _moved(person, turn, spot)
        path = floor_path(moved)
        apart = np.linalg.norm(path[:, None] - taken[None], axis=-1).min()
        pixels, depth = camera.project(moved.joints_m.astype(float))
        size = (camera.width, camera.height)
        if apart > _LEAST_APART_M and (depth > 0.8).all() and ((pixels > 0) & (pixels < size)).all(-1).mean() > 0.3:
            return moved
    return None


def floor_path(person: Person) -> NDArray[np.float64]:
    """Return places on the floor that a person's joints come to, (N, 2), of some frames."""
    few = person.joints_m[:: max(1, len(person.joints_m) // _CLEAR_FRAMES)]
    return few[:, [0, 3, 6, 10, 14, 18]][..., [0, 2]].reshape(-1, 2).astype(float)


def _moved(person: Person, turn: float, spot: NDArray[np.float64]) -> Person:
    cos, sin = np.cos(turn), np.sin(turn)
    rotation = np.array(((cos, 0, sin), (0, 1, 0), (-sin, 0, cos)), np.float32)
    joints = person.joints_m @ rotation.T
    shift = np.array((spot[0] - np.median(joints[:, 0, 0]), 0, spot[1] - np.median(joints[:, 0, 2])), np.float32)
    bones = np.einsum("ij,tbjk->tbik", rotation, person.bones)
    bones[..., 3] += shift
    return replace(person, bones=bones, joints_m=joints + shift)


def _draw_place(rng: np.random.Generator, people: Sequence[Person], camera: Camera, ranges: SetupRanges) -> Scene:
    """Draw a place around people, without what hides them or stands in the camera."""
    points = np.concatenate([person.joints_m.reshape(-1, 3) for person in people]).astype(float)
    eye = camera.eye_m
    scene = draw_scene(
        rng, reach=(points.min(axis=0), points.max(axis=0)), eye=eye, outdoors_share=ranges.outdoors_share
    )
    clear = np.concatenate([floor_path(person) for person in people])
    furniture = draw_furniture(rng, scene, keep_clear=clear)
    main = people[0].joints_m
    if rng.random() < ranges.occluder_share:
        piece = draw_occluder(rng, eye=eye, person=np.median(main[:, 0], axis=0).astype(float), keep_clear=clear)
        furniture += [piece] if piece else []
    few = main[:: max(1, len(main) // 12)].reshape(-1, 3).astype(float)
    kept = []
    for piece in furniture:
        most = _MOST_HIDDEN if piece.movable else _MOST_OCCLUDED
        in_camera = (
            any((np.abs(eye - block.centre) < np.array(block.half).max() + 0.2).all() for block in piece.blocks)
            and piece.radius_m > 0
        )
        if not in_camera and sum(hidden_share(block, eye, few) for block in piece.blocks) <= most:
            kept.append(piece)
    return replace(scene, furniture=tuple(kept))
