"""What every engine promises, whatever it computes with. What needs a GPU is skipped where there is none."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.inference.base import Engine
from hitrs_live.inference.build import open_onnx, open_tensorrt
from hitrs_live.inference.cuda_graph_engine import CudaGraphEngine
from hitrs_live.inference.parity import LARGEST_ERROR, check_parity
from hitrs_live.inference.torch_engine import TorchEngine
from hitrs_live.model.detector import HitrsDetector
from hitrs_live.streaming.detector_stream import stream_step
from hitrs_live.streaming.encoder_stream import StreamState
from hitrs_live.transforms import NormaliserConfig, normalise_sequence

pytestmark = pytest.mark.slow

NORMALISER = NormaliserConfig()
TOLERANCE = {"fp32": 1e-4, "fp16": 2e-2, "int8": 0.5}
"""Of logits against the offline model; for int8 the gate limits what is named otherwise, not by how much it is off."""

SAME = {"fp32": 1e-5, "fp16": 2e-2, "int8": 1e-5}
"""Tolerance between outputs of the same engine for the same input; only the order of sums may differ."""


@pytest.fixture(
    params=[
        "torch fp32",
        "torch fp16",
        pytest.param("onnx fp32", marks=pytest.mark.slow),
        pytest.param("onnx int8", marks=pytest.mark.slow),
        pytest.param("cuda-graph fp32", marks=pytest.mark.gpu),
        pytest.param("cuda-graph fp16", marks=pytest.mark.gpu),
        pytest.param("tensorrt fp32", marks=pytest.mark.gpu),
        pytest.param("tensorrt fp16", marks=pytest.mark.gpu),
    ]
)
def engine(request: pytest.FixtureRequest, checkpoint: Checkpoint) -> Engine:
    name, precision = request.param.split()
    if name == "torch":
        return TorchEngine(checkpoint.model, precision)
    if name == "onnx":
        return open_onnx(checkpoint, precision, request.getfixturevalue("engines"), build=False)
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA GPU and a torch build with CUDA")
    if name == "cuda-graph":
        return CudaGraphEngine(checkpoint.model, precision)
    folder: Path = request.getfixturevalue("tmp_path_factory").mktemp("plans")
    return open_tensorrt(checkpoint, precision, 16, folder)


def walk(rows: int, frames: int) -> Tensor:
    """Make bodies that stand upright and move smoothly. (rows, frames, 25, 3), metres."""
    generator = torch.Generator().manual_seed(1)
    body = torch.randn(rows, 1, 25, 3, generator=generator) * 0.3
    body[..., 1] += torch.linspace(-1, 1, 25)
    return body + torch.randn(rows, frames, 25, 3, generator=generator).cumsum(1) * 0.01


def inputs(engine: Engine, rows: int) -> tuple[Tensor, ...]:
    """Draw random inputs of the three calls: joints, tokens, clips, valid_clips, recent."""
    generator = torch.Generator().manual_seed(2)
    grid, window = engine.grid, engine.config.window_clips

    def draw(*shape: int) -> Tensor:
        return torch.randn(rows, *shape, generator=generator)

    return (
        draw(grid.joints, grid.channels), draw(grid.clip_length, grid.joints, grid.frame_width),
        draw(window, grid.clip_width), torch.arange(rows) % window + 1, draw(grid.clip_span, grid.joints, 3),
    )  # fmt: skip


def call_all(engine: Engine, joints: Tensor, tokens: Tensor, *windows: Tensor) -> tuple[Tensor, ...]:
    return (engine.encode_frames(joints), engine.encode_clips(tokens), *engine.predict(*windows))


@pytest.mark.parametrize("step_frames", [7, 1], ids=["clip", "frame"])
def test_every_step_equals_the_offline_model_on_the_same_window(
    engine: Engine, checkpoint: Checkpoint, step_frames: int
) -> None:
    model: HitrsDetector = checkpoint.model
    grid, window = engine.grid, engine.config.window_clips
    joints, everyone = walk(2, 60), torch.ones(2, dtype=torch.bool)
    normalised, _ = normalise_sequence(joints, NORMALISER)
    state = StreamState.empty(grid, 2, window_clips=window, step_frames=step_frames)
    compared = 0
    for frame in range(60):
        output, state = stream_step(engine, joints[:, frame], everyone, state, NORMALISER)
        if not len(output.rows):
            continue
        compared += 1
        clips = min(window, grid.clips_in(frame + 1))
        with torch.no_grad():
            part = normalised[:, frame + 1 - grid.frames_of(clips) : frame + 1]
            _, outputs = model.encoder(part, causal=True)
            logits, (future, scales) = model.action_head(outputs), model.forecast(outputs, part)
        tolerance = TOLERANCE[engine.precision]
        torch.testing.assert_close(output.logits, logits[:, -1], atol=tolerance, rtol=0)
        torch.testing.assert_close(output.future, future[:, -1], atol=tolerance, rtol=0)
        torch.testing.assert_close(output.scales, scales[:, -1], atol=0, rtol=tolerance)
    assert compared == (60 - grid.clip_span) // step_frames + 1


@pytest.mark.parametrize("rows", [1, 2, 3, 16, 33])
def test_any_number_of_rows_gives_what_each_row_gives_alone(engine: Engine, rows: int) -> None:
    together = call_all(engine, *inputs(engine, rows))
    for row in {0, rows // 2, rows - 1}:
        alone = call_all(engine, *(value[row : row + 1].contiguous() for value in inputs(engine, rows)))
        for all_rows, one in zip(together, alone, strict=True):
            torch.testing.assert_close(all_rows[row : row + 1], one, atol=TOLERANCE[engine.precision], rtol=1e-4)


def test_outputs_are_plain_float32_tensors_of_the_documented_shapes(engine: Engine) -> None:
    grid, config = engine.grid, engine.config
    shapes = [
        (3, grid.joints, grid.frame_width), (3, grid.clip_width), (3, config.classes),
        (3, config.horizon, grid.joints, 3), (3, config.horizon, grid.joints),
    ]  # fmt: skip
    for output, shape in zip(call_all(engine, *inputs(engine, 3)), shapes, strict=True):
        assert (tuple(output.shape), output.dtype, output.device.type) == (shape, torch.float32, "cpu")


def test_a_call_changes_neither_its_inputs_nor_earlier_outputs(engine: Engine) -> None:
    given = inputs(engine, 3)
    before = [value.clone() for value in given]
    outputs = call_all(engine, *given)
    kept = [output.clone() for output in outputs]
    call_all(engine, *(value * 2 for value in given[:3]), given[3], given[4] * 2)
    for now, then in zip((*given, *outputs), (*before, *kept), strict=True):
        assert torch.equal(now, then)


def test_what_lies_past_the_valid_clips_is_never_read(engine: Engine) -> None:
    _, _, clips, valid_clips, recent = inputs(engine, 4)
    rubbish = clips.clone()
    rubbish[torch.arange(clips.shape[1]) >= valid_clips[:, None]] = 1e4
    for clean, spoilt in zip(
        engine.predict(clips, valid_clips, recent), engine.predict(rubbish, valid_clips, recent), strict=True
    ):
        torch.testing.assert_close(spoilt, clean, atol=SAME[engine.precision], rtol=0)


def test_what_it_is_given_need_not_lie_in_one_piece(engine: Engine) -> None:
    joints, tokens, clips, valid_clips, recent = inputs(engine, 3)
    strided = [value.transpose(0, 1).contiguous().transpose(0, 1) for value in (joints, tokens, clips, recent)]
    got = call_all(engine, strided[0], strided[1], strided[2], valid_clips, strided[3])
    for output, expected in zip(got, call_all(engine, joints, tokens, clips, valid_clips, recent), strict=True):
        torch.testing.assert_close(output, expected, atol=SAME[engine.precision], rtol=0)


def test_it_passes_the_gate(engine: Engine, checkpoint: Checkpoint) -> None:
    parity = check_parity(engine, TorchEngine(checkpoint.model))
    assert parity.same >= 0.99
    limit = LARGEST_ERROR[engine.precision]
    assert limit is None or parity.logit_error <= limit
