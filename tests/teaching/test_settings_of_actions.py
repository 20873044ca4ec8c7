"""What the settings of an action and corrections of it change: what is found, and what is not reported again."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from seen_people import HOLD, SeenPeople, people
from taught_joints import NOW, hold, raised_arm, standing

from hitrs_live.messages import ActionEvent
from hitrs_live.teaching.add_examples import cut_examples
from hitrs_live.teaching.background import Background
from hitrs_live.teaching.examples import Example, save_correction, save_example
from hitrs_live.teaching.fit import Fitted, fit
from hitrs_live.teaching.recorded_people import RecordedPerson
from hitrs_live.teaching.report import print_report
from hitrs_live.teaching.taught_set import read_taught
from hitrs_live.teaching.tokens import TokenEncoder


def _fit(folder: Path, encoder: TokenEncoder, background: Background, fingerprint: str = "a" * 64) -> Fitted:
    return fit(read_taught(folder), encoder, background, fingerprint=fingerprint, encoder_name="hitrs_tiny")


def _teach(folder: Path, action: str, settings: str = "", *, forward: bool = False) -> None:
    rng = np.random.default_rng(7)
    for person in ("anna", "ben"):
        for _ in range(2):
            save_example(folder, raised_arm(rng, person=person, action=action, forward=forward))
    (folder / action / "action.toml").write_text(settings)


def _onsets_s(events: Sequence[ActionEvent]) -> list[float]:
    return [one.onset_time_ns / 1e9 for one in events if one.state == "start"]


def _arm_out(seed: int, person: str) -> Example:
    """An arm stretched out for two seconds, as `teach record` finds it: with the way up and the way down."""
    joints_m = standing(240, np.random.default_rng(seed))
    hold(joints_m, "right", 75, 165)
    return Example(
        action="hold", joints_m=joints_m, confidence=np.ones(joints_m.shape[:2], np.float32), start=75, end=165,
        person=person, origin="formula", created_utc=NOW,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("both", [False, True])
def test_a_mirror_image_is_the_same_action_only_where_both_sides_count(
    both: bool, tmp_path: Path, encoder: TokenEncoder, background: Background, seen: SeenPeople
) -> None:
    _teach(tmp_path, "forward", f"both_sides = {str(both).lower()}\n", forward=True)
    fitted = _fit(tmp_path, encoder, background)
    # The background has people who raise the other arm: the same action, or what it must not be taken for.
    assert fitted.evidence[0].alike == (("left_forward",) if both else ())
    assert fitted.evidence[0].recall()[:2] == (4, 4)
    onsets = _onsets_s(seen.events(fitted.taught)["other_side"])
    assert onsets == ([pytest.approx(120 / 30, abs=0.5)] if both else [])


@pytest.mark.slow
def test_a_pose_is_one_event_that_begins_and_ends_with_it_and_has_no_count(
    tmp_path: Path, encoder: TokenEncoder, background: Background, seen: SeenPeople
) -> None:
    for number, person in enumerate(("anna", "anna", "ben", "ben")):
        save_example(tmp_path, _arm_out(number, person))
    (tmp_path / "hold" / "action.toml").write_text('kind = "pose"\n')
    fitted = _fit(tmp_path, encoder, background)
    assert fitted.evidence[0].duration_s <= 1.0
    events = seen.events(fitted.taught)["holds"]
    assert [one.state for one in events] == ["start", *["update"] * (len(events) - 2), "end"]
    start, end = events[0], events[-1]
    assert start.capture_time_ns / 1e9 < HOLD[0] / 30 + 1.5, "it is reported while it lasts"
    assert start.onset_time_ns / 1e9 == pytest.approx(HOLD[0] / 30, abs=0.6)
    assert end.end_time_ns is not None
    assert end.end_time_ns / 1e9 == pytest.approx(HOLD[1] / 30, abs=0.6)
    assert {one.count for one in events} == {None}


@pytest.mark.slow
def test_what_was_corrected_is_not_reported_again_and_the_action_beside_it_still_is(
    tmp_path: Path, encoder: TokenEncoder, background: Background, seen: SeenPeople
) -> None:
    _teach(tmp_path, "raise")
    events = seen.events(_fit(tmp_path, encoder, background).taught)["nearly_raises"]
    assert _onsets_s(events) == [pytest.approx(frame / 30, abs=0.5) for frame in (60, 160, 260)]
    wrong = [one for one in events if one.state == "end"][1]
    assert wrong.end_time_ns is not None
    joints_m = people()["nearly_raises"]
    person = RecordedPerson(
        name="1", joints_m=joints_m, confidence=np.ones(joints_m.shape[:2], np.float32), start_s=0.0
    )
    interval = (wrong.onset_time_ns / 1e9, wrong.end_time_ns / 1e9)
    (correction,) = cut_examples([person], [interval], action="raise", origin="day.mcap")
    save_correction(tmp_path, correction)
    fitted = _fit(tmp_path, encoder, background)
    assert fitted.evidence[0].recall()[:2] == (4, 4)
    events = seen.events(fitted.taught)["nearly_raises"]
    assert _onsets_s(events) == [pytest.approx(frame / 30, abs=0.5) for frame in (60, 260)]


@pytest.mark.slow
def test_a_correction_that_is_the_action_is_named_in_the_report(
    tmp_path: Path, encoder: TokenEncoder, background: Background
) -> None:
    _teach(tmp_path, "raise")
    save_correction(tmp_path, raised_arm(np.random.default_rng(3)))
    fitted = _fit(tmp_path, encoder, background)
    found, of, _ = fitted.evidence[0].recall()
    assert found < of == 4
    out = io.StringIO()
    print_report(fitted, Console(file=out, width=200))
    assert (
        f"raise: {of - found} of {of} examples are missed because a correction in not_this is nearer" in out.getvalue()
    )
