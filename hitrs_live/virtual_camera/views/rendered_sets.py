"""From a folder of rendered views to sets that the other tools read: the array format, and clips with intervals."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from hitrs_live.config import Config
from hitrs_live.data.array_format import load_archive
from hitrs_live.data.formats.real_clips import LABELS
from hitrs_live.data.labelled_motion import RATE_HZ
from hitrs_live.data.shipped_classes import SHIP_CLASSES
from hitrs_live.errors import DataError
from hitrs_live.files.atomic_write import whole_file
from hitrs_live.skeleton import NTU25
from hitrs_live.virtual_camera.views.rendered_view import RenderedView, read_view, tracked_joints

VIEWS: Final = "views"
"""Folder of the views within the output of `hitrs-live render`."""
LEAST_SEEN: Final = 0.5
"""Views in which the person is seen in fewer of the instants are left out of the array format."""


@dataclass(frozen=True, kw_only=True)
class SetWritten:
    """One file in the array format."""

    path: Path
    views: int
    frames: int
    left_out: tuple[str, ...]
    """Names of views in which the person was hardly seen."""


def view_files(folder: Path) -> list[Path]:
    """List the views in the output of `hitrs-live render`, or in its folder of views, by name.

    Raises DataError where there are none.
    """
    inside = folder / VIEWS
    files = sorted((inside if inside.is_dir() else folder).glob("*.npz"))
    if not files:
        raise DataError(f"{folder}: no rendered views; expected the .npz files of `hitrs-live render --out {folder}`")
    return files


def read_views(folder: Path) -> Iterator[RenderedView]:
    """Yield the views of a folder, by name. Raises DataError for a damaged one."""
    for path in sorted(folder.glob("*.npz")):
        yield read_view(path)


def write_array_sets(folder: Path, out: Path, sources: Mapping[str, Path], config: Config) -> list[SetWritten]:
    """Write the live joints of all views, one file for each source and of its name.

    folder: of the views; sources: the files that they were rendered from, by name. The files have, beside the array
    format's keys, `seen` (frames,) and `confidence` (frames, 25). A sequence is called as in its source, with `_v` and
    the number of the view.
    """
    by_source: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("*.npz")):
        by_source.setdefault(path.name.split(".")[0], []).append(path)
    return [
        _write_set(out / f"{name}.npz", map(read_view, paths), load_archive(sources[name]).meta, config)
        for name, paths in by_source.items()
        if name in sources
    ]


def _write_set(path: Path, views: Iterator[RenderedView], meta: Mapping[str, Any], config: Config) -> SetWritten:
    parts: dict[str, list[Any]] = {key: [] for key in ("x", "y", "length", "subject", "seq", "seen", "confidence")}
    extra: dict[str, list[Any]] = {}
    left_out: list[str] = []
    for view in views:
        live = tracked_joints(view, config)
        if 1 - live.lost_mask.mean() < LEAST_SEEN:
            left_out.append(view.name)
            continue
        parts["x"].append(live.joints_m.astype(np.float16))
        parts["y"].append(view.grid_labels["labels"].astype(np.int16))
        parts["length"].append(len(live.lost_mask))
        parts["subject"].append(view.subject)
        parts["seq"].append(f"{view.sequence}_{view.name.rsplit('.', 1)[1]}")
        parts["seen"].append(~live.lost_mask)
        parts["confidence"].append(live.confidence.astype(np.float16))
        for key, values in view.grid_labels.items():
            if key != "labels":
                extra.setdefault(key, []).append(values)
    count = len(parts["length"])
    if count:
        arrays = {key: np.concatenate(parts[key]) for key in ("x", "y", "seen", "confidence")}
        arrays |= {key: np.concatenate(values) for key, values in extra.items() if len(values) == count}
        arrays |= {"length": np.array(parts["length"], np.int32)}
        arrays |= {key: np.array(parts[key]) for key in ("subject", "seq")}
        kept = {key: meta[key] for key in ("licence", "source", "note", "labels", "text") if key in meta}
        rendered = {
            "valid": [True] * len(NTU25), "rate_hz": RATE_HZ, "rendered": "seen by MediaPipe, as live",
            "left_out": left_out,
        }  # fmt: skip
        with whole_file(path) as unfinished, unfinished.open("wb") as file:
            np.savez_compressed(file, **arrays, meta=json.dumps({**kept, **rendered}))  # type: ignore[arg-type]
    return SetWritten(path=path, views=count, frames=sum(parts["length"]), left_out=tuple(left_out))


def write_clip_labels(folder: Path) -> None:
    """Write `labels.json`, so that `hitrs-live evaluate reality` reads the views as clips.

    Classes are those of the shipped detector where a data set's labels have one, else the data set's own.
    """
    labels = {view.name: _clip_labels(view) for view in read_views(folder)}
    with whole_file(folder / LABELS) as unfinished:
        unfinished.write_text(json.dumps(labels, indent=1) + "\n", encoding="utf-8")


def _clip_labels(view: RenderedView) -> dict[str, Any]:
    intervals = [
        [round(start / view.rate_hz, 3), round(end / view.rate_hz, 3), _class_name(view, label)]
        for start, end, label in _runs(view.labels.tolist())
        if label > 0
    ]
    return {"intervals": intervals, "near": [], "other": not intervals, "view": view.view}


def _class_name(view: RenderedView, label: int) -> str:
    name = view.label_names.get(label, str(label))
    if view.source == "ui_prmd_kinect" and name == str(label):
        name = f"m{label:02d}"
    to_shipped = SHIP_CLASSES.get(view.source)
    return (to_shipped(name) if to_shipped else None) or name


def _runs(labels: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Yield start, end and label of each run of one label."""
    start = 0
    for index in range(1, len(labels) + 1):
        if index == len(labels) or labels[index] != labels[start]:
            yield start, index, labels[start]
            start = index
