"""Every kind of data that `hitrs-live prepare` reads. A new one is one line of READERS.

Importing this is cheap: a reader's own module is imported when it is used.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from hitrs_live.prepare.reading import Plan


@dataclass(frozen=True, kw_only=True)
class Reader:
    """One kind of data, as the command line has it."""

    kind: str
    plans: str
    """`module.function` within this package: takes (path, *, name, and what `flags` names), returns a Plan."""
    text: str
    flags: tuple[str, ...] = ()
    """Names of its own flags, which `commands.prepare` describes."""
    takes_file: bool = False
    """Whether a single file may stand for a folder."""

    def plan(self, path: Path, *, name: str, **flags: Any) -> "Plan":
        """Find the files under a path. flags: only those that were given. Raises DataError where there is none."""
        module, _, function = self.plans.rpartition(".")
        planner: Callable[..., Plan] = getattr(importlib.import_module(f"hitrs_live.prepare.{module}"), function)
        return planner(path, name=name, **flags)


def _reader(kind: str, plans: str, text: str, *flags: str, takes_file: bool = False) -> Reader:
    return Reader(kind=kind, plans=plans, text=text, flags=flags, takes_file=takes_file)


READERS: Final = (
    _reader("ntu", "ntu.plan_ntu", "NTU RGB+D 60 or 120: .skeleton files, to any depth", "missing"),
    _reader("pku-mmd", "pku_mmd.plan_pku_mmd", "PKU-MMD: text files of skeletons, labels and splits, to any depth"),
    _reader("nw-ucla", "nw_ucla.plan_nw_ucla", "Northwestern-UCLA: JSON files, one a sequence"),
    _reader("precog", "precog.plan_precog", "PRECOG 2016: CSV files, one a sequence"),
    _reader("ui-prmd", "ui_prmd.plan_ui_prmd", "UI-PRMD: the Kinect's segmented positions and angles"),
    _reader("utkinect", "utkinect.plan_utkinect", "UTKinect-Action3D: joints_*.txt and actionLabel.txt"),
    _reader("msr-action3d", "msr_action3d.plan_msr_action3d", "MSR Action3D: a01_s01_e01_skeleton3D.txt and so on"),
    _reader("kinder-gator", "kinder_gator.plan_kinder_gator", "Kinder-Gator: CSV files, one a clip"),
    _reader("labanotation", "labanotation.plan_labanotation", "gestures of LabanotationSuite: Ges*.csv"),
    _reader("bvh", "mocap.plan_bvh", "motion capture: BVH files with CMU's or Daz's joint names", "texts", "unit_m"),
    _reader("acclaim", "mocap.plan_acclaim", "motion capture: .asf skeletons and .amc recordings", "texts", "rate_hz"),
    _reader(
        "recordings", "recordings.plan_recordings", "what --record wrote: one .mcap file or a folder of them",
        "labels", "rate_hz", takes_file=True,
    ),
)  # fmt: skip
"""In the order of the help. The kind `arrays` is beside them: it copies what can be opened already."""
