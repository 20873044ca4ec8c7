"""Draw errors of live joints by view, rendered beside modelled, from a report of `fit-joint-errors`.

    hitrs-live fit-joint-errors --pairs runs/pairs --out runs/joint_errors.safetensors --json reports/joint_errors.json
    python benchmarks/card/joint_error_plot.py reports/joint_errors.json --out docs/joint_errors.png

Needs matplotlib: pip install '.[plots]'.
"""

import argparse
import json
from pathlib import Path
from typing import Any

_JOINTS = (
    "head", "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_knee",
    "right_knee", "left_ankle", "right_ankle", "left_foot", "right_foot",
)  # fmt: skip
_ROWS = {"error_mm": "error", "noise_mm": "noise about\nthe stream's mean", "jitter_mm": "change from\nframe to frame"}


def draw(report: dict[str, Any], out: Path) -> None:
    """Draw a column for each view and a row for each figure."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    views = [view for view, figures in report["views"].items() if figures]
    figure, panels = pyplot.subplots(
        len(_ROWS), len(views), figsize=(3.1 * len(views), 6.6), sharex=True, sharey="row", squeeze=False,
        layout="constrained",
    )  # fmt: skip
    for column, view in enumerate(views):
        for row, (key, name) in enumerate(_ROWS.items()):
            panel = panels[row][column]
            for offset, (kind, colour) in enumerate((("rendered", "#555555"), ("modelled", "#1f6fb2"))):
                values = [report["views"][view][kind][key][joint] for joint in _JOINTS]
                panel.bar([place + 0.4 * offset - 0.2 for place in range(len(_JOINTS))], values, 0.4, color=colour,
                          label=kind)  # fmt: skip
            panel.grid(alpha=0.3, axis="y")
            panel.spines[["top", "right"]].set_visible(False)
            if row == 0:
                panel.set_title(f"{view}, {report['views'][view]['streams']} streams", fontsize=9)
            if column == 0:
                panel.set_ylabel(f"{name}, mm")
        names = [joint.replace("left_", "l. ").replace("right_", "r. ") for joint in _JOINTS]
        panels[-1][column].set_xticks(range(len(_JOINTS)), names, rotation=90, fontsize=8)
    panels[0][0].legend(frameon=False, fontsize=8)
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=110)
    pyplot.close(figure)


def main() -> None:
    """Draw the picture that the flags ask for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", type=Path, help="JSON file that hitrs-live fit-joint-errors wrote")
    parser.add_argument("--out", type=Path, default=Path("docs/joint_errors.png"))
    options = parser.parse_args()
    draw(json.loads(options.report.read_text()), options.out)


if __name__ == "__main__":
    main()
