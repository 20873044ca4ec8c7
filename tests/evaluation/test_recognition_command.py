"""`hitrs-live evaluate recognition`: tables, JSON, and one line for what the user can fix."""

import json
from pathlib import Path

import pytest
from synthetic_actions import CLASSES, save_encoder, save_recogniser, write_npz

from hitrs_live.cli import main
from hitrs_live.evaluation.embeddings import SHARES

pytestmark = pytest.mark.slow


def run(*arguments: str | Path) -> int:
    return main(["evaluate", "recognition", *map(str, arguments)])


def test_a_recogniser_is_measured_on_the_people_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, out = write_npz(tmp_path / "made.npz"), tmp_path / "new" / "report.json"
    checkpoint = save_recogniser(tmp_path / "r.safetensors")
    assert run("--data", data, "--checkpoint", checkpoint, "--test-subjects", "p1, p3", "--json", out) == 0
    report = json.loads(out.read_text())
    assert list(report) == [
        "top1", "top5", "per_class", "observed", "samples", "protocol", "split", "checkpoints", "data", "classes",
    ]  # fmt: skip
    assert list(report["observed"]) == [str(share) for share in SHARES]
    assert report["observed"]["100"] == report["top1"]
    assert (report["samples"], report["split"], report["protocol"]) == (8, "subjects", "head")
    assert report["data"] == str(data)
    assert report["classes"] == list(CLASSES)
    assert {name: row["samples"] for name, row in report["per_class"].items()} == dict.fromkeys(CLASSES, 2)
    assert report["checkpoints"] == [
        {"file": str(checkpoint), "name": "tiny", "modality": "joint", "readout": "token", "top1": report["top1"]}
    ]
    assert [file.name for file in out.parent.iterdir()] == ["report.json"]
    printed = capsys.readouterr().out
    assert all(name in printed for name in CLASSES)
    assert f"top-1 {report['top1']:.1%}, top-5 {report['top5']:.1%} of 8 sequences" in printed


@pytest.mark.parametrize(("protocol", "setting"), [("linear", "weight_decay"), ("knn", "neighbours")])
def test_probes_separate_synthetic_actions_even_on_an_untrained_encoder(
    protocol: str, setting: str, tmp_path: Path
) -> None:
    data, out = write_npz(tmp_path / "made.npz", each=8), tmp_path / "report.json"
    encoder = save_encoder(tmp_path / "e.safetensors")
    options = ("--data", data, "--checkpoint", encoder, "--test-subjects", "p0,p1", "--json", out)
    assert run(*options, "--protocol", protocol) == 0
    report = json.loads(out.read_text())
    assert report["top1"] >= 0.75, "a guess is right in a quarter"
    assert report["protocol"] == protocol
    assert setting in report["checkpoints"][0]
    assert report["probe"]["samples"] == 24


def test_the_same_command_gives_the_same_report(tmp_path: Path) -> None:
    data, encoder = write_npz(tmp_path / "made.npz", each=2), save_encoder(tmp_path / "e.safetensors")
    reports = [tmp_path / "a.json", tmp_path / "b.json"]
    for report in reports:
        assert run("--data", data, "--checkpoint", encoder, "--test-subjects", "p0", "--json", report) == 0
    assert reports[0].read_bytes() == reports[1].read_bytes()


def test_without_a_checkpoint_the_shipped_encoder_is_probed(tmp_path: Path) -> None:
    data, out = write_npz(tmp_path / "made.npz", each=2), tmp_path / "report.json"
    assert run("--data", data, "--test-subjects", "p0", "--json", out) == 0
    report = json.loads(out.read_text())
    assert report["protocol"] == "linear"
    assert report["checkpoints"][0]["name"] == "hitrs_tiny"


BROKEN = {
    "unknown split": (["--split", "xview"], "no split 'xview'"),
    "unknown person": (["--test-subjects", "p9"], "no subject p9"),
    "no split at all": ([], "name the test subjects with --test-subjects"),
    "other labels": (["--test-subjects", "p0", "--checkpoint", "other.safetensors"], "lacks 'wave'"),
    "missing checkpoint": (["--test-subjects", "p0", "--checkpoint", "none.safetensors"], "cannot be read"),
    "a head where there is none": (
        ["--test-subjects", "p0", "--protocol", "head", "--checkpoint", "encoder.safetensors"],
        "is an encoder, expected a recogniser",
    ),
    "no training sequence": (
        ["--test-subjects", "p0,p1", "--protocol", "knn", "--checkpoint", "encoder.safetensors"],
        "has no training sequence",
    ),
    "missing data": (["--data", "none.npz", "--test-subjects", "p0"], "none.npz: no such file"),
    "joints not finite": (
        ["--data", "broken.npz", "--test-subjects", "p0"],
        "68% of the joints of p0_bow are not finite",
    ),
    "missing subset": (
        ["--test-subjects", "p0", "--subset", "none.txt", "--checkpoint", "encoder.safetensors"],
        "none.txt: cannot be read",
    ),
}


@pytest.mark.parametrize(("arguments", "message"), BROKEN.values(), ids=BROKEN.keys())
def test_what_the_user_can_fix_is_reported_in_one_line_and_nothing_is_written(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    write_npz(tmp_path / "made.npz", each=2)
    write_npz(tmp_path / "broken.npz", each=2, broken=True)
    save_recogniser(tmp_path / "r.safetensors")
    save_recogniser(tmp_path / "other.safetensors", labels=("bow", "jump", "turn", "clap"))
    save_encoder(tmp_path / "encoder.safetensors")
    before = sorted(tmp_path.iterdir())
    defaults = [
        word
        for flag, value in (("--data", "made.npz"), ("--checkpoint", "r.safetensors"))
        if flag not in arguments
        for word in (flag, value)
    ]
    assert run(*defaults, *arguments, "--json", "report.json") == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before


def test_a_report_that_cannot_be_written_leaves_no_part(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, checkpoint = write_npz(tmp_path / "made.npz", each=2), save_recogniser(tmp_path / "r.safetensors")
    (tmp_path / "taken").mkdir()
    before = sorted(tmp_path.iterdir())
    assert run("--data", data, "--checkpoint", checkpoint, "--test-subjects", "p0", "--json", tmp_path / "taken") == 2
    assert "taken: cannot be written" in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("arguments", [["--test-subjects", ","], ["--split", "a", "--test-subjects", "p0"]])
def test_flags_that_are_empty_or_contradict_are_refused(arguments: list[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as end:
        run("--data", tmp_path / "made.npz", *arguments)
    assert end.value.code == 2
