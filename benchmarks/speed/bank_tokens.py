"""Compare a negative bank's tokens with joints, in one run: cost, logits and events of a detector.

    HITRS_DATA=../shared/data python benchmarks/speed/bank_tokens.py --json reports/bank_tokens.json

The same streams are encoded to a bank, and run through the live predictor from their joints. Both give the detector's
logits and events; the ratio of their costs is what tokens save each time a head is measured. Drawing training windows
from tokens is compared with encoding them from joints. One thread; processor time, not elapsed time.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console

from hitrs_live.checkpoint import Checkpoint, load_checkpoint
from hitrs_live.data.array_format import LabelledSequence, data_folder
from hitrs_live.data.labelled_motion import LabelledMotion
from hitrs_live.evaluation.bank_scores import bank_logits, bank_streams
from hitrs_live.evaluation.decode_streams import decode_streams
from hitrs_live.evaluation.kept_streams import KeptStream
from hitrs_live.evaluation.reports.write import write_report
from hitrs_live.evaluation.run_model import run_model
from hitrs_live.negative_bank.bank import Bank
from hitrs_live.negative_bank.bank_format import BUILT, BankInfo, part_name, write_bank_info
from hitrs_live.negative_bank.encoded_part import LiveMotion, write_part
from hitrs_live.negative_bank.encoder import open_bank_encoder
from hitrs_live.negative_bank.encoding import encode_motions
from hitrs_live.negative_bank.live_view import open_live_view
from hitrs_live.negative_bank.sources import SOURCES, MotionSource, motion_rng

_WINDOWS = 512
_SOURCE = "gestures"


def main() -> None:
    """Measure at one prediction a clip and at one a frame, and print both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--streams", type=int, default=6)
    parser.add_argument("--live-errors", default="augmented")
    options = parser.parse_args()
    torch.set_num_threads(1)
    checkpoint = load_checkpoint()
    source = SOURCES[_SOURCE].open(data_folder(), 0)
    motions = _draw(source, options.streams, options.live_errors)
    reports = [_compare(checkpoint, source, motions, step) for step in (7, 1)]
    for report in reports:
        Console().print(report)
    if options.json:
        write_report(options.json, reports)


def _draw(source: MotionSource, count: int, live_errors: str) -> list[LabelledMotion]:
    view = open_live_view(live_errors)
    drawn = []
    for number in range(count):
        rng = motion_rng(0, _SOURCE, number)
        motion = source.draw(number, rng)
        drawn.append(replace(motion, joints_m=view(motion.joints_m, rng).joints_m))
    return drawn


def _compare(
    checkpoint: Checkpoint, source: MotionSource, motions: Sequence[LabelledMotion], step: int
) -> dict[str, Any]:
    encoder = open_bank_encoder(None)
    hours = sum(map(len, motions)) / encoder.description.normaliser.rate_hz / 3600
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        info = BankInfo(encoder=encoder.description, step_frames=step, views=2)
        write_bank_info(path, info)
        _, encoding_s = _timed(
            lambda: write_part(
                path, part_name(BUILT, 1), [LiveMotion(motion=one, lost=0.0) for one in motions], encoder, info,
                source=_SOURCE, classes=source.classes, licence=source.licence,
            )
        )  # fmt: skip
        bank = Bank.open(path)
        logits, tokens_s = _timed(lambda: bank_logits(bank, checkpoint))
        sequences = [
            LabelledSequence(
                name=str(number), subject=one.subject, joints_m=one.joints_m, labels=one.labels,
                valid_mask=np.ones(25, bool),
            )
            for number, one in enumerate(motions)
        ]  # fmt: skip
        live, joints_s = _timed(lambda: run_model(checkpoint, sequences, step_frames=step))
        live = sorted(live, key=lambda stream: int(stream.sequence.name))
        kept = bank_streams(bank, logits, checkpoint.info.labels)
        events = [_events(streams, checkpoint, step) for streams in (kept, live)]
        windows, drawing_s = _timed(lambda: bank.windows(np.random.default_rng(0), _WINDOWS))
        span = encoder.steps.grid.frames_of(encoder.description.window_clips)
        pieces = [one.joints_m[:span] for one in motions for _ in range(max(1, _WINDOWS // 32 // len(motions)))]
        _, piece_s = _timed(lambda: encode_motions(encoder, pieces, step_frames=7, views=1))
        return {
            "step_frames": step,
            "hours": round(hours, 4),
            "encoding_s": round(encoding_s, 2),
            "hours_encoded_per_core_minute": round(hours / encoding_s * 60, 3),
            "logits_from_tokens_s": round(tokens_s, 2),
            "logits_from_joints_s": round(joints_s, 2),
            "ratio": round(joints_s / tokens_s, 1),
            "largest_difference_of_logits": round(_difference(kept, live), 4),
            "events_from_tokens": len(events[0]),
            "events_from_joints": len(events[1]),
            "events_equal": events[0] == events[1],
            "window_from_tokens_us": round(drawing_s / len(windows.rows) * 1e6, 1),
            "window_from_joints_us": round(piece_s / len(pieces) * 1e6, 1),
            "window_ratio": round(piece_s / len(pieces) / (drawing_s / len(windows.rows))),
        }


def _timed(call: Callable[[], Any]) -> tuple[Any, float]:
    began_s = time.process_time()
    result = call()
    return result, time.process_time() - began_s


def _difference(kept: Sequence[KeptStream], live: Sequence[KeptStream]) -> float:
    return max(float(np.abs(one.logits - other.logits).max()) for one, other in zip(kept, live, strict=True))


def _events(streams: Sequence[KeptStream], checkpoint: Checkpoint, step: int) -> list[tuple[int, str, float]]:
    results = decode_streams(streams, checkpoint.info, step_frames=step)
    return [
        (number, action.label, action.onset_s) for number, result in enumerate(results) for action in result.detected
    ]


if __name__ == "__main__":
    main()
