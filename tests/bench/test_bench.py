"""The report of `hitrs-live bench`: what is measured, never how fast this machine is."""

import sys
from pathlib import Path

import msgspec
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from hitrs_live.bench.engines import REFERENCE, BenchEngine, build_engines, open_engines
from hitrs_live.bench.matmul_baseline import count_stride_flops, run_stride
from hitrs_live.bench.measure import Effort, measure
from hitrs_live.bench.plots import draw_plots
from hitrs_live.bench.random_models import make_checkpoint
from hitrs_live.bench.results import FRAME_MS, BenchReport
from hitrs_live.bench.step_timing import find_capacity, next_try, summarise_steps, time_frames
from hitrs_live.bench.table import write_tables
from hitrs_live.bench.window_recompute import recompute_window, with_window
from hitrs_live.checkpoint import Checkpoint
from hitrs_live.cli import main
from hitrs_live.inference.export import example_inputs
from hitrs_live.inference.torch_engine import TorchEngine

pytestmark = pytest.mark.slow

_LEAST = Effort(turns=1, persons=(1, 8), strides=2, capacity_strides=1, latency_s=1.0)


@pytest.fixture(scope="module")
def report(checkpoint: Checkpoint, cache: Path) -> BenchReport:
    """Measure a small detector with the least effort. It has no file, so no built engine is found for it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(cache))
        unfiled = msgspec.structs.replace(checkpoint, fingerprint="")
        opened, notices = open_engines(unfiled)
        return measure(unfiled, opened, _LEAST, notices=notices)


@pytest.mark.slow
def test_every_figure_is_there_and_no_engine_is_needed(report: BenchReport) -> None:
    assert report.onnx_over_torch_batch1 is None
    assert len(report.notices) == 2
    assert all("the model came from no file" in notice for notice in report.notices)
    assert report.persons_at_30fps["fp32"] > report.persons_at_30fps_at_once["fp32"] > 0
    assert report.parity_max_abs == {REFERENCE: 0.0}
    assert report.speedup_over_recompute == report.speedup_over_recompute_best > 0
    assert report.matmul_share_batch16 == report.arithmetic.hop_over_product[REFERENCE] > 0
    assert [step.persons for step in report.steps[REFERENCE]] == [1, 8]
    assert [cost.clips for cost in report.history] == [5], "the model has eight places"
    assert report.pipeline is not None
    assert report.memory.peak_mb >= report.memory.engines_mb > 0
    assert msgspec.json.decode(msgspec.json.encode(report), type=BenchReport) == report


@pytest.mark.slow
def test_tables_name_the_model_every_engine_and_what_is_missing(report: BenchReport) -> None:
    written = write_tables(report)
    for word in (report.checkpoint, *report.stream_ms_per_frame, "came from no file"):
        assert word in written


@pytest.mark.slow
def test_a_table_of_several_engines_names_each_beside_its_own_steps(report: BenchReport) -> None:
    (steps,) = report.steps.values()
    slower = tuple(msgspec.structs.replace(step, p99_ms=step.p99_ms + 5000) for step in steps)
    written = write_tables(msgspec.structs.replace(report, steps={"fast one": steps, "slow one": slower}))
    assert sum("fast one" in line and f"{steps[0].p99_ms:.2f}" in line for line in written.splitlines()) == 1
    assert sum("slow one" in line and f"{slower[0].p99_ms:.2f}" in line for line in written.splitlines()) == 1


@pytest.mark.slow
def test_plots_are_drawn_where_matplotlib_is_there(report: BenchReport, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="plots need the extra `plots`, which is not installed")
    assert draw_plots(report, tmp_path) == ""
    assert {path.name for path in tmp_path.iterdir()} == {"steps.png", "history.png", "rates.png"}


@pytest.mark.slow
def test_without_matplotlib_one_line_says_so(
    report: BenchReport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("matplotlib", "matplotlib.figure"):
        monkeypatch.setitem(sys.modules, name, None)
    assert ".[plots]" in draw_plots(report, tmp_path)
    assert not list(tmp_path.iterdir())


def test_each_person_ends_a_clip_once_in_seven_frames(checkpoint: Checkpoint) -> None:
    ends: list[int] = []

    class Counting(TorchEngine):
        def predict(self, *inputs: torch.Tensor):  # type: ignore[no-untyped-def]
            ends.append(len(inputs[0]))
            return super().predict(*inputs)

    engine = BenchEngine(engine=Counting(checkpoint.model))
    assert len(time_frames(engine, checkpoint.info.normaliser, persons=9, strides=2)) == 14
    # Nine over seven frames, three strides with the untimed one.
    assert sorted(ends) == sorted(3 * [1, 1, 1, 1, 1, 2, 2])
    ends.clear()
    time_frames(engine, checkpoint.info.normaliser, persons=9, strides=2, at_once=True)
    assert ends == [9, 9, 9]


def test_percentiles_are_of_the_frames_that_were_timed() -> None:
    steps = summarise_steps(torch.arange(101.0).double().numpy(), persons=3)
    assert (steps.persons, steps.frames, steps.mean_ms) == (3, 101, 50.0)
    assert (steps.p50_ms, steps.p95_ms, steps.p99_ms) == (50.0, 95.0, 99.0)


@pytest.mark.slow
def test_a_capacity_has_a_p99_under_a_frame(checkpoint: Checkpoint) -> None:
    capacity = find_capacity(
        BenchEngine(engine=TorchEngine(checkpoint.model)), checkpoint.info.normaliser, strides=1, first=2
    )
    assert capacity.persons > 0
    assert capacity.p99_ms is not None
    assert capacity.p99_ms < FRAME_MS


@given(st.integers(0, 5000), st.integers(0, 4000), st.integers(2, 90))
def test_the_next_number_to_try_lies_between_those_known(expected: int, fits: int, gap: int) -> None:
    too_many = fits + gap + fits // 40
    assert fits < next_try(expected, fits, too_many) < too_many


def test_attention_is_counted_as_products_are(checkpoint: Checkpoint) -> None:
    engine, config = TorchEngine(checkpoint.model), checkpoint.info.detector
    grid = config.encoder
    with FlopCounterMode(display=False) as without:
        run_stride(engine, example_inputs(config, 1))
    # Queries with keys, weights with values: two products over the width, two operations each. The last layers of clip
    # and video attend from one token only.
    clip_tokens = grid.clip_length * grid.joints + 1
    tokens_squared = grid.clip_stride * grid.layers * grid.joints**2 + (grid.layers - 1) * (
        clip_tokens**2 + config.window_clips**2
    )
    assert count_stride_flops(engine) - without.get_total_flops() == 4 * grid.heads * grid.head_width * tokens_squared


@torch.inference_mode()
def test_a_window_computed_by_submodules_is_the_models_last_prediction(checkpoint: Checkpoint) -> None:
    config = checkpoint.info.detector
    joints = torch.randn(1, config.encoder.frames_of(config.window_clips), 25, 3, generator=torch.manual_seed(1))
    expected = checkpoint.model(joints)[0][:, -1]
    torch.testing.assert_close(recompute_window(TorchEngine(checkpoint.model), joints[0]), expected, atol=1e-5, rtol=0)


def test_a_longer_window_keeps_the_weights(checkpoint: Checkpoint) -> None:
    longer = with_window(checkpoint, 7)
    assert longer.info.detector.window_clips == longer.model.config.window_clips == 7
    for name, weight in checkpoint.model.state_dict().items():
        assert torch.equal(longer.model.state_dict()[name], weight)


def test_a_model_of_a_size_is_the_same_each_time(tmp_path: Path) -> None:
    once = make_checkpoint("tiny", tmp_path / "a")
    assert once.fingerprint == make_checkpoint("tiny", tmp_path / "b").fingerprint
    assert once.info.detector.window_clips == 20


def test_engines_of_random_weights_are_built_without_the_parity_gate(checkpoint: Checkpoint, engines: Path) -> None:
    built, notices = build_engines(checkpoint, engines)
    assert list(built) == [REFERENCE, "onnx fp32", "onnx int8"]
    assert notices == ()


def test_a_folder_that_cannot_be_written_to_is_reported_before_anything_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    taken = tmp_path / "taken"
    taken.write_text("")
    assert main(["bench", "--quick", "--out", str(taken)]) == 2
    assert f"{taken}: cannot be written to" in capsys.readouterr().err


def test_a_size_and_a_checkpoint_are_one_too_many() -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["bench", "--size", "tiny", "--checkpoint", "any.safetensors"])
