"""Say which model a report is of, and which classes the shipped one has."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from hitrs_live.files.checkpoint_file import KEY, SHIPPED, open_checkpoint_file
from hitrs_live.streaming.thresholds import Thresholds
from report_tables.markdown import Column, grid, table
from report_tables.reports import Report, Reports

VERSIONS: Final = {
    "hitrs_tiny": "hitrs_tiny 9",
    "hitrs_tiny_8": "hitrs_tiny 8",
    "hitrs_tiny_3": "hitrs_tiny 3",
}
"""By the name of a file of the package's weights: the model and its version."""
GROUPS: Final[Mapping[str, Sequence[str]]] = {
    "strikes": (
        "punch_left", "punch_right", "hook_left", "hook_right", "uppercut_left", "uppercut_right", "back_fist",
        "elbow_strike", "front_kick_left", "front_kick_right", "side_kick_left", "side_kick_right",
        "roundhouse_kick_left", "roundhouse_kick_right",
    ),
    "legs": (
        "squat", "lunge", "side_lunge", "sit_to_stand", "stand_to_sit", "hurdle_step", "leg_raise", "leg_raise_side",
        "leg_raise_back", "knee_raise", "calf_raise", "kneel",
    ),
    "arms and trunk": (
        "shoulder_abduction", "shoulder_extension", "shoulder_rotation", "shoulder_scaption", "shoulder_press",
        "front_raise", "biceps_curl", "arm_circle", "twist", "side_bend", "toe_touch", "hip_hinge",
    ),
    "floor": (
        "push_up", "plank", "mountain_climber", "burpee", "sit_up", "glute_bridge", "crawl", "lie", "lie_down",
        "get_up",
    ),
    "falls": ("fall_forward", "fall_backward", "fall_side"),
    "whole body": (
        "walk", "run", "jump", "jumping_jack", "high_knees", "march", "step", "side_step", "turn",
    ),
    "gestures": ("wave", "raise_hand", "point", "clap", "cross_arms", "bow"),
    "everyday": (
        "pick_up", "put_on_shelf", "carry", "push", "pull", "drink", "phone_to_ear", "read_phone", "type", "wipe",
        "sweep", "throw", "catch",
    ),
}  # fmt: skip
"""Every class of the shipped model, for the tables."""


class _Described(msgspec.Struct):
    labels: tuple[str, ...]


def shipped_labels() -> tuple[str, ...]:
    """Read the shipped model's classes, background first, from its file."""
    with open_checkpoint_file(SHIPPED, "np") as file:
        return msgspec.json.decode(file.metadata()[KEY], type=_Described).labels


def shipped_thresholds() -> Thresholds | None:
    """Read the shipped thresholds, None where there are none."""
    path = SHIPPED.with_suffix(".thresholds.toml")
    return msgspec.toml.decode(path.read_bytes(), type=Thresholds) if path.is_file() else None


def sha256_of(path: Path) -> str:
    """Compute the SHA-256 by which reports name a checkpoint."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def model_of(report: Report) -> str:
    """Return the model and version that a report is of, by the SHA-256 of its weights."""
    sha256 = report["checkpoint"]["sha256"]
    names = (name for name in VERSIONS if sha256_of(SHIPPED.with_name(f"{name}.safetensors")) == sha256)
    return VERSIONS.get(next(names, ""), f"other weights ({sha256[:8]})")


def classes(reports: Reports) -> str:
    """Lay out the shipped model's classes by group, those that it reports by default apart."""
    labels, thresholds = shipped_labels()[1:], shipped_thresholds()
    experimental = frozenset(thresholds.experimental if thresholds else ())
    rows = []
    for group, names in GROUPS.items():
        there = [name for name in names if name in labels]
        by_default = [f"`{name}`" for name in there if name not in experimental]
        others = [f"`{name}`" for name in there if name in experimental]
        rows.append([group, ", ".join(by_default) or "-", ", ".join(others) or "-"])
    counts = (len(labels) - len(experimental), len(experimental))
    return grid(("group", f"reported by default ({counts[0]})", f"experimental ({counts[1]})"), rows)


def left_out_clips(reports: Reports) -> str:
    """Make the table of detectors compared on streams that were left out of their training."""
    columns = (
        Column("detector", lambda row: row["name"]),
        Column("classes", lambda row: len(row["classes"])),
        Column("mean average precision", lambda row: row["average_precision"], ".3f"),
        Column("mean recall at 1 false clip in 1,000", lambda row: row["recall"], ".3f"),
    )
    return table(columns, reports["left_out_clips"]["detectors"])
