"""Read folders of motion capture as data sets: BVH, and Acclaim skeletons and recordings, of CMU, HDM05 and others.

A recording is of one person. Its name begins with the person's: `01_02.bvh`, `01_02.amc` with `01.asf`,
`HDM_bd_cartwheel_001_120.amc` with `HDM_bd.asf`. A list of texts, with lines such as `01_02 walk`, gives the classes.
"""

import contextlib
import filecmp
import functools
import re
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.dataset import UNLABELLED, Index, Sample
from hitrs_live.errors import DataError
from hitrs_live.joint_checks import to_float32
from hitrs_live.prepare.acclaim import read_motion, read_skeleton
from hitrs_live.prepare.bvh import END, read_bvh
from hitrs_live.prepare.filling import fill_stream
from hitrs_live.prepare.reading import Findings, Plan, Reading, find_named, record
from hitrs_live.prepare.tables import at_rate, read_lines
from hitrs_live.skeleton import NTU25

RATE_HZ: Final = 30.0
ACCLAIM_RATE_HZ: Final = 120.0
"""Rate of CMU's and HDM05's recordings; an `.amc` does not contain it."""
_ANY = re.compile(r"[\w.-]+", re.ASCII)
_SUBJECT = re.compile(r"(?:[A-Za-z]+_)?([A-Za-z0-9]+)_")
_CMU_UNIT_M = 0.0254 / 0.45
Texts = dict[str, str]
"""Action by the recording's name."""


def _joints(middle: dict[str, str], sided: dict[str, str], left: str, right: str) -> tuple[str, ...]:
    """Name the file's joint for each of ours.

    middle: by our name; sided: by our name without its side, where {s} stands for `left` or `right`.
    """
    names = []
    for joint in NTU25.joints:
        side, _, part = joint.partition("_")
        names.append(
            sided[part].format(s=left if side == "left" else right) if side in ("left", "right") else middle[joint]
        )
    return tuple(names)


_ACCLAIM = _joints(
    {
        "spine_base": "root", "spine_middle": "upperback", "spine_shoulder": "thorax", "neck": "upperneck",
        "head": "head",
    },
    {
        "shoulder": "{s}clavicle", "elbow": "{s}humerus", "wrist": "{s}radius", "hand": "{s}hand",
        "hand_tip": "{s}fingers", "thumb": "{s}thumb",
        "hip": "{s}hipjoint", "knee": "{s}femur", "ankle": "{s}tibia", "foot": "{s}toes",
    },
    "l", "r",
)  # fmt: skip
"""For each of our joints the bone at whose end it is."""
_BVH_CMU = _joints(
    {"spine_base": "Hips", "spine_middle": "Spine1", "spine_shoulder": "Neck", "neck": "Head", "head": f"Head{END}"},
    {
        "shoulder": "{s}Arm", "elbow": "{s}ForeArm", "wrist": "{s}Hand", "hand": "{s}HandIndex1",
        "hand_tip": f"{{s}}HandIndex1{END}", "thumb": f"{{s[0]}}Thumb{END}",
        "hip": "{s}UpLeg", "knee": "{s}Leg", "ankle": "{s}Foot", "foot": f"{{s}}ToeBase{END}",
    },
    "Left", "Right",
)  # fmt: skip
_BVH_DAZ = _joints(
    {"spine_base": "hip", "spine_middle": "abdomen", "spine_shoulder": "chest", "neck": "neck", "head": "head"},
    {
        "shoulder": "{s}Shldr", "elbow": "{s}ForeArm", "wrist": "{s}Hand", "hand": "{s}Hand", "hand_tip": "{s}Hand",
        "thumb": "{s}Hand", "hip": "{s}Thigh", "knee": "{s}Shin", "ankle": "{s}Foot", "foot": f"{{s}}Foot{END}",
    },
    "l", "r",
)  # fmt: skip
_DAZ_VALID = tuple(not joint.endswith(("_hand", "hand_tip", "thumb")) for joint in NTU25.joints)
_BVH_FORMS = {"CMU's": (_BVH_CMU, _CMU_UNIT_M), "Daz's": (_BVH_DAZ, 0.01)}
"""Joint names in the known kinds of BVH files, and their unit in metres."""


def plan_bvh(folder: Path, *, name: str, texts: Path | None = None, unit_m: float | None = None) -> Plan:
    """List the BVH files under a folder. texts: a list of actions; unit_m: metres per unit, None for by joint names.

    Raises DataError where there is no file or the list of texts cannot be read.
    """
    files, left_out = find_named(folder, "*.bvh", _ANY, "01_01.bvh")
    read = functools.partial(_read_bvh, unit_m=unit_m)
    with contextlib.suppress(DataError):
        # The first file decides for all of them; a damaged file is reported when it is read.
        if set(_BVH_DAZ) <= read_bvh(files[0])[0].keys():
            return _plan(folder, files, left_out, name, texts, read=read, valid=_DAZ_VALID)
    return _plan(folder, files, left_out, name, texts, read=read)


