"""Read PKU-MMD: long recordings of one or two people, with a list of the actions in each.

A skeleton file has one line of 150 numbers per frame: x y z of 25 joints of one person, then of another, zeros where
there is none, in the Kinect v2's coordinates and metres. A label file of the same name, in another folder, has lines
`class,first frame,end frame,confidence`. Split files name the training videos and the validation videos. The class
names are in pku_mmd_classes.py.
"""

import functools
import itertools
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.dataset import UNLABELLED, Index, Sample
from hitrs_live.errors import DataError
from hitrs_live.files.text_file import MOST_BYTES, TextUnreadable, decode_text, read_text, with_plain_nan
from hitrs_live.joint_checks import fill_over_time, find_bad, find_bodies, to_float32
from hitrs_live.prepare.filling import check_joints
from hitrs_live.prepare.intervals import FrameLabels, Span, label_frames
from hitrs_live.prepare.pku_mmd_classes import ACTIONS
from hitrs_live.prepare.reading import BAD_JOINTS, Findings, Plan, Reading, record
from hitrs_live.prepare.tracks import LONGEST_PAUSE, SHORTEST_TRACK, Track, fill_gaps

SOURCE = "PKU-MMD skeletons (Kinect v2); for research only, under its authors' terms"
LABELS = ("background", *ACTIONS)
_SPLIT_FILES = {"cross-subject": "xsub", "cross-view": "xview"}
_NUMBERS = 150
_MAX_BYTES = 512 * 2**20
_LOOK_BYTES = 16384
_TRAINING = re.compile(r"training\s+videos?\s*:", re.IGNORECASE)
# The authors' own files misspell it.
_VALIDATION = re.compile(r"valida\w*\s+videos?\s*:", re.IGNORECASE)


def plan_pku_mmd(folder: Path, *, name: str) -> Plan:
    """List skeletons, labels and splits under a folder, recognised by their content, in any subfolder.

    Raises DataError where there are no skeletons, a name occurs twice, or a split file names no video.
    """
    kinds: dict[str, dict[str, Path]] = {"skeletons": {}, "labels": {}, "split": {}}
    left_out: dict[str, str] = {}
    for path in sorted(path for path in folder.rglob("*.txt") if path.is_file()):
        kind = _kind(path)
        if kind not in kinds:
            left_out[str(path.relative_to(folder))] = "neither skeletons nor labels nor a split"
        elif path.stem in kinds[kind]:
            raise DataError(f"{path} and {kinds[kind][path.stem]}: {kind} of one name twice; remove one of them")
        else:
            kinds[kind][path.stem] = path
    if not kinds["skeletons"]:
        raise DataError(f"{folder}: no text file in it has lines of {_NUMBERS} numbers; give PKU-MMD's folder")
    splits = {_split_name(stem): read_split(path) for stem, path in kinds["split"].items()}
    return Plan(
        folder=folder,
        files=tuple(kinds["skeletons"][stem] for stem in sorted(kinds["skeletons"])),
        read=functools.partial(read_pku_mmd, labels=kinds["labels"], splits=splits),
        index=Index(
            name=name,
            source=SOURCE,
            labels=LABELS,
            background=0,
            splits=tuple(sorted(splits)),
            samples=(),
        ),
        depends_on="\n".join(
            f"{path.relative_to(folder)}\n{_beginning(path, MOST_BYTES).decode('utf-8', errors='replace')}"
            for path in (*kinds["labels"].values(), *kinds["split"].values())
        ),
        left_out=left_out,
    )


def read_pku_mmd(
    path: Path, *, labels: dict[str, Path], splits: dict[str, tuple[frozenset[str], frozenset[str]]]
) -> Reading:
    """Read one video: a stream with a label per frame.

    The person present in more frames comes first, interpolated from the first to the last frame present. Where that
    person is absent for more than LONGEST_PAUSE frames, the interpolated frames have no label. The other person is
    split into stretches at such absences. Raises DataError where the skeletons or their labels are damaged.
    """
    people = read_skeletons(path)
    frames = len(people)
    notes = {}
    if path.stem in labels:
        of_video = label_frames(read_intervals(labels[path.stem]), frames, names=LABELS)
    else:
        of_video = FrameLabels(labels=np.full(frames, UNLABELLED, np.int16), notes=("no label file of that name",))
    if of_video.notes:
        notes[path.name] = "; ".join(of_video.notes)
    present = find_bodies(people)
    if not present.any():
        return Reading(recorded=(), findings=Findings(left_out={path.name: "no person in it"}))
    first = int(present.sum(axis=0).argmax())
    main = _track(people, present, first, slice(0, frames))
    others = [_track(people, present, 1 - first, span) for span in stretches(present[:, 1 - first])]
    tracks = [main, *(track for track in others if len(track.at) >= SHORTEST_TRACK)]
    bodies = [(int(track.at[0]), fill_gaps(track)) for track in tracks]
    body_labels = [of_video.labels[start : start + len(joints)].copy() for start, joints in bodies]
    lost = _long_gaps(main.at)
    body_labels[0][lost] = UNLABELLED
    sample = Sample(
        name=path.stem,
        camera=path.stem.rpartition("-")[2],
        bodies=(),
        test_of=tuple(sorted(split for split, (_, tested) in splits.items() if path.stem in tested)),
        left_out_of=tuple(
            sorted(split for split, both in splits.items() if not any(path.stem in half for half in both))
        ),
    )
    counts = {
        "frames": frames,
        "bodies": len(bodies),
        "stretches dropped as too short": len(others) + 1 - len(tracks),
        "frames filled": sum(len(joints) for _, joints in bodies) - sum(len(track.at) for track in tracks),
        "frames without label, the person lost": int(lost.sum()),
        BAD_JOINTS: int(find_bad(people)[present].sum()),
        **of_video.counts,
    }
    return Reading(recorded=(record(sample, bodies, body_labels),), findings=Findings(counts=counts, notes=notes))


