"""The laws of streaming: step equals batch, rows are independent, a reset forgets."""

import pytest
import torch
from torch import Tensor

from hitrs_live.inference.torch_engine import TorchEngine
from hitrs_live.model.detector import DetectorConfig, HitrsDetector
from hitrs_live.model.hitrs import HiTRSConfig
from hitrs_live.streaming.detector_stream import DetectorOutput, stream_step
from hitrs_live.streaming.encoder_stream import StreamState
from hitrs_live.transforms import NormaliserConfig, normalise_sequence

GRID = HiTRSConfig(
    frame_width=16, frame_hidden=16, clip_width=24, clip_hidden=16, video_width=32, video_hidden=16, layers=2,
    heads=2, head_width=8, max_clips=8,
)  # fmt: skip
NORMALISER = NormaliserConfig()
WINDOW = 4
every_step = pytest.mark.parametrize("step_frames", [GRID.clip_stride, 1], ids=["clip", "frame"])


@pytest.fixture(scope="module")
def model() -> HitrsDetector:
    torch.manual_seed(0)
    return HitrsDetector(DetectorConfig(encoder=GRID, classes=5, window_clips=WINDOW, horizon=6)).eval()


def walk(rows: int, frames: int, seed: int = 1) -> Tensor:
    """Make bodies that stand upright and move smoothly. (rows, frames, 25, 3), metres."""
    generator = torch.Generator().manual_seed(seed)
    body = torch.randn(rows, 1, 25, 3, generator=generator) * 0.3
    body[..., 1] += torch.linspace(-1, 1, 25)
    path = torch.randn(rows, frames, 25, 3, generator=generator).cumsum(1) * 0.01
    return body + path


def run(
    model: HitrsDetector, joints: Tensor, active: Tensor | None = None, *, step_frames: int = GRID.clip_stride
) -> list[tuple[int, DetectorOutput]]:
    rows, frames = joints.shape[:2]
    state = StreamState.empty(GRID, rows, window_clips=WINDOW, step_frames=step_frames)
    engine = TorchEngine(model)
    outputs = []
    for frame in range(frames):
        mask = torch.ones(rows, dtype=torch.bool) if active is None else active[:, frame]
        output, state = stream_step(engine, joints[:, frame], mask, state, NORMALISER)
        outputs.append((frame, output))
    return outputs


@every_step
def test_every_step_equals_the_offline_forward_on_the_same_window(model: HitrsDetector, step_frames: int) -> None:
    joints = walk(2, 90)
    normalised, _ = normalise_sequence(joints, NORMALISER)
    compared = 0
    for frame, output in run(model, joints, step_frames=step_frames):
        if not len(output.rows):
            continue
        compared += 1
        clips = min(WINDOW, GRID.clips_in(frame + 1))
        window = normalised[:, frame + 1 - GRID.frames_of(clips) : frame + 1]
        _, outputs = model.encoder(window, causal=True)
        future, scales = model.forecast(outputs, window)
        torch.testing.assert_close(output.logits, model.action_head(outputs)[:, -1], atol=1e-5, rtol=0)
        torch.testing.assert_close(output.future, future[:, -1], atol=1e-5, rtol=0)
        torch.testing.assert_close(output.scales, scales[:, -1], atol=1e-5, rtol=0)
    assert compared == (90 - GRID.clip_span) // step_frames + 1, "one every step, past a full window"


@every_step
def test_the_first_output_comes_with_the_thirteenth_frame_then_one_every_step(
    model: HitrsDetector, step_frames: int
) -> None:
    with_output = [frame for frame, output in run(model, walk(1, 30), step_frames=step_frames) if len(output.rows)]
    assert with_output == list(range(12, 30, step_frames))


