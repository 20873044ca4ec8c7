"""`hitrs-live calibrate quantisation`: measure int8 activation ranges over recordings."""

import argparse
from pathlib import Path

import torch

from hitrs_live.checkpoint import Checkpoint, load_checkpoint
from hitrs_live.errors import DataError
from hitrs_live.evaluation.recorded_streams import run_on_recording
from hitrs_live.inference.int8_ranges import RANGES, Ranges, recording_ranges, save_ranges
from hitrs_live.inference.quantise import run_probe_streams


def run_calibrate_quantisation(options: argparse.Namespace) -> int:
    """Run the recordings, write the ranges and print how to build with them. Returns the exit code."""
    torch.set_num_threads(1)
    checkpoint = load_checkpoint(options.checkpoint)
    ranges = measure_ranges(checkpoint, options.recordings)
    save_ranges(options.out, ranges)
    products = sum(map(len, ranges.products.values()))
    # The default place is searched without the flag.
    named = "" if options.out == RANGES else f" --quantisation {options.out}"
    print(
        f"{options.out}: ranges of {products} products over {ranges.provenance['clips']} clips of "
        f"{ranges.provenance['recordings']}; build by them with "
        f"hitrs-live build-engines --engine onnx --precision int8{named}"
    )
    return 0


def measure_ranges(checkpoint: Checkpoint, recordings: list[Path]) -> Ranges:
    """Run recordings through the streaming path in torch and measure the ranges of the large matrix products.

    The built-in probe streams are run too: the parity gate compares on them, and ranges that clip them seldom pass it.

    Raises SourceUnavailable or DataError where a file is not a recording of this program, is damaged, or tracks no
    person for the length of a clip.
    """
    frames = clips = 0
    with recording_ranges(checkpoint.model) as products:
        run_probe_streams(checkpoint.model)
        for recording in recordings:
            streams = run_on_recording(checkpoint, recording)
            if not any(len(stream.ends) for stream in streams):
                span = checkpoint.info.detector.encoder.clip_span
                raise DataError(
                    f"recording {recording}: no person is tracked for {span} frames in it, expected at least one; "
                    "give another recording"
                )
            frames += sum(len(stream.sequence.labels) for stream in streams)
            clips += sum(len(stream.ends) for stream in streams)
    return Ranges(
        checkpoint=checkpoint.info.name,
        sha256=checkpoint.fingerprint,
        provenance={
            "recordings": ", ".join(recording.name for recording in recordings),
            "frames": str(frames),
            "clips": str(clips),
        },
        products=products,
    )
