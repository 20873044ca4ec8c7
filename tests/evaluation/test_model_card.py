"""A card's tables are the reports' figures, and what does not belong together is refused."""

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from patience import PATIENCE_S

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "card" / "model_card.py"
CARD = "# made\n\nBefore.\n\n<!-- figures -->\n\nearlier tables\n\n<!-- /figures -->\n\nAfter.\n"
MODEL = {"checkpoint": {"name": "made", "sha256": "a" * 64}, "tuned": False}
SOURCE = {
    "streams": 2, "frames": 900, "frame_map": 0.7512, "frame_map_later": 0.8, "mcap": 0.9,
    "start_f1": {"0.1": 0.0, "0.3": 0.5, "0.5": 0.6667, "1": 0.75}, "start_precision": 0.6, "start_recall": 0.75,
    "delay_p50_s": 0.4333, "delay_p95_s": None, "false_alarms": 3, "background_s": 29.6,
    "map_at_overlap": {"by_action": {"0.1": 0.9, "0.3": 0.8, "0.5": 0.7}},
    "segmental_f1": {"10": 0.91, "25": 0.82, "50": 0.73}, "edit": 0.66,
    "oad": {"f1": 0.5, "sl_score": 0.4, "el_score": 0.3},
    "motion": {"mpjpe_mm": {"100": 54.6, "200": 101.2}, "held_mm": {"100": 64.0, "200": None}},
    "per_class": {
        "jump": {
            "frames": 120, "ap": 0.8, "ap_later": 0.9, "starts": 4, "told": 5, "precision": 0.6, "start_recall": 0.75,
            "f1": 0.6667, "delay_p50_s": 0.4333,
        },
        "squat": {
            "frames": 60, "ap": 0.7, "ap_later": 0.7, "starts": 1, "told": 0, "precision": 0.0, "start_recall": 0.0,
            "f1": 0.0, "delay_p50_s": None,
        },
    },
}  # fmt: skip


def made_reports() -> dict[str, Any]:
    worse = {**copy.deepcopy(SOURCE), "frame_map": 0.61}
    seldom = {**copy.deepcopy(SOURCE), "frame_map": 0.79}
    clip = {"minutes": 0.128, "person_minutes": 0.1, "true": ["walk"], "told": {"walk": 1, "twist": 2}, "false": 2}
    return {
        "held_out": {**MODEL, "update": "frame", "degraded": [], "sources": {"precog16": SOURCE}},
        "held_out_every_clip": {**MODEL, "update": "clip", "degraded": [], "sources": {"precog16": seldom}},
        "degraded": {
            **MODEL, "update": "clip",
            "rows": [
                {"degraded": [], "sources": {"precog16": SOURCE}},
                {"degraded": ["yaw=90", "15fps"], "sources": {"precog16": worse}},
            ],
        },
        "false_alarms": {
            **MODEL, "update": "clip",
            "video": {
                "clips": {"street": clip, "yard": {**clip, "true": [], "told": {}, "false": 0}},
                "all": {"minutes": 0.256, "person_minutes": 0.2, "false": 2, "told_wrongly": {"twist": 2}},
            },
            "everyday": {
                "data": "made", "hours": 0.333, "false_alarms": 70, "per_hour": 210.0, "near": 20,
                "per_hour_without_near": 150.0, "known": {},
                "told": [
                    {"told": "jump", "doing": "throw", "times": 30}, {"told": "walk", "doing": "carry", "times": 20},
                    {"told": "jump", "doing": "background", "times": 20},
                ],
            },
        },
    }  # fmt: skip


def write(folder: Path, reports: dict[str, Any], card: str = CARD) -> Path:
    for name, report in reports.items():
        (folder / f"{name}.json").write_text(json.dumps(report))
    (folder / "CARD.md").write_text(card)
    return folder / "CARD.md"


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), "--reports", str(folder), "--card", str(folder / "CARD.md")]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)


