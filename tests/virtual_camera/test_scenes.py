"""Places are the same for a seed, keep clear of people, and are painted with the depth of what they show."""

from dataclasses import replace

import numpy as np
import pytest

from hitrs_live.virtual_camera.backdrop import hidden_share, paint
from hitrs_live.virtual_camera.camera import Camera
from hitrs_live.virtual_camera.furniture import draw_furniture
from hitrs_live.virtual_camera.scene import Block, Furniture, Scene, draw_scene
from hitrs_live.virtual_camera.textures import PATTERNS, Material, colours_of

_EYE = np.array((0.3, 1.4, -3.0))
_REACH = (np.array((-0.6, 0.0, -0.6)), np.array((0.6, 1.9, 0.6)))
_PATH = np.random.default_rng(0).normal(0, 0.25, (40, 2))
_RED = Material(pattern="plain", colour=(0.9, 0.1, 0.1))


def _scene(seed: int) -> Scene:
    rng = np.random.default_rng(seed)
    scene = draw_scene(rng, reach=_REACH, eye=_EYE)
    return replace(scene, furniture=tuple(draw_furniture(rng, scene, keep_clear=_PATH)))


def _camera() -> Camera:
    return Camera.looking_at(_EYE, np.array((0.0, 0.9, 0.0)), width=96, height=72, fov_deg=65)


def test_the_same_seed_gives_the_same_place_and_picture() -> None:
    first, second = _scene(3), _scene(3)

    assert first == second
    np.testing.assert_array_equal(paint(first, _camera()).picture, paint(second, _camera()).picture)


def test_rooms_hold_the_person_and_the_camera() -> None:
    for seed in range(10):
        scene = _scene(seed)
        if not scene.outdoors:
            for x, z in ((_EYE[0], _EYE[2]), (-0.6, -0.6), (0.6, 0.6)):
                assert scene.low[0] < x < scene.high[0]
                assert scene.low[1] < z < scene.high[1]
            assert scene.height_m > 1.9


def test_furniture_keeps_its_distance_from_where_people_go() -> None:
    pieces = [piece for seed in range(10) for piece in _scene(seed).furniture if piece.radius_m > 0]

    assert len(pieces) > 10
    for piece in pieces:
        assert np.linalg.norm(_PATH - np.array(piece.centre), axis=1).min() > piece.radius_m + 0.4


def test_every_pattern_gives_colours_at_any_distance() -> None:
    u, v = (np.random.default_rng(1).uniform(-9, 9, 200).astype(np.float32) for _ in range(2))
    for pattern in PATTERNS:
        for pixel_m in (0.001, 0.5):
            material = Material(pattern=pattern, colour=(0.5, 0.4, 0.3))
            colours = colours_of(material, u, v, np.full(200, pixel_m, np.float32))
            assert colours.shape == (200, 3)
            assert np.isfinite(colours).all()


def test_a_block_is_painted_where_the_camera_projects_it_at_its_depth() -> None:
    block = Block(centre=(0.2, 1.0, 0.0), half=(0.15, 0.2, 0.15), material=_RED)
    scene = replace(_scene(5), furniture=(Furniture(blocks=(block,), centre=(0.2, 0.0), radius_m=0.2),))

    backdrop = paint(scene, _camera())

    pixel, depth = _camera().project(np.array(block.centre))
    column, row = pixel.astype(int)
    red, green, _ = backdrop.picture[row, column].astype(int)
    assert red > 2 * green
    assert depth - 0.3 < backdrop.depth_m[row, column] < depth


def test_the_floor_has_the_depth_that_geometry_gives() -> None:
    scene = replace(_scene(5), furniture=())
    camera = _camera()

    backdrop = paint(scene, camera)

    row, column = np.argwhere(backdrop.floor_mask)[-1]
    ray = np.array(((column + 0.5 - 48) / camera.focal_px, (row + 0.5 - 36) / camera.focal_px, 1)) @ camera.rotation
    assert backdrop.depth_m[row, column] == pytest.approx(-_EYE[1] / ray[1], rel=1e-3)


def test_a_block_between_eye_and_points_hides_them() -> None:
    wall = Block(centre=(0.0, 1.0, -1.5), half=(1.0, 1.0, 0.05), material=_RED)
    points = np.random.default_rng(2).uniform((-0.2, 0.5, -0.2), (0.2, 1.5, 0.2), (30, 3))

    assert hidden_share(wall, _EYE, points) == 1
    assert hidden_share(replace(wall, centre=(0.0, 1.0, 1.5)), _EYE, points) == 0
