"""Paint a scene as a camera sees it, without people, by casting one ray through each pixel.

It is done once per view, since neither the camera nor the scene moves; frames then add people by depth.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from hitrs_live.virtual_camera.camera import Camera
from hitrs_live.virtual_camera.scene import Block, Scene
from hitrs_live.virtual_camera.textures import colours_of, noise

Floats = NDArray[np.float32]

_FAR_M: Final = 60.0
_SHADOW_STEP: Final = 4
"""Shadows are computed for every fourth pixel; their edges are soft anyway."""
_CONTACT_M: Final = 0.16
"""How far the darkness where two surfaces meet reaches."""


@dataclass(frozen=True, kw_only=True)
class Backdrop:
    """A scene without people, as one camera sees it."""

    picture: NDArray[np.uint8]
    """(height, width, 3), red-green-blue."""
    depth_m: Floats
    """(height, width), along the optical axis."""
    floor_mask: NDArray[np.bool_]
    """(height, width); True where the floor is seen."""


@dataclass(kw_only=True)
class _Hits:
    """What each pixel's ray meets first. P pixels."""

    rays: Floats
    """(P, 3), in the world; 1 along the optical axis, so that multiples of a ray are depths."""
    depth: Floats
    surface: NDArray[np.int32]
    """-1 for the sky, 0 the floor, 1 to 4 the walls, 5 the ceiling, from 6 on the blocks."""
    normal: Floats
    u: Floats
    v: Floats


def paint(scene: Scene, camera: Camera) -> Backdrop:
    """Paint the scene."""
    height, width = camera.height, camera.width
    hits = _cast(scene, camera)
    eye = camera.eye_m.astype(np.float32)
    points = eye + hits.rays * hits.depth[:, None]
    materials = [scene.floor, *scene.walls, scene.ceiling, *(block.material for block in scene.blocks)]
    colour = np.zeros((len(points), 3), np.float32)
    glow = np.zeros(len(points), np.float32)
    length = np.linalg.norm(hits.rays, axis=1)
    facing = np.abs(np.einsum("pk,pk->p", hits.rays, hits.normal)) / length
    pixel_m = hits.depth / camera.focal_px / np.maximum(facing, 0.05)
    for surface in np.unique(hits.surface):
        there = hits.surface == surface
        if surface < 0:
            colour[there] = _sky(scene, hits.rays[there])
            glow[there] = 1
            continue
        material = materials[surface]
        colour[there] = colours_of(material, hits.u[there], hits.v[there], pixel_m[there])
        glow[there] = material.glow
    lit = _light(scene, points, hits, (height, width))
    shaded = colour * (lit * (1 - glow[:, None]) + 1.15 * glow[:, None])
    picture = np.clip(shaded, 0, 1).reshape(height, width, 3)
    return Backdrop(
        picture=(picture * 255 + 0.5).astype(np.uint8),
        depth_m=hits.depth.reshape(height, width),
        floor_mask=(hits.surface == 0).reshape(height, width),
    )


def hidden_share(block: Block, eye: NDArray[np.float64], points: NDArray[np.float64]) -> float:
    """Return the share of points (N, 3) that a block hides from the eye (3,)."""
    rays = (points - eye).astype(np.float32)
    depth, _, _, _ = _meet(block, eye.astype(np.float32), rays)
    return float((depth < 0.97).mean()) if len(points) else 0.0


def _cast(scene: Scene, camera: Camera) -> _Hits:
    height, width = camera.height, camera.width
    columns = (np.arange(width, dtype=np.float32) + 0.5 - width / 2) / camera.focal_px
    rows = (np.arange(height, dtype=np.float32) + 0.5 - height / 2) / camera.focal_px
    local = np.stack((*np.meshgrid(columns, rows), np.ones((height, width))), axis=-1).astype(np.float32)
    rays = local.reshape(-1, 3) @ camera.rotation.astype(np.float32)
    hits = _meet_room(scene, camera.eye_m.astype(np.float32), rays)
    for number, block in enumerate(scene.blocks):
        pixels = _pixels_of(block, camera)
        if not len(pixels):
            continue
        depth, normal, u, v = _meet(block, camera.eye_m.astype(np.float32), rays[pixels])
        nearer = depth < hits.depth[pixels]
        chosen = pixels[nearer]
        hits.depth[chosen], hits.normal[chosen] = depth[nearer], normal[nearer]
        hits.u[chosen], hits.v[chosen] = u[nearer], v[nearer]
        hits.surface[chosen] = 6 + number
    return hits


