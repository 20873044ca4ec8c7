"""Action programs: what is read, what is refused, and what a performance keeps to."""

import numpy as np
import pytest

from hitrs_live.data.shipped_classes import LABELS
from hitrs_live.errors import ConfigError
from hitrs_live.synthesis.anthropometry import draw_body
from hitrs_live.synthesis.channels import INDEX, SIDES
from hitrs_live.synthesis.footwork import world_feet
from hitrs_live.synthesis.gait import walk
from hitrs_live.synthesis.manner import Manner
from hitrs_live.synthesis.perform import Performer
from hitrs_live.synthesis.program import Program, parse_programs, shipped_programs
from hitrs_live.synthesis.stream import class_names

PROGRAMS = {one.name: one for one in shipped_programs()}
SIMPLE = """
[[program]]
name = "nod"
action = "nod"
repetitions = [3, 3]
rest_s = 0.5
tempo = [1, 1]
phases = [
  { name = "down", seconds = 0.4, to = { "head.nod" = [20, 30] } },
  { name = "up", seconds = 0.4, to_start = true },
]
near_misses = [{ amplitude = [0.2, 0.3] }]
"""


def _program(text: str = SIMPLE) -> Program:
    return parse_programs(text, "test.toml")[0]


def test_programs_show_every_class_of_the_shipped_model() -> None:
    assert set(LABELS[1:]) <= set(class_names(shipped_programs()))


def test_there_are_at_least_sixty_classes() -> None:
    assert len(class_names(shipped_programs())) >= 60


def test_names_of_programs_are_unique() -> None:
    assert len(PROGRAMS) == len(shipped_programs())


def test_every_near_miss_is_of_a_class_that_exists() -> None:
    assert {one.near for one in shipped_programs() if one.near} <= set(class_names(shipped_programs()))


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_performance_is_finite_and_labelled(name: str) -> None:
    rng = np.random.default_rng(1)
    program, body = PROGRAMS[name], draw_body(rng)
    done = walk(program, body, rng, seconds=3) if program.gait else Performer(program, body, rng).perform(most_s=3)
    assert np.isfinite(done.channels).all()
    assert done.repetition.max() >= 1
    assert set(done.actions) <= set(program.class_names())
    inside = done.repetition > 0
    assert ((done.phase[inside] >= 0) & (done.phase[inside] <= 1)).all()
    assert np.isnan(done.phase[~inside]).all()


def test_repetitions_are_as_many_as_drawn_with_rest_between() -> None:
    rng = np.random.default_rng(0)
    done = Performer(_program(), draw_body(rng), rng).perform()
    assert len(done.actions) == 3
    starts = np.flatnonzero(np.diff(done.repetition, prepend=0) > 0)
    ends = np.flatnonzero(np.diff(done.repetition, append=0) < 0)
    assert len(starts) == 3
    assert (starts[1:] - ends[:-1] > 8).all()


@pytest.mark.parametrize("seed", range(5))
def test_the_label_of_a_bout_has_no_gaps(seed: int) -> None:
    rng = np.random.default_rng(seed)
    done = Performer(PROGRAMS["jumping_jack"], draw_body(rng), rng).perform()
    inside = np.flatnonzero(done.repetition)
    assert len(inside) == inside[-1] - inside[0] + 1
    assert done.repetition.max() == len(done.actions)


def test_a_place_on_the_floor_is_met_wherever_the_feet_were_drawn() -> None:
    text = """
    [[program]]
    name = "reach"
    action = "reach"
    repetitions = [1, 1]
    start = { "lead.foot.z" = [-0.5, 0.5] }
    phases = [
      { name = "down", seconds = 0.5, to = { "lead.pin.floor" = 1, "lead.pin.floor.z" = 0.5 } },
      { name = "held", seconds = 1.0 },
    ]
    """
    for seed in range(4):
        rng = np.random.default_rng(seed)
        done = Performer(_program(text), draw_body(rng), rng).perform()
        reached = max(done.channels[-1, INDEX[f"{side}.pin.floor.z"]] for side in SIDES)
        assert reached == pytest.approx(0.5, abs=1e-3)


def test_a_channel_reaches_what_the_program_names() -> None:
    rng = np.random.default_rng(0)
    done = Performer(_program(), draw_body(rng), rng, manner=Manner.plain()).perform()
    assert 15 < done.channels[:, INDEX["head.nod"]].max() < 36


def test_a_near_miss_has_a_smaller_movement_and_no_label() -> None:
    rng = np.random.default_rng(0)
    program = _program()
    done = Performer(program, draw_body(rng), rng, manner=Manner.plain()).perform(near_miss=program.near_misses[0])
    assert done.channels[:, INDEX["head.nod"]].max() < 11
    assert done.repetition.max() == 0
    assert done.near == "nod"