def test_where_a_clip_of_the_grid_ends_an_output_every_frame_changes_nothing(model: HitrsDetector) -> None:
    joints = walk(2, 90)
    often = dict(run(model, joints, step_frames=1))
    seldom = [(frame, output) for frame, output in run(model, joints) if len(output.rows)]
    assert len(seldom) == GRID.clips_in(90)
    for frame, output in seldom:
        torch.testing.assert_close(often[frame].logits, output.logits, atol=1e-6, rtol=0)
        torch.testing.assert_close(often[frame].future, output.future, atol=1e-6, rtol=0)
        torch.testing.assert_close(often[frame].scales, output.scales, atol=1e-6, rtol=0)


@every_step
def test_pausing_one_row_leaves_the_other_and_its_own_outputs_unchanged(model: HitrsDetector, step_frames: int) -> None:
    joints = walk(2, 60)
    steady = [(o.rows.tolist(), o.logits) for _, o in run(model, joints, step_frames=step_frames) if len(o.rows)]
    # The second row rests for ten frames in the middle and sees the same frames later.
    active = torch.ones(2, 70, dtype=torch.bool)
    active[1, 20:30] = False
    delayed = torch.cat((joints[:, :20], joints[:, 20:21].expand(-1, 10, -1, -1), joints[:, 20:]), dim=1)
    delayed[0] = torch.cat((joints[0], joints[0, -1:].expand(10, -1, -1)))
    active[0, 60:] = False
    by_row: dict[int, list[Tensor]] = {0: [], 1: []}
    for _, output in run(model, delayed, active, step_frames=step_frames):
        for row, logits in zip(output.rows.tolist(), output.logits, strict=True):
            by_row[row].append(logits)
    for row in (0, 1):
        expected = torch.stack([logits[rows.index(row)] for rows, logits in steady])
        torch.testing.assert_close(torch.stack(by_row[row]), expected, atol=1e-5, rtol=0)


@every_step
def test_resetting_one_row_makes_it_new_and_leaves_the_others_unchanged(model: HitrsDetector, step_frames: int) -> None:
    joints = walk(2, 40)
    state = StreamState.empty(GRID, 2, window_clips=WINDOW, step_frames=step_frames)
    everyone, engine = torch.ones(2, dtype=torch.bool), TorchEngine(model)
    for frame in range(40):
        stream_step(engine, joints[:, frame], everyone, state, NORMALISER)
    state.reset(torch.tensor([False, True]))
    after = walk(2, 20, seed=2)
    kept, fresh = [], []
    for frame in range(20):
        output, state = stream_step(engine, after[:, frame], everyone, state, NORMALISER)
        for row, logits in zip(output.rows.tolist(), output.logits, strict=True):
            (kept, fresh)[row].append(logits)
    whole = torch.cat((joints[:1], after[:1]), dim=1)
    expected_kept = [
        o.logits[0] for frame, o in run(model, whole, step_frames=step_frames) if len(o.rows) and frame >= 40
    ]
    expected_fresh = [o.logits[0] for _, o in run(model, after[1:], step_frames=step_frames) if len(o.rows)]
    torch.testing.assert_close(kept, expected_kept, atol=1e-5, rtol=0)
    torch.testing.assert_close(fresh, expected_fresh, atol=1e-5, rtol=0)


@every_step
def test_a_step_costs_the_same_whatever_the_window_holds_at_the_frame_and_clip_levels(
    model: HitrsDetector, step_frames: int
) -> None:
    calls = {"frame": 0, "clip": 0}
    hooks = [
        model.encoder.frame_encoder.embed.register_forward_pre_hook(
            lambda _, args: calls.__setitem__("frame", calls["frame"] + len(args[0]))
        ),
        model.encoder.clip_encoder.embed.register_forward_pre_hook(
            lambda _, args: calls.__setitem__("clip", calls["clip"] + len(args[0]))
        ),
    ]
    run(model, walk(1, 90), step_frames=step_frames)
    for hook in hooks:
        hook.remove()
    assert calls == {"frame": 90, "clip": (90 - GRID.clip_span) // step_frames + 1}
