"""Read BVH motion capture: a tree of joints with offsets and channels, then one line of channel values per frame."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.errors import DataError
from hitrs_live.prepare.rotations import axis_rotation
from hitrs_live.prepare.tables import parse_table, read_lines

END: Final = " end"
"""Suffix that turns a joint's name into that of the end site below it."""
_MOST_JOINTS = 500
_CHANNELS = tuple(f"{axis}{kind}" for kind in ("position", "rotation") for axis in "XYZ")


@dataclass(kw_only=True)
class Joint:
    """A joint of the tree, or an end site, which has no channels."""

    name: str
    parent: int
    """Index of the parent joint, -1 for the root."""
    offset: tuple[float, ...] = ()
    channels: tuple[str, ...] = ()


@dataclass(kw_only=True)
class _Tree:
    joints: list[Joint] = field(default_factory=list)
    motion_line: int = 0
    """Index of the line MOTION."""


def read_bvh(path: Path) -> tuple[dict[str, NDArray[np.float64]], float]:
    """Read a file. Returns the positions of joints and end sites, (T, 3) in the file's unit by name, and the rate, Hz.

    Raises DataError, naming the fault, where it is no BVH.
    """
    lines = read_lines(path, "a BVH file")
    tree = _parse_tree(path, lines)
    heading = [line.split(":") for line in lines[tree.motion_line + 1 : tree.motion_line + 3]]
    if len(heading) < 2 or [words[0].strip().lower() for words in heading] != ["frames", "frame time"]:
        raise DataError(f"{path}: got {heading!s:.60} after MOTION, expected Frames: and Frame Time:")
    try:
        frames, step_s = int(heading[0][1]), float(heading[1][1])
    except (IndexError, ValueError) as error:
        raise DataError(f"{path}: {str(error)[:60]}, expected a count in Frames: and seconds in Frame Time:") from None
    rows = lines[tree.motion_line + 3 :]
    if not 1e-4 <= step_s <= 10 or len(rows) != frames:
        raise DataError(f"{path}: {len(rows)} frames of {step_s} s, expected {frames} as in its heading")
    # Messages count frames from 1.
    values = parse_table(path, rows, sum(len(joint.channels) for joint in tree.joints))
    if not np.isfinite(values).all():
        raise DataError(f"{path}: {int((~np.isfinite(values)).sum())} channel values are no numbers, expected none")
    return _forward(tree.joints, values), 1 / step_s


def _parse_tree(path: Path, lines: list[str]) -> _Tree:
    """Parse the hierarchy, line by line."""
    tree, open_joints = _Tree(), list[int]()
    for number, line in enumerate(lines):
        words = line.split()
        word = words[0].upper()
        if word == "MOTION":
            tree.motion_line = number
            break
        if word in ("ROOT", "JOINT", "END") and len(words) >= 2 and len(tree.joints) < _MOST_JOINTS:
            parent = open_joints[-1] if open_joints else -1
            if (word == "ROOT") != (parent < 0) or (word == "ROOT" and tree.joints):
                raise DataError(f"{path}: got {line.strip()[:48]!r}, expected one ROOT and its joints within it")
            name = tree.joints[parent].name + END if word == "END" else " ".join(words[1:]).rpartition(":")[2]
            tree.joints.append(Joint(name=name, parent=parent))
        elif word == "{" and tree.joints:
            open_joints.append(len(tree.joints) - 1)
        elif word == "}" and open_joints:
            open_joints.pop()
        elif word == "OFFSET" and open_joints:
            tree.joints[open_joints[-1]].offset = _offset(path, line)
        elif word == "CHANNELS" and open_joints:
            tree.joints[open_joints[-1]].channels = _channels(path, line)
        elif word != "HIERARCHY" or number:
            raise DataError(
                f"{path}: got {line.strip()[:48]!r}, expected HIERARCHY and a tree of at most {_MOST_JOINTS} joints"
            )
    if not tree.motion_line or open_joints or not tree.joints:
        raise DataError(
            f"{path}: the hierarchy does not end, expected as many closing brackets as opening, then MOTION"
        )
    if bad := [joint.name for joint in tree.joints if not joint.offset]:
        raise DataError(f"{path}: joint {bad[0][:48]!r} has no OFFSET, expected three numbers")
    names = [joint.name for joint in tree.joints]
    if twice := {name for name in names if names.count(name) > 1}:
        raise DataError(f"{path}: two joints of the name {min(twice)[:48]!r}, expected each once")
    return tree


def _offset(path: Path, line: str) -> tuple[float, ...]:
    try:
        offset = tuple(float(word) for word in line.split()[1:])
    except ValueError:
        offset = ()
    if len(offset) != 3 or not np.isfinite(offset).all():
        raise DataError(f"{path}: got {line.strip()[:48]!r}, expected OFFSET and three numbers")
    return offset


def _channels(path: Path, line: str) -> tuple[str, ...]:
    _, count, *channels = [*line.split(), ""][: len(line.split())] if len(line.split()) > 1 else ["", ""]
    known = {name.lower(): name for name in _CHANNELS}
    if count != str(len(channels)) or not all(name.lower() in known for name in channels):
        raise DataError(
            f"{path}: got {line.strip()[:48]!r}, expected CHANNELS, their count and names such as Xrotation"
        )
    return tuple(known[name.lower()] for name in channels)


def _forward(joints: list[Joint], values: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Compute positions by forward kinematics, with a joint's rotations in the order of its channels.

    values: (T, channels). A position channel replaces the offset along its axis, as for the root.
    """
    positions: list[NDArray[np.float64]] = []
    rotations: list[NDArray[np.float64]] = []
    column = 0
    for joint in joints:
        local = np.tile(np.array(joint.offset), (len(values), 1))
        own = np.broadcast_to(np.eye(3), (len(values), 3, 3))
        for channel in joint.channels:
            if channel.endswith("position"):
                local[:, "XYZ".index(channel[0])] = values[:, column]
            else:
                own = own @ axis_rotation(channel[0], values[:, column])
            column += 1
        if joint.parent < 0:
            positions.append(local)
            rotations.append(own)
        else:
            positions.append(positions[joint.parent] + (rotations[joint.parent] @ local[..., None])[..., 0])
            rotations.append(rotations[joint.parent] @ own)
    return {joint.name: position for joint, position in zip(joints, positions, strict=True)}
