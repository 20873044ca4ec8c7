"""`hitrs-live evaluate --degrade` spoils the joints before the streams run, and says so."""

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
def test_spoiled_joints_give_other_figures_and_the_report_says_what_was_wrong(
    protocol: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clean, spoiled = tmp_path / "clean.json", tmp_path / "spoiled.json"
    assert main([*flags(protocol, folder), "--json", str(clean)]) == 0
    assert main([*flags(protocol, folder), "--degrade", "yaw=90,noise,15fps", "--json", str(spoiled)]) == 0
    reports = [json.loads(out.read_text()) for out in (clean, spoiled)]
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
    told = capsys.readouterr()
    assert "--degrade fog: unknown" in told.err
    assert (told.err.count("\n"), told.out, out.exists()) == (1, "", False)
