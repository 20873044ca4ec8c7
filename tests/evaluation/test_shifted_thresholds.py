"""All onset and offset thresholds are shifted together, in log odds."""

import math

import pytest

from hitrs_live.checkpoint import load_checkpoint
from hitrs_live.config import ActionConfig
from hitrs_live.evaluation.shifted_thresholds import SHIFTS, shift_thresholds
from hitrs_live.streaming.thresholds import ClassThresholds, Thresholds

SHIPPED = load_checkpoint(None)
TUNED = Thresholds(
    checkpoint=SHIPPED.info.name, sha256=SHIPPED.fingerprint,
    classes={"squat": ClassThresholds(on=0.8, off=0.6, temperature=1.5, least_energy=3.0)},
)  # fmt: skip


def test_a_shift_moves_every_class_and_keeps_the_rest() -> None:
    shifted = shift_thresholds(SHIPPED, ActionConfig(), TUNED, 1.0)
    assert shifted is not None
    squat = shifted.classes["squat"]
    assert squat.on is not None
    assert math.log(squat.on / (1 - squat.on)) == pytest.approx(math.log(4) + 1, abs=1e-5)
    assert squat.off == pytest.approx(squat.on * 0.75, abs=1e-5)
    assert (squat.temperature, squat.least_energy) == (1.5, 3.0)
    assert set(shifted.classes) == set(SHIPPED.info.labels[1:])
    walk = shifted.classes["walk"]
    assert walk.on is not None
    assert walk.on > ActionConfig().on


def test_no_shift_changes_nothing_and_a_large_one_stays_a_score() -> None:
    assert 0.0 in SHIFTS
    assert shift_thresholds(SHIPPED, ActionConfig(), TUNED, 0.0) is TUNED
    assert shift_thresholds(SHIPPED, ActionConfig(), None, 0.0) is None
    for shift in (-50.0, 50.0):
        shifted = shift_thresholds(SHIPPED, ActionConfig(), None, shift)
        assert shifted is not None
        assert all(0 < (one.off or 0) <= (one.on or 0) < 1 for one in shifted.classes.values())