def test_only_what_is_named_is_owned() -> None:
    rng = np.random.default_rng(0)
    done = Performer(PROGRAMS["squat"], draw_body(rng), rng, manner=Manner.plain()).perform()
    arm = [INDEX[f"{side}.arm.elevation"] for side in SIDES]
    assert not done.owned_mask[arm].any()
    assert done.owned_mask[INDEX["height"]]


def test_the_side_that_acts_names_the_class() -> None:
    program = PROGRAMS["punch_fast_series"]
    for seed in range(6):
        rng = np.random.default_rng(seed)
        done = Performer(program, draw_body(rng), rng).perform()
        for number, action in enumerate(done.actions, start=1):
            frames = done.repetition == number
            reach = {side: np.ptp(done.channels[frames, INDEX[f"{side}.pin.chest.z"]]) for side in SIDES}
            assert action == f"punch_{max(reach, key=reach.__getitem__)}"


def test_feet_that_advance_carry_the_body_along() -> None:
    rng = np.random.default_rng(0)
    done = Performer(PROGRAMS["lunge_walking"], draw_body(rng), rng).perform()
    assert done.channels[-1, INDEX["root.z"]] > 0.5 * len(done.actions)
    assert abs(done.channels[-1, INDEX["left.foot.z"]]) < 0.3


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "neither"),
        ("phases = [{ name = 'a', to = { knie = 3 } }]", "unknown channel knie"),
        ("phases = [{ name = 'a', to = { 'lead.hand' = 'moon' } }]", "free or one of"),
        ("phases = [{ name = 'a', to = { height = [2, 1] } }]", "from low to high"),
        ("what = 3\nphases = [{ name = 'a' }]", "unknown field `what`"),
        ("[[program", "no TOML file"),
        ("[program.phases]", "Expected `array`"),
    ],
)  # fmt: skip
def test_a_wrong_program_is_refused_in_one_line(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=r"^mine\.toml: ") as caught:
        parse_programs(f"[[program]]\nname = 'x'\naction = 'x'\n{text}", "mine.toml")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_walking_foot_does_not_slide_while_it_stands() -> None:
    rng = np.random.default_rng(3)
    body = draw_body(rng)
    done = walk(PROGRAMS["walk"], body, rng, seconds=5)
    turn = np.radians(done.channels[:, INDEX["root.heading"]])
    x, z = (body.leg_m * done.channels[:, INDEX[f"left.foot.{axis}"]] for axis in ("x", "z"))
    place = np.stack((
        done.channels[:, INDEX["root.x"]] + x * np.cos(turn) + z * np.sin(turn),
        done.channels[:, INDEX["root.z"]] - x * np.sin(turn) + z * np.cos(turn),
    ))  # fmt: skip
    stands = (done.channels[:, INDEX["left.foot.y"]] < 1e-4)[1:] & (done.channels[:, INDEX["left.foot.y"]] < 1e-4)[:-1]
    assert np.abs(np.diff(place, axis=1))[:, stands].max() < 2e-3
    assert np.hypot(*(place[:, -1] - place[:, 0])) > 1


def test_feet_that_step_aside_carry_the_body_along() -> None:
    rng = np.random.default_rng(0)
    body = draw_body(rng)
    done = Performer(PROGRAMS["step_aside"], body, rng).perform()
    assert abs(done.channels[-1, INDEX["root.x"]]) > 0.25 * body.leg_m
    assert abs(done.channels[-1, INDEX["left.foot.x"]] - done.channels[-1, INDEX["right.foot.x"]]) < 0.1


def test_a_chair_stays_where_it_is() -> None:
    rng = np.random.default_rng(0)
    body = draw_body(rng)
    down = Performer(PROGRAMS["stand_to_sit"], body, rng).perform()
    up = Performer(PROGRAMS["sit_to_stand"], body, rng, seat=down.channels[-1]).perform()
    for name in ("height", "pelvis.z", "left.foot.z", "right.foot.x"):
        assert up.channels[0, INDEX[name]] == pytest.approx(down.channels[-1, INDEX[name]], abs=0.02)


def test_the_label_of_steps_begins_when_the_first_foot_does() -> None:
    for seed in range(4):
        rng = np.random.default_rng(seed)
        body = draw_body(rng)
        done = walk(PROGRAMS["walk"], body, rng, seconds=4)
        feet = np.stack([world_feet(done.channels, body.leg_m, side) for side in SIDES])
        moves = (np.linalg.norm(np.diff(feet, axis=1), axis=-1).max(0) > 3e-3).nonzero()[0]
        labelled = np.flatnonzero(done.repetition)
        assert abs(moves[0] - labelled[0]) <= 4
        assert abs(moves[-1] - labelled[-1]) <= 4


def test_nearly_every_class_has_a_near_miss() -> None:
    missed = {one.near for one in shipped_programs() if one.near}
    missed |= {name for one in shipped_programs() if one.near_misses for name in one.class_names()}
    without = set(class_names(shipped_programs())) - missed
    assert len(without) <= 20, sorted(without)
