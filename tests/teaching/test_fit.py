"""Fitting: what repetitions and the background say about scores, thresholds and the report."""

import io
import math
import re
from dataclasses import replace
from html import escape
from pathlib import Path

import msgspec
import pytest
from rich.console import Console
from taught_folder import Taught

from hitrs_live.errors import ConfigError, DataError
from hitrs_live.teaching.action_settings import ActionSettings, read_settings
from hitrs_live.teaching.evidence import Negatives
from hitrs_live.teaching.report import print_report, shown_rate
from hitrs_live.teaching.report_html import render_html, save_html
from hitrs_live.teaching.step_sequence import make_sequence
from hitrs_live.teaching.taught_set import read_taught


def test_every_repetition_is_found_by_those_of_the_other_person(taught: Taught) -> None:
    for one in taught.fitted.evidence:
        found, of, least = one.recall()
        assert (found, of, one.of_others) == (6, 6, True)
        assert 0.5 < least < 1.0


def test_a_threshold_keeps_to_the_rate_of_false_alarms(taught: Taught) -> None:
    for one in taught.fitted.evidence:
        limit = one.settings.false_alarms_per_hour
        assert one.background.rate(one.calibration.distance)[0] <= limit
        assert one.quiet.rate(one.calibration.distance)[0] <= limit
        assert one.calibration.off <= one.calibration.on


def test_a_rate_of_false_alarms_has_the_exact_interval_of_its_count() -> None:
    none, four = (Negatives(nearest=nearest, hours=2.0) for nearest in ((), (0.1, 0.2, 0.3, 0.4, 0.9)))
    # The table of Garwood (Biometrika 1936): 0 to 3.689 for a count of 0, 1.090 to 10.242 for 4.
    assert none.rate(0.5) == pytest.approx((0.0, 0.0, 3.689 / 2), abs=1e-3)
    assert four.rate(0.5) == pytest.approx((2.0, 1.090 / 2, 10.242 / 2), abs=1e-3)
    assert Negatives(nearest=(), hours=0.0).rate(0.5) == (0.0, 0.0, math.inf)


def test_two_different_actions_are_not_confused(taught: Taught) -> None:
    assert [one.confusions() for one in taught.fitted.evidence] == [{"raise": (0, 6)}, {"forward": (0, 6)}]


def test_the_report_says_what_was_measured_and_on_whom(taught: Taught) -> None:
    out = io.StringIO()
    print_report(taught.fitted, Console(file=out, width=120))
    assert "6 of 6 (69% or more)" in out.getvalue()
    assert "by examples of other people" in out.getvalue()


def test_the_html_report_loads_nothing_and_runs_nothing(taught: Taught, tmp_path: Path) -> None:
    text = render_html(taught.fitted)
    for one in taught.fitted.evidence:
        section = text.split(f'<section id="{one.name}">')[1]
        assert section.split("</svg>")[0].count('class="own"') == 6, "a dot for each repetition"
        rate = shown_rate(one.background, one.calibration.distance)
        assert escape(rate.split(" (")[0]) in section
    assert not any(word in text for word in ("<script", "http:", "https:", "src=", "url("))
    save_html(tmp_path / "report.html", taught.fitted)
    assert (tmp_path / "report.html").read_text() == text


def test_the_html_report_shows_names_of_people_as_text(taught: Taught) -> None:
    odd = [replace(one, people=("<b>anna</b>",)) for one in taught.fitted.evidence]
    text = render_html(replace(taught.fitted, evidence=tuple(odd)))
    assert "&lt;b&gt;anna&lt;/b&gt;" in text
    assert "<b>anna" not in text


def test_the_html_report_shows_sequences_below_the_actions_and_their_steps_as_text(taught: Taught) -> None:
    sequences = (
        make_sequence("rise", ["raise", "<b>wave</b>"], [4.0]),
        make_sequence("both", ["rise", "raise"], [2.0]),
    )
    fitted = replace(taught.fitted, taught=msgspec.structs.replace(taught.fitted.taught, sequences=sequences))
    text = render_html(fitted)
    assert re.findall('<section id="(.*?)">', text) == [*taught.fitted.taught.names, "rise", "both"]
    assert re.findall('<a href="#(.*?)">', text) == [*taught.fitted.taught.names, "rise", "both"]
    assert "2 actions, found by their examples, with limits of 95 %; 2 sequences of actions" in text
    assert "raise, then &lt;b&gt;wave&lt;/b&gt; within 4 s; found where each of these is" in text


def test_an_action_of_one_example_has_a_report_that_measures_no_repetition(taught: Taught) -> None:
    single = [replace(one, found=(), others=(), examples=1) for one in taught.fitted.evidence]
    assert "not measured" in render_html(replace(taught.fitted, evidence=tuple(single)))


def test_a_folder_without_examples_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="teach add"):
        read_taught(tmp_path)


def test_an_action_without_examples_is_refused_with_those_there_are(taught: Taught) -> None:
    with pytest.raises(DataError, match="expected one of: forward, raise"):
        read_taught(taught.folder, ["wave"])


def test_settings_of_an_action_are_read_and_checked(tmp_path: Path) -> None:
    (tmp_path / "squat").mkdir()
    assert read_settings(tmp_path, "squat") == ActionSettings()
    (tmp_path / "squat" / "action.toml").write_text('kind = "exercise"\nboth_sides = true\n')
    assert read_settings(tmp_path, "squat") == ActionSettings(kind="exercise", both_sides=True)
    (tmp_path / "squat" / "action.toml").write_text('kind = "dance"\n')
    with pytest.raises(ConfigError, match=r"action\.toml"):
        read_settings(tmp_path, "squat")
