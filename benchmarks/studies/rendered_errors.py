"""Measure the live joints of rendered views against the truth: by view, by whether a joint is seen, by size.

    python benchmarks/studies/rendered_errors.py --views runs/pairs/views --json reports/rendered_errors.json

`hitrs-live render` writes the views.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from hitrs_live.config import Config
from hitrs_live.evaluation.lifter_measures import lean_deg
from hitrs_live.evaluation.reports.write import write_report
from hitrs_live.virtual_camera.pictures.camera_placement import VIEW_CLASSES
from hitrs_live.virtual_camera.views.rendered_sets import read_views
from hitrs_live.virtual_camera.views.rendered_view import RenderedView, lifted_joints


def measure(view: RenderedView, config: Config) -> dict[str, Any]:
    """Return counts and sums of one view, in frames in which the person was seen."""
    live = lifted_joints(view, config)
    seen = ~live.lost_mask
    error_mm = (
        1e3 * np.linalg.norm(live.joints_m - live.joints_m[:, :1] - view.truth_m + view.truth_m[:, :1], axis=-1)[seen]
    )
    depth = np.abs(live.joints_m[:, 0, 2] - view.truth_m[:, 0, 2])[seen] / view.truth_m[seen, 0, 2]
    visible = view.visible[seen]
    lean = lean_deg(live.joints_m[seen]) - lean_deg(view.truth_m[seen])
    return {
        "view": view.view, "frames": len(view), "seen": int(seen.sum()), "error_mm": error_mm.mean(axis=1),
        "visible_mm": error_mm[visible], "hidden_mm": error_mm[~visible], "depth_share": depth, "lean_deg": lean,
    }  # fmt: skip


def summarise(measured: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return the figures of several views together."""

    def joined(key: str) -> np.ndarray:
        return np.concatenate([one[key] for one in measured])

    return {
        "views": len(measured),
        "frames": sum(one["frames"] for one in measured),
        "seen_share": round(sum(one["seen"] for one in measured) / sum(one["frames"] for one in measured), 3),
        "error_mm": round(float(joined("error_mm").mean()), 1),
        "error_visible_mm": round(float(joined("visible_mm").mean()), 1),
        "error_hidden_mm": round(float(joined("hidden_mm").mean()), 1),
        "hidden_share": round(len(joined("hidden_mm")) / (25 * sum(one["seen"] for one in measured)), 3),
        "root_depth_error_share": round(float(joined("depth_share").mean()), 3),
        "lean_deg": round(float(joined("lean_deg").mean()), 1),
    }


def main() -> None:
    """Measure, print a table and write a report where asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--views", type=Path, required=True, help="folder of rendered views")
    parser.add_argument("--json", type=Path, help="write the report here")
    arguments = parser.parse_args()
    measured = [measure(view, Config()) for view in read_views(arguments.views)]
    groups = {view: [one for one in measured if one["view"] == view] for view in VIEW_CLASSES}
    report = {name: summarise(some) for name, some in {"all": measured, **groups}.items() if some}
    table = Table("view", *report["all"])
    for name, figures in report.items():
        table.add_row(name, *(f"{value:g}" for value in figures.values()))
    Console().print(table)
    if arguments.json:
        write_report(arguments.json, report)


if __name__ == "__main__":
    main()
