"""The table of data sets that `hitrs-live prepare` reads. A new one is a module of this package and one entry of
`_READERS`.

The module has a function that lists the files of the data set and says how one of them is read: it returns a
`prepare.reading.Plan`. A reader's module is imported when it is used, not with this table.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from hitrs_live.prepare.reading import Plan


@dataclass(frozen=True, kw_only=True)
class ReaderFlag:
    """A flag that only some kinds of data have."""

    name: str
    """Keyword of the plan function; `unit_m` is the flag `--unit-m`."""
    takes: type[Path] | type[float]
    """A path, or a number above 0."""
    text: str
    """For the help."""


@dataclass(frozen=True, kw_only=True)
class Reader:
    """One kind of data on the command line, and the function that reads it."""

    kind: str
    """Word after `hitrs-live prepare`."""
    plan_function: str
    """Its full dotted name: a function that takes (path, *, name) and a keyword for each flag, and returns a Plan."""
    text: str
    """For the help."""
    flags: tuple[ReaderFlag, ...] = ()
    takes_file: bool = False
    """Whether the path may be a single file rather than a folder."""

    def plan(self, path: Path, *, name: str, **flags: Any) -> "Plan":
        """List the files under a path. flags: only those given. Raises DataError where there is nothing to read."""
        module, _, function = self.plan_function.rpartition(".")
        planner: Callable[..., Plan] = getattr(importlib.import_module(module), function)
        return planner(path, name=name, **flags)


def _reader(kind: str, function: str, text: str, *flags: ReaderFlag, takes_file: bool = False) -> Reader:
    """Describe a reader of this package. function: `module.function`."""
    plan_function = f"{__package__}.{function}"
    return Reader(kind=kind, plan_function=plan_function, text=text, flags=flags, takes_file=takes_file)


_MISSING = ReaderFlag(name="missing", takes=Path, text="the authors' list of samples with missing skeletons")
_TEXTS = ReaderFlag(name="texts", takes=Path, text="action of each recording, one line each, such as `01_02 walk`")
_UNIT_M = ReaderFlag(name="unit_m", takes=float, text="metres per unit of length (default: by the joints' names)")
_AMC_RATE = ReaderFlag(name="rate_hz", takes=float, text="frames per second of the .amc files (default: 120)")
_OUTPUT_RATE = ReaderFlag(name="rate_hz", takes=float, text="frames per second to resample to (default: 30)")
_INTERVALS = ReaderFlag(
    name="labels", takes=Path, text="CSV: recording,track,start_s,end_s,label; an empty track stands for all people"
)

_READERS: Final = (
    _reader("ntu", "ntu.plan_ntu", "NTU RGB+D 60 or 120: .skeleton files, to any depth", _MISSING),
    _reader("pku-mmd", "pku_mmd.plan_pku_mmd", "PKU-MMD: text files of skeletons, labels and splits, to any depth"),
    _reader("nw-ucla", "nw_ucla.plan_nw_ucla", "Northwestern-UCLA: one JSON file per sequence"),
    _reader("precog", "precog.plan_precog", "PRECOG 2016: one CSV file per sequence"),
    _reader("ui-prmd", "ui_prmd.plan_ui_prmd", "UI-PRMD: the Kinect's segmented positions and angles"),
    _reader("utkinect", "utkinect.plan_utkinect", "UTKinect-Action3D: joints_*.txt and actionLabel.txt"),
    _reader("msr-action3d", "msr_action3d.plan_msr_action3d", "MSR Action3D: a01_s01_e01_skeleton3D.txt and so on"),
    _reader("kinder-gator", "kinder_gator.plan_kinder_gator", "Kinder-Gator: one CSV file per clip"),
    _reader("labanotation", "labanotation.plan_labanotation", "gestures of LabanotationSuite: Ges*.csv"),
    _reader("bvh", "mocap.plan_bvh", "motion capture: BVH files with CMU's or Daz's joint names", _TEXTS, _UNIT_M),
    _reader("acclaim", "mocap.plan_acclaim", "motion capture: .asf skeletons and .amc recordings", _TEXTS, _AMC_RATE),
    _reader(
        "recordings", "recordings.plan_recordings", "recordings made with --record: an .mcap file or a folder of them",
        _INTERVALS, _OUTPUT_RATE, takes_file=True,
    ),
)  # fmt: skip
READERS: Final = {reader.kind: reader for reader in _READERS}
"""By kind, in the order of the help. `hitrs-live prepare arrays` is not among them: it copies what can be opened."""
