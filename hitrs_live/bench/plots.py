"""Draw the report as plots. Needs matplotlib: pip install '.[plots]'."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hitrs_live.bench.results import FRAME_MS, BenchReport
from hitrs_live.files.cache_folder import cache_folder

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, FAINT = "#1f2933", "#8a94a0"
"""Colours of text and of minor elements, shared by all plots."""
_COLOURS = ("#1d5c82", "#c8553d", "#3b8a57", "#9a4f96", "#c79a2b", "#555555")
PLOT_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans", "font.size": 9, "text.color": INK, "axes.labelcolor": INK, "xtick.color": INK,
    "ytick.color": INK, "axes.edgecolor": FAINT, "axes.spines.top": False, "axes.spines.right": False,
    "axes.axisbelow": True, "figure.facecolor": "white", "savefig.dpi": 160,
}  # fmt: skip


def draw_plots(report: BenchReport, folder: Path) -> str:
    """Write steps.png, history.png and rates.png. Returns "", or one line with the reason where that is impossible."""
    # Matplotlib caches a list of fonts; by default in two folders of its own in the user's home.
    os.environ.setdefault("MPLCONFIGDIR", str(cache_folder() / "matplotlib"))
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError:
        return "plots are skipped: matplotlib is not installed; pip install '.[plots]'"
    drawings: Mapping[str, Callable[[Axes, BenchReport], None]] = {
        "steps": _draw_steps, "history": _draw_history, "rates": _draw_rates,
    }  # fmt: skip
    with rc_context(PLOT_STYLE):
        for name, draw in drawings.items():
            figure = Figure(figsize=(5.6, 3.8), layout="constrained")
            axes = figure.subplots()
            draw(axes, report)
            figure.savefig(folder / f"{name}.png")
    return ""


def _draw_steps(axes: "Axes", report: BenchReport) -> None:
    """Draw the cost of one frame by number of people: a line for the median, a band up to the p99."""
    for (name, steps), colour in zip(report.steps.items(), _COLOURS, strict=False):
        persons = [step.persons for step in steps]
        axes.plot(persons, [step.p50_ms for step in steps], color=colour, marker="o", markersize=3.5, label=name)
        axes.fill_between(
            persons, [step.p50_ms for step in steps], [step.p99_ms for step in steps], color=colour, alpha=0.18, lw=0
        )
    axes.axhline(FRAME_MS, color=FAINT, linestyle="--", linewidth=1)
    axes.annotate("30 frames a second", (1, FRAME_MS), (0, 3), textcoords="offset points", fontsize=8, color=FAINT)
    axes.set_xscale("log", base=2)
    _scale_cost(axes)
    axes.set_xticks(ticks := [step.persons for step in next(iter(report.steps.values()))], [f"{n:,}" for n in ticks])
    axes.set(xlabel="people", ylabel="ms a frame, CPU time of one thread")
    _finish(axes, f"{report.checkpoint}: one frame of all people, median to p99")


def _draw_history(axes: "Axes", report: BenchReport) -> None:
    """Draw the cost of streaming and of recomputation by length of the window."""
    clips = [cost.clips for cost in report.history]
    lines = {
        "window each frame": [cost.recompute_every_frame_ms for cost in report.history],
        "window each clip": [cost.recompute_every_clip_ms_per_frame for cost in report.history],
        "stream": [cost.stream_ms_per_frame for cost in report.history],
    }
    for (name, costs_ms), colour in zip(lines.items(), (_COLOURS[1], _COLOURS[4], _COLOURS[0]), strict=True):
        axes.plot(clips, costs_ms, color=colour, marker="o", markersize=3.5, label=name)
    _scale_cost(axes)
    axes.set_xlim(0, None)
    axes.set_xticks(clips, [str(count) for count in clips])
    axes.set(xlabel="clips in the window", ylabel="ms a frame, torch, one person")
    _finish(axes, f"{report.checkpoint}: cost by length of the window")


def _draw_rates(axes: "Axes", report: BenchReport) -> None:
    """Draw the FLOP/s of the engines' strides and of the matrix products that they are compared with."""
    arithmetic = report.arithmetic
    bars = [(f"{name}, 16 people", rate, _COLOURS[0]) for name, rate in arithmetic.hop_gflops.items()]
    bars += [(f"product, {name}", rate, FAINT) for name, rate in arithmetic.product_gflops.items()]
    labels, rates, colours = zip(*bars, strict=True)
    drawn = axes.barh(labels, rates, color=colours, height=0.62)
    axes.bar_label(drawn, fmt="%.0f", padding=4, fontsize=8)
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("GFLOP/s in fp32, one thread")
    size = arithmetic.product_size
    axes.set_title(
        f"{report.checkpoint}: a stride and a {size} x {size} product", loc="left", fontsize=10, fontweight="bold"
    )


def _scale_cost(axes: "Axes") -> None:
    """Make the cost axis logarithmic, with plain numbers."""
    from matplotlib.ticker import LogLocator

    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()


def _finish(axes: "Axes", title: str) -> None:
    axes.set_title(title, loc="left", fontsize=10, fontweight="bold")
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.legend(frameon=False, fontsize=8)
