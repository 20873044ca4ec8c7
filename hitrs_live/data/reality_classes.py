"""What happens in the measure-only data sets and in the real videos, in the names of a detector's classes.

Every name of a data set stands for an action: its own label, the classes of a detector that are right for it, and the
classes that are nearly right, whose detection counts neither as right nor as false. An action for which a detector has
no right class is unknown to that detector, and what is detected there is a false alarm unless it is nearly right. The
labels of actions that the shipped model does not have are those that a later model would take, so that such a model is
measured on them without a change here.

None of this data may be used to train, fit or tune anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from hitrs_live.data.formats.real_clips import TrueAction, View

_PUNCHES = ("punch_left", "punch_right")
_FRONT_KICKS = ("front_kick_left", "front_kick_right")
_SIDE_KICKS = ("side_kick_left", "side_kick_right")
_RAISED_LEG = ("knee_raise", "hurdle_step", "leg_raise")
_WAVING = ("shoulder_abduction", "shoulder_rotation", "arm_circle")


BOUTS: Final = frozenset({"walk", "run", "jumping_jack", "arm_circle", "high_knees", "punches_fast"})
"""Actions whose intervals in the clips last through many repetitions; of the others each interval is a repetition."""
UNLABELLED_ACTION: Final = "unlabelled"
"""Label of what people do between the actions of a data set, where it is not named."""


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """One action of a data set."""

    label: str
    right: tuple[str, ...]
    """Classes whose detection is right: the label, or all sides of it where the data does not say which."""
    near: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class MeasureSet:
    """How a data set is cut into streams, and what its names mean."""

    title: str
    classes: Mapping[str, Meaning]
    """By the name in the file; frames of a name that is missing here are left out."""
    recordings: Mapping[str, Meaning] = field(default_factory=dict)
    """Recordings that differ from their name, by theirs."""
    joined: bool = False
    """Whether the clips of one person are joined to a stream, standing still between them."""
    held: bool = False
    """Whether each clip is a stream that begins and ends with standing still."""
    from_rest: bool = False
    """Whether each clip begins and ends at rest, so that its action lasts only while the person moves."""
    near_background: tuple[str, ...] = ()
    """Classes that people also do in background frames, unlabelled."""


def _a(label: str, *near: str) -> Meaning:
    return Meaning(label=label, right=(label,), near=near)


def _either(label: str, right: tuple[str, ...], *near: str) -> Meaning:
    return Meaning(label=label, right=right, near=near)


_WAVE = _a("wave", *_WAVING)
_KICK_BALL = _a("kick_ball", *_FRONT_KICKS)
_SIDE_LEG = _a("leg_raise_side", *_SIDE_KICKS, "leg_raise")
_THROW, _LETTER, _DRAW = _a("throw"), _a("body_letter"), _a("draw_in_the_air")
_RAISE_HAND = _a("raise_hand", "shoulder_abduction", "shoulder_scaption")
_KNEE = _a("knee_raise", "hurdle_step", "leg_raise")
_JUMP = _a("jump")
_RUN_ON_THE_SPOT = _a("run", "knee_raise", "walk")
_LEAN = _a("side_bend")
_SWIPE = _a("swipe")
_STEP = _a("step", "walk", *_RAISED_LEG)

_KINDERGATOR: Final = {
    "bend_your_knee_while_raising_your_leg": _KNEE,
    "bend_your_other_knee_while_raising_your_leg": _KNEE,
    "bow": _a("bow", "toe_touch"),
    "climb_and_imaginary_ladder": _a("climb", *_RAISED_LEG, "walk"),
    "do_a_forward_lunge": _a("lunge", "side_lunge"),
    "do_two_jumping_jacks": _a("jumping_jack", "jump"),
    "draw_a_circle": _a("draw_in_the_air", "arm_circle"),
    **{f"draw_{what}": _DRAW for what in ("a_square", "a_triangle")},
    **{f"draw_the_letter_{letter}": _DRAW for letter in "ackmx"},
    "fly_like_a_bird": _a("flap_arms", "shoulder_abduction", "arm_circle"),
    "fly_like_an_airplane": _a("arms_to_the_sides", "shoulder_abduction"),
    "jump": _JUMP,
    "jump_as_high_as_you_can": _JUMP,
    **{f"kick_a_ball{how}": _KICK_BALL for how in ("", "_as_far_as_you_can", "_with_the_other_leg")},
    "kick_a_ball_as_far_as_you_can_with_the_other_leg": _KICK_BALL,
    "lift_your_leg_to_one_side": _SIDE_LEG,
    "lift_your_leg_to_the_other_side": _SIDE_LEG,
    **{f"make_the_letter_{letter}": _LETTER for letter in "ackmpx"},
    "make_the_letter_t": _a("body_letter", "shoulder_abduction"),
    "make_the_letter_y": _a("body_letter", "shoulder_abduction", "shoulder_scaption"),
    "point_at_the_camera": _a("point"),
    "punch": _either("punch", _PUNCHES),
    "push_an_imaginary_button_in_front_of_you": _a("push_button"),
    "put_your_hands_on_your_hips_and_lean_to_the_side": _LEAN,
    "put_your_hands_on_your_hips_and_lean_to_the_other_side": _LEAN,
    "put_your_hands_on_your_hips_and_twist": _a("twist"),
    "raise_your_arm_to_one_side": _a("shoulder_abduction", "shoulder_scaption"),
    "raise_your_arm_to_the_other_side": _a("shoulder_abduction", "shoulder_scaption"),
    "raise_your_hand": _RAISE_HAND,
    "raise_your_other_hand": _RAISE_HAND,
    "run_in_place": _RUN_ON_THE_SPOT,
    "run_in_place_as_fast_as_you_can": _RUN_ON_THE_SPOT,
    "signal_someone_to_come_here": _a("come_here"),
    "signal_someone_to_stop": _a("stop"),
    "swim": _a("swim", "arm_circle"),
    "swipe_across_an_imaginary_screen_in_front_of_you_from_left_to_right": _SWIPE,
    "swipe_across_an_imaginary_screen_in_front_of_you_from_right_to_left": _SWIPE,
    "throw_a_ball": _THROW,
    "throw_a_ball_as_far_as_you_can": _THROW,
    "throw_a_ball_as_far_as_you_can_with_the_other_arm": _THROW,
    "throw_a_ball_with_your_other_arm": _THROW,
    "touch_your_toes": _a("toe_touch"),
    "walk_in_place": _a("walk", "knee_raise", "hurdle_step"),
    "walk_in_place_as_fast_as_you_can": _a("walk", "run", "knee_raise", "hurdle_step"),
    "wave_your_hand": _WAVE,
    "wave_your_other_hand": _WAVE,
}

_UTKINECT: Final = {
    "walk": _a("walk"),
    "sitDown": _a("stand_to_sit", "sit_to_stand", "squat"),
    "standUp": _a("sit_to_stand"),
    "pickUp": _a("pick_up", "toe_touch", "squat"),
    "carry": _a("carry", "walk"),
    "throw": _THROW,
    "push": _a("push", *_PUNCHES),
    "pull": _a("pull"),
    "waveHands": _a("wave", *_WAVING, "jumping_jack"),
    "clapHands": _a("clap"),
}

_CMU_14: Final = {
    "boxing": _either("punch", _PUNCHES, "back_fist", "elbow_strike"),
    "climb": _a("climb", *_RAISED_LEG, "walk"),
    "direct_traffic": _a("direct_traffic", "shoulder_abduction"),
    "drink": _a("drink"),
    "laugh": _a("laugh"),
    "mop_sweep": _a("sweep", "walk"),
    "reach_up": _a("reach_up", "jump", "shoulder_scaption"),
    "sit": _a("sit_to_stand"),
    "wash_windows": _a("wipe", "arm_circle"),
}
"""The name 0 is not here: its recordings hold several of the classes at unknown times."""

_MSR: Final = {
    "high_arm_wave": _WAVE,
    "horizontal_arm_wave": _WAVE,
    "hammer": _a("hammer"),
    "hand_catch": _a("catch"),
    "forward_punch": _either("punch", _PUNCHES),
    "high_throw": _THROW,
    "draw_x": _DRAW,
    "draw_tick": _DRAW,
    "draw_circle": _a("draw_in_the_air", "arm_circle"),
    "hand_clap": _a("clap"),
    "two_hand_wave": _a("wave", *_WAVING, "jumping_jack"),
    "side_boxing": _either("punch", _PUNCHES, "back_fist", "elbow_strike"),
    "bend": _a("bow", "toe_touch"),
    "forward_kick": _either("front_kick", _FRONT_KICKS, "leg_raise"),
    "side_kick": _either("side_kick", _SIDE_KICKS, "leg_raise"),
    "jogging": _RUN_ON_THE_SPOT,
    "tennis_swing": _a("swing_racket"),
    "tennis_serve": _a("serve"),
    "golf_swing": _a("swing_club"),
    "pickup_throw": _a("pick_up", "toe_touch", "squat"),
}

_GTU: Final = {
    "open_close_arms": _a("arms_to_the_sides", "shoulder_abduction", "arm_circle", "jumping_jack"),
    "right_hand_shake": _WAVE,
    "waist_stretch": _a("walk", *_RAISED_LEG),  # walks on the spot
    "walking": _a("squat"),  # squats, hands on the hips
    "bend_leg_a": _a("sit_to_stand", "squat"),  # sits down and rises, several times
    "bend_leg_b": _a("clap"),  # claps, sitting
    "left_hand_shake": _a("stand_on_toes"),  # legs apart, small movements up and down
    "one_step": _a("walk", "side_lunge", *_RAISED_LEG),  # walks about in an eight
    "crouching": _a("neck_roll"),  # moves the head only
    "stand_on_toes": _WAVE,  # waves the left hand
    "sit_and_applaud": _a("side_bend", "twist"),  # bends to both sides
    "lower_back": _STEP,  # one step forward and back
    "eight_step": _STEP,  # lifts one foot
    "neck_relax": _STEP,  # lifts the other foot
}
"""The names of this file do not fit its movements (shifted against them). What people do was seen in stick figures of
the clips of middle length; the comments give it."""

MEASURE_SETS: Final[Mapping[str, MeasureSet]] = {
    "kindergator": MeasureSet(
        title="Kinder-Gator, 10 adults and 10 children (Kinect v1)", classes=_KINDERGATOR, joined=True, from_rest=True
    ),
    "utkinect_streams": MeasureSet(
        title="UTKinect, 10 people, continuous (Kinect v1)",
        classes=_UTKINECT,
        # Between the actions people walk to the next place.
        near_background=("walk",),
    ),
    "cmu_amc_14": MeasureSet(
        title="CMU 14, everyday actions (motion capture)",
        classes=_CMU_14,
        recordings={"14_30": _a("sit", "sit_to_stand")},
    ),
    "msr_action3d": MeasureSet(title="MSR Action3D, 10 people", classes=_MSR, joined=True, from_rest=True),
    "gtu_action3d": MeasureSet(title="GTU, 8 people, exercises (Kinect v2)", classes=_GTU, held=True),
}
"""By the file's name without suffix, in `measure/` of the data folder."""


