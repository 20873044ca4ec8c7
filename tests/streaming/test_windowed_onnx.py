"""A user's own ONNX model: it runs in the pipeline as the detector does, and a mismatch is reported in one line."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import tiny_onnx
import torch

from hitrs_live.config import Config, override
from hitrs_live.errors import CheckpointMismatch
from hitrs_live.messages import (
    ActionEvent,
    AnyMessage,
    MotionPrediction,
    PoseEvent,
    PoseFrame,
    ScoreEvent,
    SourceEvent,
    Status,
)
from hitrs_live.pipeline.input_stream import InputStream
from hitrs_live.pipeline.pipeline import Pipeline
from hitrs_live.skeleton import NTU25
from hitrs_live.sources.recording import RecordingSource
from hitrs_live.streaming.stream_model import Preloaded
from hitrs_live.streaming.windowed_onnx import WindowedOnnx
from hitrs_live.transport.sink import ListSink

CONFIG = override(Config(), {"publish.pose": True, "publish.predictions_every_s": 0.0, "model.mirror": False})


def run(model: WindowedOnnx, recording: Path, config: Config = CONFIG) -> list[AnyMessage]:
    """Carry a recording through the pipeline with this model."""
    sink = ListSink()
    inputs = [InputStream(source=RecordingSource(recording, "max"))]
    Pipeline(inputs, model=Preloaded(model), config=config, sink=sink).run()
    return sink.messages


def hand_height_m(recording: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read the times and the height of the right wrist over the head from a recording."""
    source, times, heights = RecordingSource(recording, "max"), [], []
    source.open()
    while True:
        items = source.read(0.0)
        for item in items:
            if isinstance(item, PoseFrame) and item.poses:
                joints_m = item.poses[0].joints_m
                times.append(item.capture_time_ns)
                heights.append(joints_m[NTU25.index("right_wrist"), 1] - joints_m[NTU25.index("head"), 1])
        if any(not isinstance(item, PoseFrame) and item.state == "ended" for item in items):
            source.close()
            return np.array(times), np.array(heights)


def test_a_users_model_runs_through_the_pipeline_and_its_class_starts_when_the_hand_goes_up(
    demo_recording: Path, tmp_path: Path
) -> None:
    tiny_onnx.write_hand_up(tmp_path / "hand.onnx")
    messages = run(WindowedOnnx(tmp_path / "hand.onnx"), demo_recording)
    times_ns, height_m = hand_height_m(demo_recording)
    starts = [m for m in messages if isinstance(m, ActionEvent) and m.state == "start"]
    assert {event.label for event in starts} == {"hand_up"}
    # Scores cross the onset threshold within a few centimetres of the head's height; outputs come every two frames.
    step_ns = round(2e9 / 30)
    for event in starts:
        near = np.abs(times_ns - event.onset_time_ns) <= 2 * step_ns
        assert height_m[near].min() < 0.05, "the wrist comes from below the head"
        assert height_m[near].max() > -0.05, "the wrist passes the head"
    raised = height_m > 0.1
    assert len(starts) >= 2
    assert starts[0].onset_time_ns <= times_ns[raised][0]
    scores = [m for m in messages if isinstance(m, ScoreEvent)]
    low_ns = times_ns[height_m < -0.2]
    assert all(m.labels[0] == "background" for m in scores if m.capture_time_ns in set(low_ns.tolist()))
    assert {len(m.labels) for m in scores} == {2}


def test_a_model_without_motion_publishes_none_and_everything_else(short_recording: Path, tmp_path: Path) -> None:
    tiny_onnx.write_onnx(tmp_path / "a.onnx", tiny_onnx.METADATA)
    messages = run(WindowedOnnx(tmp_path / "a.onnx"), short_recording, override(CONFIG, {"model.mirror": True}))
    assert not [m for m in messages if isinstance(m, MotionPrediction)]
    assert {ScoreEvent, PoseEvent, Status, SourceEvent} <= {type(m) for m in messages}
    last = [m for m in messages if isinstance(m, Status)][-1]
    assert (last.motion_error_mm, last.motion_horizons_ms, last.motion_errors_mm) == (None, (), ())
    assert not [m for m in messages if isinstance(m, SourceEvent) and m.fault]


def test_motion_of_a_short_horizon_is_published_at_each_of_its_frames(short_recording: Path, tmp_path: Path) -> None:
    tiny_onnx.write_onnx(tmp_path / "a.onnx", tiny_onnx.METADATA | {"horizon_frames": 5}, horizon=5)
    messages = run(WindowedOnnx(tmp_path / "a.onnx"), short_recording)
    motion = [m for m in messages if isinstance(m, MotionPrediction)]
    assert motion
    assert {m.horizons_ms for m in motion} == {tuple(round(1000 * frame / 30, 3) for frame in range(1, 6))}
    last = motion[-1]
    assert last.error_mm is not None
    assert last.error_mm == last.held_error_mm, "this model repeats the newest pose, which is the baseline itself"