def test_every_table_has_the_figures_of_its_report(tmp_path: Path) -> None:
    card = write(tmp_path, made_reports())
    assert run(tmp_path).returncode == 0
    lines = card.read_text().splitlines()
    for line in (
        "### PRECOG p9-p12, real continuous streams (Kinect v1)",
        "| jump | 4 | 0.60 | 0.75 | 0.67 | 0.43 | 120 | 0.80 | 0.90 |",
        "| squat | 1 | 0.00 | 0.00 | 0.00 | - | 60 | 0.70 | 0.70 |",
        "| **all** | 5 | 0.60 | 0.75 | 0.67 | 0.43 | 900 | 0.75 | 0.80 |",
        "| every frame | 0.75 | 0.90 | 0.50 / 0.67 / 0.75 | 0.43, - | 0.90 / 0.80 / 0.70 | 0.91 / 0.82 / 0.73 | 0.66 "
        "| 0.50, 0.40, 0.30 | 3 in 30 s |",
        "| every clip | 0.79 | 0.90 | 0.50 / 0.67 / 0.75 | 0.43, - | 0.90 / 0.80 / 0.70 | 0.91 / 0.82 / 0.73 | 0.66 "
        "| 0.50, 0.40, 0.30 | 3 in 30 s |",
        "Motion, mean joint error in mm at 100 / 200 ms: 55 / 101; zero velocity 64 / -.",
        "| as recorded | 0.75 | 0.80 | 0.50 / 0.67 / 0.75 | 0.43, - | 3 in 30 s |",
        "| turned by 90°, uneven 15 fps | 0.61 | 0.80 | 0.50 / 0.67 / 0.75 | 0.43, - | 3 in 30 s |",
        "| street | 0.13 | 0.10 | walk | walk 1, twist 2 | 2 |",
        "| yard | 0.13 | 0.10 | nothing | nothing | 0 |",
        "| **all** | 0.26 | 0.20 |  |  | 2 |",
        "70 false alarms in 0.33 h, 210 an hour; 20 of them are nearly right: sit_to_stand for sitting down or "
        "standing up, walk for walking while carrying something or between actions. Without these 150 an hour.",
        "| jump | 50 | throw 30, background 20 |",
        "| walk | 20 | carry 20 |",
    ):
        assert line in lines, line


def test_what_stands_around_the_tables_stays_and_a_second_time_changes_nothing(tmp_path: Path) -> None:
    card = write(tmp_path, made_reports())
    run(tmp_path)
    once = card.read_text()
    assert once.startswith("# made\n\nBefore.\n\n<!-- figures -->\n")
    assert once.endswith("\n<!-- /figures -->\n\nAfter.\n")
    assert "earlier" not in once
    run(tmp_path)
    assert card.read_text() == once


@pytest.mark.parametrize(
    ("report", "change", "message"),
    [
        ("degraded", {"checkpoint": {"name": "other", "sha256": "b" * 64}}, "degraded.json: of checkpoint bbb"),
        ("held_out", {"update": "clip"}, "held_out.json: predictions every clip, expected every frame"),
        ("held_out", {"degraded": ["noise"]}, "held_out.json: of degraded joints"),
        ("false_alarms", None, "false_alarms.json: cannot be read"),
    ],
)
def test_reports_that_do_not_belong_together_leave_the_card_as_it_was(
    tmp_path: Path, report: str, change: dict[str, Any] | None, message: str
) -> None:
    reports = made_reports()
    if change is None:
        del reports[report]
    else:
        reports[report] = reports[report] | change
    card = write(tmp_path, reports)
    done = run(tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert message in done.stderr
    assert card.read_text() == CARD


@pytest.mark.parametrize("missing", ["sources", "checkpoint", "update"])
def test_a_report_of_an_older_form_is_named(tmp_path: Path, missing: str) -> None:
    reports = made_reports()
    del reports["held_out"][missing]
    write(tmp_path, reports)
    done = run(tmp_path)
    assert done.returncode == 2
    assert f"held_out.json: has no {missing}" in done.stderr


@pytest.mark.parametrize("card", ["no marks", "<!-- /figures --> <!-- figures -->", CARD + CARD])
def test_a_card_without_its_two_marks_is_left_alone(tmp_path: Path, card: str) -> None:
    file = write(tmp_path, made_reports(), card)
    done = run(tmp_path)
    assert done.returncode == 2
    assert "needs one <!-- figures -->" in done.stderr
    assert file.read_text() == card
