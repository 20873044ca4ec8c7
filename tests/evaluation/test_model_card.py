"""A card's tables are the reports' figures, and what does not belong together is refused."""

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from patience import PATIENCE_S

from hitrs_live.checkpoint import SHIPPED, fingerprint, load_checkpoint

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "card" / "model_card.py"
CARD = "# made\n\nBefore.\n\n<!-- figures -->\n\nearlier tables\n\n<!-- /figures -->\n\nAfter.\n"
MODEL = {"checkpoint": {"name": SHIPPED.stem, "sha256": fingerprint(SHIPPED)}, "tuned": False}
SOURCE = {
    "streams": 2, "frames": 900, "frame_map": 0.7512, "frame_map_later": 0.8, "mcap": 0.9,
    "start_f1": {"0.1": 0.0, "0.3": 0.5, "0.5": 0.6667, "1": 0.75}, "start_precision": 0.6, "start_recall": 0.75,
    "delay_p50_s": 0.4333, "delay_p95_s": None, "false_alarms": 3, "background_s": 29.6,
    "map_at_overlap": {"by_action": {"0.1": 0.9, "0.3": 0.8, "0.5": 0.7}},
    "segmental_f1": {"10": 0.91, "25": 0.82, "50": 0.73}, "edit": 0.66,
    "oad": {"f1": 0.5, "sl_score": 0.4, "el_score": 0.3},
    "other_classes": {"detected": 7, "in_background": 2, "by_class": {"wave": 7}},
    "not_reported": {"twist": {"starts": 2, "frames": 90}},
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
        "reality": {
            **MODEL, "update": "frame", "sets": {},
            "groups": {
                "camera": {
                    "all": {"found": 44, "true": 80, "precision": 0.625},
                    "false_alarms": {
                        "all": {"false": 9, "hours": 0.15, "per_hour": 60.0, "per_hour_95": [27.4, 113.9]}
                    },
                    "per_class": {"walk": {"found": 8, "true": 12, "false": 3}},
                }
            },
        },
        "training_streams": {
            "hours": 3.25,
            "sources": {
                "precog16": {"hours": 1.25, "streams": 9, "licence": "MIT"},
                "synthetic": {"hours": 2.0, "streams": 11, "licence": "ours"},
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
        "Reports of classes that are not labelled there: 7, 2 in background. Experimental classes, left out: twist.",
    ):
        assert line in lines, line


def test_the_first_page_has_the_facts_the_classes_the_data_and_the_training(tmp_path: Path) -> None:
    names = ("facts", "classes", "data", "training")
    marks = "".join(f"<!-- {name} -->\n<!-- /{name} -->\n" for name in names)
    card = write(tmp_path, made_reports(), f"{marks}\n{CARD}")
    assert run(tmp_path).returncode == 0
    lines = card.read_text().splitlines()
    for line in (
        "- On people before cameras that no model here was trained on: 44 of 80 actions found, precision 0.62, 9 false "
        "reports in 0.15 h, 60 an hour (27 to 114).",
        "| precog16 | 1.25 | 9 | MIT | p10, p11, p12, p9 |",
        "| synthetic | 2.00 | 11 | ours | - |",
        "| **all** | 3.25 | 20 |  |  |",
    ):
        assert line in lines, line
    walk = next(line for line in lines if line.startswith("| `walk` |"))
    assert walk.endswith("| 8 of 12 | 3 |")
    labels = load_checkpoint().info.labels[1:]
    assert {line.split("`")[1] for line in lines if line.startswith("| `")} == set(labels)
    assert any(line.startswith("| actions | `hitrs-live train-detector` |") for line in lines)


@pytest.mark.parametrize("change", [None, {"checkpoint": {"name": "other", "sha256": "b" * 64}}])
def test_a_report_that_is_missing_or_of_other_weights_is_left_out_and_the_card_says_how_it_is_made(
    tmp_path: Path, change: dict[str, Any] | None
) -> None:
    reports = made_reports()
    if change is None:
        del reports["held_out"]
    else:
        reports["held_out"] |= change
    card = write(tmp_path, reports)
    done = run(tmp_path)
    assert done.returncode == 0
    assert "left out: held_out.json: " in done.stdout
    assert "Not measured yet: `hitrs-live evaluate held-out --json reports/held_out.json`." in card.read_text()


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
        ("held_out", {"update": "clip"}, "held_out.json: predictions every clip, expected every frame"),
        ("held_out", {"degraded": ["noise"]}, "held_out.json: of degraded joints"),
        ("reality", None, "reality.json: cannot be read"),
    ],
)
def test_reports_of_other_settings_or_damaged_leave_the_card_as_it_was(
    tmp_path: Path, report: str, change: dict[str, Any] | None, message: str
) -> None:
    reports = made_reports()
    reports[report] = reports[report] | (change or {})
    card = write(tmp_path, reports)
    if change is None:
        (tmp_path / f"{report}.json").write_text("{")
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
