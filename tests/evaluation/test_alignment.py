"""What errors of joints are made of: alignments by hand."""

import numpy as np
import pytest

from hitrs_live.evaluation.metrics.alignment import root_aligned_error

RNG = np.random.default_rng(0)
TRUE = RNG.normal(size=(4, 25, 3))
QUARTER = np.array(((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (-1.0, 0.0, 0.0)))


def test_without_an_alignment_only_the_place_of_the_root_does_not_count() -> None:
    moved = np.add(TRUE, (1.0, 2.0, 3.0))
    moved[0, 5] += (0.3, 0.0, 0.4)
    error = root_aligned_error(moved, TRUE)
    assert error[0, 5] == pytest.approx(0.5)
    assert np.delete(error[0], 5).max() < 1e-9


def test_a_larger_body_is_right_after_scaling_and_not_after_turning() -> None:
    assert root_aligned_error(1.2 * TRUE, TRUE, scale=True).max() < 1e-9
    assert root_aligned_error(1.2 * TRUE, TRUE, turn=True).mean() > 0.1


def test_a_turned_body_is_right_after_turning_and_not_after_scaling() -> None:
    assert root_aligned_error(TRUE @ QUARTER, TRUE, turn=True).max() < 1e-9
    assert root_aligned_error(TRUE @ QUARTER, TRUE, scale=True).mean() > 0.1
    assert root_aligned_error(0.7 * TRUE @ QUARTER, TRUE, turn=True, scale=True).max() < 1e-9


def test_a_mirror_image_is_not_turned_into_the_body() -> None:
    assert root_aligned_error(TRUE * (-1, 1, 1), TRUE, turn=True, scale=True).mean() > 0.1