@dataclass(frozen=True, kw_only=True)
class VideoLabels:
    """What a person saw in one video."""

    view: View
    actions: tuple[TrueAction, ...] = ()
    near: frozenset[str] = frozenset()
    other: bool = False


def _walks(*times_s: tuple[float, float]) -> tuple[TrueAction, ...]:
    return tuple(TrueAction(label="walk", start_s=start_s, end_s=end_s) for start_s, end_s in times_s)


_SIGNING: Final = VideoLabels(view="front", other=True)
_ON_THE_MAT: Final = VideoLabels(view="front", other=True, near=frozenset({"walk"}))
"""A man takes two short steps, bends sideways and balances; with two people, the other one stands by."""

VIDEO_LABELS: Final[Mapping[str, VideoLabels]] = {
    # A woman walks across from right to left; a man stands on a roof, waves, and somersaults off it.
    "sports2d_demo.mp4": VideoLabels(view="side", actions=_walks((1.3, 6.6)), near=frozenset({"jump"})),
    # Six people, one after the other, walk in to a table, read standing, and walk out to the right.
    "intel_one_by_one.mp4": VideoLabels(
        view="back",
        actions=_walks(
            (6.4, 8.0), (18.2, 19.7), (23.0, 24.5), (43.2, 44.7), (50.5, 52.3), (68.2, 69.8), (74.8, 76.5),
            (84.8, 86.7), (92.3, 94.6), (117.8, 119.9), (123.8, 125.6), (134.2, 135.8),
        ),
    ),
    **{f"asl_{word}.mkv": _SIGNING for word in ("again", "eat", "help", "thanks", "walk")},
    **{f"pose2sim_{who}_cam0{n}.mp4": _ON_THE_MAT for who in ("single", "multi") for n in (1, 2, 3, 4)},
}  # fmt: skip
"""By the file's name, in `video/` of the data folder. Edges are good to about 0.25 s."""
