"""Run a detector's video level and action head over a bank: logits of every row, without its joints.

The frame and clip levels, most of the cost, were computed when the bank was built.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.data.array_format import BACKGROUND, IGNORE, LabelledSequence
from hitrs_live.evaluation.decode_streams import decode_streams
from hitrs_live.evaluation.kept_streams import KeptStream, StreamResult
from hitrs_live.evaluation.metrics.false_alarms import FalseAlarms, false_alarm_frames
from hitrs_live.inference.submodules import HeadSubmodule
from hitrs_live.negative_bank.bank import Bank
from hitrs_live.skeleton import NTU25, mirrored_labels
from hitrs_live.streaming.thresholds import Thresholds
from hitrs_live.transforms import average_sides

_ROWS_AT_ONCE: Final = 256
TOLERANCE_S: Final = 0.5
"""A detected start with no action within this, as in the reports of detection."""


@torch.inference_mode()
def bank_logits(
    bank: Bank,
    checkpoint: Checkpoint,
    rows: NDArray[np.int64] | None = None,
    *,
    on_rows: Callable[[int], None] | None = None,
) -> NDArray[np.float32]:
    """Compute the logits that the live stream gives at rows of a bank, by default at all. Returns (n, K).

    Convolutions beside Hi-TRS read joints, which a bank has not: they are left out. Where the bank has mirror images,
    logits are averaged with theirs, as live. on_rows: called with the number of rows that were computed since the last
    call; a large bank takes minutes.
    """
    rows = np.arange(len(bank)) if rows is None else rows
    head = HeadSubmodule(checkpoint.model)
    mirrored = torch.from_numpy(mirrored_labels(checkpoint.info.labels))
    window = checkpoint.model.config.window_clips

    def read(some: NDArray[np.int64], view: int) -> torch.Tensor:
        windows = bank.windows_at(some, clips=window, view=view)
        output = head.read(torch.from_numpy(windows.clips).float(), torch.from_numpy(windows.valid_clips))
        logits: torch.Tensor = head.action_head(output)
        return logits

    logits = np.empty((len(rows), len(checkpoint.info.labels)), np.float32)
    for first in range(0, len(rows), _ROWS_AT_ONCE):
        some = rows[first : first + _ROWS_AT_ONCE]
        own = read(some, 0)
        both = average_sides(own, read(some, 1), mirrored) if bank.info.views == 2 else own
        logits[first : first + _ROWS_AT_ONCE] = both.numpy()
        if on_rows is not None:
            on_rows(len(some))
    return logits


def bank_streams(bank: Bank, logits: NDArray[np.float32], labels: tuple[str, ...]) -> list[KeptStream]:
    """Put the logits of all rows, (N, K), into streams as the live model gives them, in the order of the bank's.

    labels: the detector's; another action of the bank counts as background. The label of a frame is that of the next
    row that describes it or a later one. A stream without a row has no prediction.
    """
    of_row = bank.labels_for(labels)
    lag = bank.info.encoder.label_lag_frames
    streams = []
    for number, about in enumerate(bank.streams):
        rows = bank.stream_rows(number)
        ends = bank.frame[rows]
        frame_labels = np.full(about.frames, IGNORE)
        if len(ends):
            next_row = np.minimum(np.searchsorted(ends - lag, np.arange(about.frames)), len(ends) - 1)
            frame_labels = of_row[rows][next_row]
        # A bank has no joints, and the decoder reads none.
        no_joints = np.broadcast_to(np.float32(0), (about.frames, len(NTU25), 3))
        sequence = LabelledSequence(
            name=about.name, subject=about.subject, joints_m=no_joints, labels=frame_labels,
            valid_mask=np.ones(len(NTU25), bool),
        )  # fmt: skip
        streams.append(KeptStream(sequence=sequence, ends=ends, logits=logits[rows]))
    return streams


@dataclass(frozen=True, kw_only=True)
class SourceAlarms:
    """What a detector reports on one source of a bank."""

    false_alarms: FalseAlarms
    """In frames known as background."""
    detected: int
    """Detected actions in all, in frames of actions and of unknown class too."""
    labels: tuple[str, ...]

    @property
    def by_class(self) -> Mapping[str, int]:
        """False alarms by class, the most frequent first."""
        counted = sorted(self.false_alarms.by_class.items(), key=lambda one: -one[1])
        return {self.labels[number]: count for number, count in counted}


def bank_alarms(
    bank: Bank, checkpoint: Checkpoint, logits: NDArray[np.float32], *, thresholds: Thresholds | None = None
) -> dict[str, SourceAlarms]:
    """Decode all streams of a bank as the live decoder does and count false alarms by source.

    logits: (N, K), as `bank_logits` computes them.
    """
    labels = checkpoint.info.labels
    streams = bank_streams(bank, logits, labels)
    results = decode_streams(streams, checkpoint.info, thresholds=thresholds, step_frames=bank.info.step_frames)
    alarms: dict[str, SourceAlarms] = {}
    for name in dict.fromkeys(stream.source for stream in bank.streams):
        of_source = [one for one, about in zip(results, bank.streams, strict=True) if about.source == name]
        alarms[name] = _count(of_source, labels, bank.info.encoder.normaliser.rate_hz)
    return alarms


def hardest_rows(
    bank: Bank, scores: NDArray[np.float32], labels: tuple[str, ...], count: int, *, apart_s: float = 1.0
) -> NDArray[np.int64]:
    """Mine a bank: return the rows with the highest scores of a class that is not theirs, the hardest first.

    scores: (N, K), of the classes `labels`, background first. Rows of unknown class are left out. Of rows of one stream
    closer than `apart_s` only the hardest counts. Returns at most `count` rows.
    """
    own = bank.labels_for(labels)
    known = own != IGNORE
    wrong = scores.copy()
    wrong[:, BACKGROUND] = 0
    wrong[np.arange(len(own)), np.maximum(own, BACKGROUND)] = 0
    hardness = np.where(known, wrong.max(axis=1), -1.0)
    apart = apart_s * bank.info.encoder.normaliser.rate_hz
    chosen: list[int] = []
    taken: dict[int, list[int]] = {}
    for row in np.argsort(-hardness, kind="stable").tolist():
        if len(chosen) == count or hardness[row] <= 0:
            break
        near = taken.setdefault(int(bank.stream[row]), [])
        if all(abs(int(bank.frame[row]) - frame) >= apart for frame in near):
            near.append(int(bank.frame[row]))
            chosen.append(row)
    return np.array(chosen, np.int64)


def _count(results: list[StreamResult], labels: tuple[str, ...], rate_hz: float) -> SourceAlarms:
    by_class: dict[int, int] = {}
    frames = detected = 0
    for result in results:
        alone = false_alarm_frames(result.sequence.labels, round(TOLERANCE_S * rate_hz))
        frames += int(alone.sum())
        detected += len(result.detected)
        for action in result.detected:
            onset = min(len(alone) - 1, max(0, round(action.onset_s * rate_hz)))
            if alone[onset]:
                number = labels.index(action.label)
                by_class[number] = by_class.get(number, 0) + 1
    return SourceAlarms(
        false_alarms=FalseAlarms(by_class=by_class, hours=frames / rate_hz / 3600), detected=detected, labels=labels
    )
