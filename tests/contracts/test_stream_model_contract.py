"""What every stream model keeps to, whatever computes it. A new model joins by a line in CASES."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import tiny_onnx
import torch
from torch import Tensor

from hitrs_live.checkpoint import Checkpoint, CheckpointInfo
from hitrs_live.model.detector import DetectorConfig, HitrsDetector
from hitrs_live.model.hitrs import HiTRSConfig
from hitrs_live.model.joint_convolutions import ConvolutionsConfig, JointConvolutions
from hitrs_live.streaming.hitrs_stream import HitrsStream
from hitrs_live.streaming.stream_model import ModelOutput, StreamModel
from hitrs_live.streaming.windowed_onnx import WindowedOnnx
from hitrs_live.transforms import NormaliserConfig, denormalise, normalise_sequence

TOLERANCE = 1e-4
"""Of logits and metres: batches of other sizes, and other libraries, add in another order."""
FRAMES = 70
"""More than any model's window here, so that windows slide."""

Reference = Callable[[Tensor], tuple[Tensor, Tensor, Tensor]]
"""Computes logits, future joints and scales at the last frame of (R, T, 25, 3) joints, without streaming."""


@dataclass(frozen=True, kw_only=True)
class Case:
    model: StreamModel[Any]
    reference: Reference


