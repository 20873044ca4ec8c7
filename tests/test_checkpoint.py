"""A checkpoint is one file; a file that does not fit is refused in one line."""

from pathlib import Path

import msgspec
import pytest
import torch
from safetensors.torch import save_file

import hitrs_live
from hitrs_live.checkpoint import SHIPPED, Checkpoint, CheckpointInfo, load_checkpoint, load_encoder, save_checkpoint
from hitrs_live.data.shipped_classes import LABELS
from hitrs_live.errors import CheckpointMismatch
from hitrs_live.files.checkpoint_file import checkpoint_path
from hitrs_live.model.detector import DetectorConfig, HitrsDetector
from hitrs_live.model.hitrs import HiTRSConfig
from hitrs_live.model.joint_convolutions import ConvolutionsConfig, JointConvolutions
from hitrs_live.streaming.thresholds import find_thresholds
from hitrs_live.transforms import NormaliserConfig

TINY = HiTRSConfig(
    frame_width=8, frame_hidden=8, clip_width=8, clip_hidden=8, video_width=8, video_hidden=8, layers=1, heads=2,
    head_width=4, max_clips=8,
)  # fmt: skip


def tiny() -> Checkpoint:
    torch.manual_seed(0)
    detector = DetectorConfig(encoder=TINY, classes=3, window_clips=4, horizon=5)
    info = CheckpointInfo(
        name="tiny", labels=("background", "jump", "squat"), detector=detector, normaliser=NormaliserConfig(),
        label_lag_frames=3, on={"jump": 0.7},
    )  # fmt: skip
    return Checkpoint(info=info, model=HitrsDetector(detector).eval())


def test_a_loaded_model_has_the_saved_weights_to_half_precision(tmp_path: Path) -> None:
    before = tiny()
    save_checkpoint(tmp_path / "tiny.safetensors", before)
    after = load_checkpoint(tmp_path / "tiny.safetensors")
    assert after.info.labels == before.info.labels
    assert after.info.on == {"jump": 0.7}
    joints = torch.randn(1, 20, 25, 3)
    with torch.no_grad():
        # Half precision keeps three decimals of a weight; the outputs stay close, not equal.
        torch.testing.assert_close(after.model(joints)[0], before.model(joints)[0], atol=1e-2, rtol=1e-2)


def with_convolutions(classes: int = 3) -> Checkpoint:
    checkpoint, sizes = tiny(), ConvolutionsConfig(classes=classes, width=8, dilations=(1, 2))
    info = msgspec.structs.replace(checkpoint.info, convolutions=sizes)
    return Checkpoint(info=info, model=checkpoint.model, convolutions=JointConvolutions(sizes))


def test_convolutions_beside_the_model_are_saved_with_it(tmp_path: Path) -> None:
    before = with_convolutions()
    save_checkpoint(tmp_path / "both.safetensors", before)
    after = load_checkpoint(tmp_path / "both.safetensors")
    assert before.convolutions
    assert after.convolutions
    assert after.convolutions.config == before.convolutions.config
    joints = torch.randn(1, 20, 25, 3)
    with torch.no_grad():
        torch.testing.assert_close(after.convolutions(joints), before.convolutions(joints), atol=1e-2, rtol=1e-2)
        torch.testing.assert_close(after.model(joints)[0], before.model(joints)[0], atol=1e-2, rtol=1e-2)
    assert load_encoder(tmp_path / "both.safetensors").info.encoder.clip_width == TINY.clip_width


def test_convolutions_that_do_not_fit_the_classes_or_are_missing_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "tiny.safetensors"
    save_checkpoint(path, with_convolutions(classes=4))
    with pytest.raises(CheckpointMismatch, match="3 labels for convolutions of 4 classes"):
        load_checkpoint(path)
    missing = msgspec.structs.replace(with_convolutions(), convolutions=None)
    save_checkpoint(path, missing)
    with pytest.raises(CheckpointMismatch, match="weights do not fit its own description"):
        load_checkpoint(path)


