"""Pool every sequence into one video embedding: offline over all frames, and as a stream after each share of them.

Both read the same frames, so the stream's embedding at a sequence's end equals the offline one.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hitrs_live.checkpoint import EncoderCheckpoint
from hitrs_live.data.clips import lead_in_frames, pack_samples
from hitrs_live.data.dataset import Body, Dataset, Sample
from hitrs_live.errors import DataError
from hitrs_live.inference.torch_engine import TorchEncoder
from hitrs_live.model.hitrs import HiTRS, HiTRSConfig
from hitrs_live.model.recogniser import Readout, pool, read_out
from hitrs_live.streaming.encoder_stream import StreamState, encode_step
from hitrs_live.transforms import mirror as mirrored

SHARES = tuple(range(10, 101, 10))
"""Percent of a sequence's frames after which a stream's embedding is read; P of them."""
_CLIPS_AT_ONCE = 256
_ROWS = 128


@torch.no_grad()
def sequence_tokens(
    reader: EncoderCheckpoint, dataset: Dataset, readout: Readout = "token", *, mirror: bool = False
) -> Tensor:
    """Pool whole sequences offline. Returns (S, C_video), the mean over the people of each.

    mirror: whether the mirror images are embedded instead. Raises DataError where a joint is not finite.
    """
    info = reader.info
    tokens = torch.zeros(len(dataset.samples), info.encoder.video_width)
    for numbers in _batches(dataset, info.encoder):
        samples = [dataset.samples[number] for number in numbers]
        bodies = [[read_body(dataset, sample, body, mirror) for body in sample.bodies] for sample in samples]
        packed, sample_of = pack_samples(bodies, info.encoder, info.normaliser, info.modality)
        tokens[numbers] = pool(reader.model, packed, sample_of, readout)
    return tokens


@torch.no_grad()
def observed_tokens(
    reader: EncoderCheckpoint, dataset: Dataset, readout: Readout = "token", *, mirror: bool = False
) -> Tensor:
    """Pool what a stream has seen after each of SHARES of every sequence. Returns (S, P, C_video).

    mirror: whether the mirror images are embedded instead. A person who has not appeared yet is left out of the mean.
    The first pose of each person is repeated before the first frame, as `lead_in_frames` defines. Raises DataError
    where a joint is not finite.
    """
    rows = [row for number, sample in enumerate(dataset.samples) for row in _rows(number, sample)]
    # Sorted by length, so that a batch stays full to its end.
    rows.sort(key=lambda row: -row.body.frames)
    sums = torch.zeros(len(dataset.samples), len(SHARES), reader.info.encoder.video_width)
    people = torch.zeros(len(dataset.samples), len(SHARES), 1)
    for first in range(0, len(rows), _ROWS):
        batch = rows[first : first + _ROWS]
        seen = torch.tensor([row.seen for row in batch])
        samples = torch.tensor([row.sample for row in batch])
        sums.index_add_(0, samples, _stream(reader, dataset, batch, seen, readout, mirror))
        people.index_add_(0, samples, (seen > 0).unsqueeze(-1).float())
    return sums / people


def read_body(dataset: Dataset, sample: Sample, body: Body, mirror: bool = False) -> NDArray[np.float32]:
    """Read the joints of one person of a sequence, (T, 25, 3) metres. Raises DataError where one is not finite.

    mirror: whether to swap left and right.
    """
    joints_m = dataset.joints_m(body)
    if not np.isfinite(joints_m).all():
        raise DataError(f"{dataset.path}: joints of {sample.name} are not finite; drop or fill them first")
    return mirrored(torch.from_numpy(joints_m)).numpy() if mirror else joints_m


def _batches(dataset: Dataset, grid: HiTRSConfig) -> Iterator[list[int]]:
    """Group sequences of similar lengths, as many as fill a batch of clips."""

    def clips(sample: Sample) -> int:
        lead = lead_in_frames(grid)
        return sum(min(grid.max_clips, grid.clips_in(lead + body.frames)) for body in sample.bodies)

    counts = [clips(sample) for sample in dataset.samples]
    batch: list[int] = []
    batch_clips = 0
    for number in sorted(range(len(counts)), key=lambda number: -counts[number]):
        if batch and batch_clips + counts[number] > _CLIPS_AT_ONCE:
            yield batch
            batch, batch_clips = [], 0
        batch.append(number)
        batch_clips += counts[number]
    if batch:
        yield batch


@dataclass(frozen=True, kw_only=True)
class _PersonRow:
    """One person of a sequence in a row of the batch."""

    sample: int
    name: Sample
    body: Body
    seen: tuple[int, ...]
    """(P,); the person's frames within each share of the sequence, 0 before the person appears."""


def _rows(number: int, sample: Sample) -> Iterator[_PersonRow]:
    begin = min(body.first_frame for body in sample.bodies)
    frames = max(body.first_frame + body.frames for body in sample.bodies) - begin
    for body in sample.bodies:
        # Rounded up: a tenth of a sequence is at least one frame.
        ends = (-(-share * frames // 100) - (body.first_frame - begin) for share in SHARES)
        yield _PersonRow(
            sample=number, name=sample, body=body, seen=tuple(min(max(end, 0), body.frames) for end in ends)
        )


def _stream(
    reader: EncoderCheckpoint, dataset: Dataset, rows: list[_PersonRow], seen: Tensor, readout: Readout, mirror: bool
) -> Tensor:
    """Step R people through the encoder and read their windows at each share. seen: (R, P) -> (R, P, C_video).

    All start in the same step, each with its own first frame; rows are independent. Zeros where nothing was seen.
    """
    info, lengths = reader.info, torch.tensor([row.body.frames for row in rows])
    longest, lead = int(lengths.max()), lead_in_frames(info.encoder)
    joints_m = torch.zeros(longest, len(rows), info.encoder.joints, info.encoder.channels)
    for column, row in enumerate(rows):
        joints_m[: row.body.frames, column] = torch.from_numpy(read_body(dataset, row.name, row.body, mirror))
    window = min(info.encoder.max_clips, info.encoder.clips_in(lead + longest))
    state = StreamState.empty(info.encoder, len(rows), window_clips=window)
    tokens = torch.zeros(*seen.shape, info.encoder.video_width)
    encoder = TorchEncoder(reader.model)
    for frame in range(-lead, longest):
        pose_m = joints_m[max(0, frame)]
        _, state = encode_step(encoder, pose_m, frame < lengths, state, info.normaliser, info.modality)
        due = (seen == frame + 1) & (seen > 0)
        read_rows = due.any(1).nonzero().squeeze(1)
        if len(read_rows):
            place, point = due[read_rows].nonzero(as_tuple=True)
            tokens[read_rows[place], point] = _window_token(reader.model, read_rows, state, readout)[place]
    return tokens


def _window_token(encoder: HiTRS, rows: Tensor, state: StreamState, readout: Readout) -> Tensor:
    """Pool the clips in the windows of M rows. Returns (M, C_video)."""
    clips, counts = state.clip_window(rows)
    return read_out(encoder, clips, torch.arange(clips.shape[1]) < counts[:, None], readout)
