"""Anchors, suppression, regions and heat maps, by hand."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from hitrs_live.pose.blazepose.anchors import anchor_centres
from hitrs_live.pose.blazepose.detections import decode, suppress
from hitrs_live.pose.blazepose.heat_maps import refine
from hitrs_live.pose.blazepose.regions import Region


def test_anchors_are_the_middles_of_the_cells_of_three_grids() -> None:
    anchors = anchor_centres()
    assert anchors.shape == (2254, 2)
    # 28 x 28 cells of 8 pixels of 224, two anchors each: x changes first.
    np.testing.assert_allclose(anchors[:3] * 224, [[4, 4], [4, 4], [12, 4]], rtol=1e-6)
    np.testing.assert_allclose(anchors[2 * 28] * 224, [4, 12], rtol=1e-6)
    np.testing.assert_allclose(anchors[2 * 28 * 28] * 224, [8, 8], rtol=1e-6)
    # The last grid has cells of 32 pixels and six anchors in each.
    np.testing.assert_allclose(anchors[2 * 28 * 28 + 2 * 14 * 14 :][:7] * 224, [[16, 16]] * 6 + [[48, 16]], rtol=1e-6)
    np.testing.assert_allclose(anchors[-1] * 224, [208, 208], rtol=1e-6)


def test_a_detection_is_decoded_about_its_anchor_in_fractions_of_the_input() -> None:
    anchors = np.array([[0.5, 0.25], [0.1, 0.1]], np.float32)
    boxes = np.zeros((2, 12), np.float32)
    # Centre 10 right and 20 down of the anchor, 40 x 60 large; hips 100 below it, the reach 50 above.
    boxes[0] = [10, 20, 40, 60, 0, 100, 0, -50, 0, 0, 0, 0]
    (found,) = decode(boxes, np.array([[0.0], [-3.0]], np.float32), anchors, size=200, min_score=0.5)
    assert found.score == 0.5
    np.testing.assert_allclose(found.box, [0.45, 0.2, 0.65, 0.5], atol=1e-6)
    np.testing.assert_allclose(found.hips, [0.5, 0.75], atol=1e-6)
    np.testing.assert_allclose(found.reach, [0.5, 0.0], atol=1e-6)


def test_no_detection_is_no_list_and_an_extreme_logit_overflows_nothing() -> None:
    anchors = np.zeros((1, 2), np.float32)
    assert decode(np.zeros((1, 12)), np.array([[-1e30]], np.float32), anchors, size=224, min_score=0.3) == []
    (found,) = decode(np.zeros((1, 12)), np.array([[1e30]], np.float32), anchors, size=224, min_score=0.3)
    assert found.score == 1


def test_boxes_that_overlap_by_more_than_half_become_their_weighted_mean_and_others_stay() -> None:
    boxes = np.array([[0, 0, 1, 1], [0, 0, 1, 0.8], [0, 0, 1, 0.4], [5, 5, 6, 6]], float)
    points = np.arange(16, dtype=float).reshape(4, 2, 2)
    # Intersections over union with the first: 0.8, 0.4, 0.
    merged = suppress(boxes, points, np.array([0.9, 0.3, 0.5, 0.6]))
    assert [each.score for each in merged] == [0.9, 0.6, 0.5]
    np.testing.assert_allclose(merged[0].box, [0, 0, 1, 0.95])
    # Three quarters of 0, 1 and a quarter of 4, 5.
    np.testing.assert_allclose(merged[0].hips, [1, 2])
    np.testing.assert_allclose(merged[0].reach, [3, 4])
    np.testing.assert_allclose(merged[2].box, boxes[2])


@pytest.mark.parametrize(
    ("reach", "angle"),
    [((100, 100), 0), ((200, 200), np.pi / 2), ((0, 200), -np.pi / 2), ((100, 300), np.pi)],
    ids=["upright", "head_right", "head_left", "upside_down"],
)
def test_a_region_is_a_quarter_larger_than_the_circle_and_turned_as_the_person_is(
    reach: tuple[float, float], angle: float
) -> None:
    region = Region.about(np.array([100.0, 200.0]), np.array(reach, float))
    assert (region.x, region.y, region.side) == (100, 200, 250)
    assert region.angle == pytest.approx(angle)
    # Halfway from the middle to the upper edge of the region is towards the head.
    np.testing.assert_allclose(region.place(np.array([0.5, 0.25])), [100, 200] + (np.array(reach) - (100, 200)) * 0.625)


@pytest.mark.parametrize("side", [40.0, 180.0, 300.0])
@pytest.mark.parametrize("angle", [0.0, 0.6, -2.0])
def test_what_lies_at_a_place_of_the_picture_is_in_the_crop_where_place_says(side: float, angle: float) -> None:
    picture = np.zeros((300, 400, 3), np.uint8)
    at = Region(x=230, y=140, side=side, angle=angle)
    wanted = np.array([0.3, 0.62])
    x, y = at.place(wanted)
    cv2.circle(picture, (round(x * 16), round(y * 16)), round(side / 25 * 16), (255, 255, 255), -1, cv2.LINE_AA, 4)
    crop = at.crop(picture, 128, black_outside=True)[..., 0].astype(float)
    rows, columns = np.mgrid[:128, :128]
    centre = np.array([(crop * columns).sum(), (crop * rows).sum()]) / crop.sum()
    np.testing.assert_allclose(centre / 128, wanted, atol=0.01)


def test_outside_the_picture_a_crop_is_black_or_repeats_the_edge() -> None:
    picture = np.full((60, 80, 3), 200, np.uint8)
    beyond = Region(x=0, y=30, side=40, angle=0.0)
    black = beyond.crop(picture, 32, black_outside=True)
    assert black[:, :14].max() == 0
    assert (black[:, 18:] == 200).all()
    assert (beyond.crop(picture, 32, black_outside=False) == 200).all()
    far = Region(x=-5000, y=9000, side=400, angle=1.0)
    assert far.crop(picture, 32, black_outside=True).max() == 0


@pytest.mark.parametrize("angle", [0.0, 0.9])
def test_a_crop_is_the_same_whether_it_is_taken_from_the_picture_or_from_the_part_that_it_reads(angle: float) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)
    region = Region(x=90, y=200, side=170, angle=angle)
    matrix = region.to_picture()
    matrix[:, :2] /= 96
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    whole = cv2.warpAffine(picture, matrix, (96, 96), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    difference = np.abs(region.crop(picture, 96, black_outside=False).astype(int) - whole.astype(int))
    # Coordinates are rounded differently about another origin.
    assert difference.max() <= 1


def test_a_region_stays_while_it_hardly_differs_and_moves_with_what_does() -> None:
    before = Region(x=100, y=100, side=200, angle=np.pi)
    assert Region(x=105, y=98, side=204, angle=-np.pi + 0.02).steadied(before) is before
    for other in (
        Region(x=113, y=100, side=200, angle=np.pi),
        Region(x=100, y=100, side=215, angle=np.pi),
        Region(x=100, y=100, side=200, angle=np.pi - 0.07),
    ):
        assert other.steadied(before) is other


def test_world_points_turn_with_the_region_and_keep_their_depth() -> None:
    head_right = Region(x=0, y=0, side=1, angle=np.pi / 2)
    np.testing.assert_allclose(head_right.turn(np.array([0.0, -1.0, 0.3], np.float32)), [1, 0, 0.3], atol=1e-6)


def heat_of(cells: dict[tuple[int, int], float], size: int = 64) -> NDArray[np.float32]:
    """One landmark's heat map of logits, -100 wherever nothing is said. cells: by row and column."""
    heat = np.full((size, size, 1), -100, np.float32)
    for place, value in cells.items():
        heat[place] = value
    return heat


