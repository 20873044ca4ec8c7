"""Draw synthetic motion as stick figures: one row for each class, one repetition from left to right.

    python benchmarks/card/synthetic_motion.py --out docs/synthetic_motion.png

Needs matplotlib: pip install '.[plots]'.
"""

import argparse
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.bench.plots import FAINT, INK, PLOT_STYLE
from hitrs_live.skeleton import NTU25
from hitrs_live.synthesis.stream import MotionSynthesiser

try:
    import matplotlib as mpl
    from matplotlib.axes import Axes
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure
except ImportError:
    raise SystemExit("matplotlib is not installed; pip install '.[plots]'") from None

SHOWN: Final = (
    "squat", "lunge", "side_lunge", "sit_to_stand", "jumping_jack", "knee_raise", "hip_hinge", "jump", "walk", "run",
    "high_knees", "push_up", "sit_up", "burpee", "toe_touch", "side_bend", "shoulder_press", "biceps_curl", "wave",
    "pick_up", "drink", "punch_right", "front_kick_left", "crawl",
)  # fmt: skip
_COLUMNS, _FIGURES = 2, 8
_LEFT, _RIGHT = "#c2552d", "#1d6fa5"
_SEEN_FROM_DEG = 35.0
_BOUT_FRAMES, _STEP_FRAMES = 80, 28


def repetition(synthesiser: MotionSynthesiser, name: str, index: int) -> NDArray[np.float32]:
    """Return the joints of the first repetition of a class in one of its series, (T, 25, 3)."""
    motion = synthesiser.action(name, index)
    acts = motion.labels == synthesiser.classes.index(name)
    onsets = np.flatnonzero(motion.onset_mask & acts)
    first = int(onsets[0])
    if len(onsets) == 1 and np.count_nonzero(acts) > _BOUT_FRAMES:
        # Steps and the like: a second from the middle shows them better than all of the bout.
        middle = int(np.flatnonzero(acts)[np.count_nonzero(acts) // 2])
        return motion.joints_m[middle : middle + _STEP_FRAMES]
    last = int(onsets[1]) if len(onsets) > 1 else int(np.flatnonzero(acts)[-1]) + 1
    return motion.joints_m[first : min(last, first + 75)]


def draw_row(axes: Axes, name: str, joints_m: NDArray[np.float32]) -> None:
    """Draw figures at even instants of a repetition, side by side."""
    across = joints_m[0, NTU25.index("left_hip")] - joints_m[0, NTU25.index("right_hip")]
    angle = np.arctan2(across[2], across[0]) + np.radians(_SEEN_FROM_DEG)
    chosen = joints_m[np.linspace(0, len(joints_m) - 1, _FIGURES).astype(int)]
    level = chosen - chosen[:, :1] * np.array((1, 0, 1), np.float32)
    sideways = level[..., 0] * np.cos(angle) + level[..., 2] * np.sin(angle) + 1.45 * np.arange(_FIGURES)[:, None]
    points = np.stack((sideways, level[..., 1]), axis=-1)
    for colour, word in ((INK, ""), (_RIGHT, "right"), (_LEFT, "left")):
        bones = [
            j
            for j, joint in enumerate(NTU25.joints)
            if (word in joint if word else "_" not in joint or "spine" in joint)
        ]
        lines = [points[f, [j, NTU25.parents[j]]] for f in range(_FIGURES) for j in bones]
        axes.add_collection(LineCollection(lines, colors=colour, linewidths=1.4, capstyle="round"))
    head = points[:, NTU25.index("head")]
    axes.scatter(head[:, 0], head[:, 1], s=26, color=INK, zorder=3)
    axes.axhline(0, color=FAINT, linewidth=0.8, zorder=0)
    axes.set(aspect="equal", xlim=(-1.0, 1.45 * _FIGURES - 0.4), ylim=(-0.1, 2.35))
    axes.axis("off")
    axes.text(-0.95, 2.0, name.replace("_", " "), fontsize=9, color=INK)


def draw(seed: int) -> Figure:
    """Draw all rows."""
    synthesiser = MotionSynthesiser(seed=seed)
    rows = -(-len(SHOWN) // _COLUMNS)
    figure = Figure(figsize=(6.6 * _COLUMNS, 1.42 * rows), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.0, hspace=0.0, wspace=0.02)
    for axes, name in zip(figure.subplots(rows, _COLUMNS).ravel(), SHOWN, strict=True):
        draw_row(axes, name, repetition(synthesiser, name, 0))
    return figure


def main() -> None:
    """Draw the picture and save it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=6)
    options = parser.parse_args()
    with mpl.rc_context(PLOT_STYLE):
        draw(options.seed).savefig(options.out, dpi=80, pil_kwargs={"optimize": True})


if __name__ == "__main__":
    main()
