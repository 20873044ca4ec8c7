"""Tiny files in the formats of publishers, written by hand for the tests of their readers."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

KINECT_V1 = [
    "HipCenter",
    "Spine",
    "ShoulderCenter",
    "Head",
    "ShoulderLeft",
    "ElbowLeft",
    "WristLeft",
    "HandLeft",
    "ShoulderRight",
    "ElbowRight",
    "WristRight",
    "HandRight",
    "HipLeft",
    "KneeLeft",
    "AnkleLeft",
    "FootLeft",
    "HipRight",
    "KneeRight",
    "AnkleRight",
    "FootRight",
]


def twenty(frames: int, seed: int = 0) -> np.ndarray:
    """Twenty joints that move, (T, 20, 3)."""
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, (20, 3)) + np.array([0, 0, 3]) + np.cumsum(rng.normal(0, 0.01, (frames, 20, 3)), axis=0)


def write_precog(folder: Path, joints: np.ndarray, actions: Sequence[int], name: str = "Seq2_9.csv") -> Path:
    lines = ["; ".join(KINECT_V1)]
    for frame, action in zip(joints, actions, strict=True):
        lines.append(";".join(" ".join(f"{value:.7g}" for value in joint) for joint in frame) + f";{action}")
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    return path


def write_utkinect(folder: Path, joints: np.ndarray, numbers: Sequence[int], stream: str = "s06_e01") -> Path:
    lines = [
        f"{number}   " + "  ".join(f"{value:.6f}" for value in frame.ravel())
        for number, frame in zip(numbers, joints, strict=True)
    ]
    path = folder / f"joints_{stream}.txt"
    path.write_text("  \n".join(lines) + "  \n")
    return path


def write_kinder_gator(
    folder: Path,
    joints: np.ndarray,
    times_ms: Sequence[float],
    *,
    adult: bool = True,
    name: str = "POSE-p565_53-Throw-a-ball--1469183320067.csv",
) -> Path:
    folder = folder / ("Adults" if adult else "Children")
    folder.mkdir(parents=True, exist_ok=True)
    lines = [",".join(["Timestamp", *(f"{joint}{axis}" for joint in KINECT_V1 for axis in "XYZ"), "User-ID,Action,"])]
    for time_ms, frame in zip(times_ms, joints, strict=True):
        lines.append(",".join([f"{time_ms:.4f}", *(f"{value:.7g}" for value in frame.ravel()), "565,Throw a ball,"]))
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    return path


def write_msr(folder: Path, joints: np.ndarray, name: str = "a13_s10_e03_skeleton3D.txt") -> Path:
    lines = [f"{x:.6f} {y:.6f} {z:.6f} 0.509615" for x, y, z in joints.reshape(-1, 3)]
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    return path


def write_labanotation(
    folder: Path, joints: np.ndarray, ticks: Sequence[int], name: str = "Ges04_comehere.csv"
) -> Path:
    lines = [
        f"{time}," + "".join(f"{x:.6g},{y:.6g},{z:.6g},2," for x, y, z in frame)
        for time, frame in zip(ticks, joints, strict=True)
    ]
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    return path


def write_ui_prmd(
    folder: Path, offsets_cm: np.ndarray, angles: np.ndarray, *, name: str = "m03_s08_e02", wrong: bool = False
) -> Path:
    kinect = folder / ("Incorrect Segmented Movements" if wrong else "Segmented Movements") / "Kinect"
    for part, values in (("Positions", offsets_cm), ("Angles", angles)):
        (kinect / part).mkdir(parents=True, exist_ok=True)
        path = kinect / part / f"{name}_{part.lower()}{'_inc' if wrong else ''}.txt"
        np.savetxt(path, values.reshape(len(values), -1), fmt="%.7f", delimiter=",")
    return kinect / "Positions" / f"{name}_positions{'_inc' if wrong else ''}.txt"


ASF = """# made by hand
:version 1.10
:name made
:units
  mass 1.0
  length 0.45
  angle deg
:root
   order TX TY TZ RX RY RZ
   axis XYZ
   position 0 0 0
   orientation 0 0 0
:bonedata
{bones}:hierarchy
  begin
{hierarchy}  end
"""


def write_asf(path: Path, bones: Sequence[tuple[str, str, Sequence[float], float, Sequence[float], str]]) -> Path:
    """Write a skeleton. bones: name, parent, direction, length, axis in degrees, degrees of freedom."""
    texts, children = [], {}
    for number, (name, parent, direction, length, axis, dof) in enumerate(bones, start=1):
        words = [f"id {number}", f"name {name}", f"direction {' '.join(map(str, direction))}", f"length {length}"]
        words.append(f"axis {' '.join(map(str, axis))}  XYZ")
        if dof:
            words += [f"dof {dof}", *(["limits (-1 2)"] + ["(-1 2)"] * (len(dof.split()) - 1))]
        texts.append("  begin\n" + "".join(f"     {word}\n" for word in words) + "  end\n")
        children.setdefault(parent, []).append(name)
    hierarchy = "".join(f"    {parent} {' '.join(names)}\n" for parent, names in children.items())
    path.write_text(ASF.format(bones="".join(texts), hierarchy=hierarchy))
    return path


def write_amc(path: Path, frames: Sequence[dict[str, Sequence[float]]]) -> Path:
    lines = ["#!OML:ASF made", ":FULLY-SPECIFIED", ":DEGREES"]
    for number, frame in enumerate(frames, start=1):
        lines += [str(number), *(f"{name} {' '.join(map(str, values))}" for name, values in frame.items())]
    path.write_text("\n".join(lines) + "\n")
    return path


def write_bvh(
    path: Path, tree: tuple, rows: Sequence[Sequence[float]], *, step_s: float = 1 / 120, order: str = "ZYX"
) -> Path:
    """Write a BVH file. tree: (name, offset, children), an end site for each leaf at (0, 1, 0)."""
    lines = ["HIERARCHY"]

    def joint(node: tuple, depth: int) -> None:
        name, offset, children = node
        pad = "\t" * depth
        lines.append(f"{pad}{'JOINT' if depth else 'ROOT'} {name}")
        lines.append(pad + "{")
        lines.append(f"{pad}\tOFFSET {' '.join(map(str, offset))}")
        turns = " ".join(f"{axis}rotation" for axis in order)
        lines.append(f"{pad}\tCHANNELS " + (f"3 {turns}" if depth else f"6 Xposition Yposition Zposition {turns}"))
        for child in children:
            joint(child, depth + 1)
        if not children:
            lines.extend([f"{pad}\tEnd Site", pad + "\t{", f"{pad}\t\tOFFSET 0 1 0", pad + "\t}"])
        lines.append(pad + "}")

    joint(tree, 0)
    lines += ["MOTION", f"Frames: {len(rows)}", f"Frame Time: {step_s:.7f}"]
    lines += [" ".join(f"{value:.6f}" for value in row) for row in rows]
    path.write_text("\n".join(lines) + "\n")
    return path
