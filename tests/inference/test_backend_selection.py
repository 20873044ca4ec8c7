"""An engine that is unavailable is replaced by the next one, with one warning and a notice."""

import logging
from pathlib import Path

import msgspec
import pytest
import torch

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.config import EngineChoice, Precision
from hitrs_live.inference.backend_selection import open_engine

pytestmark = pytest.mark.slow

no_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="tests what happens without a GPU")


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_torch_is_always_there_and_there_is_nothing_to_say(
    checkpoint: Checkpoint, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    opened = open_engine(checkpoint, "torch", folder=tmp_path)
    assert (opened.engine.name, opened.engine.precision, opened.notice) == ("torch", "fp32", "")
    assert warnings_of(caplog) == []


@no_gpu
@pytest.mark.slow
@pytest.mark.parametrize(("engine", "precision"), [("auto", "fp32"), ("onnx", "fp32"), ("onnx", "int8")])
def test_what_is_built_is_opened_without_a_word(
    checkpoint: Checkpoint, engines: Path, caplog: pytest.LogCaptureFixture, engine: EngineChoice, precision: Precision
) -> None:
    opened = open_engine(checkpoint, engine, precision, folder=engines, build=False)
    assert (opened.engine.name, opened.engine.precision, opened.notice) == ("onnx", precision, "")
    assert warnings_of(caplog) == []


@no_gpu
@pytest.mark.slow
@pytest.mark.parametrize(
    ("engine", "precision", "reason"),
    [
        ("cuda-graph", "fp32", "cuda-graph fp32: no GPU that torch can use"),
        ("tensorrt", "fp16", "tensorrt fp16: "),
        ("auto", "fp16", "onnx fp16: ONNX Runtime runs fp32 and int8"),
    ],
)
def test_an_engine_that_cannot_be_had_falls_to_the_next_and_says_why_once(
    checkpoint: Checkpoint, engines: Path, caplog: pytest.LogCaptureFixture, engine: EngineChoice,
    precision: Precision, reason: str,
) -> None:  # fmt: skip
    opened = open_engine(checkpoint, engine, precision, folder=engines, build=False)
    assert (opened.engine.name, opened.engine.precision) == ("onnx", "fp32")
    assert opened.notice.startswith(f"runs on onnx in fp32; {reason}")
    assert warnings_of(caplog) == [f"the model {opened.notice}"]


@no_gpu
def test_what_is_not_built_falls_to_torch_and_names_the_command(
    checkpoint: Checkpoint, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    opened = open_engine(checkpoint, folder=tmp_path, build=False)
    assert opened.engine.name == "torch"
    assert "not built yet; hitrs-live build-engines does it" in opened.notice
    assert len(warnings_of(caplog)) == 1


@no_gpu
@pytest.mark.slow
def test_a_damaged_engine_is_never_run(checkpoint: Checkpoint, engines: Path, tmp_path: Path) -> None:
    (built,) = engines.glob("*-onnx-fp32")
    damaged = tmp_path / built.name
    damaged.mkdir()
    for path in built.iterdir():
        content = path.read_bytes()
        (damaged / path.name).write_bytes(content[:-1] if path.name == "clip.onnx" else content)
    opened = open_engine(checkpoint, "onnx", folder=tmp_path, build=False)
    assert opened.engine.name == "torch"
    assert "clip.onnx: is not what was built (SHA-256 differs)" in opened.notice


@no_gpu
@pytest.mark.slow
def test_an_engine_whose_outputs_are_not_the_models_is_refused(checkpoint: Checkpoint, engines: Path) -> None:
    # The same file's sum, but other weights in memory: the gate is what finds it.
    torch.manual_seed(5)
    other = type(checkpoint.model)(checkpoint.model.config).eval()
    opened = open_engine(
        msgspec.structs.replace(checkpoint, model=other), "onnx", folder=engines, build=False
    )  # fmt: skip
    assert opened.engine.name == "torch"
    assert "onnx fp32: refused: its outputs are" in opened.notice


@no_gpu
def test_a_model_that_came_from_no_file_runs_on_torch(checkpoint: Checkpoint, tmp_path: Path) -> None:
    opened = open_engine(msgspec.structs.replace(checkpoint, fingerprint=""), "onnx", folder=tmp_path)
    assert opened.engine.name == "torch"
    assert "came from no file" in opened.notice
    assert list(tmp_path.iterdir()) == []


@no_gpu
def test_half_precision_that_passes_the_gate_runs_in_torch_too(checkpoint: Checkpoint, tmp_path: Path) -> None:
    opened = open_engine(checkpoint, "torch", "fp16", folder=tmp_path)
    assert (opened.engine.name, opened.engine.precision, opened.notice) == ("torch", "fp16", "")


@no_gpu
def test_int8_which_torch_does_not_run_falls_to_fp32(checkpoint: Checkpoint, tmp_path: Path) -> None:
    opened = open_engine(checkpoint, "torch", "int8", folder=tmp_path)
    assert (opened.engine.precision, opened.notice) == (
        "fp32", "runs on torch in fp32; torch int8: torch runs fp32, fp16, bf16 here",
    )  # fmt: skip
