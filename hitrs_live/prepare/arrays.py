"""Whatever can be opened already, an .npz in the array format or a prepared folder, as a prepared folder."""

from collections.abc import Iterator

import msgspec
import numpy as np

from hitrs_live.data.dataset import UNLABELLED, Dataset, Index
from hitrs_live.data.interpolation import interpolate
from hitrs_live.errors import DataError
from hitrs_live.prepare.filling import fill_stream
from hitrs_live.prepare.reading import BAD_JOINTS, Findings, Recorded, record
from hitrs_live.prepare.resampling import grid


def copied_index(dataset: Dataset, *, name: str, rate_hz: float | None) -> Index:
    """Describe a data set brought to another rate, or to its own; its samples come with `copied`."""
    return msgspec.structs.replace(dataset.index, name=name, rate_hz=rate_hz or dataset.index.rate_hz, samples=())


def copied(dataset: Dataset, findings: Findings, *, rate_hz: float | None) -> Iterator[Recorded]:
    """Yield a data set's sequences one at a time, at a rate where one is given; labels are the nearest frame's.

    Frames in which nobody is there are interpolated; bodies that are there in less than half of theirs are left out.
    """
    ratio = 1.0 if rate_hz is None else rate_hz / dataset.index.rate_hz
    findings.add(Findings(counts={BAD_JOINTS: dataset.bad_joints}))
    for sample in dataset.samples:
        bodies, labels = [], []
        for body in sample.bodies:
            try:
                filled = fill_stream(dataset.path.name, dataset.joints_m(body))
            except DataError as error:
                findings.left_out[sample.name] = str(error)
                continue
            findings.add(Findings(counts=filled.counts))
            first, at = grid(body.first_frame, body.frames, ratio)
            nearest = np.round(at).astype(np.int64)
            bodies.append((first, interpolate(filled.joints, at)))
            own = dataset.labels_of(body)[nearest]
            labels.append(np.where(filled.lost[nearest], np.int16(UNLABELLED), own))
        if not bodies:
            continue
        recorded = record(msgspec.structs.replace(sample, bodies=()), bodies, labels)
        findings.add(Findings(counts={"bodies": len(bodies), "frames": len(recorded.joints)}))
        yield recorded
