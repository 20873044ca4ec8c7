"""A new data set needs one module and one entry of READERS: the command line, its flags and the report follow."""

from pathlib import Path

import numpy as np
import pytest

from hitrs_live.cli import main
from hitrs_live.data.dataset import open_prepared
from hitrs_live.prepare.readers import READERS, Reader, ReaderFlag


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of three files, whose reader is registered."""
    flag = ReaderFlag(name="unit_m", takes=float, text="metres per unit")
    reader = Reader(kind="points", plan_function="point_reader.plan_points", text="Points: text files", flags=(flag,))
    monkeypatch.setitem(READERS, reader.kind, reader)
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "p1_walk.txt").write_text("0\n1\n2\n")
    (folder / "p2_jump.txt").write_text("5\n5\n")
    (folder / "p3_walk.txt").write_text("far\n")
    return folder


def test_a_registered_reader_is_a_kind_of_data_with_its_own_flag(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["prepare", "points", str(source), "--out", str(tmp_path / "out"), "--workers", "1", "--unit-m", "0.5"]
    assert main(command) == 0
    dataset = open_prepared(tmp_path / "out")
    assert dataset.index.labels == ("jump", "walk")
    assert [(one.name, one.subject, dataset.label(one)) for one in dataset.samples] == [
        ("p1_walk", "p1", 1),
        ("p2_jump", "p2", 0),
    ]
    np.testing.assert_array_equal(dataset.joints_m(dataset.samples[0].bodies[0])[:, 0, 0], [0, 0.5, 1])
    assert "p3_walk.txt" in capsys.readouterr().out, "the broken file is named in the summary"


def test_the_help_of_a_registered_reader_describes_it_and_its_flag(
    source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["prepare", "points", "--help"])
    out = capsys.readouterr().out
    assert "Points: text files" in out
    assert "--unit-m M" in out
    assert "metres per unit" in out
