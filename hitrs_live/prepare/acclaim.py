"""Read Acclaim motion capture, as CMU and HDM05 publish it: one `.asf` skeleton per person, one `.amc` per recording.

A skeleton has bones with a direction, a length, the axes of their rotations and their degrees of freedom. A recording
has for each frame its number and one line per bone: the values of its degrees of freedom. The root's first three are
its position.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.errors import DataError
from hitrs_live.prepare.rotations import euler_rotation
from hitrs_live.prepare.tables import MOST_FRAMES, read_lines

ROOT: Final = "root"
_INCH_M = 0.0254
_MOST_BONES = 200
_MOST_LENGTH = 1e6
_ROOT_DOF = ("TX", "TY", "TZ", "RX", "RY", "RZ")


@dataclass(frozen=True, kw_only=True)
class Bone:
    """One bone of a skeleton."""

    parent: str = ""
    offset: NDArray[np.float64]
    """(3,): from its start to its end without rotations, metres."""
    axis: tuple[float, float, float]
    """Rotation of its own axes relative to the world's: angles about x, y, z in degrees."""
    dof: tuple[str, ...]
    """Degrees of freedom, of rx, ry, rz, in the order of a recording's values."""


@dataclass(frozen=True, kw_only=True)
class Skeleton:
    """The bones by name, every parent before its children. ROOT is not among them."""

    bones: Mapping[str, Bone]
    unit_m: float


def read_skeleton(path: Path) -> Skeleton:
    """Read an `.asf` file. Raises DataError, naming the fault, where it is not in the expected form."""
    sections = _sections(path)
    units = dict(words for line in sections.get("units", []) if len(words := line.split()) == 2)
    try:
        # From CMU's documentation: lengths are inches, divided by the scale in the header.
        unit_m = _INCH_M / float(units["length"])
    except (KeyError, ValueError, ZeroDivisionError):
        raise DataError(f"{path}: no length in :units, expected a scale such as 0.45") from None
    if units.get("angle", "deg") != "deg" or not 1e-4 < unit_m < 10:
        raise DataError(f"{path}: units {str(units)[:80]}, expected degrees and a length such as 0.45")
    orders = [line.split()[1:] for line in sections.get("root", []) if line.split()[0].lower() == "order"]
    if [word.upper() for word in (orders[0] if orders else [])] != list(_ROOT_DOF):
        raise DataError(f"{path}: root order {str(orders)[:80]}, expected {' '.join(_ROOT_DOF)}")
    unordered = _bones(path, sections.get("bonedata", []), unit_m)
    parents = _parents(path, sections.get("hierarchy", []))
    bones: dict[str, Bone] = {}
    while waiting := [name for name in unordered if name not in bones]:
        ready = [name for name in waiting if parents.get(name) == ROOT or parents.get(name) in bones]
        if not ready:
            raise DataError(
                f"{path}: bone {waiting[0][:48]!r} is not connected to the root; expected a tree in :hierarchy"
            )
        bones |= {name: replace(unordered[name], parent=parents[name]) for name in ready}
    return Skeleton(bones=bones, unit_m=unit_m)


def read_motion(path: Path, skeleton: Skeleton) -> dict[str, NDArray[np.float64]]:
    """Read an `.amc` file. Returns the positions of the root and of each bone's end, (T, 3) metres by name.

    Raises DataError, naming the frame, where it does not fit the skeleton.
    """
    value_counts = {ROOT: len(_ROOT_DOF)} | {name: len(bone.dof) for name, bone in skeleton.bones.items()}
    frames: list[dict[str, list[float]]] = []
    for line in read_lines(path, "a recording of a skeleton"):
        name, *words = line.split()
        if line.lstrip().startswith(("#", ":")):
            continue
        if name.isdecimal() and not words:
            if len(frames) >= MOST_FRAMES:
                raise DataError(f"{path}: more than {MOST_FRAMES} frames; cut it into shorter recordings")
            frames.append({})
        elif not frames or len(words) != value_counts.get(name, -1):
            raise DataError(
                f"{path}, frame {len(frames)}: got {line[:48]!r}, expected a bone and its degrees of freedom"
            )
        else:
            frames[-1][name] = _numbers(f"{path}, frame {len(frames)}", words)
    if not frames:
        raise DataError(f"{path}: no frame in it, expected a recording of a skeleton")
    values: dict[str, NDArray[np.float64]] = {}
    for name, count in value_counts.items():
        missing = next((number for number, frame in enumerate(frames, start=1) if count and name not in frame), None)
        if missing is not None:
            raise DataError(f"{path}, frame {missing}: no line for {name[:48]}, expected one per bone")
        values[name] = np.array([frame.get(name, []) for frame in frames], np.float64).reshape(len(frames), count)
    return _forward(skeleton, values)


