"""Every command that docs/PAPER.md gives for a number of the paper runs, on generated files in the same formats."""

import json
import re
import shlex
from pathlib import Path

import pytest
from ntu_miniature import write_ntu_miniature
from pku_mmd_miniature import write_pku_mmd_miniature

from hitrs_live.cli import main

TEXT = (Path(__file__).parents[1] / "docs" / "PAPER.md").read_text(encoding="utf-8")
PREPARE = re.findall(r"^hitrs-live (prepare ntu .*)$", TEXT, re.MULTILINE)
ROWS = {
    title: re.findall(r"^hitrs-live (.*)$", block, re.MULTILINE)
    for title, block in re.findall(r"^## (NTU.*?)\n(.*?)(?=^## )", TEXT, re.MULTILINE | re.DOTALL)
}
PKU_MMD = re.findall(r"^hitrs-live (.*)$", TEXT[TEXT.index("## PKU-MMD") :], re.MULTILINE)
SHORT = {
    "prepare": ["--workers", "1"],
    "train-detector": ["--steps", "1", "--batch", "2", "--threads", "1", "--workers", "0"],
    "pretrain": ["--steps", "1", "--batch", "2", "--threads", "1", "--workers", "0"],
    "finetune": ["--steps", "1", "--batch", "4", "--threads", "1", "--workers", "0"],
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both data sets as their files are unpacked, prepared by the document's own commands."""
    folder = tmp_path_factory.mktemp("paper")
    for name, actions in (("nturgb+d_skeletons", (1, 7, 50)), ("nturgb+d_skeletons_120", (1, 61, 106))):
        write_ntu_miniature(
            folder / name, subjects=(1, 3), cameras=(1, 2), setups=(1, 2), actions=actions, frames=20, seed=1
        )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for command in PREPARE:
            assert main([*shlex.split(command), "--workers", "1"]) == 0
    return folder


def test_every_row_of_the_table_has_its_commands() -> None:
    rows = re.findall(r"^\| (NTU[^|]*?) \|", TEXT, re.MULTILINE)
    assert sorted(rows) == sorted(ROWS)
    assert len(rows) == 11


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS)
def test_the_commands_of_a_row_run_as_they_stand_in_the_document(
    row: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    assert [command.split()[0] for command in ROWS[row]] == ["pretrain", "finetune", "evaluate"]
    for command in ROWS[row]:
        words = ["tiny" if word == "base" else word for word in shlex.split(command)]
        assert main([*words, *SHORT.get(words[0], [])]) == 0
    report = json.loads(Path(words[words.index("--json") + 1]).read_text())
    assert 0 <= report["top1"] <= report["top5"] <= 1
    assert report["samples"] > 0
    assert set(report["observed"]) == {str(percent) for percent in range(10, 101, 10)}


@pytest.mark.slow
def test_the_commands_of_pku_mmd_run_as_they_stand_in_the_document(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_pku_mmd_miniature(place / "PKUMMD", videos=2, frames=20)
    monkeypatch.chdir(place)
    assert [command.split()[0] for command in PKU_MMD] == ["prepare", "pretrain", "train-detector", "evaluate"]
    for command in PKU_MMD:
        words = ["tiny" if word == "base" else word for word in shlex.split(command)]
        assert main([*words, *SHORT.get(words[0], [])]) == 0
    report = json.loads(Path(words[words.index("--json") + 1]).read_text())
    assert set(report["map_at_overlap"]["by_action"]) == {"0.1", "0.3", "0.5"}
    assert report["live_minus_offline"] < 1e-3
