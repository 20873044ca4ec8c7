"""A synthetic miniature of the shipped training data in its real file format: four files, few people, sine motion."""

import json
from pathlib import Path

import numpy as np

PRECOG = (
    "background", "right_punch", "left_punch", "front_kick_right", "front_kick_left", "side_kick_right",
    "side_kick_left", "back_fist", "elbow_strike",
)  # fmt: skip


def write_miniature(folder: Path) -> Path:
    """Write the four labelled files under folder/ship and return the folder."""
    (folder / "ship").mkdir(parents=True)
    rng = np.random.default_rng(0)
    _write(folder, "precog16", ("p1", "p9"), {str(k): name for k, name in enumerate(PRECOG)}, rng)
    _write(folder, "ui_prmd_kinect", ("s01", "s08"), "1..10 = m01..m10", rng)
    _write(folder, "cmu_bvh_01_14", ("02", "14"), {"1": "walk", "2": "laugh", "3": "jump", "4": "soccer - kick"}, rng)
    _write(folder, "cmu_mocap6", ("13", "14"), {"1": "JumpJack", "2": "Squat", "3": "UpDown"}, rng)
    return folder


def _write(
    folder: Path, name: str, subjects: tuple[str, ...], labels: dict[str, str] | str, rng: np.random.Generator
) -> None:
    numbers = list(range(1, 11)) if isinstance(labels, str) else [int(k) for k in labels if int(k) > 0]
    frames, body = 80, rng.normal(0, 0.2, (25, 3)) + np.linspace(0, 1.5, 25)[:, None] * [0, 1, 0]
    joints, classes, sequences, owners = [], [], [], []
    for subject in subjects:
        for number in numbers:
            phase = np.sin(np.linspace(0, 2 * np.pi, frames))[:, None, None]
            joints.append(body + 0.2 * phase * rng.normal(0, 1, (25, 3)))
            classes.append(np.full(frames, number))
            sequences.append(
                f"m{number:02d}_{subject}_e01_ok" if name == "ui_prmd_kinect" else f"{subject}_{number:02d}"
            )
            owners.append(subject)
    np.savez(
        folder / "ship" / f"{name}.npz",
        x=np.concatenate(joints).astype(np.float16),
        y=np.concatenate(classes).astype(np.int16),
        length=np.full(len(joints), frames, np.int32),
        subject=np.array(owners),
        seq=np.array(sequences),
        meta=np.array(json.dumps({"labels": labels, "valid": [True] * 25})),
    )