def _meet_room(scene: Scene, eye: Floats, rays: Floats) -> _Hits:
    """Return where rays meet the floor, the walls and the ceiling; outdoors only the floor."""
    size = len(rays)
    lows = np.array((scene.low[0], 0.0, scene.low[1]), np.float32)
    highs = np.array((scene.high[0], scene.height_m, scene.high[1]), np.float32)
    if scene.outdoors:
        lows[[0, 2]], highs[:] = -np.inf, np.inf
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = np.where(rays > 0, highs - eye, lows - eye) / rays
    distance = np.where(np.abs(rays) < 1e-9, np.inf, distance)
    axis = np.argmin(distance, axis=1)
    depth = distance[np.arange(size), axis]
    forward = np.take_along_axis(rays, axis[:, None], 1)[:, 0] > 0
    surface = np.choose(axis, (1 + forward, 5 * forward, 3 + forward)).astype(np.int32)
    sky = ~(depth < _FAR_M)
    surface[sky] = -1
    depth = np.where(sky, _FAR_M, depth).astype(np.float32)
    points = eye + rays * depth[:, None]
    normal = np.zeros_like(rays)
    normal[np.arange(size), axis] = np.where(forward, -1, 1)
    u = np.where(axis == 0, points[:, 2], points[:, 0]).astype(np.float32)
    v = np.where(axis == 1, points[:, 2], points[:, 1]).astype(np.float32)
    return _Hits(rays=rays, depth=depth, surface=surface, normal=normal, u=u, v=v)


def _pixels_of(block: Block, camera: Camera) -> NDArray[np.int64]:
    """Return the numbers of the pixels in the rectangle around a block; none where it is out of sight."""
    signs = np.array(np.meshgrid((-1, 1), (-1, 1), (-1, 1))).reshape(3, -1).T
    corners = (signs * np.array(block.half)) @ _turn(block.yaw).T + np.array(block.centre)
    pixels, depth = camera.project(corners)
    if (depth <= 0.02).all():
        return np.empty(0, np.int64)
    low, high = np.zeros(2), np.array((camera.width, camera.height), float)
    if (depth > 0.02).all():
        low = np.clip(np.floor(pixels.min(axis=0)), 0, high)
        high = np.clip(np.ceil(pixels.max(axis=0)) + 1, 0, high)
    columns, rows = np.arange(int(low[0]), int(high[0])), np.arange(int(low[1]), int(high[1]))
    return np.asarray((rows[:, None] * camera.width + columns[None]).ravel(), np.int64)


def _turn(yaw: float) -> NDArray[np.float64]:
    cos, sin = np.cos(yaw), np.sin(yaw)
    return np.array(((cos, 0, sin), (0, 1, 0), (-sin, 0, cos)))


