"""How people perform an action: habits that go along with it, alike in each repetition."""

import numpy as np
import pytest

from hitrs_live.synthesis.anthropometry import draw_body
from hitrs_live.synthesis.channels import INDEX, SIDES
from hitrs_live.synthesis.manner import Manner
from hitrs_live.synthesis.perform import Performance, Performer
from hitrs_live.synthesis.program import shipped_programs

PROGRAMS = {one.name: one for one in shipped_programs()}


def _swinging() -> Manner:
    """Draw the first manner whose arms swing."""
    drawn = (Manner.draw(np.random.default_rng(seed), free_arms=True, upright=True) for seed in range(200))
    return next(one for one in drawn if len(one.arms) == 2)


def _performed(manner: Manner, name: str = "squat", seed: int = 0) -> Performance:
    rng = np.random.default_rng(seed)
    return Performer(PROGRAMS[name], draw_body(rng), rng, manner=manner).perform()


def test_arms_that_swing_do_so_with_every_repetition() -> None:
    done = _performed(_swinging(), seed=3)
    elevation = done.channels[:, INDEX["left.arm.elevation"]]
    repetitions = [elevation[done.repetition == number] for number in range(1, done.repetition.max() + 1)]
    assert len(repetitions) > 1
    ranges = [np.ptp(one) for one in repetitions]
    assert min(ranges) > 1.0
    assert max(ranges) < 1.5 * min(ranges)


def test_arms_of_a_runner_swing_against_each_other_with_the_leading_leg() -> None:
    drawn = (Manner.draw(np.random.default_rng(seed), free_arms=True, upright=True) for seed in range(400))
    manner = next(one for one in drawn if one.opposed)
    raised = {side: INDEX[f"{side}.arm.elevation"] for side in SIDES}
    for lead, other in (SIDES, SIDES[::-1]):
        moved = manner.in_phase("down", lead)
        assert moved[raised[lead]] * moved[raised[other]] < 0
        np.testing.assert_allclose(moved[raised[lead]], manner.in_phase("down", other)[raised[other]], atol=25)
    assert abs(manner.in_phase("start")[raised["left"]]) < 25


def test_arms_that_swing_are_not_free() -> None:
    arm = [INDEX[f"{side}.arm.elevation"] for side in SIDES]
    assert _performed(_swinging()).owned_mask[arm].all()
    assert not _performed(Manner.plain()).owned_mask[arm].any()


def test_arms_that_an_action_names_do_not_swing() -> None:
    drawn = [Manner.draw(np.random.default_rng(seed), free_arms=False, upright=True) for seed in range(50)]
    assert not any(one.arms for one in drawn)


def test_a_plain_manner_changes_nothing() -> None:
    plain = Manner.plain()
    assert not plain.at_start().any()
    assert not plain.in_phase("down").any()
    assert plain.widened(0.3, 0.6) == (0.3, 0.6)
    assert plain.owned() == []


def test_a_phase_has_the_same_habit_whenever_it_comes() -> None:
    manner = _swinging()
    np.testing.assert_array_equal(manner.in_phase("down"), manner.in_phase("down"))
    assert (manner.in_phase("down") != manner.in_phase("up")).any()


def test_habits_move_no_foot_and_no_hand_that_has_a_place() -> None:
    offset = _swinging().in_phase("down")
    fixed = [number for name, number in INDEX.items() if ".foot." in name or ".pin." in name or name == "height"]
    assert not offset[fixed].any()


@pytest.mark.parametrize("name", ["squat", "lunge_forward", "sit_to_stand", "biceps_curl", "push_up", "side_bend"])
def test_a_repetition_ends_where_the_next_begins(name: str) -> None:
    """Habits do not add up from one repetition to the next."""
    done = _performed(_swinging(), name, seed=1)
    assert np.abs(done.channels[:, INDEX["spine.flexion"]]).max() < 80
    steps = np.abs(np.diff(done.channels[:, INDEX["spine.flexion"]]))
    assert steps.max() < 12
