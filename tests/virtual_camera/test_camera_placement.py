"""Cameras stay within their ranges, see the person, and know from where they look."""

import numpy as np
import pytest
from standing_person import standing

from hitrs_live.skeleton import NTU25
from hitrs_live.virtual_camera.pictures.camera_placement import (
    VIEW_CLASSES,
    VIEW_EDGES_DEG,
    CameraRanges,
    ViewClass,
    azimuths_deg,
    draw_placement,
    facing,
    view_of,
)

_RANGES = CameraRanges()


@pytest.mark.slow
def test_cameras_stay_within_their_ranges() -> None:
    rng = np.random.default_rng(0)
    joints = standing(10).astype(float)
    for _ in range(40):
        placed = draw_placement(rng, joints)
        away = np.linalg.norm((placed.camera.eye_m - np.median(joints[:, 0], axis=0))[[0, 2]])
        assert _RANGES.height_m[0] <= placed.camera.eye_m[1] <= _RANGES.height_m[1]
        assert _RANGES.distance_m[0] - 1e-6 <= away <= _RANGES.distance_m[1] + 1e-6
        assert _RANGES.pitch_deg[0] <= placed.pitch_deg <= _RANGES.pitch_deg[1]
        assert _RANGES.roll_deg[0] <= placed.roll_deg <= _RANGES.roll_deg[1]
        assert _RANGES.field_of_view_deg[0] <= placed.field_of_view_deg <= _RANGES.field_of_view_deg[1]
        assert (placed.camera.width, placed.camera.height) in _RANGES.sizes
        assert placed.rate_hz in _RANGES.rates_hz
        assert placed.inside_share > 0.5


def test_the_same_seed_gives_the_same_camera() -> None:
    joints = standing(10).astype(float)

    first, second = (draw_placement(np.random.default_rng(6), joints) for _ in range(2))

    np.testing.assert_array_equal(first.camera.eye_m, second.camera.eye_m)
    np.testing.assert_array_equal(first.camera.rotation, second.camera.rotation)


@pytest.mark.parametrize("view", VIEW_CLASSES)
def test_a_camera_of_a_class_of_view_looks_from_there(view: ViewClass) -> None:
    rng = np.random.default_rng(1)
    joints = standing(5).astype(float)
    low, high = VIEW_EDGES_DEG[view]
    for _ in range(5):
        placed = draw_placement(rng, joints, view=view)
        assert low - 1e-6 <= abs(placed.azimuth_deg) <= high + 1e-6
        assert placed.view == view


def test_a_camera_to_the_persons_left_has_a_positive_azimuth() -> None:
    joints = standing(1).astype(float)
    forward = facing(joints)[0]
    to_left = joints[0, 4] - joints[0, 8]
    left = to_left * (1, 0, 1)
    front = np.array((forward[0], 0, forward[1]))

    assert azimuths_deg(joints, joints[0, 0] + 3 * front)[0] == pytest.approx(0, abs=1)
    assert azimuths_deg(joints, joints[0, 0] + 3 * left / np.linalg.norm(left))[0] == pytest.approx(90, abs=1)
    assert abs(azimuths_deg(joints, joints[0, 0] - 3 * front)[0]) == pytest.approx(180, abs=1)


@pytest.mark.parametrize("seed", range(4))
def test_a_camera_near_the_body_sees_it_from_the_hips_up(seed: int) -> None:
    joints = standing(10).astype(float)
    ranges = CameraRanges(
        distance_m=(0.6, 1.5), usual_height_m=(1.1, 1.6), usual_share=1.0, cut_share=0.0, cut_below_hips=True,
    )  # fmt: skip

    camera = draw_placement(np.random.default_rng(seed), joints, ranges, view="front").camera

    pixels, depth_m = camera.project(joints)
    inside = ((pixels >= 0) & (pixels <= (camera.width, camera.height))).all(axis=-1)
    legs = [NTU25.index(f"{side}_{part}") for side in ("left", "right") for part in ("knee", "ankle", "foot")]
    assert inside[:, legs].mean() < 0.1
    assert np.delete(inside, legs, axis=1).mean() > 0.9
    assert depth_m.max() < 2.5


@pytest.mark.slow
def test_views_are_drawn_in_their_shares() -> None:
    rng = np.random.default_rng(2)
    joints = standing(3).astype(float)
    views = [draw_placement(rng, joints).view for _ in range(200)]

    for view, share in _RANGES.view_shares.items():
        # Three standard deviations of 200 draws.
        assert views.count(view) / 200 == pytest.approx(share, abs=3 * np.sqrt(share * (1 - share) / 200))


def test_every_angle_has_a_class() -> None:
    assert [view_of(angle) for angle in (0, -40, 90, -170, 359, 181)] == [
        "front", "oblique", "side", "back", "front", "back"
    ]  # fmt: skip