def test_the_model_gives_the_scores_that_its_graph_gives(short_recording: Path, tmp_path: Path) -> None:
    gru = tiny_onnx.write_onnx(tmp_path / "a.onnx", tiny_onnx.METADATA)
    messages = run(WindowedOnnx(tmp_path / "a.onnx"), short_recording)
    scores = {m.capture_time_ns: dict(zip(m.labels, m.scores, strict=True)) for m in messages if type(m) is ScoreEvent}
    source = RecordingSource(short_recording, "max")
    source.open()
    frames = [item for _ in range(300) for item in source.read(0.0) if isinstance(item, PoseFrame)]
    source.close()
    joints_m = np.stack([frame.poses[0].joints_m for frame in frames])
    checked = 0
    for end, frame in enumerate(frames):
        if frame.capture_time_ns in scores:
            window = torch.from_numpy(joints_m[None, end - 11 : end + 1])
            expected = gru.predict(window, 0)[0].softmax(-1)[0].tolist()
            got = [scores[frame.capture_time_ns][label] for label in tiny_onnx.LABELS]
            np.testing.assert_allclose(got, expected, atol=2e-3)
            checked += 1
    assert checked == len(scores) > 10


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        (None, "has no metadata 'hitrs_live_stream'; set it with onnx.helper.set_model_props"),
        ("not json", "is not JSON"),
        ("[1]", "a table"),
        ({"labels": tiny_onnx.LABELS}, "rate_hz is missing"),
        (tiny_onnx.METADATA | {"windw": 3}, "unknown setting windw"),
        (tiny_onnx.METADATA | {"rate_hz": 0}, "rate_hz 0"),
        (tiny_onnx.METADATA | {"step_frames": 0}, "step_frames 0"),
        (tiny_onnx.METADATA | {"label_lag_frames": -1}, "label_lag_frames -1"),
        (tiny_onnx.METADATA | {"pair_labels": ["hug"]}, "pair_labels name no class: hug"),
        (tiny_onnx.METADATA | {"labels": ["a", "a", "b"]}, "labels a, a, b: expected"),
        (tiny_onnx.METADATA | {"labels": ["background", "wave"]}, "output logits of 2 windows is (2, 3) float32"),
        (tiny_onnx.METADATA | {"window_frames": 13}, "cannot run on joints (2, 13, 25, 3)"),
        (tiny_onnx.METADATA | {"horizon_frames": 4}, "outputs logits: future_joints_m, scales_m is missing"),
    ],
)
def test_a_description_that_does_not_fit_is_refused_in_one_line(metadata: Any, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    tiny_onnx.write_onnx(path, metadata)
    with pytest.raises(CheckpointMismatch) as error:
        WindowedOnnx(path)
    text = str(error.value)
    assert text.startswith(f"model {path}: ")
    assert expected in text
    assert "\n" not in text


def test_a_graph_of_a_fixed_batch_a_file_that_is_none_and_no_file_are_refused(tmp_path: Path) -> None:
    tiny_onnx.write_onnx(tmp_path / "one.onnx", tiny_onnx.METADATA, batch=1)
    with pytest.raises(CheckpointMismatch, match="with a dynamic batch"):
        WindowedOnnx(tmp_path / "one.onnx")
    (tmp_path / "text.onnx").write_text("no graph")
    with pytest.raises(CheckpointMismatch, match=r"ONNX Runtime cannot load it .*; export it again"):
        WindowedOnnx(tmp_path / "text.onnx")
    with pytest.raises(CheckpointMismatch, match="cannot be read"):
        WindowedOnnx(tmp_path / "none.onnx")


def test_a_graph_of_two_inputs_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "two.onnx"
    tiny_onnx.write_onnx(path, tiny_onnx.METADATA)
    model = onnx.load(path)
    model.graph.input.append(onnx.helper.make_tensor_value_info("mask", onnx.TensorProto.FLOAT, ["N"]))
    onnx.save(model, path)
    with pytest.raises(CheckpointMismatch, match=r"inputs joints_m .*, mask .*: expected one"):
        WindowedOnnx(path)


def test_optional_metadata_has_defaults(tmp_path: Path) -> None:
    tiny_onnx.write_onnx(tmp_path / "a.onnx", json.dumps(tiny_onnx.METADATA))
    about = WindowedOnnx(tmp_path / "a.onnx").description
    assert (about.horizon_frames, about.pair_labels, about.temperature) == (0, (), 1.0)
    assert (about.window_frames, about.span_frames, about.step_frames, about.label_lag_frames) == (12, 12, 4, 2)
