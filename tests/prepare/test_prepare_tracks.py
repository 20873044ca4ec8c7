"""Skeletons become people: ids that change are seen through, furniture and flickers are dropped, gaps are filled."""

import numpy as np
import pytest

from hitrs_live.prepare.tracks import (
    LONGEST_PAUSE,
    MOST_TRACKS,
    Track,
    activity,
    fill_gaps,
    is_furniture,
    join_tracks,
    sort_people,
)

BODY = np.random.default_rng(0).uniform((-0.3, -0.9, 2.9), (0.3, 0.8, 3.1), (25, 3))
TABLE = np.random.default_rng(1).uniform((-0.9, -0.4, 2.0), (0.9, 0.1, 2.4), (25, 3))


def track(
    start: int, frames: int, *, x: float = 0.0, speed: float = 0.0, swing: float = 0.1, body: np.ndarray = BODY
) -> Track:
    """A body that sways and walks along x at so many metres a frame, seen from one frame on."""
    at = np.arange(start, start + frames)
    joints = body + np.zeros((frames, 1, 1))
    joints[:, 4:12] += swing * np.sin(at / 3.0)[:, None, None]
    joints[:, :, 0] += x + speed * at[:, None]
    return Track(at=at, joints=joints.astype(np.float32))


def test_a_body_that_gets_a_new_id_where_it_is_goes_on() -> None:
    (whole,) = join_tracks([track(0, 20), track(24, 20)])
    assert whole.at.tolist() == [*range(20), *range(24, 44)]


def test_a_body_that_walks_is_found_again_where_it_was_going() -> None:
    """A second and a half a metre away from where it was lost: too far for one who stands."""
    walking = [track(0, 20, speed=0.05), track(45, 20, speed=0.05)]
    assert len(join_tracks(walking)) == 1
    assert len(join_tracks([track(0, 20), track(45, 20, x=1.3)])) == 2


@pytest.mark.parametrize(
    "second",
    [track(5, 20), track(20 + LONGEST_PAUSE, 20), track(22, 20, x=1.0)],
    ids=["meanwhile", "late", "elsewhere"],
)
def test_another_body_meanwhile_or_much_later_or_elsewhere_is_another_person(second: Track) -> None:
    assert len(join_tracks([track(0, 20), second])) == 2


def test_of_two_possible_continuations_the_nearer_one_is_taken() -> None:
    joined = join_tracks([track(0, 20), track(22, 20, x=0.25), track(22, 20, x=0.02)])
    assert sorted(len(one.at) for one in joined) == [20, 40]
    whole = max(joined, key=lambda one: len(one.at))
    assert whole.joints[-1, 0, 0] == pytest.approx(BODY[0, 0] + 0.02, abs=1e-3)


def test_gaps_are_filled_along_a_straight_line_and_what_was_seen_stays_as_it_is() -> None:
    seen = track(3, 10, speed=0.03)
    gappy = Track(at=np.delete(seen.at, [4, 5]), joints=np.delete(seen.joints, [4, 5], axis=0))
    filled = fill_gaps(gappy)
    np.testing.assert_array_equal(np.delete(filled, [4, 5], axis=0), gappy.joints)
    expected = gappy.joints[3] + (gappy.joints[4] - gappy.joints[3]) * np.array([1 / 3, 2 / 3])[:, None, None]
    np.testing.assert_allclose(filled[4:6], expected, atol=1e-6)


def test_furniture_and_flickers_are_dropped_and_counted_but_never_the_last_body() -> None:
    table, flicker, person = track(0, 30, swing=0.0, body=TABLE), track(0, 10, x=2.0), track(0, 40)
    people = sort_people([table, flicker, person])
    assert [len(joints) for _, joints in people.bodies] == [40]
    assert people.counts["tracks dropped as furniture"] == people.counts["tracks dropped as too short"] == 1
    assert [len(joints) for _, joints in sort_people([flicker]).bodies] == [10]
    assert [len(joints) for _, joints in sort_people([table]).bodies] == [30]


def test_somebody_who_lies_down_for_a_while_is_no_furniture() -> None:
    lying = BODY[:, [1, 0, 2]]
    half = np.concatenate([np.repeat(BODY[None], 20, 0), np.repeat(lying[None], 20, 0)]).astype(np.float32)
    assert not is_furniture(half)
    assert is_furniture(half[20:])


def test_the_two_most_active_people_are_kept_the_more_active_first() -> None:
    people = sort_people([track(0, 30, swing=0.05), track(2, 30, x=1.5, swing=0.4), track(0, 30, x=3.0, swing=0.2)])
    assert [first for first, _ in people.bodies] == [2, 0]
    assert [activity(joints) for _, joints in people.bodies] == sorted(
        (activity(joints) for _, joints in people.bodies), reverse=True
    )
    assert people.counts["tracks dropped beyond two"] == 1


def test_a_file_of_countless_ids_is_sorted_all_the_same() -> None:
    tracks = [track(number, 1, x=float(number)) for number in range(500)]
    assert sort_people([*tracks, track(0, 30)]).counts["tracks dropped as too many"] == 501 - MOST_TRACKS
