"""Pictures of cameras that hang upside down, lie on their side or show a mirror image."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from hitrs_live.config import Config, override
from hitrs_live.errors import ConfigError
from hitrs_live.messages import Frame
from hitrs_live.sources.factory import make_sources
from hitrs_live.sources.turned import turned

LETTER = np.zeros((2, 3, 3), np.uint8)
LETTER[0, 0] = 255
"""Bright at the top left."""


def bright(image: np.ndarray) -> tuple[int, int]:
    rows, columns = np.nonzero(image[..., 0])
    return int(rows[0]), int(columns[0])


@pytest.mark.parametrize(
    ("rotate_deg", "mirror", "shape", "corner"),
    [
        (0, False, (2, 3), (0, 0)), (90, False, (3, 2), (0, 1)), (180, False, (2, 3), (1, 2)),
        (270, False, (3, 2), (2, 0)), (0, True, (2, 3), (0, 2)), (90, True, (3, 2), (0, 0)),
    ],
)  # fmt: skip
def test_pictures_are_turned_clockwise_and_then_mirrored(
    rotate_deg: int, mirror: bool, shape: tuple[int, int], corner: tuple[int, int]
) -> None:
    image = turned(LETTER, rotate_deg=rotate_deg, mirror=mirror)
    assert (image.shape[:2], bright(image)) == (shape, corner)


def pictures(folder: Path, settings: dict[str, object]) -> Sequence[Frame]:
    path = folder / "film.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 30.0, (64, 48))
    for _ in range(3):
        writer.write(np.repeat(np.repeat(LETTER, 24, axis=0), 22, axis=1)[:48, :64].copy())
    writer.release()
    (source,) = make_sources([("video", str(path))], override(Config(), settings), speed="max")
    source.open()
    frames: list[Frame] = []
    while items := source.read(0.5):
        frames += [item for item in items if isinstance(item, Frame)]
    source.close()
    return frames


def test_the_settings_turn_every_picture_of_a_source(tmp_path: Path) -> None:
    plain = pictures(tmp_path, {})
    upright = pictures(tmp_path, {"camera.rotate_deg": 180})
    assert len(plain) == len(upright) == 3
    for one, other in zip(plain, upright, strict=True):
        np.testing.assert_array_equal(other.image, one.image[::-1, ::-1])
        assert other.capture_time_ns == one.capture_time_ns
    mirrored = pictures(tmp_path, {"camera.mirror": True})
    np.testing.assert_array_equal(mirrored[0].image, plain[0].image[:, ::-1])


def test_another_angle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="rotate_deg"):
        override(Config(), {"camera.rotate_deg": 45})
