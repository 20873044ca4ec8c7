"""Encode motions as the live path has them, and write them as one part of a bank."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from hitrs_live.config import TrackConfig
from hitrs_live.data.labelled_motion import LabelledMotion
from hitrs_live.negative_bank.bank_format import BankInfo, PartWriter, StreamInfo
from hitrs_live.negative_bank.encoder import BankEncoder
from hitrs_live.negative_bank.encoding import clip_ends, encode_motions, row_labels
from hitrs_live.negative_bank.live_view import kept_spans
from hitrs_live.virtual_camera.live_joints import LiveJoints

_FRAMES_AT_ONCE: Final = 30_000
"""Frames of motions that are normalised as one batch."""


@dataclass(frozen=True, kw_only=True)
class LiveMotion:
    """A motion as the live path has it, and the share of its frames in which the person was lost."""

    motion: LabelledMotion
    lost: float


def write_part(
    folder: Path,
    name: str,
    motions: Iterable[LiveMotion],
    encoder: BankEncoder,
    bank: BankInfo,
    *,
    source: str,
    classes: tuple[str, ...],
    licence: str,
) -> list[StreamInfo]:
    """Encode motions and write them as one part of a bank. Returns its streams. Raises OSError where that fails.

    motions: drawn as they are encoded; source, classes, licence: theirs.
    """
    began_s = time.process_time()
    streams: list[StreamInfo] = []
    grid, lag = encoder.steps.grid, encoder.description.label_lag_frames
    with PartWriter(folder, name) as writer:
        for batch in _batches(motions):
            joints = [one.motion.joints_m for one in batch]
            encoded = encode_motions(encoder, joints, step_frames=bank.step_frames, views=bank.views)
            for one, tokens in zip(batch, encoded, strict=True):
                ends = clip_ends(len(one.motion), grid, bank.step_frames)
                writer.append(tokens, row_labels(one.motion, ends, lag, len(streams)))
                streams.append(_about(one, source))
        seconds = time.process_time() - began_s
        writer.finish(classes=classes, licences={source: licence}, streams=streams, seconds=seconds)
    return streams


def _about(one: LiveMotion, source: str) -> StreamInfo:
    motion = one.motion
    return StreamInfo(
        source=source, name=motion.name, subject=motion.subject, frames=len(motion), lost=round(one.lost, 4)
    )


def as_seen(motion: LabelledMotion, live: LiveJoints, rate_hz: float) -> Iterator[LiveMotion]:
    """Cut a motion where the person is lost for longer than the live path bridges."""
    for number, span in enumerate(kept_spans(live.lost_mask, round(TrackConfig().bridge_s * rate_hz))):
        name = f"{motion.name}#{number + 1}" if number else motion.name
        piece = replace(motion.at(span), name=name, joints_m=live.joints_m[span])
        yield LiveMotion(motion=piece, lost=float(live.lost_mask[span].mean()))


def _batches(motions: Iterable[LiveMotion]) -> Iterator[list[LiveMotion]]:
    """Group motions so that a batch, filled up to its longest, has at most _FRAMES_AT_ONCE frames."""
    batch: list[LiveMotion] = []
    for one in motions:
        longest = max(len(other.motion) for other in (*batch, one))
        if batch and longest * (len(batch) + 1) > _FRAMES_AT_ONCE:
            yield batch
            batch = []
        batch.append(one)
    if batch:
        yield batch
