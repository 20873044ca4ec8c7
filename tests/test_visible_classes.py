"""Which classes are detected on people whose legs are not seen."""

from hitrs_live.checkpoint import load_checkpoint
from hitrs_live.visible_classes import WITHOUT_AN_ARM, WITHOUT_LEGS, needs_legs


def test_actions_of_the_arms_need_no_legs_and_all_others_do() -> None:
    labels = ("background", "wave", "biceps_curl", "punch_left", "squat", "walk", "bow", "jumping_jack", "my_own")
    assert needs_legs(labels).tolist() == [True, False, False, False, True, True, True, True, True]


def test_every_name_is_a_class_of_the_shipped_model() -> None:
    assert set(load_checkpoint().info.labels) >= WITHOUT_LEGS | WITHOUT_AN_ARM
