"""The pose process: `python -m hitrs_live.pose.mediapipe.worker`, started by `process` and of no use on its own.

Looks come in on standard input, finds go out on what was standard output, pixels lie in a file whose descriptor
is inherited. It ends when its input ends, so also when the pipeline dies, whatever it is busy with.
"""

import argparse
import mmap
import os
import queue
import signal
import sys
import threading
from pathlib import Path

import numpy as np

from hitrs_live.pose.mediapipe.protocol import PoseReply, PoseRequest, Ready, Unpacker, pack


def main(arguments: list[str] | None = None) -> None:
    """Answer looks until the input ends."""
    parser = argparse.ArgumentParser(description="the pose process; started by hitrs_live itself")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--pixels", type=int, required=True, help="descriptor of the shared file")
    parser.add_argument("--max-people", type=int, required=True)
    parser.add_argument("--min-confidence", type=float, required=True)
    chosen = parser.parse_args(arguments)
    # Ctrl-C in a terminal reaches every process of the group; when to end is the pipeline's decision.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    replies = _take_standard_output()
    # Bounded: the pipeline asks for one picture at a time.
    looks: queue.Queue[PoseRequest] = queue.Queue(maxsize=4)
    threading.Thread(target=_listen, args=(looks,), name="pose-input", daemon=True).start()

    # Only now: loading takes a good part of a second, and the input's end must be heard meanwhile.
    from hitrs_live.pose.mediapipe.estimator import MediaPipeEstimator

    estimator = MediaPipeEstimator(chosen.model, max_people=chosen.max_people, min_confidence=chosen.min_confidence)
    _send(replies, pack(Ready()))
    pixels: mmap.mmap | None = None
    while True:
        look = looks.get()
        size = look.width * look.height * 3
        if pixels is None or len(pixels) < size:
            pixels = mmap.mmap(chosen.pixels, 0, prot=mmap.PROT_READ)
        picture = np.frombuffer(pixels, np.uint8, count=size).reshape(look.height, look.width, 3)
        landmarks = estimator.step(picture)
        found = PoseReply(seq=look.seq, people=len(landmarks), landmarks=landmarks.astype("<f4").tobytes())
        _send(replies, pack(found))


def _take_standard_output() -> int:
    """Keep standard output for answers; whatever a library prints goes to standard error instead."""
    replies = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return replies


def _listen(looks: queue.Queue[PoseRequest]) -> None:
    unpacker = Unpacker()
    while data := os.read(sys.stdin.fileno(), 1 << 16):
        for message in unpacker.feed(data):
            if isinstance(message, PoseRequest):
                looks.put(message)
    # No clean-up: the network's threads may be stuck, which is one reason why the pipeline would end us.
    os._exit(0)


def _send(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(descriptor, view) :]
    except BrokenPipeError:
        os._exit(0)


if __name__ == "__main__":
    main()
