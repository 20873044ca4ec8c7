import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hitrs_live.config import CameraConfig
from hitrs_live.errors import ConfigError
from hitrs_live.pose.calibrate_camera import calibrate
from hitrs_live.pose.intrinsics import Intrinsics, camera_intrinsics, load_intrinsics, save_intrinsics

LENS = Intrinsics(
    fx=1000, fy=990, cx=630, cy=365, width=1280, height=720, distortion=(-0.05, 0.13, 0.0006, 0.0007, 0.01)
)


def test_a_field_of_view_reaches_from_edge_to_edge() -> None:
    lens = Intrinsics.from_field_of_view(90, width=640, height=480)
    np.testing.assert_allclose(lens.rays(np.array([[0.0, 0.5], [1.0, 0.5], [0.5, 0.5]])), [[-1, 0], [1, 0], [0, 0]])


@pytest.mark.parametrize("degrees", [0, 180, math.nan])
def test_an_impossible_field_of_view_is_refused(degrees: float) -> None:
    with pytest.raises(ValueError, match="between 1 and 179"):
        Intrinsics.from_field_of_view(degrees, width=640, height=480)


def test_rays_undo_the_distortion_that_opencv_makes() -> None:
    points = np.stack(np.meshgrid(np.linspace(-0.5, 0.5, 9), np.linspace(-0.3, 0.3, 9)), axis=-1).reshape(-1, 2)
    matrix = np.array([[LENS.fx, 0, LENS.cx], [0, LENS.fy, LENS.cy], [0, 0, 1]])
    ahead = np.concatenate((points, np.ones((len(points), 1))), axis=1)
    pixels = cv2.projectPoints(ahead, np.zeros(3), np.zeros(3), matrix, np.array(LENS.distortion))[0][:, 0]
    # A hundredth of a pixel at this focal length.
    np.testing.assert_allclose(LENS.rays(pixels / (LENS.width, LENS.height)), points, atol=1e-5)


@settings(deadline=None)
@given(st.integers(160, 4000))
def test_the_same_shape_at_another_size_sees_the_same_rays(width: int) -> None:
    height = width * 720 / 1280
    if height != int(height):
        return
    corners = np.array([[0.0, 0.0], [1.0, 1.0], [0.3, 0.8]])
    other = LENS.scaled(width=width, height=int(height))
    np.testing.assert_allclose(other.rays(corners), LENS.rays(corners), atol=1e-9)


def test_another_shape_is_a_crop_about_the_centre() -> None:
    cropped = LENS.scaled(width=960, height=720)
    assert (cropped.fx, cropped.fy) == (LENS.fx, LENS.fy)
    assert cropped.cx == LENS.cx - 160
    assert cropped.cy == LENS.cy


@settings(deadline=None)
@given(st.floats(2, 178), st.integers(16, 4000), st.integers(16, 4000))
def test_an_assumed_field_of_view_is_that_of_the_picture_whatever_its_shape(
    degrees: float, width: int, height: int
) -> None:
    lens = camera_intrinsics(CameraConfig(field_of_view_deg=degrees)).scaled(width=width, height=height)
    assert 2 * math.degrees(math.atan(width / 2 / lens.fx)) == pytest.approx(degrees)
    assert (lens.fy, lens.cx, lens.cy) == (lens.fx, width / 2, height / 2)


def test_a_portrait_picture_of_a_lens_measured_in_landscape_is_the_camera_turned() -> None:
    turned = LENS.scaled(width=720, height=1280)
    assert (turned.fx, turned.fy) == (LENS.fy, LENS.fx)
    assert (turned.cx, turned.cy) == (360, 640)
    assert turned.distortion == (-0.05, 0.13, 0.0, 0.0, 0.01)
    assert "turned" in turned.origin
    half = LENS.scaled(width=360, height=640)
    assert half.fx == LENS.fy / 2
    # Turned and cropped: the phone's 16:9 seen as 3:4 keeps the height.
    assert LENS.scaled(width=960, height=1280).fx == pytest.approx(LENS.fy * 960 / 720)


def test_a_square_picture_of_a_measured_lens_is_a_crop_and_no_turn() -> None:
    square = LENS.scaled(width=720, height=720)
    assert (square.fx, square.fy, square.cx) == (LENS.fx, LENS.fy, LENS.cx - 280)


