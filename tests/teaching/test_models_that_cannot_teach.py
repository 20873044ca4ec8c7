"""A model without clip embeddings, or of another rate, is refused by name: where actions are taught, and used."""

import re
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
import tiny_onnx
from made_up_actions import made_up_actions
from pipeline_runs import ENDED, UP, ScriptedSource

from hitrs_live.checkpoint import Checkpoint, EncoderCheckpoint, EncoderInfo, save_checkpoint
from hitrs_live.cli import main
from hitrs_live.config import Config
from hitrs_live.errors import CheckpointMismatch
from hitrs_live.pipeline.input_stream import InputStream
from hitrs_live.pipeline.pipeline import Pipeline
from hitrs_live.streaming.hitrs_stream import describe_stream
from hitrs_live.streaming.stream_model import Preloaded
from hitrs_live.streaming.windowed_onnx import WindowedOnnx
from hitrs_live.teaching.actions_file import TaughtActions
from hitrs_live.teaching.model_check import check_model
from hitrs_live.teaching.tokens import TokenSpace
from hitrs_live.transport.sink import ListSink


def _pipeline(path: Path, taught: TaughtActions, **metadata: object) -> Pipeline:
    """Build a pipeline of a user's own ONNX model."""
    tiny_onnx.write_onnx(path, tiny_onnx.METADATA | metadata)
    source = InputStream(source=ScriptedSource([UP, ENDED]))
    model = Preloaded(WindowedOnnx(path))
    return Pipeline([source], model=model, config=Config(), sink=ListSink(), taught=taught)


def _by_joints_alone() -> TaughtActions:
    taught = made_up_actions(encoder="")
    templates = replace(taught.templates, points=np.ascontiguousarray(taught.templates.points[..., 8:]))
    return msgspec.structs.replace(taught, templates=templates, space=TokenSpace(mean=np.zeros(0, np.float32)))


def test_a_model_of_ones_own_without_embeddings_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "mine.onnx"
    with pytest.raises(CheckpointMismatch, match=f"^model {re.escape(str(path))}: gives no clip embeddings") as refusal:
        _pipeline(path, made_up_actions())
    assert "\n" not in str(refusal.value)
    assert "raise are found by those of 8; run some, or leave the taught actions out" in str(refusal.value)


def test_a_model_of_ones_own_finds_actions_by_joints_alone_at_their_rate(tmp_path: Path) -> None:
    _pipeline(tmp_path / "mine.onnx", _by_joints_alone()).run()
    with pytest.raises(CheckpointMismatch, match="takes 20 frames a second, expected 30"):
        _pipeline(tmp_path / "slow.onnx", _by_joints_alone(), rate_hz=20)


def test_a_detector_with_other_embeddings_is_refused_by_name(checkpoint: Checkpoint) -> None:
    name = checkpoint.info.name
    with pytest.raises(CheckpointMismatch, match=rf"^model {name}: gives clip embeddings of \d+ numbers, and raise"):
        check_model(made_up_actions(), describe_stream(checkpoint.info))


@pytest.mark.parametrize("kind", ["graph", "plan", "encoder", "rate"])
def test_what_no_action_can_be_taught_with_is_refused_in_one_line(
    kind: str, checkpoint: Checkpoint, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    info, model = checkpoint.info, checkpoint.model
    if kind == "graph":
        path, reason = tmp_path / "mine.onnx", "a graph gives no clip embeddings"
        tiny_onnx.write_onnx(path, tiny_onnx.METADATA)
    elif kind == "plan":
        path, reason = tmp_path / "mine.plan", "a graph gives no clip embeddings"
        path.write_bytes(b"ptrt" * 100)
    elif kind == "encoder":
        path, reason = tmp_path / "encoder.safetensors", "is an encoder, expected a detector"
        described = EncoderInfo(name="one", encoder=info.detector.encoder, normaliser=info.normaliser)
        save_checkpoint(path, EncoderCheckpoint(info=described, model=model.encoder))
    else:
        path, reason = tmp_path / "slow.safetensors", "takes 20 frames a second, expected 30"
        slow = msgspec.structs.replace(info, normaliser=replace(info.normaliser, rate_hz=20.0))
        save_checkpoint(path, Checkpoint(info=slow, model=model, convolutions=checkpoint.convolutions))
    arguments = ["--folder", tmp_path / "actions", "--checkpoint", path, "--out", tmp_path / "mine.actions"]
    assert main(["teach", "fit", *map(str, arguments)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"hitrs-live: checkpoint {path}: ")
    assert reason in line
