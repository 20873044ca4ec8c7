"""NTU RGB+D 60 and 120: a folder of `.skeleton` files, searched to any depth."""

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hitrs_live.data.dataset import Index, Sample
from hitrs_live.errors import DataError
from hitrs_live.joint_checks import fill_over_time, find_bodies
from hitrs_live.prepare.ntu_classes import ACTIONS
from hitrs_live.prepare.ntu_file_names import ACTIONS_60, SPLITS_60, SPLITS_120, NtuName, parse_name, read_missing
from hitrs_live.prepare.reading import BAD_JOINTS, Findings, Plan, Reading, record
from hitrs_live.prepare.tracks import Track, sort_people
from hitrs_live.sources.ntu_format import FRAME_RATE_HZ, NtuBody, parse_skeleton

SOURCE = "NTU RGB+D skeletons (Kinect v2); for research only, under the terms of the authors' release agreement"


def plan_ntu(folder: Path, *, name: str, missing: Path | None = None) -> Plan:
    """Find the files of NTU RGB+D under a folder.

    The classes are the 60 of NTU-60, and the 120 where a file has an action above 60. Files that `missing` lists are
    left out. Raises DataError where there is nothing to read, or two files have the same name.
    """
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() == ".skeleton" and path.is_file())
    if not found:
        raise DataError(f"{folder}: no .skeleton file in it; give the folder into which NTU RGB+D was unpacked")
    missing_names = read_missing(missing) if missing else frozenset()
    named: dict[str, Path] = {}
    left_out: dict[str, str] = {}
    for path in found:
        where = str(path.relative_to(folder))
        if parse_name(path.stem) is None:
            left_out[where] = "its name is not of the form SsssCcccPpppRrrrAaaa, action 1 to 120"
        elif path.stem in missing_names:
            left_out[where] = "on the list of missing skeletons"
        elif path.stem in named:
            raise DataError(f"{path} and {named[path.stem]}: the same sample twice; take one of them away")
        else:
            named[path.stem] = path
    if not named:
        raise DataError(
            f"{folder}: none of its {len(found)} .skeleton files is to be read: {next(iter(left_out.items()))}"
        )
    late = any(parsed.action > ACTIONS_60 for stem in named if (parsed := parse_name(stem)))
    splits = SPLITS_120 if late else SPLITS_60
    return Plan(
        folder=folder,
        # In the order of names, in whatever folder each lies.
        files=tuple(named[stem] for stem in sorted(named)),
        read=functools.partial(read_ntu, splits=splits),
        index=Index(
            name=name,
            source=SOURCE,
            rate_hz=FRAME_RATE_HZ,
            labels=ACTIONS if late else ACTIONS[:ACTIONS_60],
            splits=splits,
            samples=(),
        ),
        left_out=left_out,
    )


def read_ntu(path: Path, *, splits: tuple[str, ...]) -> Reading:
    """Read one file: one sequence of one or two people, or none where nobody is ever tracked in it.

    Raises DataError where the file is broken or its name is none of NTU RGB+D's.
    """
    name = parse_name(path.stem)
    if name is None:
        raise DataError(f"{path}: got that name, expected one of the form SsssCcccPpppRrrrAaaa.skeleton")
    sequence = parse_skeleton(path)
    tracks, counts = collect_tracks(sequence.frames)
    counts[BAD_JOINTS] = sequence.bad_joints
    if not tracks:
        findings = Findings(counts=counts, left_out={path.name: "no body is tracked in it"})
        return Reading(recorded=(), findings=findings)
    people = sort_people(tracks)
    labels = [np.full(len(joints), name.action - 1, np.int16) for _, joints in people.bodies]
    recorded = record(_sample(path.stem, name, splits), people.bodies, labels)
    return Reading(recorded=(recorded,), findings=Findings(counts={**counts, **people.counts}))


def collect_tracks(frames: Sequence[Sequence[NtuBody]]) -> tuple[list[Track], dict[str, int]]:
    """Sort a file's skeletons by their ids, in the order in which these appear. Those that are nobody are passed over.

    Returns the tracks, and counts of frames and of what was passed over.
    """
    counts = {"frames": len(frames), "frames without a body": 0, "skeletons passed over": 0}
    by_id: dict[str, tuple[list[int], list[NtuBody]]] = {}
    for number, bodies in enumerate(frames):
        tracked = [body for body in bodies if find_bodies(body.joints_m, body.confidence)]
        counts["frames without a body"] += not tracked
        counts["skeletons passed over"] += len(bodies) - len(tracked)
        for body in tracked:
            at, seen = by_id.setdefault(body.body_id, ([], []))
            if at and at[-1] == number:
                # One id given twice in a frame: the first one it is.
                counts["skeletons passed over"] += 1
                continue
            at.append(number)
            seen.append(body)
    tracks = [
        Track(at=np.array(at, np.int64), joints=fill_over_time(np.stack([body.joints_m for body in seen])))
        for at, seen in by_id.values()
    ]
    return tracks, counts


def _sample(stem: str, name: NtuName, splits: tuple[str, ...]) -> Sample:
    return Sample(
        name=stem,
        subject=f"P{name.subject:03}",
        camera=f"C{name.camera:03}",
        setup=f"S{name.setup:03}",
        bodies=(),
        test_of=name.test_of(splits),
        left_out_of=name.left_out_of(splits),
    )
