"""A camera projects as a pinhole does."""

import numpy as np
import pytest

from hitrs_live.virtual_camera.camera import Camera


def _camera(**changed: float) -> Camera:
    settings = {"fov_deg": 90.0} | changed
    return Camera.looking_at(np.array([0.0, 1.0, 3.0]), np.array([0.0, 1.0, 0.0]), width=200, height=100, **settings)


def test_the_target_is_in_the_middle_of_the_picture() -> None:
    pixels, depth_m = _camera().project(np.array([0.0, 1.0, 0.0]))

    np.testing.assert_allclose(pixels, (100, 50))
    assert depth_m == pytest.approx(3)


def test_what_is_higher_is_higher_in_the_picture_and_right_is_right() -> None:
    pixels, _ = _camera().project(np.array([[0.3, 1.3, 0.0]]))

    np.testing.assert_allclose(pixels, [(110, 40)])


def test_the_field_of_view_reaches_from_edge_to_edge() -> None:
    pixels, _ = _camera(fov_deg=90).project(np.array([[3.0, 1.0, 0.0], [-3.0, 1.0, 0.0]]))

    np.testing.assert_allclose(pixels[:, 0], (200, 0))


def test_roll_turns_the_picture() -> None:
    pixels, _ = _camera(roll_deg=90).project(np.array([0.0, 1.3, 0.0]))

    np.testing.assert_allclose(pixels, (90, 50), atol=1e-9)


def test_what_is_behind_the_camera_has_no_pixel() -> None:
    pixels, depth_m = _camera().project(np.array([0.0, 1.0, 4.0]))

    assert depth_m < 0
    assert np.isnan(pixels).all()


def test_the_clip_matrix_agrees_with_the_projection() -> None:
    camera = _camera(roll_deg=20)
    point = np.array([0.4, 1.7, 0.5])

    clip = camera.clip_matrix() @ np.append(point, 1)

    pixels, _ = camera.project(point)
    np.testing.assert_allclose(((clip[0] / clip[3] + 1) * 100, (1 - clip[1] / clip[3]) * 50), pixels)
