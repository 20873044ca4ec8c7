"""Measure what synthetic motion does that a body cannot do: sliding feet, hands inside the body, jumps of a joint.

Every program is performed several times, and streams are drawn; all measures are of joints alone, as any reader of the
motion would take them. Each program is labelled by its own name, so that streams are measured by program too; frames
between programs (transitions, idling) count as "between".

    python benchmarks/studies/motion_audit.py --json reports/motion_audit.json
"""

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.labelled_motion import RATE_HZ, LabelledMotion
from hitrs_live.skeleton import NTU25
from hitrs_live.synthesis.plausibility import beyond_support_m
from hitrs_live.synthesis.program import Program, shipped_programs
from hitrs_live.synthesis.smoothing import smooth
from hitrs_live.synthesis.stream import MotionSynthesiser, StreamSettings

Floats = NDArray[np.floating]

J: Final = {name: number for number, name in enumerate(NTU25.joints)}
MEASURES: Final = {
    "slide": "distance that standing feet slide, mm a second",
    "trunk": "% of frames with a wrist or an elbow more than 2 cm inside the trunk",
    "head": "the same, inside the head",
    "thigh": "% of frames with a wrist more than 2 cm inside a thigh",
    "arms": "% of frames in which the forearms pass through each other",
    "knee": "% of frames with a knee bent backwards or more than 75 degrees sideways",
    "fast": "% of frames with a joint faster than 6 m/s",
    "pop": "number of sudden jumps of a joint a minute",
    "jerky": "95 % of the pelvis' acceleration, m/s^2",
    "tipping": "% of frames of a standing body with the centre of mass more than 3 cm outside the feet for over 1 s",
    "floats": "% of frames without contact for over 0.7 s",
    "below": "deepest joint below the floor, mm",
    "neck": "% of frames with the neck bent or turned by more than 95 degrees",
}
_STANDS: Final = 0.11
"""Height of a foot above where it stands, in lengths of the foot, up to which it stands."""
_SLIDES_M_S: Final = 0.06
_INSIDE_M: Final = 0.02


def measure(motion: LabelledMotion) -> dict[str, Floats]:
    """Measure every frame of a motion. Returns (T,) for each of MEASURES."""
    joints = motion.joints_m.astype(np.float64)
    frames = len(joints)
    # Tremor is not what is measured.
    calm = smooth(joints.reshape(frames, -1), 0.03).reshape(joints.shape)
    body = _sizes(joints)
    speed = np.linalg.norm(np.gradient(calm, axis=0), axis=-1) * RATE_HZ
    out: dict[str, Floats] = {}
    out["slide"] = 1000 * sum(_slide(calm, side, body) for side in ("left", "right"))
    out["trunk"] = 100.0 * (_inside_trunk(joints, body) > _INSIDE_M)
    out["head"] = 100.0 * (_inside_head(joints, body) > _INSIDE_M)
    out["thigh"] = 100.0 * (_inside_thighs(joints, body) > _INSIDE_M)
    out["arms"] = 100.0 * _arms_cross(joints)
    out["knee"] = 100.0 * np.any([_bad_knee(joints, side) for side in ("left", "right")], axis=0)
    out["fast"] = 100.0 * (speed[:, _NO_HANDS].max(1) > 6)
    out["pop"] = 60.0 * RATE_HZ * _pops(joints)
    pelvis = np.gradient(np.gradient(calm[:, 0], axis=0), axis=0) * RATE_HZ**2
    out["jerky"] = np.linalg.norm(pelvis, axis=-1)
    outside = np.nan_to_num(beyond_support_m(motion.joints_m), nan=0) > 0.03
    stands = joints[:, 0, 1] > 0.7 * np.percentile(joints[:, 0, 1], 95)
    out["tipping"] = 100.0 * _longer(outside & stands, 1.0)
    lowest = joints[..., 1].min(1)
    out["floats"] = 100.0 * _longer(lowest > 0.08, 0.7)
    out["below"] = 1000 * np.maximum(-lowest, 0)
    out["neck"] = 100.0 * (_neck_deg(joints) > 95)
    return out


def _sizes(joints: Floats) -> dict[str, float]:
    """Measure the body. joints: (T, 25, 3)."""

    def length(one: str, other: str) -> float:
        return float(np.median(np.linalg.norm(joints[:, J[one]] - joints[:, J[other]], axis=-1)))

    foot = length("left_ankle", "left_foot")
    return {
        "trunk": length("spine_base", "spine_shoulder"), "shoulders": length("left_shoulder", "right_shoulder"),
        "neck": length("neck", "head"), "thigh": length("left_hip", "left_knee"), "foot": foot,
    }  # fmt: skip


_HANDS = ("hand", "thumb")
_NO_HANDS: Final = [number for name, number in J.items() if not any(part in name for part in _HANDS)]


