"""Read Northwestern-UCLA in its usual form: one JSON file per sequence: `file_name`, `skeletons` (T, 20, 3), `label`.

The joints are the twenty of a Kinect v1, in metres, in its coordinates, whose axes are ours.
"""

import re
from pathlib import Path

import msgspec
import numpy as np

from hitrs_live.data.dataset import UNLABELLED, Index, Sample
from hitrs_live.data.interpolation import interpolate
from hitrs_live.data.protocols import (
    NW_UCLA_ACTIONS,
    NW_UCLA_NAME,
    NW_UCLA_RATE_HZ,
    NW_UCLA_SPLITS,
    USUAL_RATE_HZ,
    nw_ucla_tests,
)
from hitrs_live.errors import DataError
from hitrs_live.files.text_file import read_text
from hitrs_live.prepare.filling import fill_stream
from hitrs_live.prepare.kinect_v1 import JOINTS, VALID, from_kinect_v1
from hitrs_live.prepare.reading import Findings, Plan, Reading, record
from hitrs_live.prepare.resampling import grid

SOURCE = (
    f"Northwestern-UCLA skeletons (Kinect v1), for research; interpolated to {USUAL_RATE_HZ:g} Hz from their own "
    f"rate, which is not known and taken as {NW_UCLA_RATE_HZ:g} Hz"
)
_BARE_NAN = re.compile(r"(?<=[\[,\s])-?(?:nan|inf|infinity)(?=[\],\s])", re.IGNORECASE)
"""Literals for non-finite numbers, which JSON does not have but Python and others write."""


class _File(msgspec.Struct):
    file_name: str
    skeletons: list[list[tuple[float | None, float | None, float | None]]]
    label: int


def plan_nw_ucla(folder: Path, *, name: str) -> Plan:
    """List the JSON files of Northwestern-UCLA under a folder. Raises DataError where there is none."""
    files, left_out = [], {}
    for path in sorted(path for path in folder.rglob("*.json") if path.is_file()):
        if NW_UCLA_NAME.fullmatch(path.stem):
            files.append(path)
        else:
            left_out[str(path.relative_to(folder))] = "its name is not of the form a01_s01_e00_v01"
    if not files:
        raise DataError(f"{folder}: no JSON file with a name such as a01_s01_e00_v01; give the folder of these files")
    return Plan(
        folder=folder,
        files=tuple(files),
        read=read_nw_ucla,
        index=Index(
            name=name,
            source=SOURCE,
            rate_hz=USUAL_RATE_HZ,
            labels=tuple(NW_UCLA_ACTIONS.values()),
            valid=VALID,
            splits=NW_UCLA_SPLITS,
            samples=(),
        ),
        left_out=left_out,
    )


def read_nw_ucla(path: Path) -> Reading:
    """Read one sequence, resampled to 30 Hz. Its class is the action in its name; a different label is noted.

    Raises DataError where the file is damaged.
    """
    match = NW_UCLA_NAME.fullmatch(path.stem)
    if match is None or match["action"] not in NW_UCLA_ACTIONS:
        raise DataError(f"{path}: unknown name, expected one such as a01_s01_e00_v01 with one of the ten actions")
    try:
        content = msgspec.json.decode(_BARE_NAN.sub("null", read_text(path)), type=_File)
        joints = np.array(content.skeletons, np.float64)
    except (OSError, ValueError, RecursionError, msgspec.DecodeError) as error:
        raise DataError(f"{path}: {str(error)[:120]}; expected file_name, skeletons (T, 20, 3) and label") from None
    if joints.ndim != 3 or joints.shape[1] != JOINTS:
        raise DataError(f"{path}: skeletons of shape {joints.shape}, expected (T, 20, 3)")
    filled = fill_stream(path, from_kinect_v1(joints))
    label = list(NW_UCLA_ACTIONS).index(match["action"])
    notes = {}
    if content.label != label + 1:
        notes[path.name] = f"label {content.label}, but {label + 1} by its name, which is used"
    sample = Sample(
        name=path.stem,
        subject=f"s{match['subject']}",
        camera=f"v{match['view']}",
        bodies=(),
        test_of=nw_ucla_tests(path.stem),
    )
    _, at = grid(0, len(filled.joints), USUAL_RATE_HZ / NW_UCLA_RATE_HZ)
    ours = interpolate(filled.joints, at)
    labels = np.where(filled.lost[np.round(at).astype(np.int64)], UNLABELLED, label).astype(np.int16)
    recorded = record(sample, [(0, ours)], [labels])
    counts = {"frames": len(ours), **filled.counts}
    return Reading(recorded=(recorded,), findings=Findings(counts=counts, notes=notes))