def _forward(skeleton: Skeleton, values: Mapping[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
    """Compute positions by forward kinematics. values: (T, degrees of freedom) by bone."""
    root = values[ROOT]
    ends = {ROOT: root[:, :3] * skeleton.unit_m}
    # Rotations about the fixed axes: x first, then y, then z.
    rotations = {ROOT: euler_rotation("ZYX", root[:, :2:-1])}
    for name, bone in skeleton.bones.items():
        degrees = np.zeros((len(root), 3))
        for column, dof in enumerate(bone.dof):
            degrees[:, "xyz".index(dof[1])] = values[name][:, column]
        own_axes = euler_rotation("ZYX", np.array([bone.axis[::-1]]))
        local = own_axes @ euler_rotation("ZYX", degrees[:, ::-1]) @ own_axes.transpose(0, 2, 1)
        rotations[name] = rotations[bone.parent] @ local
        ends[name] = ends[bone.parent] + rotations[name] @ bone.offset
    return ends


def _sections(path: Path) -> dict[str, list[str]]:
    sections: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in read_lines(path, "a skeleton"):
        if line.lstrip().startswith("#"):
            continue
        if line.lstrip().startswith(":"):
            lines = sections.setdefault(line.split()[0][1:].lower(), [])
        else:
            lines.append(line)
    return sections


def _bones(path: Path, lines: list[str], unit_m: float) -> dict[str, Bone]:
    bones: dict[str, Bone] = {}
    begins = [number for number, line in enumerate(lines) if line.split()[0] == "begin"]
    for start, end in pairwise([*begins, len(lines)]):
        fields = {words[0]: words[1:] for line in lines[start:end] if (words := line.split())}
        try:
            (name,) = fields["name"]
            where = f"{path}, bone {name[:48]}"
            direction, (length,) = _numbers(where, fields["direction"]), fields["length"]
            *axis, order = fields["axis"]
            angles = _numbers(where, axis)
            dof = tuple(word.lower() for word in fields.get("dof", []))
            offset = np.array(direction) * _length(length) * unit_m
        except (KeyError, ValueError) as error:
            raise DataError(
                f"{path}: bone {len(bones) + 1} cannot be read ({str(error)[:80]}), expected name, direction, length, "
                "axis"
            ) from None
        if len(offset) != 3 or len(angles) != 3 or order != "XYZ" or not set(dof) <= {"rx", "ry", "rz"}:
            raise DataError(
                f"{path}: bone {name[:48]}: expected three numbers for direction and axis, XYZ, and dof rx ry rz"
            )
        bones[name] = Bone(offset=offset, axis=(angles[0], angles[1], angles[2]), dof=dof)
    if not 1 <= len(bones) <= _MOST_BONES or ROOT in bones:
        raise DataError(f"{path}: {len(bones)} bones, expected 1 to {_MOST_BONES}, none of them {ROOT}")
    return bones


def _length(word: str) -> float:
    length = float(word)
    if not abs(length) <= _MOST_LENGTH:
        raise ValueError(f"length {word[:48]}")
    return length


def _parents(path: Path, lines: list[str]) -> dict[str, str]:
    parents: dict[str, str] = {}
    for parent, *children in (line.split() for line in lines):
        for child in children:
            if parents.setdefault(child, parent) != parent:
                raise DataError(f"{path}: bone {child[:48]!r} has two parents in :hierarchy, expected one")
    return parents


def _numbers(where: str, words: list[str]) -> list[float]:
    try:
        numbers = [float(word) for word in words]
    except ValueError as error:
        raise DataError(f"{where}: {str(error)[:80]}, expected numbers") from None
    if not np.isfinite(numbers).all() or max(map(abs, numbers), default=0) > 1e6:
        raise DataError(f"{where}: got {' '.join(words)[:60]}, expected finite numbers")
    return numbers
