"""What a camera does to a picture keeps its shape, is the same for a seed, and does what its settings say."""

import numpy as np
import pytest
from numpy.typing import NDArray

from hitrs_live.virtual_camera.picture_effects import EffectSettings, PictureEffects, draw_effects
from hitrs_live.virtual_camera.picture_motion import Motion, smear

_PLAIN = EffectSettings(
    gain=1.0, gamma=1.0, warmth=0.0, tint=0.0, noise=0.0, defocus_px=0.0, shutter_s=0.0, readout_s=0.0, quality=95,
    still_levels=0.0, changes_resolution=False,
)  # fmt: skip


def _picture() -> NDArray[np.uint8]:
    picture = np.full((120, 160, 3), 90, np.uint8)
    picture[30:100, 60:90] = (200, 80, 30)
    return picture


def _moving(speed_px_s: float) -> Motion:
    pixels = np.array([(75.0, 40.0), (75.0, 65.0), (75.0, 90.0)], np.float32)
    return Motion(pixels=pixels, velocity_px_s=np.tile(np.float32((speed_px_s, 0)), (3, 1)), height_px=70.0)


def test_the_same_seed_gives_the_same_pictures() -> None:
    settings = draw_effects(np.random.default_rng(4))

    films = [
        [effects.apply(_picture(), _moving(500)) for _ in range(3)]
        for effects in (PictureEffects(settings, np.random.default_rng(1)) for _ in range(2))
    ]

    np.testing.assert_array_equal(films[0], films[1])


def test_pictures_keep_their_shape_and_type_with_any_drawn_effects() -> None:
    rng = np.random.default_rng(0)
    for _ in range(8):
        picture = PictureEffects(draw_effects(rng), rng).apply(_picture(), _moving(900))
        assert picture.shape == (120, 160, 3)
        assert picture.dtype == np.uint8


def test_without_effects_a_picture_only_loses_what_compression_takes() -> None:
    picture = PictureEffects(_PLAIN, np.random.default_rng(0)).apply(_picture())

    assert np.abs(picture.astype(int) - _picture()).mean() < 2


def test_noise_has_the_strength_that_was_asked_for() -> None:
    settings = EffectSettings(**{**_PLAIN.__dict__, "noise": 6.0, "quality": 100})
    grey = np.full((240, 320, 3), 128, np.uint8)

    noisy = PictureEffects(settings, np.random.default_rng(0)).apply(grey)

    # Green survives the compression's averaging of colours best.
    assert noisy[..., 1].std() == pytest.approx(6.0, rel=0.35)


def test_a_moving_person_is_blurred_along_the_movement_and_nothing_else_is() -> None:
    blurred = smear(_picture(), _moving(800), shutter_s=1 / 30, readout_s=0.0)

    edge = blurred[65, 50:100, 0].astype(int)
    assert ((edge > 100) & (edge < 190)).sum() >= 8
    np.testing.assert_array_equal(blurred[:, 140:], _picture()[:, 140:])


def test_someone_who_stands_still_is_not_blurred() -> None:
    picture = _picture()

    assert smear(picture, _moving(10), shutter_s=1 / 60, readout_s=0.02) is picture


def test_blocks_that_hardly_change_are_not_sent_again() -> None:
    settings = EffectSettings(**{**_PLAIN.__dict__, "noise": 2.0, "still_levels": 6.0})
    effects = PictureEffects(settings, np.random.default_rng(0))
    first = effects.apply(_picture())
    moved = _picture()
    moved[0:32, 0:32] = 230

    second = effects.apply(moved)

    np.testing.assert_array_equal(second[:, 112:], first[:, 112:])
    assert second[4:28, 4:28].mean() > 200
