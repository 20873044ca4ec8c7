"""`hitrs-live evaluate --degrade` degrades the joints before the streams run, and reports it."""

import json
from pathlib import Path

import pytest
from ship_miniature import write_miniature

from hitrs_live.cli import main

pytestmark = pytest.mark.slow

PROTOCOLS = ("detection", "held-out")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_miniature(tmp_path_factory.mktemp("data"))


def flags(protocol: str, folder: Path) -> list[str]:
    data = folder / "ship" / "precog16.npz" if protocol == "detection" else folder
    return ["evaluate", protocol, "--data", str(data), "--threads", "1"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_degraded_joints_give_other_metrics_and_the_report_names_the_effects(
    protocol: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clean, degraded = tmp_path / "clean.json", tmp_path / "degraded.json"
    assert main([*flags(protocol, folder), "--json", str(clean)]) == 0
    assert main([*flags(protocol, folder), "--degrade", "yaw=90,noise,15fps", "--json", str(degraded)]) == 0
    reports = [json.loads(out.read_text()) for out in (clean, degraded)]
    assert [report["degraded"] for report in reports] == [[], ["yaw=90", "noise", "15fps"]]
    errors = [report.get("sources", {}).get("precog16", report)["motion"] for report in reports]
    assert errors[0] != errors[1]
    assert "precog16 (yaw=90, noise, 15fps)" in capsys.readouterr().out


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_unknown_effect_ends_in_one_line_and_no_report(
    protocol: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.json"
    assert main([*flags(protocol, folder), "--degrade", "noise,fog", "--json", str(out)]) == 2
    printed = capsys.readouterr()
    assert "--degrade fog: unknown" in printed.err
    assert (printed.err.count("\n"), printed.out, out.exists()) == (1, "", False)
