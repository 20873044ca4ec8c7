"""What counts as a joint without a position and as no person, and what replaces such a joint."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hitrs_live.joint_checks import fill_from_neighbours, fill_over_time, find_bad, find_bodies
from hitrs_live.skeleton import NTU25

BODY = np.random.default_rng(0).uniform(-1, 1, (25, 3)).astype(np.float32)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 100.5, -1e30])
def test_a_coordinate_that_is_no_position_makes_a_bad_joint(value: float) -> None:
    joints = BODY.copy()
    joints[3, 2] = value
    assert np.flatnonzero(find_bad(joints)).tolist() == [3]


def test_a_body_without_half_its_positions_is_no_person_and_with_more_is_one() -> None:
    joints = BODY.copy()
    joints[:12] = np.nan
    assert find_bodies(joints)
    joints[12] = np.nan
    assert not find_bodies(joints)


def test_a_body_whose_good_joints_are_all_in_one_point_is_no_person() -> None:
    joints = np.full((25, 3), 1.5, np.float32)
    assert not find_bodies(joints)
    joints[4] = np.nan
    assert not find_bodies(joints)


def test_a_missing_joint_gets_the_position_of_the_nearest_along_the_skeleton() -> None:
    bad = np.zeros(25, bool)
    bad[[NTU25.index("left_thumb"), NTU25.index("left_wrist")]] = True
    filled = fill_from_neighbours(BODY, bad)
    np.testing.assert_array_equal(filled[~bad], BODY[~bad])
    thumb_parent = NTU25.parents[NTU25.index("left_thumb")]
    np.testing.assert_array_equal(filled[NTU25.index("left_thumb")], BODY[thumb_parent])
    assert (
        (filled[NTU25.index("left_wrist")] == BODY[[NTU25.index("left_elbow"), NTU25.index("left_hand")]]).all(1).any()
    )


@pytest.mark.slow
@settings(deadline=None)
@given(
    st.integers(1, 12).flatmap(
        lambda frames: st.lists(st.lists(st.booleans(), min_size=25, max_size=25), min_size=frames, max_size=frames)
    )
)
def test_filling_over_time_leaves_the_good_and_no_gap(holes: list[list[bool]]) -> None:
    bad = np.array(holes)
    bad[0, 0] = False
    joints = np.random.default_rng(1).uniform(-1, 1, (len(bad), 25, 3)).astype(np.float32)
    filled = fill_over_time(np.where(bad[..., None], np.nan, joints).astype(np.float32))
    np.testing.assert_array_equal(filled[~bad], joints[~bad])
    assert np.isfinite(filled).all()
    assert np.abs(filled).max() <= 1
