"""Print the report as tables."""

import io
from collections.abc import Iterable, Sequence

from rich.console import Console, Group
from rich.table import Table

from hitrs_live.bench.results import BenchReport

TABLE_WIDTH = 110
"""Characters, where there is no terminal."""


def draw_tables(report: BenchReport) -> Group:
    """Arrange a report's tables and notices for a terminal."""
    return Group(_headline(report), _engines(report), _steps(report), _history(report), *report.notices)


def write_tables(report: BenchReport) -> str:
    """Return a report's tables and notices as plain text."""
    console = Console(file=io.StringIO(), width=TABLE_WIDTH, no_color=True)
    with console.capture() as written:
        console.print(draw_tables(report))
    return written.get()


def _headline(report: BenchReport) -> Table:
    memory, arithmetic = report.memory, report.arithmetic
    onnx = report.onnx_over_torch_batch1
    return _table(
        f"{report.checkpoint} ({report.weights} weights, {report.parameters:,} parameters, window of "
        f"{report.window_clips} clips), CPU time of one thread, {report.machine['processor']}",
        ("figure", ""),
        (
            ("window recomputed each frame / stream, torch", f"{report.speedup_over_recompute:.1f}x"),
            ("the same window in torch / fastest engine's stream", f"{report.speedup_over_recompute_best:.1f}x"),
            ("ONNX Runtime / torch, 1 person", "-" if onnx is None else f"{onnx:.2f}x"),
            ("people at 30 fps on one core, p99 of a frame", _counts(report.persons_at_30fps)),
            ("the same, all clips ending in one frame", _counts(report.persons_at_30fps_at_once)),
            ("people at 30 fps on one GPU", _counts(report.persons_at_30fps_gpu or {}) or "-"),
            (
                f"FLOP/s of a stride of 16 people / of a {arithmetic.product_size} x {arithmetic.product_size} product",
                f"{report.matmul_share_batch16:.2f}",
            ),
            ("pipeline without pose stage, frame to events: p50 / p95 / p99", _latency(report)),
            (
                "resident memory: loaded / engines open / peak",
                _megabytes(memory.loaded_mb, memory.engines_mb, memory.peak_mb),
            ),
            ("stream state of a person", f"{memory.state_kb_per_person:.0f} kB"),
        ),
    )


def _engines(report: BenchReport) -> Table:
    arithmetic = report.arithmetic
    rows = (
        (
            name,
            f"{ms:.2f}",
            f"{report.recomputing.window_ms[name]:.1f}",
            f"{report.recomputing.over_stream[name]:.1f}x",
            str(report.crowds[name].persons),
            str(report.crowds_at_once[name].persons),
            f"{arithmetic.hop_gflops[name]:.0f}" if name in arithmetic.hop_gflops else "-",
            f"{report.parity_max_abs[name]:.1e}",
        )
        for name, ms in report.stream_ms_per_frame.items()
    )
    products = ", ".join(f"{name} {rate:.0f}" for name, rate in arithmetic.product_gflops.items())
    return _table(
        f"by engine; square products, GFLOP/s: {products}",
        ("engine", "stream ms/frame", "window ms", "ratio", "people", "at once", "GFLOP/s, 16", "max |logit diff|"),
        rows,
    )


def _steps(report: BenchReport) -> Table:
    rows = (
        (
            str(step.persons), name, str(step.frames), f"{step.p50_ms:.2f}", f"{step.p95_ms:.2f}", f"{step.p99_ms:.2f}",
            f"{step.mean_ms / step.persons:.3f}",
        )
        for of_one_size in zip(*report.steps.values(), strict=True)
        for name, step in zip(report.steps, of_one_size, strict=True)
    )  # fmt: skip
    return _table(
        "one frame of all people, whose clips end in different frames of seven",
        ("people", "engine", "frames", "p50 ms", "p95 ms", "p99 ms", "ms a person"),
        rows,
    )


def _history(report: BenchReport) -> Table:
    rows = (
        (
            str(cost.clips),
            f"{cost.stream_ms_per_frame:.2f}",
            f"{cost.recompute_every_frame_ms:.1f}",
            f"{cost.recompute_every_frame_ms / cost.stream_ms_per_frame:.0f}x",
            f"{cost.recompute_every_clip_ms_per_frame:.1f}",
            f"{cost.recompute_every_clip_ms_per_frame / cost.stream_ms_per_frame:.1f}x",
        )
        for cost in report.history
    )
    return _table(
        "by length of the window, one person, torch, ms a frame",
        ("clips", "stream", "window each frame", "ratio", "window each clip", "ratio"),
        rows,
    )


def _table(title: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """Build a table whose first column is text and whose others are numbers."""
    table = Table(title=title, title_justify="left", title_style="bold")
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="right" if number else "left")
    for row in rows:
        table.add_row(*row)
    return table


def _latency(report: BenchReport) -> str:
    took = report.pipeline
    if took is None:
        return "-"
    return f"{took.p50_ms:.1f} / {took.p95_ms:.1f} / {took.p99_ms:.1f} ms; CPU {took.cpu_ms_per_frame:.1f}"


def _counts(persons: dict[str, int]) -> str:
    return ", ".join(f"{precision} {count}" for precision, count in persons.items())


def _megabytes(*values: float) -> str:
    return " / ".join(f"{value:.0f}" for value in values) + " MB"