def read_skeletons(path: Path) -> NDArray[np.float32]:
    """Read a skeleton file. Returns (T, 2, 25, 3), metres; a joint without a usable position is NaN.

    Raises DataError, naming the fault, also where half or more of the joints have no usable position.
    """
    try:
        lines = with_plain_nan(read_text(path, most_bytes=_MAX_BYTES)).splitlines()
        lines = [line for line in lines if line.strip()]
        numbers = np.loadtxt(lines, np.float64, ndmin=2, comments=None) if lines else np.zeros((0, 0))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}), expected PKU-MMD skeletons") from None
    except ValueError as error:
        raise DataError(f"{path}: {str(error)[:120]}; expected lines of {_NUMBERS} numbers") from None
    if numbers.shape[1] != _NUMBERS:
        raise DataError(f"{path}: {numbers.shape[0]} lines of {numbers.shape[1]} numbers, expected {_NUMBERS} per line")
    people = numbers.reshape(-1, 2, 25, 3)
    check_joints(path, people)
    return to_float32(people)


def frame_labels(path: Path, frames: int) -> NDArray[np.int16]:
    """Read a label file. Returns (T,): the class of each frame, 0 for background, UNLABELLED where it is undecided.

    Overlapping intervals are resolved by `intervals.label_frames`. Raises DataError, naming the line, where the file
    is damaged.
    """
    return label_frames(read_intervals(path), frames, names=LABELS).labels


def read_intervals(path: Path) -> list[Span]:
    """Read the actions of a label file, in the order of its lines.

    Frames count from 0, and an action ends before its end frame. Some lines have the two exchanged, which is
    corrected. Raises DataError, naming the line, where the file is damaged.
    """
    try:
        lines = read_text(path).splitlines()
    except (OSError, TextUnreadable) as error:
        raise DataError(f"{path}: cannot be read ({error}), expected PKU-MMD labels") from None
    spans = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        words = [word.strip() for word in line.split(",")]
        if len(words) not in (3, 4) or not all(re.fullmatch(r"[0-9]{1,7}", word) for word in words[:3]):
            raise DataError(
                f"{path}, line {number}: got {line[:48]!r}, expected class,first frame,end frame,confidence"
            )
        label, *bounds = (int(word) for word in words[:3])
        if not 1 <= label < len(LABELS):
            raise DataError(f"{path}, line {number}: got class {label}, expected 1 to {len(LABELS) - 1}")
        spans.append(Span(label=label, start=min(bounds), end=max(bounds)))
    return spans


def read_split(path: Path) -> tuple[frozenset[str], frozenset[str]]:
    """Read a split file: the names of the training videos and of the validation videos, in that order.

    Raises DataError where one of the lists is missing or empty, or they overlap.
    """
    try:
        text = read_text(path)
    except (OSError, TextUnreadable) as error:
        raise DataError(f"{path}: cannot be read ({error}), expected the names of videos") from None
    training, validation = _TRAINING.search(text), _VALIDATION.search(text)
    if training is None or validation is None or training.start() > validation.start():
        raise DataError(f"{path}: expected `Training videos:` and then `Validation videos:`, each with names after it")
    halves = (text[training.end() : validation.start()], text[validation.end() :])
    trained, tested = (frozenset(re.findall(r"[\w-]+", half.replace(".txt", ""))) for half in halves)
    if not trained or not tested or trained & tested:
        raise DataError(
            f"{path}: {len(trained)} training and {len(tested)} validation videos, {len(trained & tested)} in both; "
            "expected some of each and none in both"
        )
    return trained, tested


def stretches(present: NDArray[np.bool_]) -> Iterable[slice]:
    """Split the frames in which a person is present, (T,), at absences longer than LONGEST_PAUSE."""
    at = np.flatnonzero(present)
    if not len(at):
        return
    bounds = [0, *(np.flatnonzero(np.diff(at) > LONGEST_PAUSE) + 1).tolist(), len(at)]
    for start, end in itertools.pairwise(bounds):
        yield slice(int(at[start]), int(at[end - 1]) + 1)


def _track(people: NDArray[np.float32], present: NDArray[np.bool_], person: int, span: slice) -> Track:
    at = np.flatnonzero(present[span, person]) + span.start
    return Track(at=at, joints=fill_over_time(people[at, person]))


def _long_gaps(at: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return a mask of the frames from at[0] to at[-1] that are in gaps longer than LONGEST_PAUSE."""
    lost = np.zeros(int(at[-1] - at[0]) + 1, bool)
    for gap in np.flatnonzero(np.diff(at) > LONGEST_PAUSE):
        lost[at[gap] + 1 - at[0] : at[gap + 1] - at[0]] = True
    return lost


def _kind(path: Path) -> str:
    """Recognise a file: `split`, `skeletons` or `labels`; empty for any other."""
    if any(path.stem.lower().startswith(start) for start in _SPLIT_FILES):
        return "split"
    try:
        raw = _beginning(path, _LOOK_BYTES)
        begin = decode_text(raw.rpartition(b"\n")[0] or raw)
    except (OSError, TextUnreadable):
        return ""
    line = begin.strip().partition("\n")[0]
    if len(line.split()) == _NUMBERS:
        return "skeletons"
    return "labels" if re.fullmatch(r"\d+\s*,\s*\d+\s*,\s*\d+\s*(,.*)?", line) else ""


def _beginning(path: Path, most_bytes: int) -> bytes:
    with path.open("rb") as file:
        return file.read(most_bytes)


def _split_name(stem: str) -> str:
    return next(split for start, split in _SPLIT_FILES.items() if stem.lower().startswith(start))