def test_a_landmark_moves_to_the_mean_of_its_heat_map_within_three_cells() -> None:
    points = np.array([[20.5, 10.5]], np.float32) / 64
    # Two cells of the same confidence, and a third one too far away.
    heat = heat_of({(9, 21): 3.0, (9, 23): 3.0, (10, 24): 9.0})
    np.testing.assert_allclose(refine(points, heat) * 64, [[22, 9]], rtol=1e-5)


def test_a_landmark_stays_where_its_heat_map_is_in_doubt_or_it_is_outside() -> None:
    doubtful = heat_of({(9, 21): -0.1})
    points = np.array([[20.5, 10.5]], np.float32) / 64
    np.testing.assert_array_equal(refine(points, doubtful), points)
    outside = np.array([[-0.01, 0.5], [0.5, 1.0]], np.float32)
    sure = np.concatenate([heat_of({(32, 0): 9.0}), heat_of({(63, 32): 9.0})], axis=2)
    np.testing.assert_array_equal(refine(outside, sure), outside)


def test_a_heat_map_counts_at_the_edge_only_where_it_has_cells() -> None:
    corner = np.array([[0.5, 0.5]], np.float32) / 64
    np.testing.assert_allclose(refine(corner, heat_of({(0, 0): 9.0, (0, 2): 9.0})) * 64, [[1, 0]], rtol=1e-5, atol=1e-6)
