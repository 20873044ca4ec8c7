"""Whether an action needs the legs follows from its examples, and is said in one line where legs are not seen."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from shown_joints import LEGS
from taught_joints import raised_arm

from hitrs_live.skeleton import NTU25
from hitrs_live.teaching.examples import Example
from hitrs_live.teaching.needed_legs import STILL_M, leg_movement_m, needs_legs, shows_legs, unseen_legs_line

LEFT_LEG = [NTU25.index(f"left_{part}") for part in ("knee", "ankle", "foot")]


def whole(moved_m: float = 0.0, seed: int = 0) -> Example:
    """Return an example of an arm that is raised, and of a leg that goes so far to the front and back with it."""
    example = raised_arm(np.random.default_rng(seed))
    joints_m = example.joints_m.copy()
    frames = np.arange(example.end - example.start)
    # For nearly half of the time it is where it goes.
    way_m = moved_m * np.clip(2 * np.sin(np.pi * frames / (len(frames) - 1)) - 0.7, 0, 1)
    joints_m[example.start : example.end, LEFT_LEG, 2] -= way_m[:, None].astype(np.float32)
    return replace(example, joints_m=joints_m)


def at_desk(seed: int = 0) -> Example:
    """Return an example of which hips and legs are not seen."""
    example = whole(seed=seed)
    confidence = example.confidence.copy()
    confidence[:, LEGS] = 0.05
    return replace(example, confidence=confidence)


def of(*makers: object) -> Sequence[Example]:
    return [maker(seed=seed) for seed, maker in enumerate(makers)]  # type: ignore[operator]


def kicks(seed: int = 0) -> Example:
    return whole(0.6, seed)


def test_an_action_of_an_arm_needs_no_legs_where_they_stand_still() -> None:
    assert leg_movement_m(whole()) < 0.03
    assert not needs_legs(of(whole, whole, whole))


def test_an_action_needs_the_legs_that_move_in_it() -> None:
    assert needs_legs(of(kicks, kicks, kicks))


@pytest.mark.parametrize(("moved_m", "needed"), [(0.7 * STILL_M, False), (3.0 * STILL_M, True)])
def test_what_moves_less_than_the_limit_stands_still(moved_m: float, needed: bool) -> None:
    assert needs_legs([whole(moved_m)]) == needed


def test_a_person_who_moves_about_elsewhere_in_the_recording_stands_still_in_the_action() -> None:
    example = whole()
    joints_m = example.joints_m.copy()
    joints_m[: example.start - 3, LEFT_LEG, 2] -= 0.6
    assert not needs_legs([replace(example, joints_m=joints_m)])


def test_an_action_needs_no_legs_where_they_are_not_seen() -> None:
    assert [shows_legs(one) for one in of(whole, at_desk)] == [True, False]
    assert not needs_legs(of(at_desk, at_desk))


def test_a_step_in_one_of_several_examples_is_no_part_of_the_action() -> None:
    assert not needs_legs(of(whole, whole, kicks))


def test_mixed_examples_need_the_legs_where_half_of_them_show_these_moving() -> None:
    assert not needs_legs(of(whole, at_desk))
    assert not needs_legs(of(kicks, at_desk, at_desk))
    assert needs_legs(of(kicks, at_desk))
    assert needs_legs(of(kicks, kicks, at_desk))


def test_examples_that_show_the_legs_need_no_line() -> None:
    new = of(whole, whole)
    assert unseen_legs_line("wave", new, new) is None


def test_one_line_says_that_the_upper_body_is_enough() -> None:
    new = of(at_desk, at_desk)
    line = unseen_legs_line("wave", new, new)
    assert line == "wave: the legs are not seen, so it will be recognised by the upper body"


def test_one_line_says_that_earlier_examples_show_legs_that_move() -> None:
    new = of(at_desk)
    line = unseen_legs_line("kick", new, [*new, *of(kicks, kicks)])
    assert line is not None
    assert "needed to recognise it" in line
