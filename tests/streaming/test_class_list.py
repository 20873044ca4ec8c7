"""A user can list the classes of a detector, and which of them are reported by default."""

from pathlib import Path

import msgspec
import pytest

from hitrs_live.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from hitrs_live.cli import main
from hitrs_live.streaming.thresholds import Thresholds, recall_key, save_thresholds


@pytest.fixture
def detector(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkpoint:
    """The shipped detector before, with thresholds of its own, in an empty working directory."""
    monkeypatch.chdir(tmp_path)
    before = load_checkpoint("hitrs_tiny_3")
    info = msgspec.structs.replace(before.info, name="mine")
    save_checkpoint(Path("mine.safetensors"), msgspec.structs.replace(before, info=info))
    mine = load_checkpoint("mine.safetensors")
    thresholds = Thresholds(
        checkpoint="mine", sha256=mine.fingerprint, experimental=("squat",),
        provenance={recall_key("squat"): "3 of 60", recall_key("walk"): "11 of 12"},
    )  # fmt: skip
    save_thresholds(Path("mine.thresholds.toml"), thresholds)
    return mine


def test_classes_are_listed_with_their_state_and_recall(
    detector: Checkpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "--classes", "mine.safetensors"]) == 0
    first, _, *rows = capsys.readouterr().out.splitlines()
    assert first.startswith("mine: 26 classes, 25 reported by default")
    by_class = {row.split()[0]: row.split(maxsplit=2)[1:] for row in rows}
    assert tuple(by_class) == detector.info.labels[1:]
    assert by_class["squat"] == ["experimental", "3 of 60"]
    assert by_class["walk"] == ["reported", "11 of 12"]
    assert by_class["run"] == ["reported", "-"]


def test_the_classes_of_the_shipped_detector_are_listed_without_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--classes"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2 + len(load_checkpoint().info.labels[1:])
