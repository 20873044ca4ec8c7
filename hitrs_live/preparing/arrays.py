"""Whatever can be opened already, an .npz in the array format or a prepared folder, as a prepared folder."""

from collections.abc import Iterator

import msgspec
import numpy as np

from hitrs_live.data.dataset import Dataset, Index
from hitrs_live.data.interpolation import interpolate
from hitrs_live.preparing.reading import Findings, Recorded, record
from hitrs_live.preparing.resampling import grid


def copied_index(dataset: Dataset, *, name: str, rate_hz: float | None) -> Index:
    """Describe a data set brought to another rate, or to its own; its samples come with `copied`."""
    return msgspec.structs.replace(dataset.index, name=name, rate_hz=rate_hz or dataset.index.rate_hz, samples=())


def copied(dataset: Dataset, findings: Findings, *, rate_hz: float | None) -> Iterator[Recorded]:
    """Yield a data set's sequences one at a time, at a rate where one is given; labels are the nearest frame's."""
    ratio = 1.0 if rate_hz is None else rate_hz / dataset.index.rate_hz
    for sample in dataset.samples:
        bodies, labels = [], []
        for body in sample.bodies:
            first, at = grid(body.first_frame, body.frames, ratio)
            bodies.append((first, interpolate(dataset.joints_m(body), at)))
            labels.append(dataset.labels_of(body)[np.round(at).astype(np.int64)])
        recorded = record(msgspec.structs.replace(sample, bodies=()), bodies, labels)
        findings.add(Findings(counts={"bodies": len(bodies), "frames": len(recorded.joints)}))
        yield recorded