def plan_acclaim(folder: Path, *, name: str, texts: Path | None = None, rate_hz: float | None = None) -> Plan:
    """List Acclaim recordings and their skeletons under a folder. rate_hz: of the recordings, None for 120.

    Raises DataError where there is no recording, one has no skeleton, or the list of texts cannot be read.
    """
    files, left_out = find_named(folder, "*.amc", _ANY, "01_01.amc")
    skeletons: dict[str, Path] = {}
    for path in sorted(path for path in folder.rglob("*.[aA][sS][fF]") if path.is_file()):
        if skeletons.setdefault(path.stem.lower(), path) != path and not filecmp.cmp(
            path, skeletons[path.stem.lower()], shallow=False
        ):
            raise DataError(f"{path} and {skeletons[path.stem.lower()]}: two skeletons of one name; remove one")
    own: dict[str, Path] = {}
    for path in files:
        fitting = [stem for stem in skeletons if path.stem.lower() == stem or path.stem.lower().startswith(stem + "_")]
        if not fitting:
            raise DataError(f"{path}: it has no skeleton, expected one such as {path.stem.rpartition('_')[0]}.asf")
        own[path.stem] = skeletons[max(fitting, key=len)]
    read = functools.partial(_read_acclaim, skeletons=own, rate_hz=rate_hz or ACCLAIM_RATE_HZ)
    return _plan(folder, files, left_out, name, texts, read=read)


def read_texts(path: Path) -> Texts:
    """Read a list of texts with lines such as `01_02 walk`; lines of another form are skipped as headings.

    Raises DataError where it cannot be read or has no such line.
    """
    matches = [
        re.match(r"\s*(\w+_\w+)(?:\.\w+)?[\s,;]+(\S.*)", line) for line in read_lines(path, "a line per recording")
    ]
    texts = {match[1]: " ".join(match[2].split()) for match in matches if match}
    if not texts:
        raise DataError(f"--texts {path}: no line such as 01_02 walk")
    return texts


def _plan(
    folder: Path, files: tuple[Path, ...], left_out: dict[str, str], name: str, texts: Path | None, *,
    read: "functools.partial[tuple[NDArray[np.float32], float]]", valid: tuple[bool, ...] = (True,) * len(NTU25),
) -> Plan:  # fmt: skip
    known = read_texts(texts) if texts else {}
    labels = tuple(dict.fromkeys(known[path.stem] for path in files if path.stem in known))
    source = "CMU Graphics Lab Motion Capture Database, mocap.cs.cmu.edu, or another collection of motion capture"
    index = Index(name=name, source=source, rate_hz=RATE_HZ, labels=labels, valid=valid, samples=())
    whole = functools.partial(_read, joints_of=read, texts=known, labels=labels)
    return Plan(folder=folder, files=files, read=whole, index=index, depends_on=f"{known}{read}", left_out=left_out)


def _read(
    path: Path,
    *,
    joints_of: "functools.partial[tuple[NDArray[np.float32], float]]",
    texts: Texts,
    labels: tuple[str, ...],
) -> Reading:
    """Read one recording, resampled to 30 Hz. joints_of: returns (T, 25, 3) metres and their rate in Hz."""
    joints, rate_hz = joints_of(path)
    filled = fill_stream(path, joints)
    ours, _ = at_rate(path, filled.joints, np.arange(len(joints)) / rate_hz, 1 / RATE_HZ)
    label = labels.index(texts[path.stem]) if path.stem in texts else UNLABELLED
    match = _SUBJECT.match(path.stem)
    sample = Sample(name=path.stem, subject=match[1] if match else path.stem, bodies=())
    counts = {"frames": len(ours), **filled.counts}
    recorded = record(sample, [(0, ours)], [np.full(len(ours), label, np.int16)])
    return Reading(recorded=(recorded,), findings=Findings(counts=counts))


def _read_bvh(path: Path, *, unit_m: float | None) -> tuple[NDArray[np.float32], float]:
    places, rate_hz = read_bvh(path)
    for names, usual_m in _BVH_FORMS.values():
        if set(names) <= places.keys():
            joints = np.stack([places[name] for name in names], axis=1) * (unit_m or usual_m)
            return to_float32(joints), rate_hz
    missing = {form: sorted(set(names) - places.keys())[:3] for form, (names, _) in _BVH_FORMS.items()}
    lacks = ", ".join(f"of {form} {' '.join(names)}" for form, names in missing.items())
    raise DataError(f"{path}: expected the joint names of CMU's or of Daz's BVH files; missing are {lacks}")


def _read_acclaim(path: Path, *, skeletons: dict[str, Path], rate_hz: float) -> tuple[NDArray[np.float32], float]:
    ends = read_motion(path, read_skeleton(skeletons[path.stem]))
    if missing := sorted(set(_ACCLAIM) - ends.keys()):
        raise DataError(f"{skeletons[path.stem]}: no bone {', '.join(missing[:5])}; expected a skeleton of CMU's bones")
    return to_float32(np.stack([ends[name] for name in _ACCLAIM], axis=1)), rate_hz
