"""Measure motion prediction by the published CMU protocol over several seeds, next to the best published results.

    HITRS_DATA=DATA python benchmarks/studies/motion_protocol.py --json reports/motion_cmu_protocol.json

Trains a forecaster for each seed with the command's defaults on all available training files, measures each once on
the test files, and the average of their predictions as a separate row. Results are saved in --work, so that an
interrupted run resumes. The comparison uses the mean over all 38 joints, which the published programs print; the mean
over the 25 joints that move is reported as well.

The command's defaults were chosen on left-out training files, one of each action at a time: numbers 2
(directing_traffic 4), and numbers 4 (directing_traffic 1, also jumping 3). The test files were not used for it.
"""

import argparse
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from rich.console import Console
from rich.table import Table

from hitrs_live.data.array_format import data_folder
from hitrs_live.data.formats.cmu_motion import read_cmu_motion
from hitrs_live.evaluation.reports.write import write_report

FILE = Path("measure/cmu_motion.npz")
FILES_AN_ACTION = 5
"""Training files of each action in the whole benchmark."""
SHORT_TERM = 4
"""Number of columns, from the first, that are compared: 80 to 400 ms."""
NEAR = 1.05
"""Largest ratio to a published error that counts as close to it."""
MEANS = {"all_joints": "per_action_all_joints", "scored_joints": "per_action"}
"""Name of a mean here, and its key in the report of `evaluate motion`."""


@dataclass(frozen=True, kw_only=True)
class SeedRuns:
    """Trainings and measurements of one run of this script, saved in `work`."""

    work: Path
    data: Path
    steps: int | None
    """Of training; None leaves the command's default."""
    threads: int

    def seed_measured(self, seed: int) -> dict[str, Any]:
        """Train a forecaster and measure it, each unless the result is saved."""
        done = self._forecaster(seed).with_suffix(".done")
        if not done.exists():
            self._hitrs(self.training(seed))
            done.touch()
        return self._measured(f"seed_{seed}", [seed])

    def together_measured(self, seeds: Sequence[int]) -> dict[str, Any]:
        """Measure the averaged predictions of the forecasters of all seeds, unless the result is saved."""
        return self._measured("together", seeds)

    def training(self, seed: int) -> list[str]:
        """Return the command that trains a forecaster."""
        steps = [] if self.steps is None else ["--steps", str(self.steps)]
        return [
            "train-pose-forecaster", "--cmu", f"DATA/{FILE}", "--out", str(self._forecaster(seed)),
            "--seed", str(seed), *steps, "--threads", str(self.threads), "--device", "cpu",
        ]  # fmt: skip

    def measuring(self, seeds: Sequence[int], out: Path) -> list[str]:
        """Return the command that measures forecasters, several by their averaged predictions."""
        files = [part for seed in seeds for part in ("--forecaster", str(self._forecaster(seed)))]
        threads = ["--threads", str(self.threads)]
        return ["evaluate", "motion", "--cmu", f"DATA/{FILE}", *files, *threads, "--json", str(out)]

    def _forecaster(self, seed: int) -> Path:
        return self.work / f"seed_{seed}.safetensors"

    def _measured(self, name: str, seeds: Sequence[int]) -> dict[str, Any]:
        out = self.work / f"{name}.json"
        if not out.exists():
            self._hitrs(self.measuring(seeds, out))
        report: dict[str, Any] = json.loads(out.read_text())
        return report

    def _hitrs(self, arguments: list[str]) -> None:
        given = [argument.replace(f"DATA/{FILE}", str(self.data / FILE)) for argument in arguments]
        self.work.mkdir(parents=True, exist_ok=True)
        with (self.work / "log.txt").open("a") as log:
            subprocess.run([sys.executable, "-m", "hitrs_live.cli", *given], check=True, stdout=log, stderr=log)


def compare(seeds: Sequence[Mapping[str, Any]], together: Mapping[str, Any]) -> dict[str, Any]:
    """Combine the seeds' reports, action by action. All are as `evaluate motion --json` writes them."""
    first = seeds[0]
    return {
        "what": "mean joint error, mm; spread is the standard deviation over seeds",
        "columns_ms": first["columns_ms"],
        "frames": first["frames"],
        "windows": first["windows"],
        "published": first["published_all_joints"],
        "published_are_over": "all_joints",
        **{
            name: {
                action: {
                    **_over_seeds([report[key][action] for report in seeds]),
                    "together": together[key][action],
                    "zero_velocity": first[key.replace("per_action", "zero_velocity")][action],
                }
                for action in first[key]
            }
            for name, key in MEANS.items()
        },
    }


