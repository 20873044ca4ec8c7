"""Draw the ranges of real and synthetic angles, a panel for each class. Needs matplotlib: pip install '.[plots]'."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hitrs_live.errors import DataError
from hitrs_live.evaluation.synthesis.shared_classes import WINDOWED
from hitrs_live.files.cache_folder import cache_folder

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_INK, _FAINT, _REAL, _SYNTHETIC = "#1f2933", "#8a94a0", "#c8553d", "#9cc3dc"
_STYLE: Final[dict[Any, Any]] = {
    "font.family": "DejaVu Sans", "font.size": 7, "text.color": _INK, "axes.labelcolor": _INK, "xtick.color": _INK,
    "ytick.color": _INK, "axes.edgecolor": _FAINT, "axes.spines.top": False, "axes.spines.right": False,
    "figure.facecolor": "white", "savefig.dpi": 90,
}  # fmt: skip
_ROWS: Final = {
    "knee_flexion_deg higher max": "knee, more bent",
    "knee_flexion_deg lower max": "knee, less bent",
    "hip_flexion_deg higher max": "hip flexion, more",
    "hip_abduction_deg higher max": "hip abduction",
    "elbow_flexion_deg higher max": "elbow, greatest",
    "elbow_flexion_deg lower min": "elbow, least",
    "shoulder_elevation_deg higher max": "arm up, higher arm",
    "shoulder_elevation_deg lower max": "arm up, lower arm",
    "trunk_lean_forward_deg max": "lean forward",
    "trunk_twist_deg max": "trunk twist",
}
"""Features of a panel, and what their rows are called."""
_COLUMNS = 4
_RANGE_DEG = (-45, 185)


def check_plot(file: Path) -> None:
    """Check that a plot can be drawn to a file before hours are spent on its numbers.

    Raises DataError where matplotlib is missing or the name ends in no picture format.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise DataError("--plot needs matplotlib, which is not installed; pip install '.[plots]'") from None
    if file.suffix not in (".png", ".svg", ".pdf"):
        raise DataError(f"{file}: got --plot with the ending {file.suffix!r}, expected .png, .svg or .pdf")


def draw_coverage(coverage: dict[str, Any], file: Path) -> None:
    """Draw the report of `compare`. Raises DataError where the file cannot be written."""
    os.environ.setdefault("MPLCONFIGDIR", str(cache_folder() / "matplotlib"))
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    shown = {label: one for label, one in coverage.items() if one.get("features")}
    rows = max(-(-len(shown) // _COLUMNS), 1)
    with rc_context(_STYLE):
        figure = Figure(figsize=(3.2 * _COLUMNS, 1.9 * rows + 0.4), layout="constrained")
        panels = figure.subplots(rows, _COLUMNS, squeeze=False, sharex=True).ravel()
        for (label, one), axes in zip(shown.items(), panels, strict=False):
            _draw_class(axes, label, one)
        for axes in panels[len(shown) :]:
            axes.axis("off")
        figure.suptitle(
            "Joint angles of repetitions, degrees: 5 to 95 % and median. Red: real people. Blue: synthetic motion. "
            "Red name: fewer than 90 % of real repetitions are within the synthetic range.",
            fontsize=9,
        )
        try:
            figure.savefig(file)
        except OSError as error:
            raise DataError(f"{file}: cannot be written ({error}); give another file with --plot") from None


def _draw_class(axes: "Axes", label: str, one: dict[str, Any]) -> None:
    names = [name for name in _ROWS if name in one["features"]]
    for row, name in enumerate(names):
        for values, colour, height in (
            (one["features"][name]["synthetic"], _SYNTHETIC, 0.78),
            (one["features"][name]["real"], _REAL, 0.26),
        ):
            low, middle, high = values
            axes.barh(row, max(high - low, 1), left=low, height=height, color=colour)
            axes.plot([middle, middle], [row - height / 2, row + height / 2], color=_INK, linewidth=0.8)
    axes.set_yticks(range(len(names)), [_ROWS[name] for name in names])
    for name, tick in zip(names, axes.get_yticklabels(), strict=True):
        tick.set_color(_REAL if name in one["flagged"] else _INK)
    axes.invert_yaxis()
    axes.set_xlim(*_RANGE_DEG)
    axes.set_xticks((0, 90, 180))
    axes.grid(axis="x", alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)
    name, unit = ("steps_hz", "steps/s") if label in WINDOWED else ("duration_s", "s")
    shown = one["features"][name]
    spans = ", ".join(f"{kind} {shown[kind][0]:.1f}-{shown[kind][2]:.1f} {unit}" for kind in ("real", "synthetic"))
    axes.set_title(f"{label}: {one['covered']:.0%} covered\n{spans}", loc="left", fontsize=7, fontweight="bold")
