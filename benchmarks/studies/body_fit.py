"""Measure how well posed bodies follow recorded joints: limb directions, joint positions, and how much they shake.

    python benchmarks/studies/body_fit.py

Eight sequences of training subjects a set, a body drawn for each. Needs the extra `render` and the data folder.
"""

import argparse

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from hitrs_live.data.array_format import data_folder, load_archive
from hitrs_live.skeleton import NTU25
from hitrs_live.virtual_camera.people.body import Body

_SETS = {
    "precog16": ("p1", "p2", "p3", "p4"),
    "ui_prmd_kinect": ("s01", "s02", "s03"),
    "cmu_bvh_01_14": ("01", "02", "05"),
    "mars_kinect": ("mars1", "mars2", "mars3"),
}
_SEQUENCES, _FRAMES = 8, 300
_LIMBS = [
    (NTU25.index(f"{side}_{start}"), NTU25.index(f"{side}_{end}"))
    for side in ("left", "right")
    for start, end in (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"))
]
_JOINTS = sorted({joint for limb in _LIMBS for joint in limb})
Floats = NDArray[np.float32]


def angles_deg(first: Floats, second: Floats) -> NDArray[np.float64]:
    """Angles between the limbs of two streams (T, 25, 3), degrees."""
    units = []
    for joints in (first, second):
        limbs = np.stack([joints[:, end] - joints[:, start] for start, end in _LIMBS])
        units.append(limbs / np.linalg.norm(limbs, axis=-1, keepdims=True))
    return np.degrees(np.arccos(np.clip((units[0] * units[1]).sum(-1), -1, 1)))


def shake(joints: Floats) -> float:
    """Mean size of the second differences over time, metres."""
    return float(np.linalg.norm(np.diff(joints[:, _JOINTS], 2, axis=0), axis=-1).mean())


def main() -> None:
    """Measure each set and print a table."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    rng = np.random.default_rng(0)
    # Medians, and the data's shaking as 1.
    table = Table("set", "angle", "95 %", "distance", "95 %", "shaking")
    for name, subjects in _SETS.items():
        archive = load_archive(data_folder() / "ship" / f"{name}.npz")
        ends = np.cumsum(archive.lengths)
        chosen = [k for k, subject in enumerate(archive.subjects) if subject in subjects]
        angles, distances, shaking = [], [], []
        for k in rng.choice(chosen, min(_SEQUENCES, len(chosen)), replace=False):
            joints = archive.joints[ends[k] - archive.lengths[k] : ends[k]][:_FRAMES].astype(np.float32)
            own = Body.drawn_for(joints, rng).pose(joints).joints_m
            angles.append(angles_deg(joints, own).ravel())
            distances.append(1e3 * np.linalg.norm(own[:, _JOINTS] - joints[:, _JOINTS], axis=-1).ravel())
            shaking.append(shake(own) / shake(joints))
        degrees, millimetres = np.concatenate(angles), np.concatenate(distances)
        table.add_row(
            name,
            *(f"{np.percentile(degrees, share):.1f} deg" for share in (50, 95)),
            *(f"{np.percentile(millimetres, share):.0f} mm" for share in (50, 95)),
            f"{np.mean(shaking):.2f}",
        )
    Console().print(table)


if __name__ == "__main__":
    main()
