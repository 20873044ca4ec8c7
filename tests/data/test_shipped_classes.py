"""A label of the shipped recordings is the class that a detector has for it, and background only where it has none."""

import pytest

from hitrs_live.data.shipped_classes import LABELS, SHIP_CLASSES, ship_class

CMU = "cmu_bvh_01_14"
LARGER = (*LABELS, "drink", "wave")


@pytest.mark.parametrize(
    ("label", "smaller", "larger"),
    [
        ("walk", "walk", "walk"),
        ("drink soda", "background", "drink"),
        ("drink soda, screw on bottlecap", "background", "drink"),
        ("unscrew bottlecap, drink soda", "background", None),
        ("direct traffic, wave", "background", None),
        ("wash windows", "background", "background"),
        ("laugh", "background", "background"),
        ("boxing", None, None),
    ],
)
def test_what_is_background_to_a_smaller_model_is_a_class_or_unknown_to_one_that_has_it(
    label: str, smaller: str | None, larger: str | None
) -> None:
    assert ship_class(CMU, label, LABELS) == SHIP_CLASSES[CMU](label) == smaller
    assert ship_class(CMU, label, LARGER) == larger


def test_the_classes_of_other_files_do_not_depend_on_the_detector() -> None:
    for label in ("m01", "m05", "m10", "unknown"):
        assert ship_class("ui_prmd_kinect", label, LARGER) == SHIP_CLASSES["ui_prmd_kinect"](label)
