"""Draw the confusion matrix of the detector, a picture for each source of a report.

    hitrs-live evaluate held-out --checkpoint FILE --json reports/held_out.json
    python benchmarks/card/card_pictures.py --held-out reports/held_out.json --out docs/

Needs matplotlib: pip install '.[plots]'.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from model_card import TITLES
from numpy.typing import NDArray

from hitrs_live.bench.plots import FAINT, INK, PLOT_STYLE

try:
    import matplotlib as mpl
    from matplotlib.axes import Axes
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure
except ImportError:
    raise SystemExit("matplotlib is not installed; pip install '.[plots]'") from None

_SHADES = LinearSegmentedColormap.from_list("shades", ("#ffffff", "#cfe3ee", "#6fa8c7", "#1d5c82", "#0c2f49"))
_CAPTION = "row: true class; column: predicted class\nof the frame; % of the row's frames (grey)"
_DARK = 0.5
"""Above this share a cell is dark enough for white numbers."""
_CELL_INCHES = 0.46


def row_shares(confusion: dict[str, Any]) -> tuple[list[str], list[str], NDArray[np.float64], NDArray[np.int64]]:
    """Divide counts by the sum of their row. Background comes last; a class without a true frame has no row.

    Returns the names of the rows and of the columns, (R, K) shares and (R,) frames.
    """
    labels, counts = confusion["labels"], np.array(confusion["counts"], np.int64)
    order = sorted(range(len(labels)), key=lambda k: labels[k] == "background")
    frames = counts.sum(1)
    rows = [k for k in order if frames[k]]
    shares = counts[np.ix_(rows, order)] / frames[rows, None]
    return [labels[k] for k in rows], [labels[k] for k in order], shares, frames[rows]


def draw_confusion(title: str, confusion: dict[str, Any]) -> Figure:
    """Draw one source: a row for each true class, a column for each predicted one, shares of the row in per cent."""
    rows, columns, shares, frames = row_shares(confusion)
    figure = Figure(figsize=(2.9 + _CELL_INCHES * len(columns), 2.2 + _CELL_INCHES * len(rows)), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.1)
    axes = figure.subplots()
    axes.imshow(shares, cmap=_SHADES, vmin=0, vmax=1, aspect="equal")
    axes.set_xticks(range(len(columns)), [_words(name) for name in columns], rotation=40, ha="left", va="bottom")
    axes.set_yticks(range(len(rows)), [_words(name) for name in rows])
    axes.tick_params(top=True, labeltop=True, bottom=False, labelbottom=False, length=0, pad=4)
    for tick in axes.get_xticklabels():
        tick.set_rotation_mode("anchor")
    _write_cells(axes, shares)
    _rule_cells(axes)
    for row, count in enumerate(frames.tolist()):
        axes.text(len(columns) - 0.35, row, f"{count:,}", va="center", ha="left", fontsize=8, color=FAINT)
    figure.suptitle(title, x=0.02, ha="left", fontsize=11, fontweight="bold")
    axes.set_xlabel(_CAPTION, loc="left", labelpad=8, fontsize=8, color=FAINT)
    return figure


def _write_cells(axes: Axes, shares: NDArray[np.float64]) -> None:
    for (row, column), share in np.ndenumerate(shares):
        # A share that rounds to 0 is left empty, so that the confusions stand out.
        if share >= 0.005:
            colour = "white" if share > _DARK else INK
            axes.text(column, row, f"{100 * share:.0f}", ha="center", va="center", fontsize=8.5, color=colour)


def _rule_cells(axes: Axes) -> None:
    """Separate the cells by thin lines and remove the frame."""
    rows, columns = axes.images[0].get_array().shape[:2]
    axes.set_xticks(np.arange(-0.5, columns), minor=True)
    axes.set_yticks(np.arange(-0.5, rows), minor=True)
    axes.grid(which="minor", color="#e4e9ee", linewidth=0.8)
    axes.tick_params(which="minor", length=0)
    axes.spines[:].set_visible(False)


def _words(label: str) -> str:
    return label.replace("_", " ")


def main() -> None:
    """Draw every source of a report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--held-out", type=Path, default=Path("reports/held_out.json"), help="report to draw")
    parser.add_argument("--out", type=Path, default=Path("docs"), help="folder of the pictures")
    options = parser.parse_args()
    mpl.rcParams.update(PLOT_STYLE)
    options.out.mkdir(parents=True, exist_ok=True)
    for name, figures in json.loads(options.held_out.read_text())["sources"].items():
        file = options.out / f"confusion_{name}.png"
        draw_confusion(TITLES.get(name, name), figures["confusion"]).savefig(file)
        print(file)


if __name__ == "__main__":
    main()
