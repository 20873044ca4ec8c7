"""`hitrs-live evaluate detection` measures the shipped model on any streams, and reports wrong flags."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from ship_miniature import write_miniature

from hitrs_live.cli import build_parser, main

pytestmark = pytest.mark.slow

DETECTION = ("evaluate", "detection", "--threads", "1")
KEYS = {
    "frame_map", "mcap", "start_f1", "delay_p50_s", "delay_p95_s", "false_alarms_per_hour", "per_class", "start_map",
    "mcap_by_decile", "oad", "segmental_f1", "edit", "map_at_overlap",
}  # fmt: skip


@pytest.fixture(scope="module")
def ship(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_miniature(tmp_path_factory.mktemp("data")) / "ship"


def strange(folder: Path) -> Path:
    """Ten seconds of an action that no detector of ours knows."""
    joints = np.random.default_rng(0).normal(0, 0.3, (1, 25, 3)) + np.zeros((300, 1, 1))
    meta = {"labels": {"1": "juggle"}, "valid": [True] * 25}
    np.savez(
        folder / "strange.npz", x=joints.astype(np.float16), y=np.repeat([1, 0], 150).astype(np.int16),
        length=np.array([300]), subject=np.array(["a"]), seq=np.array(["a1"]), meta=np.array(json.dumps(meta)),
    )  # fmt: skip
    return folder / "strange.npz"


@pytest.mark.parametrize("update", ["clip", "frame"])
def test_the_report_has_every_figure_and_agrees_with_whole_recordings(ship: Path, tmp_path: Path, update: str) -> None:
    out = tmp_path / "out.json"
    flags = [
        "--data",
        str(ship / "precog16.npz"),
        "--subjects",
        "p9",
        "--classes",
        "all",
        "--update",
        update,
        "--json",
        str(out),
    ]
    assert main([*DETECTION, *flags]) == 0
    report = json.loads(out.read_text())
    assert set(report) >= KEYS
    assert set(report["per_class"]) == {
        "punch_right", "punch_left", "front_kick_right", "front_kick_left", "side_kick_right", "side_kick_left",
        "back_fist", "elbow_strike",
    }  # fmt: skip
    assert report["subjects"] == ["p9"]
    assert report["live_minus_offline"] < 1e-3


def test_repetitions_are_joined_before_they_are_measured(ship: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    assert main([*DETECTION, "--data", str(ship / "ui_prmd_kinect.npz"), "--json", str(out)]) == 0
    assert json.loads(out.read_text())["streams"] == 10


def test_what_the_detector_does_not_know_counts_as_background_on_request(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    flags = [*DETECTION, "--data", str(strange(tmp_path)), "--json", str(out)]
    background = [main(flags), json.loads(out.read_text())["background_s"]]
    assert main([*flags, "--unknown-is-background"]) == 0
    everything = json.loads(out.read_text())
    assert background == [0, pytest.approx(4.5)], "half of it, less what is near the unknown"
    assert everything["background_s"] == pytest.approx(10.0)
    assert everything["frame_map"] is None


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--subjects", "nobody"], "no subject nobody; it has p1, p9"),
        (["--split", "sideways"], "no split 'sideways', it has held-out"),
        (["--checkpoint", "none.safetensors"], "none.safetensors: cannot be read"),
        (["--thresholds", "none.toml"], "none.toml: cannot be read"),
    ],
)
def test_a_wrong_flag_is_reported_in_one_line(
    ship: Path, flags: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*DETECTION, "--data", str(ship / "precog16.npz"), *flags]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("protocol", ["detection", "held-out"])
def test_it_computes_with_the_requested_number_of_threads(ship: Path, protocol: str) -> None:
    data = ship.parent if protocol == "held-out" else ship / "precog16.npz"
    flags = ["evaluate", protocol, "--data", str(data)]
    assert build_parser().parse_args(flags).threads == 2
    torch.set_num_threads(2)
    assert main([*flags, "--threads", "1"]) == 0
    assert torch.get_num_threads() == 1


def test_no_threads_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["evaluate", "held-out", "--threads", "0"])
    assert "--threads: got 0, expected a whole number above 0" in capsys.readouterr().err
