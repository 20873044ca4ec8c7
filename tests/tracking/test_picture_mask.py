"""Masked parts of the picture have no people."""

import numpy as np
import pytest

from hitrs_live.errors import ConfigError
from hitrs_live.messages import People
from hitrs_live.tracking.picture_mask import PictureMask, parse_masks

LEFT = "0,0 0.5,0 0.5,1 0,1"


def people(*middles: tuple[float, float]) -> People:
    rows = len(middles)
    boxes = np.array([(x - 0.1, y - 0.2, x + 0.1, y + 0.2) for x, y in middles], np.float32)
    return People(
        capture_time_ns=0, track_ids=np.arange(rows), present=np.ones(rows, bool),
        joints_m=np.zeros((rows, 25, 3), np.float32), confidence=np.ones((rows, 25), np.float32), boxes=boxes,
    )  # fmt: skip


def test_a_person_in_a_polygon_is_left_out_and_counted() -> None:
    mask = PictureMask(parse_masks(LEFT, "camera_0"))
    seen = mask.step(people((0.2, 0.5), (0.8, 0.5)))
    assert seen.present.tolist() == [False, True]
    assert mask.rejected == 1


def test_polygons_are_for_all_sources_or_for_the_one_that_they_name() -> None:
    text = f"door={LEFT}; 0.9,0.9 1,0.9 1,1"
    assert len(parse_masks(text, "door")) == 2
    assert len(parse_masks(text, "hall")) == 1
    assert parse_masks("", "door") == []


def test_without_polygons_or_boxes_people_are_left_as_they_are() -> None:
    everyone = people((0.2, 0.5))
    assert PictureMask([]).step(everyone) is everyone
    unknown = people((np.nan, 0.5))
    assert PictureMask(parse_masks(LEFT, "")).step(unknown) is unknown


@pytest.mark.parametrize("text", ["0,0 1,1", "a,b c,d e,f", "0,0 1 1,1", "0,0 2,0 1,1", "0,0,0 1,1,1 0,1,0"])
def test_what_is_no_polygon_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ConfigError, match=r'camera.mask ".*": expected three or more points'):
        parse_masks(text, "door")
