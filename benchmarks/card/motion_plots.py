"""Draw the error of motion predictions by horizon, a panel for each data set, from reports of `evaluate motion`.

    hitrs-live evaluate motion --data DATA --json runs/motion/precog16.json
    python benchmarks/card/motion_plots.py runs/motion/*.json --out docs/motion.png

Needs matplotlib: pip install '.[plots]'.
"""

import argparse
import json
from pathlib import Path
from typing import Any

_LINES = {
    "model": {"color": "#1f6fb2", "linewidth": 2.4, "marker": "o", "label": "ours", "zorder": 3},
    "held": {"color": "#555555", "linestyle": "-", "label": "zero velocity"},
    "damped_velocity": {"color": "#d1732c", "linestyle": "--", "label": "damped velocity"},
    "constant_velocity": {"color": "#9a4f96", "linestyle": ":", "label": "constant velocity"},
    "kalman": {"color": "#3b8a57", "linestyle": "-.", "label": "Kalman filter"},
}
_SPACES = {"mpjpe_mm": "camera space", "root_aligned_mpjpe_mm": "root-aligned"}
_HEADROOM = 1.25
"""Upper limit of a panel over the last error of zero velocity; constant velocity exceeds it."""


def draw(reports: list[dict[str, Any]], out: Path) -> None:
    """Draw a column for each report and a row for each space."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(
        len(_SPACES), len(reports), figsize=(3.4 * len(reports), 5.6), sharex=True, squeeze=False, layout="constrained"
    )
    for column, report in enumerate(reports):
        for row, (key, space) in enumerate(_SPACES.items()):
            panel = panels[row][column]
            for name, figures in {"model": report, **report["baselines"]}.items():
                at_ms = [0, *(int(ms) for ms in figures[key])]
                panel.plot(at_ms, [0, *figures[key].values()], **_LINES[name])
            panel.set_ylim(0, _HEADROOM * max(report["baselines"]["held"][key].values()))
            panel.set_xlim(0, 1000)
            panel.grid(alpha=0.3)
            panel.spines[["top", "right"]].set_visible(False)
            if row == 0:
                panel.set_title(f"{report['data']}\n{', '.join(report['subjects'])}", fontsize=9)
            if column == 0:
                panel.set_ylabel(f"MPJPE, mm\n{space}")
        panels[-1][column].set_xlabel("ms ahead")
    panels[0][0].legend(frameon=False, fontsize=8)
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=130)
    pyplot.close(figure)


def main() -> None:
    """Draw the picture that the flags ask for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reports", type=Path, nargs="+", help="JSON files that hitrs-live evaluate motion wrote")
    parser.add_argument("--out", type=Path, default=Path("docs/motion.png"))
    options = parser.parse_args()
    draw([json.loads(report.read_text()) for report in options.reports], options.out)


if __name__ == "__main__":
    main()