def _meet(block: Block, eye: Floats, rays: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Return for each ray its depth at the block (infinite beside it), the normal there, and u and v on the surface."""
    turn = _turn(block.yaw).astype(np.float32)
    half = np.array(block.half, np.float32)
    start = (eye - np.array(block.centre, np.float32)) @ turn
    local = rays @ turn
    local = np.where(np.abs(local) < 1e-9, np.float32(1e-9), local)
    if block.round:
        return _meet_round(start, local, half, turn)
    near, far = (-half - start) / local, (half - start) / local
    enters, leaves = np.minimum(near, far), np.maximum(near, far)
    axis = np.argmax(enters, axis=1)
    depth = enters[np.arange(len(rays)), axis]
    depth = np.where((depth <= leaves.min(axis=1)) & (depth > 0.02), depth, np.inf).astype(np.float32)
    normal = np.zeros_like(local)
    index = np.arange(len(rays))
    normal[index, axis] = -np.sign(local[index, axis])
    with np.errstate(invalid="ignore"):
        points = start + local * np.where(np.isfinite(depth), depth, 0)[:, None]
    u = np.where(axis == 0, points[:, 2], points[:, 0])
    v = np.where(axis == 1, points[:, 2], points[:, 1])
    if block.material.pattern == "planks":
        # The grain of wood runs along the longer side.
        longer = np.array((half[1] > half[2], half[2] > half[0], half[1] > half[0]))[axis]
        u, v = np.where(longer, v, u), np.where(longer, u, v)
    return depth, normal @ turn.T, u.astype(np.float32), v.astype(np.float32)


def _meet_round(start: Floats, local: Floats, half: Floats, turn: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    a, b = local / half, start / half
    aa, ab, bb = np.einsum("pk,pk->p", a, a), a @ b, float(b @ b) - 1
    inside = ab * ab - aa * bb
    depth = (-ab - np.sqrt(np.maximum(inside, 0))) / aa
    depth = np.where((inside > 0) & (depth > 0.02), depth, np.inf).astype(np.float32)
    points = start + local * np.where(np.isfinite(depth), depth, 0)[:, None]
    normal = points / (half * half)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    return depth, (normal @ turn.T).astype(np.float32), points[:, 0], points[:, 1] + points[:, 2]


def _light(scene: Scene, points: Floats, hits: _Hits, shape: tuple[int, int]) -> Floats:
    """Return (P, 3): how bright each pixel's surface is lit."""
    light = scene.light
    towards = np.array(light.direction, np.float32)
    lambert = np.clip(hits.normal @ towards, 0, 1)
    # Walls away from the source still see the other walls: no side is wholly without its light.
    direct = 0.3 + 0.7 * lambert if scene.outdoors else 0.5 + 0.5 * lambert
    shadow = _shadow(scene, points, hits, shape)
    near = np.ones(len(points), np.float32)
    if not scene.outdoors:
        low, high = np.array((scene.low[0], 0, scene.low[1])), np.array((scene.high[0], scene.height_m, scene.high[1]))
        gap = np.sort(np.minimum(points - low.astype(np.float32), high.astype(np.float32) - points), axis=1)
        # The nearest surface is the one that the point lies on; the next is the corner that it is close to.
        near -= 0.3 * np.exp(-np.maximum(gap[:, 1], 0) / 0.3)
    floor = hits.surface == 0
    near[floor] *= _contact(scene, points[floor])
    strength = light.ambient * near + light.strength * direct * (1 - light.shadow * shadow)
    return np.asarray(strength[:, None] * np.array(light.colour, np.float32), np.float32)


def _contact(scene: Scene, points: Floats) -> Floats:
    """Return the brightness of points of the floor near what stands on it."""
    bright = np.ones(len(points), np.float32)
    for block in scene.blocks:
        if block.centre[1] - block.half[1] > 0.08 or max(block.half) < 0.03 or block.half[1] < 0.01:
            continue
        local = (points - np.array(block.centre, np.float32)) @ _turn(block.yaw).astype(np.float32)
        outside = np.maximum(np.abs(local[:, [0, 2]]) - np.array(block.half, np.float32)[[0, 2]], 0)
        bright *= 1 - 0.4 * np.exp(-np.hypot(outside[:, 0], outside[:, 1]) / _CONTACT_M)
    return bright


def _shadow(scene: Scene, points: Floats, hits: _Hits, shape: tuple[int, int]) -> Floats:
    """Return (P,): how much of the light each point loses to the blocks, 0 to 1, softened."""
    height, width = shape
    blocks = [block for block in scene.blocks if max(block.half) > 0.05 and block.half[1] > 0.01]
    if not blocks:
        return np.zeros(height * width, np.float32)
    index = np.arange(height * width).reshape(height, width)[::_SHADOW_STEP, ::_SHADOW_STEP]
    start = (points + 0.02 * hits.normal)[index.ravel()]
    ray = np.tile(np.array(scene.light.direction, np.float32), (len(start), 1))
    dark = np.zeros(len(start), bool)
    for block in blocks:
        centre = np.array(block.centre, np.float32)
        reach = float(np.linalg.norm(block.half))
        along = (centre - start) @ ray[0]
        off = np.linalg.norm(centre - start - along[:, None] * ray, axis=1)
        near = np.flatnonzero((off < reach) & (along > -reach) & ~dark)
        if len(near):
            dark[near] = _meet_from(block, start[near], ray[near]) < 6.0
    soft = cv2.GaussianBlur(dark.reshape(index.shape).astype(np.float32), (0, 0), 1.6)
    return np.asarray(cv2.resize(soft, (width, height)), np.float32).ravel()


def _meet_from(block: Block, starts: Floats, rays: Floats) -> Floats:
    """Return how far from its own start each ray meets the block; infinite where it does not."""
    turn = _turn(block.yaw).astype(np.float32)
    half = np.array(block.half, np.float32)
    start, local = (starts - np.array(block.centre, np.float32)) @ turn, rays @ turn
    local = np.where(np.abs(local) < 1e-9, np.float32(1e-9), local)
    near, far = (-half - start) / local, (half - start) / local
    enters, leaves = np.minimum(near, far).max(axis=1), np.maximum(near, far).min(axis=1)
    return np.asarray(np.where((enters <= leaves) & (leaves > 0), np.maximum(enters, 0), np.inf), np.float32)


def _sky(scene: Scene, rays: Floats) -> Floats:
    """Return (N, 3): sky, clouds, and a line of trees or houses at the horizon."""
    length = np.linalg.norm(rays, axis=1)
    height = rays[:, 1] / length
    heading = np.arctan2(rays[:, 2], rays[:, 0]).astype(np.float32)
    flat = np.zeros_like(heading)
    low, high = np.array(scene.sky[0], np.float32), np.array(scene.sky[1], np.float32)
    sky = low + (high - low) * np.clip(height, 0, 1)[:, None] ** 0.6
    clouds = noise(heading * 4, height * 9, 2) + 0.5 * noise(heading * 11, height * 25, 3)
    sky += 0.16 * np.clip(clouds, 0, 1)[:, None]
    phase = scene.floor.phase
    trees = 0.05 + 0.05 * noise(heading * 5, flat, phase) + 0.02 * noise(heading * 40, heading, phase)
    houses = 0.06 + 0.05 * np.sign(noise(np.floor(heading * np.float32(9)) * np.float32(3.7), flat, phase))
    horizon = np.where(noise(heading * 1.3, flat, phase + 1) > 0.15, houses, trees)
    below = height < horizon
    leaf = np.array((0.16, 0.25, 0.13), np.float32) * (1 + 0.4 * noise(heading * 60, height * 120, phase))[:, None]
    window = (np.sin(heading * 150) > 0.2) & (np.sin(height * 260) > 0.0)
    plaster = np.where(window, 0.55, 1 + 0.1 * noise(heading * 9, height, phase))
    stone = np.array((0.55, 0.5, 0.46), np.float32) * plaster[:, None]
    far = np.where((horizon == houses)[:, None], stone, leaf)
    return np.where(below[:, None], far, sky).astype(np.float32)