def test_a_loaded_model_gives_the_same_output_twice(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "tiny.safetensors", tiny())
    model = load_checkpoint(tmp_path / "tiny.safetensors").model
    joints = torch.randn(1, 20, 25, 3)
    assert torch.equal(model(joints)[0], model(joints)[0])


def test_a_file_that_is_no_checkpoint_is_refused_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    for content in (b"", b"\x80\x02}q\x00.", b"x" * 100):
        file.write_bytes(content)
        with pytest.raises(CheckpointMismatch, match=r"x\.safetensors: cannot be read"):
            load_checkpoint(file)
    with pytest.raises(CheckpointMismatch, match="cannot be read"):
        load_checkpoint(tmp_path / "none.safetensors")


def test_a_detector_of_the_first_version_is_refused_with_the_way_out(tmp_path: Path) -> None:
    checkpoint = tiny()
    old = msgspec.structs.replace(checkpoint, info=msgspec.structs.replace(checkpoint.info, format=1))
    save_checkpoint(tmp_path / "old.safetensors", old)
    with pytest.raises(CheckpointMismatch, match=r"of format 1, expected 2.*train-detector --checkpoint"):
        load_checkpoint(tmp_path / "old.safetensors")
    assert load_encoder(tmp_path / "old.safetensors").info.encoder.clip_width == TINY.clip_width


def test_a_safetensors_file_of_another_program_is_refused(tmp_path: Path) -> None:
    save_file({"weight": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(CheckpointMismatch, match="has no hitrs_live description"):
        load_checkpoint(tmp_path / "other.safetensors")


def test_a_checkpoint_of_another_skeleton_is_refused_by_name(tmp_path: Path) -> None:
    checkpoint = tiny()
    other = Checkpoint(info=msgspec.structs.replace(checkpoint.info, layout="coco17"), model=checkpoint.model)
    save_checkpoint(tmp_path / "coco.safetensors", other)
    with pytest.raises(CheckpointMismatch, match="trained on skeleton 'coco17', expected 'ntu25'"):
        load_checkpoint(tmp_path / "coco.safetensors")


def test_weights_that_do_not_fit_their_description_are_refused(tmp_path: Path) -> None:
    checkpoint = tiny()
    fewer = msgspec.structs.replace(checkpoint.info, labels=("background",))
    save_checkpoint(tmp_path / "few.safetensors", Checkpoint(info=fewer, model=checkpoint.model))
    with pytest.raises(CheckpointMismatch, match="1 labels for 3 classes"):
        load_checkpoint(tmp_path / "few.safetensors")


def test_the_shipped_model_loads_knows_the_class_list_and_is_small() -> None:
    checkpoint = hitrs_live.load_checkpoint()
    assert checkpoint.info.labels[: len(LABELS)] == LABELS
    assert len(set(checkpoint.info.labels)) == len(checkpoint.info.labels) == 80
    assert checkpoint.info.independent
    assert checkpoint.info.name == SHIPPED.stem
    assert SHIPPED.stat().st_size < 20e6
    assert not checkpoint.model.training


def test_the_shipped_model_before_is_loaded_by_its_name_with_its_own_thresholds() -> None:
    before = load_checkpoint("hitrs_tiny_3")
    assert before.info.labels == LABELS
    assert not before.info.independent
    found = find_thresholds("", before, "hitrs_tiny_3")
    assert found.thresholds is not None
    assert found.thresholds.sha256 == before.fingerprint


def test_a_file_in_the_working_directory_comes_before_one_of_that_name_in_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert checkpoint_path(None) == checkpoint_path("") == SHIPPED
    assert checkpoint_path("hitrs_tiny_3") == SHIPPED.with_name("hitrs_tiny_3.safetensors")
    assert checkpoint_path("no_such_model") == Path("no_such_model")
    assert checkpoint_path("runs/hitrs_tiny_3") == Path("runs/hitrs_tiny_3")
    (tmp_path / "hitrs_tiny_3").touch()
    assert checkpoint_path("hitrs_tiny_3") == Path("hitrs_tiny_3")