def _over_seeds(values: Sequence[Sequence[float]]) -> dict[str, Any]:
    columns = list(zip(*values, strict=True))
    spread = [stdev(column) if len(column) > 1 else 0.0 for column in columns]
    return {
        "mean": [round(mean(column), 2) for column in columns],
        "spread": [round(value, 2) for value in spread],
        "seeds": [list(row) for row in values],
    }


def compare_row(figures: Mapping[str, Any], row: str) -> dict[str, Any]:
    """List the actions at which a row (`mean`, `together`) is below, or close to, the published error up to 400 ms."""
    ratios = {
        action: [
            round(ours / theirs, 3)
            for ours, theirs in zip(figures["all_joints"][action][row], known["mm"], strict=True)
        ][:SHORT_TERM]
        for action, known in figures["published"].items()
        if action in figures["all_joints"]
    }
    return {
        "of_published_to_400_ms": ratios,
        "better_at_every_column": [action for action, values in ratios.items() if max(values) < 1.0],
        "better_on_average": [action for action, values in ratios.items() if mean(values) < 1.0],
        "within_5_percent_at_every_column": [action for action, values in ratios.items() if max(values) <= NEAR],
    }


def missing(training_files: Mapping[str, int], actions: Sequence[str]) -> dict[str, int]:
    """Count missing training files by action; actions with none missing are left out."""
    gone = {a: FILES_AN_ACTION - training_files.get(a, 0) for a in sorted({*training_files, *actions})}
    return {action: count for action, count in gone.items() if count}


def table(figures: Mapping[str, Any], name: str) -> Table:
    """Build the table of one mean. name: a key of MEANS."""
    columns = [f"{column} ms" for column in figures["columns_ms"]]
    built = Table("action", "by", *columns, title=f"CMU: mm, {name.replace('_', ' ')}")
    for action, values in figures[name].items():
        known = figures["published"].get(action)
        ours = [f"{m:.1f} ± {s:.1f}" for m, s in zip(values["mean"], values["spread"], strict=True)]
        built.add_row(action, f"ours, {len(values['seeds'])} seeds", *ours)
        built.add_row("", "ours, averaged", *(f"{value:.1f}" for value in values["together"]))
        if known and name == figures["published_are_over"]:
            built.add_row("", known["model"], *(f"{value:.1f}" for value in known["mm"]))
        built.add_row("", "zero velocity", *(f"{value:.1f}" for value in values["zero_velocity"]), end_section=True)
    return built


def main() -> None:
    """Train and measure all seeds, print the tables and write the figures where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("runs/motion_protocol"), help="folder of saved results")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, help="of training (default: the command's)")
    parser.add_argument("--threads", type=int, default=1, help="of each training")
    parser.add_argument("--jobs", type=int, default=1, help="trainings at once")
    options = parser.parse_args()
    runs = SeedRuns(work=options.work, data=data_folder(), steps=options.steps, threads=options.threads)
    seeds = list(range(options.seeds))
    with ThreadPoolExecutor(options.jobs) as pool:
        measured = list(pool.map(runs.seed_measured, seeds))
    figures = compare(measured, runs.together_measured(seeds))
    figures["verdict"] = {row: compare_row(figures, row) for row in ("mean", "together")}
    motion = read_cmu_motion(runs.data / FILE)
    here = Counter(recording.action for recording in motion.train)
    figures["training_files"] = {**measured[0]["training_files"], "missing": missing(here, motion.actions)}
    commands = [runs.training(seed) for seed in seeds]
    commands += [runs.measuring([seed], options.work / f"seed_{seed}.json") for seed in seeds]
    commands.append(runs.measuring(seeds, options.work / "together.json"))
    figures["commands"] = [" ".join(("hitrs-live", *command)) for command in commands]
    for name in MEANS:
        Console().print(table(figures, name))
    if options.json:
        write_report(options.json, figures)


if __name__ == "__main__":
    main()
