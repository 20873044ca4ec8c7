"""Time one frame of streaming Hi-TRS and of recomputing the window, with equal outputs, in one run.

    python benchmarks/speed/streaming_cost.py --json runs/streaming_cost.json

Two slow references with the same weights: the whole 20-clip window recomputed at every frame, and only when a clip
ends. All run on one thread. The outputs are compared at every clip.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from hitrs_live.evaluation.reports.write import write_report
from hitrs_live.inference.torch_engine import TorchEngine
from hitrs_live.model.detector import DetectorConfig, HitrsDetector
from hitrs_live.model.hitrs import HITRS_SMALL, HiTRSConfig
from hitrs_live.streaming.detector_stream import stream_step
from hitrs_live.streaming.encoder_stream import StreamState
from hitrs_live.transforms import NormaliserConfig, normalise_sequence

NORMALISER = NormaliserConfig()


def measure(encoder: HiTRSConfig, *, clips: int, strides: int) -> dict[str, float]:
    """Fill a window of `clips` clips, then time `strides` clip strides of 7 frames. Returns milliseconds a frame."""
    torch.manual_seed(0)
    model = HitrsDetector(DetectorConfig(encoder=encoder, classes=27, window_clips=clips)).eval()
    engine = TorchEngine(model)
    window = encoder.frames_of(clips)
    frames = window + strides * encoder.clip_stride
    joints = torch.randn(1, 1, 25, 3) * 0.3 + torch.randn(1, frames, 25, 3).cumsum(1) * 0.01
    normalised, _ = normalise_sequence(joints, NORMALISER)
    state, active = StreamState.empty(encoder, 1, window_clips=clips), torch.ones(1, dtype=torch.bool)
    for frame in range(window):
        stream_step(engine, joints[:, frame], active, state, NORMALISER)

    streamed_ms, recomputed_ms, worst = [], [], 0.0
    for stride in range(strides):
        first = window + stride * encoder.clip_stride
        began = time.perf_counter()
        for frame in range(first, first + encoder.clip_stride):
            output, state = stream_step(engine, joints[:, frame], active, state, NORMALISER)
        streamed_ms.append((time.perf_counter() - began) * 1e3 / encoder.clip_stride)
        end = first + encoder.clip_stride
        logits, took_ms = timed(lambda end=end: model(normalised[:, end - window : end])[0][:, -1])
        recomputed_ms.append(took_ms)
        worst = max(worst, float((logits - output.logits).abs().max()))
    every_frame = float(np.median(recomputed_ms))
    streamed = float(np.median(streamed_ms))
    return {
        "clips": clips,
        "streamed_ms_per_frame": streamed,
        "recomputed_every_frame_ms": every_frame,
        "recomputed_every_clip_ms_per_frame": every_frame / encoder.clip_stride,
        "speedup_over_every_frame": every_frame / streamed,
        "speedup_over_every_clip": every_frame / encoder.clip_stride / streamed,
        "max_abs_difference_of_logits": worst,
    }


@torch.inference_mode()
def timed(work: Callable[[], Tensor]) -> tuple[Tensor, float]:
    """Call a function once. Returns its result and the milliseconds that it took."""
    began = time.perf_counter()
    result = work()
    return result, (time.perf_counter() - began) * 1e3


def main() -> None:
    """Measure both sizes at 20 clips, and the small one at 5 to 40, to show what grows with the window."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--hops", type=int, default=15, help="clip strides to time")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = {"hitrs_base, 20 clips": measure(HiTRSConfig(), clips=20, strides=options.hops)}
    for clips in (5, 10, 20, 40):
        rows[f"hitrs_small, {clips} clips"] = measure(HITRS_SMALL, clips=clips, strides=options.hops)
    table = Table("model", "streamed ms/frame", "window each frame", "ratio", "window each clip", "ratio", "max |diff|")
    for name, row in rows.items():
        table.add_row(
            name,
            f"{row['streamed_ms_per_frame']:.2f}",
            f"{row['recomputed_every_frame_ms']:.1f}",
            f"{row['speedup_over_every_frame']:.0f}x",
            f"{row['recomputed_every_clip_ms_per_frame']:.1f}",
            f"{row['speedup_over_every_clip']:.1f}x",
            f"{row['max_abs_difference_of_logits']:.1e}",
        )
    Console().print(table)
    if options.json:
        write_report(options.json, rows)


if __name__ == "__main__":
    main()