def _slide(joints: Floats, side: str, body: dict[str, float]) -> Floats:
    """Return how fast the slower end of a foot moves over the floor, m/s, while the foot stands."""
    ankle, ball = joints[:, J[f"{side}_ankle"]], joints[:, J[f"{side}_foot"]]
    speed = [np.linalg.norm(np.gradient(point[:, [0, 2]], axis=0), axis=-1) * RATE_HZ for point in (ankle, ball)]
    slower = np.minimum(*speed)
    near = _STANDS * body["foot"]
    rest = np.percentile(ball[:, 1], 5), np.percentile(ankle[:, 1], 5)
    stands = (ball[:, 1] < rest[0] + near) & (ball[:, 1] < 0.1) | (ankle[:, 1] < rest[1] + near) & (ankle[:, 1] < 0.14)
    return np.where(stands & (slower > _SLIDES_M_S), slower, 0.0)


def _axes(joints: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the trunk's left, up and ahead, (T, 3) each."""
    up = joints[:, J["spine_shoulder"]] - joints[:, J["spine_base"]]
    up /= np.linalg.norm(up, axis=-1, keepdims=True)
    left = (
        joints[:, J["left_shoulder"]] - joints[:, J["right_shoulder"]] + joints[:, J["left_hip"]]
        - joints[:, J["right_hip"]]
    )  # fmt: skip
    left -= (left * up).sum(-1, keepdims=True) * up
    left /= np.linalg.norm(left, axis=-1, keepdims=True)
    return left, up, np.cross(left, up)


def _inside_trunk(joints: Floats, body: dict[str, float]) -> Floats:
    """Return how deep wrists and elbows are inside an ellipsoid in the trunk, metres."""
    left, up, ahead = _axes(joints)
    middle = (joints[:, J["spine_base"]] + joints[:, J["spine_shoulder"]]) / 2
    wide, high, thick = 0.36 * body["shoulders"], 0.55 * body["trunk"], 0.2 * body["trunk"]
    deepest = np.zeros(len(joints))
    for side in ("left", "right"):
        for part in ("wrist", "elbow"):
            offset = joints[:, J[f"{side}_{part}"]] - middle
            local = np.stack([(offset * axis).sum(-1) for axis in (left, up, ahead)], axis=1)
            relative = np.linalg.norm(local / (wide, high, thick), axis=1)
            deepest = np.maximum(deepest, (1 - relative) * thick)
    return deepest


def _inside_head(joints: Floats, body: dict[str, float]) -> Floats:
    head = joints[:, J["head"]]
    radius = 0.16 * body["trunk"]
    points = [joints[:, J[f"{side}_{part}"]] for side in ("left", "right") for part in ("wrist", "elbow")]
    return np.max([radius - np.linalg.norm(point - head, axis=-1) for point in points], axis=0)


def _inside_thighs(joints: Floats, body: dict[str, float]) -> Floats:
    depth = np.zeros(len(joints))
    for leg in ("left", "right"):
        hip, knee = joints[:, J[f"{leg}_hip"]], joints[:, J[f"{leg}_knee"]]
        for side in ("left", "right"):
            wrist = joints[:, J[f"{side}_wrist"]]
            share = ((wrist - hip) * (knee - hip)).sum(-1) / ((knee - hip) ** 2).sum(-1)
            nearest = hip + np.clip(share, 0.1, 0.95)[:, None] * (knee - hip)
            depth = np.maximum(depth, 0.15 * body["thigh"] - np.linalg.norm(wrist - nearest, axis=-1))
    return depth


def _arms_cross(joints: Floats) -> NDArray[np.bool_]:
    """Return where a point of one forearm is within 2.5 cm of the other's line, (T,)."""
    crossed = np.zeros(len(joints), bool)
    left, right = ((joints[:, J[f"{side}_elbow"]], joints[:, J[f"{side}_wrist"]]) for side in ("left", "right"))
    for share in np.linspace(0, 1, 9):
        point = left[0] + share * (left[1] - left[0])
        along = right[1] - right[0]
        at = np.clip(((point - right[0]) * along).sum(-1) / (along**2).sum(-1), 0, 1)[:, None]
        inner = (share < 0.95) & (at[:, 0] < 0.95)
        crossed |= inner & (np.linalg.norm(point - right[0] - at * along, axis=-1) < 0.025)
    return crossed


def _bad_knee(joints: Floats, side: str) -> NDArray[np.bool_]:
    """Return where a knee that is bent by over 25 degrees bends away from the body's front, (T,)."""
    hip, knee, ankle = (joints[:, J[f"{side}_{part}"]] for part in ("hip", "knee", "ankle"))
    line = (ankle - hip) / np.maximum(np.linalg.norm(ankle - hip, axis=-1, keepdims=True), 1e-6)
    out = knee - hip - ((knee - hip) * line).sum(-1, keepdims=True) * line
    size = np.linalg.norm(out, axis=-1)
    bent = size > 0.2 * np.linalg.norm(knee - hip, axis=-1)
    pelvis_left = joints[:, J["left_hip"]] - joints[:, J["right_hip"]]
    pelvis_left = pelvis_left / np.linalg.norm(pelvis_left, axis=-1, keepdims=True)
    # A thigh that points ahead has its front above: the hinge decides, which lies along the pelvis.
    hinge = np.cross(knee - hip, ankle - knee)
    hinge /= np.maximum(np.linalg.norm(hinge, axis=-1, keepdims=True), 1e-6)
    return bent & ((hinge * pelvis_left).sum(-1) < np.cos(np.radians(75)))


def _pops(joints: Floats) -> Floats:
    """Return 1 in frames in which a joint jumps: it moves far, and neither the frame before nor the one after does."""
    step = np.linalg.norm(np.diff(joints[:, _NO_HANDS], axis=0), axis=-1)
    around = np.maximum(np.roll(step, 1, 0), np.roll(step, -1, 0))
    around[[0, -1]] = step[[0, -1]]
    jump = ((step > 0.04) & (step > 2.2 * around)).any(1)
    return np.concatenate((jump, [False])).astype(float)


def _neck_deg(joints: Floats) -> Floats:
    _, up, _ = _axes(joints)
    neck = joints[:, J["head"]] - joints[:, J["neck"]]
    neck /= np.linalg.norm(neck, axis=-1, keepdims=True)
    return np.degrees(np.arccos(np.clip((neck * up).sum(-1), -1, 1)))


def _longer(mask: NDArray[np.bool_], seconds: float) -> NDArray[np.bool_]:
    """Keep only what lasts longer than so many seconds. mask: (T,) -> the same."""
    change = np.flatnonzero(np.diff(np.concatenate(([0], mask.astype(int), [0]))))
    kept = np.zeros_like(mask)
    for began, ended in zip(change[::2], change[1::2], strict=True):
        kept[began:ended] = ended - began > seconds * RATE_HZ
    return kept


class Table:
    """Collects measures by program."""

    def __init__(self) -> None:
        self._values: dict[str, list[dict[str, Floats]]] = defaultdict(list)

    def add(self, motion: LabelledMotion, names: tuple[str, ...]) -> None:
        """Add the frames of a motion, by the name of their label; background counts as between."""
        values = measure(motion)
        for number in np.unique(motion.labels):
            inside = motion.labels == number
            name = "between" if number == 0 else names[number]
            self._values[name].append({key: value[inside] for key, value in values.items()})

    def rows(self) -> dict[str, dict[str, float]]:
        """Return a row for each program, and one of all."""
        rows = {name: _row(parts) for name, parts in sorted(self._values.items())}
        return {**rows, "ALL": _row([part for parts in self._values.values() for part in parts])}


def _row(parts: list[dict[str, Floats]]) -> dict[str, float]:
    joined = {key: np.concatenate([part[key] for part in parts]) for key in MEASURES}
    row = {key: float(np.mean(value)) for key, value in joined.items()}
    row["jerky"] = float(np.percentile(joined["jerky"], 95))
    row["below"] = float(joined["below"].max())
    row["seconds"] = len(joined["below"]) / RATE_HZ
    return row


def named_programs() -> tuple[Program, ...]:
    """Return the programs of the package, each a class of its own."""
    programs = []
    for program in shipped_programs():
        phases = tuple(msgspec.structs.replace(phase, action="", labelled=True) for phase in program.phases)
        programs.append(msgspec.structs.replace(program, action=program.name, phases=phases))
    return tuple(programs)


def audit(*, performances: int, streams: int, seconds: float, seed: int, only: tuple[str, ...] = ()) -> dict[str, dict]:
    """Perform every program and draw streams. Returns rows of measures, of programs alone and within streams."""
    programs = named_programs()
    alone, within = Table(), Table()
    for program in programs:
        if only and program.name not in only:
            continue
        synthesiser = MotionSynthesiser([program.name], seed=seed, programs=(program,))
        for index in range(performances):
            alone.add(synthesiser.action(program.name, index), synthesiser.classes)
    synthesiser = MotionSynthesiser(seed=seed, programs=programs, settings=StreamSettings(seconds=seconds))
    for index in range(streams):
        within.add(synthesiser.stream(index), synthesiser.classes)
    return {"programs": alone.rows() if performances else {}, "streams": within.rows() if streams else {}}


def _print(rows: dict[str, dict[str, float]]) -> None:
    keys = ("seconds", *MEASURES)
    print(f"{'':32}" + "".join(f"{key:>9}" for key in keys))
    for name, row in rows.items():
        print(f"{name:32}" + "".join(f"{row[key]:9.1f}" for key in keys))


def main() -> None:
    """Print the tables, and write them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--performances", type=int, default=5, help="of every program")
    parser.add_argument("--streams", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=60.0, help="of one stream")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=lambda text: tuple(text.split(",")), default=(), help="names of programs")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found = audit(
        performances=options.performances, streams=options.streams, seconds=options.seconds, seed=options.seed,
        only=options.only,
    )  # fmt: skip
    for where, rows in found.items():
        if rows:
            print(f"\n{where}")
            _print(rows)
    print("\n" + "\n".join(f"{key}: {says}" for key, says in MEASURES.items()))
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        settings = {"performances": options.performances, "streams": options.streams, "seed": options.seed}
        options.json.write_text(
            json.dumps({"measures": MEASURES, "settings": settings, **found}, indent=1, default=float) + "\n", "utf-8"
        )


if __name__ == "__main__":
    main()