def test_a_saved_file_reads_back_the_same(tmp_path: Path) -> None:
    save_intrinsics(tmp_path / "lens.toml", LENS, camera='the "hall"', error_px=0.2)
    read = load_intrinsics(tmp_path / "lens.toml")
    assert (read.fx, read.cy, read.width, read.distortion) == (LENS.fx, LENS.cy, LENS.width, LENS.distortion)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("width = 1", r"height is missing: expected a whole number above 0"),
        (
            "width = 640\nheight = 480\nfx = -1\nfy = 1\ncx = 1\ncy = 1",
            r"fx -1: expected a number above 0",
        ),
        (
            "width = 640\nheight = 480\nfx = nan\nfy = 1\ncx = 1\ncy = 1",
            r"fx nan: expected a number above 0",
        ),
        (
            "width = 640\nheight = 480\nfx = 1\nfy = 1\ncx = 1\ncy = 1\ncolour = 3",
            r"unknown setting colour; the file has width, height, fx",
        ),
        ("width = 640\nheight = 480\nfx = 1\nfy = 1\ncx = inf\ncy = 1", r"cx inf: expected a number;"),
        ("width = true\nheight = 480\nfx = 1\nfy = 1\ncx = 1\ncy = 1", r"width true: expected a whole number"),
        (
            "width = 640\nheight = 480\nfx = 1\nfy = 1\ncx = 1\ncy = 1\ndistortion = [1]",
            r"distortion \[1\]: expected 5 n",
        ),
        ("fx = ", "calibration/README.md"),
        ("fx = 1\nfx = 2", "not TOML"),
        ("a = " + 5000 * "[", "not TOML"),
    ],
)
def test_a_bad_file_is_reported_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "lens.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message) as raised:
        load_intrinsics(path)
    assert "\n" not in str(raised.value)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_intrinsics(tmp_path / "none.toml")


def test_the_configured_file_comes_before_the_field_of_view(tmp_path: Path) -> None:
    save_intrinsics(tmp_path / "lens.toml", LENS)
    assert camera_intrinsics(CameraConfig(calibration=str(tmp_path / "lens.toml"))).fx == LENS.fx
    assumed = camera_intrinsics(CameraConfig(field_of_view_deg=60.0))
    assert assumed.fx == pytest.approx(320 / math.tan(math.radians(30)))
    assert "not calibrated" in assumed.origin


def test_a_synthetic_camera_is_measured_from_pictures_of_a_board(tmp_path: Path) -> None:
    focal, paths = 900.0, []
    board = np.zeros((360, 540), np.uint8)
    for row in range(6):
        for column in range(9):
            board[row * 60 : row * 60 + 60, column * 60 : column * 60 + 60] = 255 * ((row + column) % 2)
    board = cv2.copyMakeBorder(board, 60, 60, 60, 60, cv2.BORDER_CONSTANT, value=255)
    matrix = np.array([[focal, 0, 400], [0, focal, 300], [0, 0, 1]])
    flat = np.array([[-0.33, -0.24, 0], [0.33, -0.24, 0], [0.33, 0.24, 0], [-0.33, 0.24, 0]])
    for index, tilt in enumerate([(0.5, 0, 0), (-0.4, 0.3, 0), (0, 0.6, 0.2), (0, -0.5, 0), (0.3, 0.4, -0.3)]):
        seen = cv2.projectPoints(flat, np.array(tilt), np.array([0.02 * index, 0, 1.2]), matrix, None)[0]
        corners = np.array([[0, 0], [660, 0], [660, 480], [0, 480]], np.float32)
        warp = cv2.getPerspectiveTransform(corners, seen[:, 0].astype(np.float32))
        paths.append(tmp_path / f"{index}.png")
        cv2.imwrite(str(paths[-1]), cv2.warpPerspective(board, warp, (800, 600), borderValue=200))
    measured, error_px = calibrate(paths, inner_corners=(8, 5), square_m=0.06)
    # Corners of a drawn board are found to some tenths of a pixel.
    assert measured.fx == pytest.approx(focal, rel=0.01)
    assert error_px < 0.5


def test_pictures_without_a_board_are_refused(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((120, 160), 99, np.uint8))
    with pytest.raises(ConfigError, match="found in 0 of 1 pictures"):
        calibrate([tmp_path / "grey.png"], inner_corners=(4, 7), square_m=0.06)
    with pytest.raises(ConfigError, match="not a picture that can be read"):
        calibrate([tmp_path / "none.png"], inner_corners=(4, 7), square_m=0.06)


@pytest.mark.slow
def test_real_photographs_give_the_laboratorys_focal_length(data: Path) -> None:
    photographs = sorted((data / "cameras" / "cam02").glob("*.jpg"))
    measured, error_px = calibrate(photographs, inner_corners=(4, 7), square_m=0.06)
    # Seven photographs against a laboratory's wand: focal lengths of all four cameras agree within 1 %.
    assert measured.fx == pytest.approx(107118.695 / 64, rel=0.01)
    assert measured.fy == pytest.approx(107123.023 / 64, rel=0.01)
    assert error_px < 1


def test_in_a_folder_each_source_has_the_file_of_its_name(tmp_path: Path) -> None:
    save_intrinsics(tmp_path / "door.toml", LENS)
    cameras = CameraConfig(calibration=str(tmp_path))
    assert camera_intrinsics(cameras, "door").fx == LENS.fx
    with pytest.raises(ConfigError, match=r"hall\.toml"):
        camera_intrinsics(cameras, "hall")
