"""People who are small in large pictures are found: cut out of a clip and set down in a grey picture."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from hitrs_live.config import PoseConfig
from hitrs_live.pose.factory import open_landmarker

pytestmark = pytest.mark.slow

PICTURES = 20
ROWS, CLIP_HEIGHT_PX = slice(200, 1500), 806
"""Of the clip: the rows with the person, and the person's height."""


@pytest.fixture(scope="module")
def clip(data: Path) -> list[NDArray[np.uint8]]:
    """Pictures of a person who moves, red-green-blue, ten a second."""
    video = cv2.VideoCapture(str(data / "video" / "pose2sim_single_cam02.mp4"))
    pictures = [video.read()[1] for _ in range(3 * PICTURES)][::3]
    return [np.ascontiguousarray(picture[ROWS, :, ::-1]) for picture in pictures]


# Without search by motion, none was found of the last.
@pytest.mark.parametrize(
    ("height_px", "at", "fewest"),
    [(240, (860, 560), 16), (150, (860, 560), 15), (150, (1500, 100), 13), (100, (1500, 100), 8)],
)
def test_a_person_who_moves_is_found_in_most_pictures(
    clip: list[NDArray[np.uint8]], height_px: int, at: tuple[int, int], fewest: int
) -> None:
    landmarker = open_landmarker(PoseConfig())
    scale, found = height_px / CLIP_HEIGHT_PX, 0
    for picture in clip:
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        shown = np.full((1080, 1920, 3), 127, np.uint8)
        shown[at[1] : at[1] + small.shape[0], at[0] : at[0] + small.shape[1]] = small
        middles = landmarker.step(shown)[:, :, 0].mean(axis=1) * 1920
        found += any(at[0] < middle < at[0] + small.shape[1] for middle in middles)
    landmarker.close()
    assert found >= fewest
