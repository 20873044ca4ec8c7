"""A trained detector becomes the shipped one under the model's name, with the same weights and thresholds."""

import runpy
import sys
from pathlib import Path

import msgspec
import pytest
import torch

from hitrs_live.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from hitrs_live.streaming.thresholds import Thresholds, find_thresholds, save_thresholds

SCRIPT = Path(__file__).parents[1] / "scripts" / "ship_model.py"


@pytest.fixture
def trained(tmp_path: Path) -> Checkpoint:
    before = load_checkpoint("hitrs_tiny_3")
    info = msgspec.structs.replace(before.info, name="trained")
    save_checkpoint(tmp_path / "trained.safetensors", msgspec.structs.replace(before, info=info))
    return load_checkpoint(tmp_path / "trained.safetensors")


def ship(folder: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    files = [str(folder / name) for name in ("trained.safetensors", "tuned.toml")]
    monkeypatch.setattr(sys, "argv", ["ship_model.py", *files, "--to", str(folder / "weights" / "model.safetensors")])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(SCRIPT), run_name="__main__")
    return int(str(end.value.code))


def test_the_shipped_file_has_the_models_name_the_same_weights_and_thresholds_that_are_found(
    trained: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tuned = Thresholds(checkpoint="trained", sha256=trained.fingerprint, experimental=("squat",))
    save_thresholds(tmp_path / "tuned.toml", tuned)
    (tmp_path / "weights").mkdir()
    assert ship(tmp_path, monkeypatch) == 0
    path = tmp_path / "weights" / "model.safetensors"
    shipped = load_checkpoint(path)
    assert shipped.info == msgspec.structs.replace(trained.info, name="model")
    for name, weight in trained.model.state_dict().items():
        assert torch.equal(shipped.model.state_dict()[name], weight), name
    monkeypatch.chdir(tmp_path)
    found = find_thresholds("", shipped, path).thresholds
    assert found == msgspec.structs.replace(tuned, checkpoint="model", sha256=shipped.fingerprint)


def test_thresholds_of_another_detector_are_refused_and_nothing_is_written(
    trained: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    save_thresholds(tmp_path / "tuned.toml", Thresholds(checkpoint="other", sha256="0" * 64))
    assert ship(tmp_path, monkeypatch) == 2
    assert "belong to checkpoint 'other'" in capsys.readouterr().err
    assert not (tmp_path / "weights").exists()
