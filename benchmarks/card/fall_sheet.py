"""Draw simulated falls as a sheet of figures: a row for each fall, six instants from before the onset to the ground.

    python benchmarks/card/fall_sheet.py --out docs/falls.png

The people start from synthetic standing, walking and sitting. Blue is left, orange right; grey is the floor.
Needs matplotlib and MuJoCo: pip install '.[plots,physics]'.
"""

import argparse
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.labelled_motion import LabelledMotion
from hitrs_live.skeleton import NTU25
from hitrs_live.synthesis.falls.simulator import FallSimulator
from hitrs_live.synthesis.falls.synthetic_starts import sitting_start, standing_start, walking_start

try:
    import matplotlib as mpl
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patches import Circle
except ImportError:
    raise SystemExit("matplotlib is not installed; pip install '.[plots]'") from None

INSTANTS: Final = 6
_COLOURS: Final = {"left": "#1f6fb2", "right": "#c4562a", "": "#333333"}
_WIDTHS: Final = {"hip": 7, "knee": 7, "ankle": 5, "foot": 4, "elbow": 5, "wrist": 4, "head": 4}
_CAMERA_DEG: Final = (12.0, 35.0)
"""Height and angle from the person's side from which figures are seen."""


def instants(motion: LabelledMotion) -> list[int]:
    """Choose frames: before the onset, at it, on the way down, at landing, and lying."""
    falling = np.flatnonzero((motion.labels != 0) | (motion.near_miss != 0))
    onset = int(falling[0])
    landed = int(np.flatnonzero(motion.onset_mask)[-1]) if motion.onset_mask.any() else onset + 36
    down = np.linspace(onset, landed, INSTANTS - 2).astype(int).tolist()
    return [max(onset - 10, 0), *down, min(landed + 40, len(motion) - 1)]


def draw(motions: list[LabelledMotion], *, columns: int = 1) -> Figure:
    """Draw a row for each motion."""
    rows = -(-len(motions) // columns)
    figure = Figure(figsize=(9.5 * columns, 1.75 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False)
    for panel in panels.ravel():
        panel.axis("off")
    for panel, motion in zip(panels.ravel(), motions, strict=False):
        _row(panel, motion)
    return figure


def _row(panel: Axes, motion: LabelledMotion) -> None:
    frames = instants(motion)
    points = _seen(motion, frames)
    for column, (frame, pose) in enumerate(zip(frames, points, strict=True)):
        shifted = pose + np.array([1.9 * column, 0.0])
        panel.plot([1.9 * column - 0.8, 1.9 * column + 0.8], [0, 0], color="#bbbbbb", linewidth=1)
        _figure(panel, shifted)
        panel.text(1.9 * column, -0.32, f"{(frame - frames[1]) / 30:+.2f} s", ha="center", fontsize=8, color="#555555")
    panel.set_title(motion.name.replace("_", " "), fontsize=9, loc="left")
    panel.set_xlim(-1.2, 1.9 * INSTANTS - 0.7)
    panel.set_ylim(-0.4, 2.0)
    panel.set_aspect("equal")


def _seen(motion: LabelledMotion, frames: list[int]) -> NDArray[np.float64]:
    """Project poses from a fixed place: from the side towards which the person falls across the picture. (6, 25, 2)."""
    joints = motion.joints_m.astype(np.float64)
    moved = joints[frames[-2], NTU25.index("head")] - joints[frames[1], NTU25.index("spine_base")]
    along = np.array([moved[0], moved[2]]) / max(np.hypot(moved[0], moved[2]), 1e-6)
    pitch, turn = np.radians(_CAMERA_DEG)
    right = np.cos(turn) * along + np.sin(turn) * np.array([-along[1], along[0]])
    away = np.array([-right[1], right[0]])
    poses = joints[frames] - joints[frames][:, :1] * (1, 0, 1)
    across = poses[..., 0] * right[0] + poses[..., 2] * right[1]
    depth = poses[..., 0] * away[0] + poses[..., 2] * away[1]
    return np.stack([across, poses[..., 1] * np.cos(pitch) + depth * np.sin(pitch)], axis=-1)


def _figure(panel: Axes, points: NDArray[np.float64]) -> None:
    for joint, parent in enumerate(NTU25.parents):
        name = NTU25.joints[joint]
        side, part = name.split("_", 1) if name.startswith(("left_", "right_")) else ("", name)
        if part in ("hand_tip", "thumb"):
            continue
        panel.plot(
            points[[joint, parent], 0], points[[joint, parent], 1], color=_COLOURS[side],
            linewidth=0.55 * _WIDTHS.get(part, 6), solid_capstyle="round", alpha=0.9,
        )  # fmt: skip
    head = points[NTU25.index("head")]
    panel.add_patch(Circle((head[0], head[1]), 0.09, color=_COLOURS[""]))


def sheet_motions(seed: int) -> list[LabelledMotion]:
    """Simulate a fall of each kind, one from a chair, and a stumble."""
    rng = np.random.default_rng(seed)
    walking, standing = FallSimulator([walking_start(rng)]), FallSimulator([standing_start(rng)])
    sitting = FallSimulator([sitting_start(rng)])
    return [
        walking.fall(rng, cause="trip", name="walking", subject="a"),
        walking.fall(rng, cause="slip", name="walking", subject="b"),
        standing.fall(rng, cause="push", name="standing", subject="c"),
        standing.fall(rng, cause="limp", name="standing", subject="d"),
        sitting.fall(rng, cause="chair_pulled", name="sitting", subject="e"),
        walking.fall(rng, cause="trip", recover=True, name="walking", subject="f"),
    ]


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="the picture, such as docs/falls.png")
    parser.add_argument("--seed", type=int, default=8)
    options = parser.parse_args()
    mpl.use("Agg")
    draw(sheet_motions(options.seed)).savefig(options.out, dpi=90)


if __name__ == "__main__":
    main()
