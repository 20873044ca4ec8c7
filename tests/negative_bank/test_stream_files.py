"""Training streams are written part by part, resumed, and the same in every run."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from hitrs_live.cli import main
from hitrs_live.data.labelled_motion import RATE_HZ, read_motions
from hitrs_live.errors import ConfigError
from hitrs_live.negative_bank.parts import DrawSettings, make_parts
from hitrs_live.negative_bank.stream_files import (
    begin_streams,
    source_of,
    stream_files,
    write_stream_file,
)

SMALL: Mapping[str, float] = {"cmu_signals": 0.6, "labanotation_gestures": 0.4}


@pytest.fixture
def settings(data: Path) -> DrawSettings:
    return DrawSettings(hours=0.01, seed=3, shares=SMALL, data=data, live_view="augmented")


def write(folder: Path, settings: DrawSettings) -> list[str]:
    """Write what is missing; return the sources of the parts that were made."""
    make = partial(write_stream_file, folder, settings)
    return [one.planned.source for one in make_parts(make, begin_streams(folder, settings), folder=folder, workers=1)]


@pytest.mark.slow
def test_files_have_the_hours_that_were_asked_for_with_classes_and_source(
    settings: DrawSettings, tmp_path: Path
) -> None:
    assert write(tmp_path, settings) == list(SMALL)
    files = stream_files(tmp_path)
    assert [source_of(path) for path in files] == list(SMALL)
    read = [read_motions(path) for path in files]
    assert sum(len(motion) for motions, _ in read for motion in motions) >= 0.01 * 3600 * RATE_HZ
    assert all(classes[0] == "background" for _, classes in read)
    assert all(np.isfinite(motion.joints_m).all() for motions, _ in read for motion in motions)


@pytest.mark.slow
def test_an_interrupted_run_goes_on_and_ends_like_any_other(settings: DrawSettings, tmp_path: Path) -> None:
    write(tmp_path / "whole", settings)
    write(tmp_path / "parts", settings)
    last = stream_files(tmp_path / "parts")[-1]
    last.unlink()
    assert write(tmp_path / "parts", settings) == ["labanotation_gestures"]
    assert write(tmp_path / "parts", settings) == []
    for one, other in zip(stream_files(tmp_path / "whole"), stream_files(tmp_path / "parts"), strict=True):
        first, second = read_motions(one)[0], read_motions(other)[0]
        for a, b in zip(first, second, strict=True):
            np.testing.assert_array_equal(a.joints_m, b.joints_m)


@pytest.mark.slow
def test_streams_of_other_settings_are_not_mixed(settings: DrawSettings, tmp_path: Path) -> None:
    write(tmp_path, settings)
    with pytest.raises(ConfigError, match=r"seed 3.*expected .*seed 4"):
        begin_streams(tmp_path, replace(settings, seed=4))


def test_a_file_of_something_else_is_refused_in_one_line(
    capsys: pytest.CaptureFixture[str], data: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine.npz").write_bytes(b"no archive")
    assert main(["bank", "streams", "--out", str(tmp_path), "--data", str(data), "--sources", "cmu_signals"]) == 2
    assert "mine.npz" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.npz"]


def test_training_on_a_folder_without_streams_says_how_to_write_some(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["train-detector", "--streams", str(tmp_path), "--out", str(tmp_path / "d.safetensors")]) == 2
    assert "no streams; write some with: hitrs-live bank streams" in capsys.readouterr().err
