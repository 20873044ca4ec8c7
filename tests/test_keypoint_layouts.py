"""Every keypoint layout gives each of the 25 joints a place among its points."""

import numpy as np
import pytest

from hitrs_live.skeleton import COCO17, KEYPOINT_LAYOUTS, MEDIAPIPE33, NTU25, KeypointLayout

LAYOUTS = pytest.mark.parametrize("layout", KEYPOINT_LAYOUTS.values(), ids=KEYPOINT_LAYOUTS)


@LAYOUTS
def test_a_joint_is_a_weighted_mean_of_points(layout: KeypointLayout) -> None:
    assert layout.weights.shape == layout.confidence_weights.shape == (25, len(layout))
    assert layout.weights.dtype == layout.confidence_weights.dtype == np.float32
    assert (layout.weights >= 0).all()
    np.testing.assert_allclose(layout.weights.sum(axis=1), 1, atol=1e-6)


@LAYOUTS
def test_left_and_right_are_mirror_images(layout: KeypointLayout) -> None:
    def other(name: str) -> str:
        return name.replace("left", "#").replace("right", "left").replace("#", "right")

    points = [layout.index(other(point)) for point in layout.points]
    np.testing.assert_array_equal(layout.weights[list(NTU25.mirror)][:, points], layout.weights)


def test_joints_that_coco_lacks_are_at_the_wrist_or_ankle_and_count_as_not_seen() -> None:
    unseen = {joint for joint, row in zip(NTU25.joints, COCO17.confidence_weights, strict=True) if not row.any()}
    parts = ("hand", "hand_tip", "thumb", "foot")
    assert unseen == {f"{side}_{part}" for side in ("left", "right") for part in parts}
    for joint in unseen:
        row = COCO17.weights[NTU25.index(joint)]
        side = joint.split("_")[0]
        assert row[COCO17.index(f"{side}_ankle" if "foot" in joint else f"{side}_wrist")] == 1
    # Every joint that is seen is as certain as the points it is made of.
    np.testing.assert_array_equal(MEDIAPIPE33.confidence_weights, MEDIAPIPE33.weights)


def test_a_layout_that_forgets_a_joint_is_refused_by_its_name() -> None:
    recipes = {joint: {"nose": 1.0} for joint in NTU25.joints if joint != "neck"}
    # A name without a side is read once a side.
    halved = {joint: {"nose": 0.5} for joint in recipes}
    with pytest.raises(ValueError, match="keypoint layout one: the weights of neck do not sum to 1"):
        KeypointLayout(name="one", points=("nose",), recipes=halved)
    KeypointLayout(name="one", points=("nose",), recipes={**halved, "neck": {"nose": 0.5}})


def test_a_point_that_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match="keypoint layout coco17 has no point 'left_heel'"):
        COCO17.index("left_heel")