def hitrs(folder: Path, *, step_frames: int, convolutions: bool = False) -> Case:
    del folder
    torch.manual_seed(0)
    grid = HiTRSConfig(
        frame_width=16, frame_hidden=16, clip_width=24, clip_hidden=16, video_width=32, video_hidden=16, layers=2,
        heads=2, head_width=8, max_clips=8,
    )  # fmt: skip
    config, normaliser = DetectorConfig(encoder=grid, classes=3, window_clips=4, horizon=6), NormaliserConfig()
    detector = HitrsDetector(config).eval()
    sizes = ConvolutionsConfig(classes=3, width=8, dilations=(1, 3), share=0.3)
    beside = JointConvolutions(sizes).eval() if convolutions else None
    info = CheckpointInfo(
        name="tiny", labels=("background", "jump", "squat"), detector=config, normaliser=normaliser, label_lag_frames=3,
        convolutions=sizes if convolutions else None,
    )  # fmt: skip

    @torch.inference_mode()
    def reference(joints_m: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        normalised, body = normalise_sequence(joints_m, normaliser)
        clips = min(config.window_clips, grid.clips_in(joints_m.shape[1]))
        window = normalised[:, -grid.frames_of(clips) :]
        _, outputs = detector.encoder(window, causal=True)
        future, scales = (value[:, -1] for value in detector.forecast(outputs, window))
        now = body.map(lambda field: field[:, -1])
        logits = detector.action_head(outputs)[:, -1]
        if beside:
            logits = 0.7 * logits + 0.3 * beside(normalised)[:, -1]
        return logits, denormalise(future, now), scales * now.size_m[:, None, None]

    checkpoint = Checkpoint(info=info, model=detector, convolutions=beside)
    return Case(model=HitrsStream(checkpoint, step_frames=step_frames), reference=reference)


def windowed_onnx(folder: Path, *, horizon: int) -> Case:
    path = folder / "tiny.onnx"
    model = tiny_onnx.write_onnx(path, tiny_onnx.METADATA | {"horizon_frames": horizon}, horizon=horizon)
    stream = WindowedOnnx(path)
    window = stream.description.window_frames
    return Case(model=stream, reference=lambda joints_m: model.predict(joints_m[:, -window:], horizon))


CASES: dict[str, Callable[[Path], Case]] = {
    "hitrs, an output every clip": partial(hitrs, step_frames=7),
    "hitrs, an output every frame": partial(hitrs, step_frames=1),
    "hitrs with convolutions, an output every clip": partial(hitrs, step_frames=7, convolutions=True),
    "hitrs with convolutions, an output every frame": partial(hitrs, step_frames=1, convolutions=True),
    "windowed onnx, no motion": partial(windowed_onnx, horizon=0),
    "windowed onnx, with motion": partial(windowed_onnx, horizon=5),
}


@pytest.fixture(params=list(CASES))
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Case:
    return CASES[request.param](tmp_path)


def bodies(rows: int, frames: int = FRAMES, seed: int = 1) -> Tensor:
    """Return bodies that stand upright and move smoothly. (rows, frames, 25, 3), metres."""
    generator = torch.Generator().manual_seed(seed)
    body = torch.randn(rows, 1, 25, 3, generator=generator) * 0.3
    body[..., 1] += torch.linspace(-1, 1, 25)
    return body + torch.randn(rows, frames, 25, 3, generator=generator).cumsum(1) * 0.01


Outputs = dict[int, dict[int, tuple[Tensor, Tensor, Tensor]]]
"""By row, then by frame: logits, future joints, scales."""


def stream(
    model: StreamModel[Any], joints_m: Tensor, active: Tensor | None = None, state: Any = None
) -> tuple[Outputs, Any]:
    """Step over all frames. Outputs are compared only after the last step, so none may change later."""
    rows, frames = joints_m.shape[:2]
    state = model.empty_state(rows) if state is None else state
    outputs: Outputs = {row: {} for row in range(rows)}
    for frame in range(frames):
        moving = torch.ones(rows, dtype=torch.bool) if active is None else active[:, frame]
        output, state = model.step(joints_m[:, frame], state, moving)
        for at, row in enumerate(output.rows.tolist()):
            outputs[row][frame] = output.logits[at], output.future_joints_m[at], output.scales_m[at]
    return outputs, state


def assert_same(got: Outputs, expected: Outputs, *, shift: int = 0) -> None:
    """Compare outputs by row and frame. shift: added to the frames of what is expected."""
    for row, by_frame in expected.items():
        assert list(got[row]) == [frame + shift for frame in by_frame]
        for frame, values in by_frame.items():
            torch.testing.assert_close(got[row][frame + shift], values, atol=TOLERANCE, rtol=0)


def part(outputs: Outputs, row: int, first: int = 0, end: int = FRAMES) -> Outputs:
    """Return the outputs of one row, as row 0, from one frame to before another."""
    return {0: {frame: value for frame, value in outputs[row].items() if first <= frame < end}}


def test_a_stream_gives_what_a_run_over_the_whole_history_gives(case: Case) -> None:
    joints_m = bodies(2)
    outputs, _ = stream(case.model, joints_m)
    assert outputs[0]
    for frame in outputs[0]:
        expected = case.reference(joints_m[:, : frame + 1])
        for row in range(2):
            got = outputs[row][frame]
            torch.testing.assert_close(got, tuple(value[row] for value in expected), atol=TOLERANCE, rtol=0)


def test_the_first_output_comes_after_the_span_and_then_one_every_step(case: Case) -> None:
    about = case.model.description
    outputs, _ = stream(case.model, bodies(2))
    expected = list(range(about.span_frames - 1, FRAMES, about.step_frames))
    assert [list(outputs[row]) for row in range(2)] == [expected, expected]


def test_future_frames_change_no_past_output(case: Case) -> None:
    joints_m, changed = bodies(2), bodies(2)
    changed[:, 50:] = bodies(2, seed=2)[:, 50:]
    past, other = (stream(case.model, some)[0] for some in (joints_m, changed))
    for row in range(2):
        assert_same(part(past, row, end=50), part(other, row, end=50))
        last = max(past[row])
        assert last >= 50
        assert (past[row][last][0] - other[row][last][0]).abs().max() > TOLERANCE, "the model sees the change itself"


def test_rows_do_not_depend_on_other_rows(case: Case) -> None:
    joints_m = bodies(3)
    together, _ = stream(case.model, joints_m)
    for row in range(3):
        alone, _ = stream(case.model, joints_m[row : row + 1])
        assert_same(part(together, row), alone)


def test_an_inactive_row_keeps_its_state_and_its_joints_are_not_read(case: Case) -> None:
    joints_m, pause, at = bodies(2), 9, 40
    steady, _ = stream(case.model, joints_m)
    nothing = torch.full((2, pause, 25, 3), torch.nan)
    paused_m = torch.cat((joints_m[:, :at], nothing, joints_m[:, at:]), dim=1)
    paused_m[0] = torch.cat((joints_m[0], nothing[0]))
    active = torch.ones(2, FRAMES + pause, dtype=torch.bool)
    active[1, at : at + pause] = False
    active[0, FRAMES:] = False
    outputs, _ = stream(case.model, paused_m, active)
    end = FRAMES + pause
    assert_same(part(outputs, 0, end=end), part(steady, 0))
    assert_same(part(outputs, 1, end=at), part(steady, 1, end=at))
    assert_same(part(outputs, 1, at, end), part(steady, 1, at), shift=pause)


def test_a_reset_row_is_a_new_row_and_the_others_go_on(case: Case) -> None:
    before_m, after_m = bodies(2, 30), bodies(2, FRAMES - 30, seed=2)
    _, state = stream(case.model, before_m)
    state = case.model.reset(torch.tensor([False, True]), state)
    outputs, _ = stream(case.model, after_m, state=state)
    fresh, _ = stream(case.model, after_m[1:])
    unbroken, _ = stream(case.model, torch.cat((before_m, after_m), dim=1)[:1])
    assert_same(part(outputs, 1), fresh)
    assert_same(part(outputs, 0), {0: {frame - 30: v for frame, v in unbroken[0].items() if frame >= 30}})


def test_states_of_one_model_are_independent(case: Case) -> None:
    joints_m, other_m = bodies(1), bodies(1, seed=2)
    expected, _ = stream(case.model, joints_m)
    one, two = case.model.empty_state(1), case.model.empty_state(1)
    outputs: Outputs = {0: {}}
    everyone = torch.ones(1, dtype=torch.bool)
    for frame in range(FRAMES):
        output, one = case.model.step(joints_m[:, frame], one, everyone)
        _, two = case.model.step(other_m[:, frame], two, everyone)
        if len(output.rows):
            outputs[0][frame] = output.logits[0], output.future_joints_m[0], output.scales_m[0]
    assert_same(outputs, expected)


@pytest.mark.parametrize("moves", [True, False])
def test_shapes_agree_with_the_description_and_values_are_finite(case: Case, moves: bool) -> None:
    about = case.model.description
    joints_m = bodies(3) if moves else torch.zeros(3, FRAMES, 25, 3)
    state, with_output = case.model.empty_state(3), 0
    everyone_but_one = torch.tensor([True, False, True])
    for frame in range(FRAMES):
        output, state = case.model.step(joints_m[:, frame], state, everyone_but_one)
        assert isinstance(output, ModelOutput)
        assert output.rows.dtype == torch.int64
        count = len(output.rows)
        assert output.rows.tolist() == ([0, 2] if count else []), "rows ascend, and none that rests has an output"
        assert output.logits.shape == (count, len(about.labels))
        assert output.future_joints_m.shape == (count, about.horizon_frames, 25, 3)
        assert output.scales_m.shape == (count, about.horizon_frames, 25)
        for value in (output.logits, output.future_joints_m, output.scales_m):
            assert value.dtype == torch.float32
            assert value.isfinite().all()
        assert (output.scales_m > 0).all()
        with_output += bool(count)
    assert with_output == len(range(about.span_frames - 1, FRAMES, about.step_frames))


def test_a_step_without_any_active_row_gives_no_output(case: Case) -> None:
    state = case.model.empty_state(2)
    output, _ = case.model.step(torch.zeros(2, 25, 3), state, torch.zeros(2, dtype=torch.bool))
    assert len(output.rows) == 0
    assert output.logits.shape == (0, len(case.model.description.labels))
