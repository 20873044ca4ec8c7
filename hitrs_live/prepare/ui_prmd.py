"""Read UI-PRMD: rehabilitation exercises recorded with a Kinect v2, a pair of text files per repetition.

A line of `m01_s02_e03_positions.txt` is a frame at 30 Hz: x y z of 22 joints in centimetres. Those of the waist are
positions, the others offsets from the parent joint. `..._angles.txt`, in the folder Angles beside Positions, has the
rotations of the same joints about x, y and z in degrees. Names of incorrect repetitions end in `_inc`. The tree and
the use of the rotations follow the authors' own Animation.m: the arms rotate with the chest alone, not with the joints
below it.
"""

import re
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.dataset import UNLABELLED, Index, Sample
from hitrs_live.data.protocols import HELD_OUT
from hitrs_live.data.shipped_classes import TEST_SUBJECTS
from hitrs_live.errors import DataError
from hitrs_live.joint_checks import to_float32
from hitrs_live.prepare.filling import fill_stream
from hitrs_live.prepare.reading import Findings, Plan, Reading, find_named, record
from hitrs_live.prepare.rotations import euler_rotation
from hitrs_live.prepare.tables import parse_table, read_lines
from hitrs_live.skeleton import NTU25

SOURCE = "UI-PRMD of Vakanski and others (Kinect v2), webpages.uidaho.edu/ui-prmd; Open Data Commons PDDL 1.0"
LABELS = tuple(f"m{number:02}" for number in range(1, 11))
_NAME = re.compile(r"(?P<repetition>(?P<movement>m\d\d)_(?P<subject>s\d\d)_e\d\d)_positions(?P<wrong>_inc)?", re.ASCII)
_TESTED = TEST_SUBJECTS["ui_prmd_kinect"]
_JOINTS: Final = (
    "waist", "spine", "chest", "neck", "head", "head_tip",
    "left_collar", "left_upper_arm", "left_forearm", "left_hand",
    "right_collar", "right_upper_arm", "right_forearm", "right_hand",
    "left_upper_leg", "left_lower_leg", "left_foot", "left_toes",
    "right_upper_leg", "right_lower_leg", "right_foot", "right_toes",
)  # fmt: skip
_CHAINS: Final = (
    (0, (1, 2, 3, 4, 5)),
    (2, (6, 7, 8, 9)),
    (2, (10, 11, 12, 13)),
    (0, (14, 15, 16, 17)),
    (0, (18, 19, 20, 21)),
)
"""Start of each chain, and its joints; a joint is rotated by those before it in its chain."""
_OURS: Final = {
    "spine_base": "waist", "spine_middle": "spine", "spine_shoulder": "chest", "neck": "neck", "head": "head",
    **{
        f"{side}_{ours}": f"{side}_{theirs}"
        for side in ("left", "right")
        for ours, theirs in (
            ("shoulder", "upper_arm"), ("elbow", "forearm"), ("wrist", "hand"), ("hand", "hand"), ("hand_tip", "hand"),
            ("thumb", "hand"), ("hip", "upper_leg"), ("knee", "lower_leg"), ("ankle", "foot"), ("foot", "toes"),
        )
    },
}  # fmt: skip
_ROWS = tuple(_JOINTS.index(_OURS[joint]) for joint in NTU25.joints)
_VALID = tuple(not joint.endswith(("wrist", "tip", "thumb")) for joint in NTU25.joints)
_MOST = 1e6
_SIZES_M = (0.8, 2.5)
"""Plausible size of a person along the longest axis: detects files in another unit than centimetres."""


def plan_ui_prmd(folder: Path, *, name: str) -> Plan:
    """List the Kinect's positions in folders named Kinect under a folder. Raises DataError where there are none."""
    files, left_out = find_named(
        folder, "*_positions*.txt", _NAME, "Kinect/Positions/m01_s01_e01_positions.txt", within="kinect"
    )
    index = Index(name=name, source=SOURCE, labels=LABELS, valid=_VALID, splits=(HELD_OUT,), samples=())
    return Plan(folder=folder, files=files, read=read_ui_prmd, index=index, left_out=left_out)


def read_ui_prmd(path: Path) -> Reading:
    """Read one repetition. Raises DataError, naming file and line, where its files are damaged or do not fit."""
    match = _NAME.fullmatch(path.stem)
    if match is None or match["movement"] not in LABELS:
        raise DataError(f"{path}: unknown name, expected one such as m01_s01_e01_positions.txt")
    angles_path = path.parent.parent / "Angles" / path.name.replace("_positions", "_angles")
    offsets, angles = (
        parse_table(one, read_lines(one, "a line per frame"), 3 * len(_JOINTS)).reshape(-1, len(_JOINTS), 3)
        for one in (path, angles_path)
    )
    if len(offsets) != len(angles):
        raise DataError(f"{path}: {len(offsets)} frames, but {len(angles)} in {angles_path.name}; expected as many")
    joints = to_float32(to_positions(offsets / 100, angles)[:, list(_ROWS)])
    filled = fill_stream(path, joints)
    size_m = float(np.median(np.ptp(filled.joints, axis=1).max(axis=1)))
    if not _SIZES_M[0] <= size_m <= _SIZES_M[1]:
        raise DataError(f"{path}: a person of {size_m:.3g} m if these are centimetres, expected 0.8 to 2.5")
    sample = Sample(
        name=f"{match['repetition']}_{'inc' if match['wrong'] else 'ok'}",
        subject=match["subject"],
        bodies=(),
        test_of=(HELD_OUT,) if match["subject"] in _TESTED else (),
    )
    labels = np.where(filled.lost, UNLABELLED, LABELS.index(match["movement"])).astype(np.int16)
    counts = {"frames": len(labels), **filled.counts}
    return Reading(recorded=(record(sample, [(0, filled.joints)], [labels]),), findings=Findings(counts=counts))


def to_positions(offsets: NDArray[np.float64], angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute joint positions by forward kinematics. offsets: (T, 22, 3); angles: (T, 22, 3), degrees.

    Returns (T, 22, 3), in the unit of the offsets. A joint that depends on a value that is no number, or too large, is
    NaN.
    """
    lost, no_rotation = (
        ~np.all(np.abs(values) <= _MOST, axis=-1, keepdims=True)[..., 0] for values in (offsets, angles)
    )
    usable, degrees = np.where(lost[..., None], 0, offsets), np.where(no_rotation[..., None], 0, angles)
    positions = usable.copy()
    for begin, chain in _CHAINS:
        before, rotation = begin, np.broadcast_to(np.eye(3), (len(offsets), 3, 3))
        for joint in chain:
            rotation = rotation @ euler_rotation("ZYX", degrees[:, before, ::-1])
            positions[:, joint] = positions[:, before] + (rotation @ usable[:, joint, :, None])[..., 0]
            lost[:, joint] |= lost[:, before] | no_rotation[:, before]
            before = joint
    return np.where(lost[..., None], np.nan, positions)
