"""A made miniature of NTU RGB+D in its real file format: figures that move by code, with the faults of real files."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hitrs_live.skeleton import NTU25
from hitrs_live.sources.demo.figure import compute_joints
from hitrs_live.sources.demo.motion import neutral, pose
from hitrs_live.sources.ntu_format import NtuBody, write_skeleton

MUTUAL = {*range(50, 61), *range(106, 121)}
"""Actions of two people."""
FAULTS_EVERY = 6
"""Of so many files in the order of their names one has a gap, one a noise body, one a body whose id changes."""
GAP, NOISE, NEW_ID = 0, 1, 2
"""Position modulo FAULTS_EVERY of the files with each fault."""
GAP_FRAMES = 3

_MOVES: tuple[dict[str, float], ...] = (
    {"right_arm_raise": 150.0},
    {"left_arm_raise": 150.0},
    {"arm_raise": 90.0, "arm_out": 90.0},
    {"elbow": 120.0},
    {"trunk_bend": 55.0},
    {"right_leg_free": 1.0, "right_leg_raise": 70.0, "right_knee": 60.0},
    {"pelvis_up": -0.35},
    {"trunk_twist": 60.0},
    {"left_leg_free": 1.0, "left_leg_raise": 60.0, "left_arm_raise": 60.0},
    {"head_nod": 50.0, "right_elbow": 100.0},
)
"""What an action moves, and how far."""

Joints = NDArray[np.float32]


def write_ntu_miniature(
    folder: Path,
    *,
    subjects: Sequence[int],
    cameras: Sequence[int] = (1, 2, 3),
    setups: Sequence[int] = (1,),
    repetitions: Sequence[int] = (1,),
    actions: Sequence[int],
    frames: int = 40,
    seed: int = 0,
) -> list[Path]:
    """Write one `.skeleton` file for each combination and return them in the order of their names.

    An action moves the same joints in the same rhythm whoever does it and whatever camera looks on; people differ
    in size and speed. Lengths lie within an eighth of `frames`. The same arguments give the same bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = sorted(
        (f"S{s:03}C{c:03}P{p:03}R{r:03}A{a:03}", s, c, p, r, a)
        for s in setups
        for c in cameras
        for p in subjects
        for r in repetitions
        for a in actions
    )
    paths = []
    for position, (name, *numbers) in enumerate(names):
        path = folder / f"{name}.skeleton"
        write_skeleton(path, _frames(numbers, frames, seed, position % FAULTS_EVERY))
        paths.append(path)
    return paths


def _frames(numbers: Sequence[int], frames: int, seed: int, fault: int) -> list[list[NtuBody]]:
    setup, camera, subject, repetition, action = numbers
    # A person's build rests on the person alone, and one performance is the same to every camera.
    build = np.random.default_rng((seed, subject))
    scale, tempo = build.uniform(0.85, 1.1), build.uniform(0.85, 1.15)
    performance = np.random.default_rng((seed, setup, subject, repetition, action))
    length = int(performance.integers(frames - frames // 8, frames + frames // 8 + 1))
    noise = np.random.default_rng((seed, *numbers))
    bodies = {"72057594037931101": _see(act(action, length, tempo=tempo, scale=scale), camera, setup, noise, 0.0)}
    if action in MUTUAL:
        other = act(action, length, tempo=tempo, scale=1.9 - scale, phase=0.5)
        bodies["72057594037931368"] = _see(other, camera, setup, noise, 0.8)
    return _with_faults(bodies, length, fault, noise)


def act(action: int, frames: int, *, tempo: float = 1.0, scale: float = 1.0, phase: float = 0.0) -> Joints:
    """Move a figure through an action. Returns (T, 25, 3), metres, on the figure's own ground."""
    cycles = tempo * (1 + action // 10 % 3)
    swing = 0.5 - 0.5 * np.cos(2 * np.pi * (cycles * np.arange(frames) / frames + phase))
    stand = neutral()
    first, second = _MOVES[action % 10], _MOVES[(action // 10 + action) % 10]
    far = pose(stand, **first) - stand + 0.4 * (pose(stand, **second) - stand)
    return compute_joints(stand + swing[:, None] * far, scale=scale).astype(np.float32)


def _see(joints: Joints, camera: int, setup: int, noise: np.random.Generator, aside_m: float) -> Joints:
    """Put a figure before one of the three cameras, 45 degrees apart, and tremble."""
    turn = np.radians(180.0 + 45.0 * (camera - 2))
    cos, sin = np.cos(turn), np.sin(turn)
    x, y, z = np.moveaxis(joints + np.array([aside_m, 0, 0]), -1, 0)
    seen = np.stack([cos * x + sin * z, y - 0.9, cos * z - sin * x + 3.0 + 0.1 * (setup % 5)], axis=-1)
    return (seen + noise.normal(0, 0.003, seen.shape)).astype(np.float32)


def _with_faults(bodies: dict[str, Joints], length: int, fault: int, noise: np.random.Generator) -> list[list[NtuBody]]:
    frames = [[_body(body_id, joints[t]) for body_id, joints in bodies.items()] for t in range(length)]
    middle = length // 2
    if fault == GAP:
        for t in range(middle, middle + GAP_FRAMES):
            frames[t] = frames[t][1:]
    if fault == NOISE:
        # A table: as wide as a person is tall, and still.
        table = noise.uniform((-0.9, -0.6, 2.0), (0.9, -0.3, 2.4), (len(NTU25), 3)).astype(np.float32)
        for frame in frames[: max(12, middle)]:
            frame.append(_body("72057594037999999", table))
    if fault == NEW_ID:
        frames[middle] = frames[middle][1:]
        for t in range(middle + 1, length):
            frames[t][0] = _body("72057594037955555", frames[t][0].joints_m)
    return frames


def _body(body_id: str, joints_m: Joints) -> NtuBody:
    return NtuBody(body_id=body_id, joints_m=joints_m, confidence=np.ones(len(NTU25), np.float32))
