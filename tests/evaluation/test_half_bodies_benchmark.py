"""The study of people of whom the picture shows the upper body alone: what it draws, and how it counts."""

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scenes import scene

from hitrs_live.data.formats.real_clips import RealClip, TrueAction
from hitrs_live.evaluation.kept_streams import DetectedAction
from hitrs_live.streaming import joint_tracker
from hitrs_live.synthesis.program import shipped_programs
from hitrs_live.tracking.unseen_legs import let_stand

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "studies" / "half_bodies.py"
CLASSES = ("background", "wave", "biceps_curl", "squat", "bow")


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(SCRIPT))


def detected(label: str, onset_s: float, end_s: float) -> DetectedAction:
    return DetectedAction(label=label, onset_s=onset_s, detected_s=onset_s, end_s=end_s, score=1.0)


def named(clip: RealClip, name: str) -> RealClip:
    return RealClip(**{key: getattr(clip, key) for key in clip.__struct_fields__} | {"name": name})


def test_only_actions_of_the_arms_are_measured(script: dict[str, Any]) -> None:
    assert script["arm_classes"](CLASSES) == ("wave", "biceps_curl")


@pytest.mark.parametrize("posture", ["standing", "sitting"])
def test_people_with_actions_show_these_alone_and_the_others_none(script: dict[str, Any], posture: str) -> None:
    for kind, shown in (("actions", {"wave", "biceps_curl"}), ("quiet", set())):
        programs = script["choose_programs"](shipped_programs(), ["wave", "biceps_curl"], kind, posture)
        names = {name for one in programs for name in one.class_names()} - {"background"}
        assert names == shown | ({"stand_to_sit"} if posture == "sitting" else set())
        assert max(one.repetitions[1] for one in programs) <= 3
        assert all("sitting" in one.over for one in programs if posture == "sitting" and one.action != "stand_to_sit")


def test_people_who_sit_down_do_so_before_a_stream_begins(script: dict[str, Any]) -> None:
    (motion,), classes = script["synthesise"](["wave"], "actions", "sitting", count=1, seconds=6.0, seed=9000)
    assert len(motion) == 180
    assert classes == ("background", "wave")
    legs_m = motion.joints_m[:, [12, 16], 1] - motion.joints_m[:, [13, 17], 1]
    # The thighs of a standing person are upright, and about 0.4 m long.
    assert np.median(legs_m) < 0.25


def test_repetitions_with_pauses_are_one_series(script: dict[str, Any]) -> None:
    true = [("wave", 0.0, 1.0), ("wave", 2.0, 3.0), ("wave", 4.5, 5.0), ("point", 5.1, 6.0), ("wave", 6.2, 7.0)]
    series = script["series_of"]([TrueAction(label=label, start_s=start, end_s=end) for label, start, end in true])
    assert [(one.label, one.start_s, one.end_s) for one in series] == [
        ("wave", 0.0, 3.0), ("wave", 4.5, 5.0), ("point", 5.1, 6.0), ("wave", 6.2, 7.0)
    ]  # fmt: skip


def test_counts_are_those_counted_by_hand(script: dict[str, Any]) -> None:
    clips = [
        named(scene(("wave", 1.0, 3.0), ("biceps_curl", 5.0, 8.0), labelled_s=20.0), "standing_actions.s.v0"),
        named(scene(labelled_s=16.0), "sitting_quiet.s.v0"),
    ]
    found = [[detected("wave", 1.5, 3.2), detected("squat", 5.0, 7.0)], [detected("wave", 2.0, 3.0)]]
    figures = script["count"](clips, found, CLASSES[1:])
    assert {key: figures["all"][key] for key in ("true", "found", "right", "false")} == {
        "true": 2, "found": 1, "right": 1, "false": 2
    }  # fmt: skip
    assert figures["all"]["false_alarms"]["per_hour"] == 200.0
    assert figures["quiet"]["false_alarms"]["per_hour"] == 225.0
    assert figures["sitting"]["true"] == 0
    assert figures["per_class"]["wave"] == {"true": 1, "found": 1, "right": 1, "false": 1}
    assert figures["mistakes"] == {"squat": 1, "wave": 1}


def test_the_tracker_leaves_legs_as_they_are_for_the_study_alone(script: dict[str, Any]) -> None:
    legs = script["Legs"](stand=False)
    with script["tracked_with"](legs):
        assert joint_tracker.let_stand is legs
    assert joint_tracker.let_stand is let_stand
    legs.seen += [0.0, 0.2, 0.9, 1.0]
    assert legs.seen_share == 0.5
