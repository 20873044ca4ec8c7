"""Print the report of `hitrs-live replay --bench`: counts, speed, accuracy, and a histogram of step durations."""

from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

_BAR = 40
"""Characters of the longest bar."""


def print_report(report: dict[str, Any]) -> None:
    """Print a report as `run_replay.bench_replay` returns it."""
    console = Console()
    if report["histogram"]:
        console.print(_histogram(report))
    for line in (_counts(report), _speed(report), _accuracy(report)):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _histogram(report: dict[str, Any]) -> Table:
    took = report["step_ms"]
    title = f"a step of {report['rows']} rows: p50 {took['p50']:g}, p90 {took['p90']:g}, p99 {took['p99']:g} ms"
    table = Table("ms", "steps", "", box=SIMPLE, padding=(0, 1, 0, 0), title=title, title_justify="left")
    most = max(each["steps"] for each in report["histogram"])
    for each in report["histogram"]:
        # Rounded up, so that a class with few steps still has a bar.
        length = -(-_BAR * each["steps"] // most)
        table.add_row(f"{each['from_ms']:g} to {each['to_ms']:g}", str(each["steps"]), "█" * length)
    return table


def _counts(report: dict[str, Any]) -> str:
    of_pairs = f" and {report['pair_judgements']} of pairs" if report["pair_judgements"] else ""
    skipped = f", {len(report['passed_over'])} skipped" if report["passed_over"] else ""
    return (
        f"{report['checkpoint']['name']} on {report['engine']} in {report['precision']}, {report['threads']} "
        f"thread{'s' * (report['threads'] > 1)}: {report['files']} files{skipped}, {report['frames']} frames, "
        f"{report['people']} people, {report['judgements']} predictions{of_pairs}, {report['told']} actions detected"
    )


def _speed(report: dict[str, Any]) -> str:
    spent, wall_s = report["spent_s"], report["wall_s"]
    shares = ", ".join(f"{name} {seconds / wall_s:.0%}" for name, seconds in spent.items())
    return (
        f"{report['files_per_s']:g} files/s, {report['times_real_time']:g} times real time, {wall_s:.1f} s ({shares})"
    )


def _accuracy(report: dict[str, Any]) -> str:
    accuracy = report["accuracy"]
    if accuracy is None:
        return f"no accuracy: {report['no_accuracy']}"
    top5 = "" if accuracy["top5"] is None else f", top-5 {accuracy['top5']:.1%}"
    return (
        f"top-1 {accuracy['top1']:.1%}{top5} of {accuracy['files']} files by the mean logit of all predictions; "
        f"{accuracy['without_an_answer']} without a prediction, {accuracy['of_other_actions']} of other actions"
    )
