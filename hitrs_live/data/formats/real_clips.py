"""Clips of real people, as MediaPipe saw them, with the actions that a person saw in them: the reality benchmark.

A folder holds `NAME.npz`, the landmarks of one clip without its pictures, and `labels.json`, what happens in each clip:

- `NAME.npz`: `landmarks` (N, 33, 7), x and y as fractions of the picture, x, y, z in metres about the hips (x right, y
  down, z away), visibility, presence; `frame` (N,), the frame of each row, several rows where several people were
  seen; `frames`, `fps`, `width`, `height`.
- `labels.json`: by clip, `intervals` [start s, end s, class]; `near`, classes whose detection counts neither as right
  nor as wrong; `other`, whether nothing of the usual classes happens; `view`; and where only the beginning was looked
  through, `labelled_until_s`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from hitrs_live.errors import DataError
from hitrs_live.skeleton import MEDIAPIPE33

LABELS = "labels.json"
_FIELDS = 7
_MOST_FRAMES = 1_000_000
_MOST_PIXELS = 100_000

View = Literal["front", "oblique", "side", "back"]
_Seconds = Annotated[float, Meta(ge=0)]


_EITHER: Final = {"sit_to_stand": frozenset({"sit_to_stand", "stand_to_sit"})}
"""Labels that were given when there was one class for both directions; in most of the intervals people sit down."""


_ALSO_SEEN: Final = {
    "be_pup": frozenset({"push_up", "plank"}),
    "be_sidelegr": frozenset({"leg_raise_side"}),
    "kth_waving": frozenset({"wave", "raise_hand"}),
}
"""By clip: what people do in it, named when detectors had no such class. Without an interval, it counts as near."""


class _Labels(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    intervals: tuple[tuple[_Seconds, _Seconds, str], ...]
    near: frozenset[str]
    other: bool
    view: View
    note: str = ""
    labelled_until_s: _Seconds | None = None


class TrueAction(msgspec.Struct, frozen=True, kw_only=True):
    """An action that a person saw in a clip. Seconds from its first frame."""

    label: str
    start_s: float
    end_s: float
    right: frozenset[str] = frozenset()
    """Classes whose detection is right; empty for the label alone."""
    near: frozenset[str] = frozenset()
    """Classes whose detection during this action counts neither as right nor as false."""

    @property
    def classes(self) -> frozenset[str]:
        """Classes whose detection is right."""
        return self.right or frozenset({self.label})


class RealClip(msgspec.Struct, frozen=True, kw_only=True):
    """What a pose estimator saw in one clip, and what happens in it."""

    name: str
    landmarks: NDArray[np.float32]
    """(N, 33, 7), in the layout `MEDIAPIPE33`; fields as in the module's docstring."""
    frame: NDArray[np.int64]
    """(N,), rising: the frame of each row."""
    frames: int
    fps: float
    width: int
    height: int
    actions: tuple[TrueAction, ...]
    near: frozenset[str]
    other: bool
    view: View
    labelled_s: float
    """How much of the clip was looked through."""

    @property
    def recorded_s(self) -> float:
        """The time in which false alarms are counted."""
        return self.labelled_s

    @property
    def left_out(self) -> tuple[tuple[float, float], ...]:
        """Stretches of which it is not known what happens: none."""
        return ()


def read_real_clips(folder: Path) -> Sequence[RealClip]:
    """Read all clips of a folder, by name.

    Raises DataError where the folder holds none, or a file is missing, damaged or unlike the format.
    """
    labels = _read_labels(folder / LABELS)
    return [
        read_clip(
            folder / f"{name}.npz",
            name=name,
            actions=tuple(
                TrueAction(label=label, start_s=start, end_s=end, right=_EITHER.get(label, frozenset()))
                for start, end, label in own.intervals
            ),
            near=own.near | _ALSO_SEEN.get(name, frozenset()),
            other=own.other,
            view=own.view,
            labelled_until_s=own.labelled_until_s,
        )
        for name, own in sorted(labels.items())
    ]


def _read_labels(path: Path) -> Mapping[str, _Labels]:
    try:
        labels = msgspec.json.decode(path.read_bytes(), type=dict[str, _Labels])
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror}); expected the labels of real clips; set HITRS_DATA or --data"
        ) from None
    except msgspec.DecodeError as error:
        raise DataError(f"{path}: not understood ({error})") from None
    if not labels:
        raise DataError(f"{path}: names no clip")
    for name, own in labels.items():
        if Path(name).name != name:
            raise DataError(f"{path}: clip {name!r}, expected the name of a file beside it, without .npz")
        for start_s, end_s, label in own.intervals:
            if not start_s < end_s:
                raise DataError(
                    f"{path}: clip {name}, {label} from {start_s} to {end_s} s, expected an end after the start"
                )
    return labels


def read_clip(
    path: Path,
    *,
    name: str,
    actions: tuple[TrueAction, ...],
    near: frozenset[str],
    other: bool,
    view: View,
    labelled_until_s: float | None,
) -> RealClip:
    """Read the landmarks of one clip, and add what happens in it.

    Raises DataError where the file is missing, damaged or unlike the format.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            landmarks = archive["landmarks"].astype(np.float32)
            frame = archive["frame"].astype(np.int64)
            frames, width, height = (int(archive[key]) for key in ("frames", "width", "height"))
            fps = float(archive["fps"])
    except (OSError, ValueError, KeyError, TypeError, EOFError, OverflowError) as error:
        raise DataError(f"{path}: not a clip of landmarks ({type(error).__name__}: {str(error)[:80]})") from None
    fault = _find_fault(landmarks, frame, frames=frames, fps=fps, size=(width, height))
    if fault:
        raise DataError(f"{path}: {fault}")
    duration_s = frames / fps
    return RealClip(
        name=name,
        landmarks=landmarks,
        frame=frame,
        frames=frames,
        fps=fps,
        width=width,
        height=height,
        actions=actions,
        near=near,
        other=other,
        view=view,
        labelled_s=duration_s if labelled_until_s is None else min(labelled_until_s, duration_s),
    )


def _find_fault(
    landmarks: NDArray[np.float32], frame: NDArray[np.int64], *, frames: int, fps: float, size: tuple[int, int]
) -> str:
    """Describe the first thing that is wrong with a clip; empty where nothing is."""
    expected = (len(MEDIAPIPE33), _FIELDS)
    if landmarks.shape[1:] != expected or frame.shape != landmarks.shape[:1]:
        return (
            f"landmarks {landmarks.shape} of frames {frame.shape}, expected (N, {expected[0]}, {expected[1]}) and (N,)"
        )
    if not 0 < frames <= _MOST_FRAMES or not 0 < fps <= 1000 or not all(0 < side <= _MOST_PIXELS for side in size):
        return f"{frames} frames of {size[0]} x {size[1]} at {fps} a second, expected positive numbers"
    if not np.isfinite(landmarks).all():
        return "landmarks that are not finite"
    if len(frame) and (frame.min() < 0 or frame.max() >= frames or (np.diff(frame) < 0).any()):
        return f"frames out of order or outside 0 to {frames - 1}"
    return ""
