"""A made miniature of PKU-MMD in its real file format: streams of several actions with rests between them."""

from pathlib import Path

import numpy as np
from ntu_miniature import act

from hitrs_live.sources.demo.figure import compute_joints
from hitrs_live.sources.demo.motion import neutral

ACTIONS = (1, 22, 33)
"""Bow, pick up, sit down."""
INTERACTION = 14
"""Handshaking: a second person is there for as long as it lasts."""


def write_pku_mmd_miniature(folder: Path, *, videos: int = 3, frames: int = 40, seed: int = 0) -> Path:
    """Write videos of three views each, with labels and both splits, in folders as the authors have them.

    Every video shows ACTIONS and INTERACTION once, each about `frames` long, in an order of its own.
    The last video is tested on across subjects, the left view across views. Returns the folder.
    """
    skeletons, labels, splits = (folder / name for name in ("Data", "Label", "Split"))
    for one in (skeletons, labels, splits):
        one.mkdir(parents=True)
    names: list[str] = []
    for video in range(1, videos + 1):
        people, lines = _stream(np.random.default_rng((seed, video)), frames)
        for view in "LMR":
            names.append(f"{video:04}-{view}")
            seen = _turn(people, 45.0 * "LMR".index(view) - 45.0)
            np.savetxt(skeletons / f"{names[-1]}.txt", seen.reshape(len(seen), 150), fmt="%.6f")
            (labels / f"{names[-1]}.txt").write_text("\n".join(lines) + "\n")
    _write_split(splits / "cross-subject.txt", names, [name for name in names if name.startswith(f"{videos:04}")])
    _write_split(splits / "cross-view.txt", names, [name for name in names if name.endswith("L")])
    return folder


def _stream(rng: np.random.Generator, frames: int) -> tuple[np.ndarray, list[str]]:
    """Lay actions and rests end to end. Returns (T, 2, 25, 3) and the label lines."""
    rest = compute_joints(np.repeat(neutral()[None], frames // 2, axis=0))
    pieces, lines, now = [_pair(rest, None)], [], len(rest)
    for label in rng.permutation([*ACTIONS, INTERACTION]):
        length = int(rng.integers(frames - frames // 8, frames + frames // 8 + 1))
        first = act(int(label), length)
        second = act(int(label), length, phase=0.5) + np.array([0.8, 0, 0]) if label == INTERACTION else None
        pieces += [_pair(first, second), _pair(rest, None)]
        lines.append(f"{label},{now},{now + length},2")
        now += length + len(rest)
    people = np.concatenate(pieces)
    there = people.any(axis=(2, 3), keepdims=True)
    return np.where(there, people + rng.normal(0, 0.002, people.shape), 0.0), lines


def _pair(first: np.ndarray, second: np.ndarray | None) -> np.ndarray:
    return np.stack([first, np.zeros_like(first) if second is None else second], axis=1)


def _turn(people: np.ndarray, degrees: float) -> np.ndarray:
    angle = np.radians(180.0 + degrees)
    cos, sin = np.cos(angle), np.sin(angle)
    x, y, z = np.moveaxis(people, -1, 0)
    seen = np.stack([cos * x + sin * z, y - 0.9, cos * z - sin * x + 3.0], axis=-1)
    return np.where(people.any(axis=(2, 3), keepdims=True), seen, 0.0)


def _write_split(path: Path, names: list[str], tested: list[str]) -> None:
    trained = [name for name in names if name not in tested]
    # With the authors' own spelling.
    path.write_text(f"Training videos: \n{', '.join(trained)}, \n\nValidataion videos: \n{', '.join(tested)}, \n")
