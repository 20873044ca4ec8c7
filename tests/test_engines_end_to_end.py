"""`hitrs-live live` with every engine that runs here: the same events, and one line where another one is used."""

import re
import shutil
from pathlib import Path

import pytest
import torch
from demo_recording import FRAMES
from live_runs import free_address, run_and_watch, run_only

from hitrs_live.checkpoint import Checkpoint, CheckpointInfo, fingerprint, save_checkpoint
from hitrs_live.inference.engine_cache import engines_folder
from hitrs_live.model.detector import DetectorConfig, HitrsDetector
from hitrs_live.model.hitrs import HiTRSConfig
from hitrs_live.transforms import NormaliserConfig

pytestmark = pytest.mark.slow
UNBELIEVED = 2
"""Frames before the tracker confirms a new person."""
SILENT = ("--update", "clip")
"""Settings with the fewest predictions."""
NEAR = 2e-3
"""Scores differ by up to 1e-4 from rounding, and more where logits differ by the 1e-4 that parity allows."""
no_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="tests a machine without a GPU")


@pytest.fixture(scope="module")
def unbuilt(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A small model for which no engine has been built."""
    grid = HiTRSConfig(
        frame_width=16, frame_hidden=16, clip_width=16, clip_hidden=16, video_width=16, video_hidden=16, layers=1,
        heads=2, head_width=8, max_clips=8,
    )  # fmt: skip
    detector = DetectorConfig(encoder=grid, classes=3, window_clips=4)
    torch.manual_seed(7)
    info = CheckpointInfo(
        name="small", labels=("background", "jump", "squat"), detector=detector, normaliser=NormaliserConfig(),
        label_lag_frames=3,
    )  # fmt: skip
    path = tmp_path_factory.mktemp("unbuilt") / "small.safetensors"
    save_checkpoint(path, Checkpoint(info=info, model=HitrsDetector(detector)))
    for left_by_a_failed_run in engines_folder().glob(f"*{fingerprint(path)[:12]}*"):
        shutil.rmtree(left_by_a_failed_run)
    return str(path)


def test_torch_and_onnx_give_the_same_events_of_the_demo(demo_recording: Path) -> None:
    flags = ("--replay", str(demo_recording), "--speed", "max", *SILENT)
    runs = [run_and_watch(*flags, "--engine", engine) for engine in ("torch", "onnx")]
    assert [(run.code, run.err) for run in runs] == [(0, ""), (0, "")]
    scores, actions = ([run.of(kind) for run in runs] for kind in ("scores", "action"))
    assert len(scores[0]) == len(scores[1]) == (FRAMES - UNBELIEVED - 13) // 7 + 1
    for one, other in zip(*scores, strict=True):
        assert (one["capture_time_ns"], one["track_id"]) == (other["capture_time_ns"], other["track_id"])
        ours, theirs = (dict(zip(message["labels"], message["scores"], strict=True)) for message in (one, other))
        for label in ours.keys() & theirs.keys():
            assert ours[label] == pytest.approx(theirs[label], abs=NEAR)
        assert len(ours.keys() & theirs.keys()) >= 3, "of five; the least may change places"
    assert [message["state"] for message in actions[0]].count("start") >= 2
    fields = ("state", "label", "track_id", "onset_time_ns", "end_time_ns", "capture_time_ns", "reason")
    for one, other in zip(*actions, strict=True):
        assert [one.get(key) for key in fields] == [other.get(key) for key in fields]
        assert one["score"] == pytest.approx(other["score"], abs=NEAR)


@pytest.mark.parametrize("engine", ["torch", "onnx"])
def test_an_available_engine_runs_without_a_notice(short_recording: Path, engine: str) -> None:
    run = run_and_watch("--replay", str(short_recording), "--speed", "max", "--engine", engine, *SILENT)
    assert (run.code, run.err) == (0, "")
    assert run.of("scores")
    assert run.of("status")[-1]["notices"] == []


@no_gpu
def test_tensorrt_without_a_gpu_falls_back_once_and_reports_why(short_recording: Path) -> None:
    run = run_and_watch("--replay", str(short_recording), "--speed", "max", "--engine", "tensorrt", *SILENT)
    assert run.code == 0, run.err
    (line,) = [line for line in run.out.splitlines() if "runs on" in line]
    assert re.search(r"warning  the model runs on onnx in fp32; tensorrt fp32: .*(tensorrt|TensorRT)", line)
    assert run.of("scores")
    for status in run.of("status"):
        (notice,) = status["notices"]
        assert line.endswith("the model " + notice)


@no_gpu
def test_a_model_without_a_built_engine_runs_on_torch_and_the_command_is_named_once(
    unbuilt: str, short_recording: Path
) -> None:
    replay = ("--replay", str(short_recording), "--speed", "max")
    run = run_only(*replay, "--plain", "--bind", free_address(), "--checkpoint", unbuilt)
    assert run.code == 0
    (line,) = [line for line in run.out.splitlines() if "runs on" in line]
    assert "the model runs on torch in fp32; onnx fp32: engine" in line
    assert "not built yet; hitrs-live build-engines does it" in line


@pytest.mark.parametrize("engine", ["auto", "onnx"])
@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--camera", "63", "--require-sources"), "63"),
        (("--video", "README.md"), "README.md"),
        (("--demo", "--bind", "tcp://nonsense"), "nonsense"),
        (("--demo", "--record", "no/such/folder/x.mcap"), "no/such/folder"),
    ],
)
def test_a_mistake_with_a_model_without_an_engine_is_one_line_and_nothing_is_built(
    unbuilt: str, engine: str, flags: tuple[str, ...], message: str
) -> None:
    bind = () if "--bind" in flags else ("--bind", free_address())
    run = run_only(*flags, *bind, "--plain", "--duration", "2", "--checkpoint", unbuilt, "--engine", engine)
    assert run.code == 2
    (line,) = run.err.splitlines()
    assert message in line
    assert not list(engines_folder().glob(f"*{fingerprint(unbuilt)[:12]}*"))
