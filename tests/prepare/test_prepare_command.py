"""`hitrs-live prepare`, as somebody types it: what it prints, what it leaves behind, how it refuses."""

import json
import os
from pathlib import Path

import msgspec
import numpy as np
import pytest
from ntu_miniature import write_ntu_miniature
from pku_mmd_miniature import write_pku_mmd_miniature

from hitrs_live.cli import main
from hitrs_live.data.dataset import INDEX, JOINTS, open_prepared
from hitrs_live.data.interpolation import interpolate
from hitrs_live.data.open_dataset import check_classes, check_rates, open_dataset
from hitrs_live.prepare.reading import Findings
from hitrs_live.prepare.resampling import grid
from hitrs_live.prepare.writer import REPORT


def prepare(*words: object) -> int:
    return main(["prepare", *map(str, words)])


def write_streams(path: Path, rate_hz: float) -> Path:
    """Two people who lean at one metre a second, sampled at a rate, 4 s each; the class changes at 2 s."""
    frames = round(4 * rate_hz)
    lean = np.arange(frames)[:, None, None] / rate_hz * [1.0, 0, 0]
    np.savez(
        path,
        x=np.concatenate([np.random.default_rng(0).uniform(-1, 1, (25, 3)) + lean] * 2).astype(np.float32),
        y=np.tile(np.repeat([1, 2], frames // 2), 2),
        length=np.array([frames, frames]),
        subject=np.array(["p1", "p2"]),
        seq=np.array(["a", "b"]),
        meta=np.array(json.dumps({"rate_hz": rate_hz, "labels": {"1": "lean", "2": "fall"}})),
    )
    return path


def test_ntu_is_prepared_and_summed_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_ntu_miniature(tmp_path / "source", subjects=(1, 3), actions=(1, 50), cameras=(1, 2), frames=24)
    broken = tmp_path / "source" / "S001C001P001R001A001.skeleton"
    broken.write_text("2\n")
    assert prepare("ntu", tmp_path / "source", "--out", tmp_path / "made", "--workers", 1) == 0
    printed = capsys.readouterr().out
    dataset = open_prepared(tmp_path / "made")
    train, test = dataset.split("xsub60")
    assert (len(train.samples), len(test.samples), len(dataset.samples)) == (3, 4, 7)
    for words in ("sequences", "xview60", "4 train, 3 test", "2 of 60", "8/8 files", "files/s", broken.name):
        assert words in printed
    assert dataset.index.name == "made"


@pytest.mark.slow
def test_pku_mmd_is_prepared(tmp_path: Path) -> None:
    write_pku_mmd_miniature(tmp_path / "source", videos=3)
    assert prepare("pku-mmd", tmp_path / "source", "--out", tmp_path / "made", "--workers", 1) == 0
    dataset = open_prepared(tmp_path / "made")
    check_classes(*dataset.split("xsub"))
    assert len(dataset.segments().samples) == 9 * 4


def test_nw_ucla_is_prepared(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    for name in ("a01_s01_e00_v01", "a01_s01_e00_v03"):
        content = {"file_name": name, "skeletons": [[[0.1, joint / 20, 3.0] for joint in range(20)]] * 5, "label": 1}
        (tmp_path / "source" / f"{name}.json").write_text(json.dumps(content))
    assert prepare("nw-ucla", tmp_path / "source", "--out", tmp_path / "made") == 0
    assert [len(half.samples) for half in open_prepared(tmp_path / "made").split("xview")] == [1, 1]


def test_an_array_file_is_copied_bit_by_bit_with_its_splits(tmp_path: Path) -> None:
    path = write_streams(tmp_path / "streams.npz", 30.0)
    assert prepare("arrays", path, "--out", tmp_path / "made") == 0
    source, made = open_dataset(path), open_prepared(tmp_path / "made")
    np.testing.assert_array_equal(made.joints, source.joints)
    np.testing.assert_array_equal(made.labels, source.labels)
    assert msgspec.structs.replace(made.index, name="streams") == source.index


def test_a_mix_of_rates_is_mended_by_preparing_at_one(tmp_path: Path) -> None:
    path = write_streams(tmp_path / "streams.npz", 50.0)
    assert prepare("arrays", path, "--out", tmp_path / "made", "--rate-hz", 30) == 0
    made = open_prepared(tmp_path / "made")
    check_rates([made], 30.0)
    for sample in made.samples:
        joints, labels = made.joints_m(sample.bodies[0]), made.labels_of(sample.bodies[0])
        np.testing.assert_allclose(joints[:, 7, 0] - joints[0, 7, 0], np.arange(len(joints)) / 30, atol=1e-5)
        assert len(joints) == 120, "3.98 s from first to last frame"
        assert (labels[:59] == 0).all()
        assert (labels[61:] == 1).all()
    assert prepare("arrays", tmp_path / "made", "--out", tmp_path / "again", "--rate-hz", 30) == 0
    np.testing.assert_array_equal(open_prepared(tmp_path / "again").joints, made.joints)


def test_array_frames_without_anybody_are_filled_and_long_gaps_lose_their_label(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with np.load(write_streams(tmp_path / "streams.npz", 30.0)) as archive:
        arrays = dict(archive)
    arrays["x"][10:14] = 0
    arrays["x"][30:70] = 0
    arrays["x"][80, 3, 1] = np.nan
    arrays["x"][120:] = 0
    np.savez(tmp_path / "holes.npz", **arrays)
    assert prepare("arrays", tmp_path / "holes.npz", "--out", tmp_path / "made") == 0
    made = open_prepared(tmp_path / "made")
    assert [sample.name for sample in made.samples] == ["a"], "nobody is ever in b"
    joints, labels = made.joints_m(made.samples[0].bodies[0]), made.labels_of(made.samples[0].bodies[0])
    np.testing.assert_allclose(joints[:, 7, 0] - joints[0, 7, 0], np.arange(len(joints)) / 30, atol=1e-5)
    assert np.flatnonzero(labels == -1).tolist() == list(range(30, 70))
    report = json.loads((tmp_path / "made" / "report.json").read_text())
    assert report["counts"]["frames without a body, filled"] == 44
    assert report["counts"]["joints without a position"] == 1
    assert list(report["left_out"]) == ["b"]
    assert "joints without a position" in capsys.readouterr().out


def test_a_body_that_comes_later_comes_later_at_another_rate_too() -> None:
    assert grid(30, 31, 0.5)[0] == 15
    first, at = grid(31, 5, 0.5)
    assert (first, at.tolist()) == (16, [1.0, 3.0])
    first, at = grid(7, 1, 0.5)
    assert (first, at.tolist()) == (4, [0.0]), "one frame at least"
    values = np.arange(5, dtype=np.float32)[:, None]
    np.testing.assert_allclose(interpolate(values, np.array([0.0, 0.5, 4.0])), [[0], [0.5], [4]])


def test_an_existing_folder_is_replaced_only_when_asked_and_only_if_it_is_a_data_set(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_streams(tmp_path / "streams.npz", 30.0)
    out = tmp_path / "made"
    assert prepare("arrays", path, "--out", out) == 0
    before = (out / INDEX).read_bytes()
    assert prepare("arrays", path, "--out", out, "--rate-hz", 15) == 2
    assert "replace it with --overwrite" in capsys.readouterr().err
    assert (out / INDEX).read_bytes() == before
    assert prepare("arrays", path, "--out", out, "--rate-hz", 15, "--overwrite") == 0
    assert open_prepared(out).index.rate_hz == 15.0
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letters.txt").write_text("keep")
    assert prepare("arrays", path, "--out", tmp_path / "home", "--overwrite") == 2
    assert "it is no prepared data set" in capsys.readouterr().err
    assert prepare("arrays", out, "--out", out, "--overwrite") == 2
    assert "it is what is to be read" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "made", "streams.npz"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("ntu", "none"), "there is no such folder"),
        (("ntu", "file.npz"), "is no folder"),
        (("ntu", "."), "no .skeleton file in it"),
        (("pku-mmd", "."), "150 numbers"),
        (("nw-ucla", "."), "no JSON file"),
        (("recordings", "file.npz"), "no recording in it"),
        (("arrays", "none.npz"), "no such file"),
        (("arrays", "file.npz"), "not in the array format"),
        (("ntu", ".", "--missing", "none.txt"), "no .skeleton file in it"),
        (("ntu", ".", "--workers", "0"), "--workers: got 0"),
    ],
)
def test_bad_input_is_refused_in_one_line_and_nothing_is_left_behind(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file.npz").write_bytes(b"nothing")
    assert prepare(*words, "--out", "made") == 2
    err = capsys.readouterr().err
    assert told in err
    assert err.count("\n") == 1
    assert os.listdir() == ["file.npz"]


def test_all_files_broken_is_an_error_that_names_the_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "source").mkdir()
    for action in (1, 2):
        (tmp_path / "source" / f"S001C001P001R001A{action:03}.skeleton").write_text("2\n")
    assert prepare("ntu", tmp_path / "source", "--out", tmp_path / "made", "--workers", 1) == 2
    assert "no sequence in 2 files, the first of them: S001C001P001R001A001.skeleton" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_the_report_tells_every_problem_by_name(tmp_path: Path) -> None:
    write_ntu_miniature(tmp_path / "source", subjects=(1, 3), actions=(1,), cameras=(1, 2, 3), frames=16)
    (tmp_path / "source" / "odd.skeleton").write_text("")
    (tmp_path / "source" / "S001C002P001R001A001.skeleton").write_text("0\n")
    (tmp_path / "source" / "S001C003P001R001A001.skeleton").write_text("0\nmore\n")
    assert prepare("ntu", tmp_path / "source", "--out", tmp_path / "made", "--workers", 1) == 0
    report = msgspec.json.decode((tmp_path / "made" / REPORT).read_bytes(), type=Findings)
    assert list(report.broken) == ["S001C003P001R001A001.skeleton"]
    assert set(report.left_out) == {"odd.skeleton", "S001C002P001R001A001.skeleton"}
    assert report.counts["bodies"] == 4


def test_the_real_files_are_prepared_and_read_back_mapped(data: Path, tmp_path: Path) -> None:
    assert prepare("ntu", data / "ntu", "--out", tmp_path / "made", "--workers", 2) == 0
    dataset = open_prepared(tmp_path / "made")
    assert [body.frames for sample in dataset.samples for body in sample.bodies] == [103, 158, 104, 99, 54]
    assert isinstance(dataset.joints, np.memmap)
    assert dataset.joints.shape == np.load(tmp_path / "made" / JOINTS, mmap_mode="r").shape == (518, 25, 3)
