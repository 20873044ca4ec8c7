"""The pose process: `python -m hitrs_live.pose.worker`, started by `process` and of no use on its own.

Requests come in on standard input, replies go out on what was standard output, pixels lie in a file whose descriptor
is inherited. The process ends when its input ends, so also when the pipeline dies, whatever it is busy with.
"""

import argparse
import mmap
import os
import queue
import signal
import sys
import threading

import numpy as np

from hitrs_live.pose.worker.landmarker import LandmarkerCall, LimitsPeople
from hitrs_live.pose.worker.protocol import PoseReply, PoseRequest, Ready, Unpacker, pack


def main(arguments: list[str] | None = None) -> None:
    """Reply to requests until the input ends."""
    parser = argparse.ArgumentParser(description="the pose process; started by hitrs_live itself")
    parser.add_argument("--landmarker", required=True, help="what finds the landmarks, as package.module:name")
    parser.add_argument("--arguments", required=True, help="its keyword arguments, as a JSON object")
    parser.add_argument("--pixels", type=int, required=True, help="descriptor of the shared file")
    options = parser.parse_args(arguments)
    # Ctrl-C in a terminal reaches every process of the group; when to end is the pipeline's decision.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    replies = _take_standard_output()
    # Bounded: the pipeline asks for one picture at a time.
    requests: queue.Queue[PoseRequest] = queue.Queue(maxsize=4)
    threading.Thread(target=_listen, args=(requests,), name="pose-input", daemon=True).start()

    # Only now: loading takes a good part of a second, and the input's end must be noticed meanwhile.
    landmarker = LandmarkerCall.from_command_line(options.landmarker, options.arguments).make()
    limited = landmarker if isinstance(landmarker, LimitsPeople) else None
    _send(replies, pack(Ready(limits_people=limited is not None, notice=getattr(landmarker, "notice", ""))))
    limits: tuple[int, bool] | None = None
    pixels: mmap.mmap | None = None
    while True:
        request = requests.get()
        size = request.width * request.height * 3
        if pixels is None or len(pixels) < size:
            pixels = mmap.mmap(options.pixels, 0, prot=mmap.PROT_READ)
        picture = np.frombuffer(pixels, np.uint8, count=size).reshape(request.height, request.width, 3)
        if limited is not None and limits != (request.most_people, request.spare):
            limits = (request.most_people, request.spare)
            limited.limit_people(request.most_people, spare=request.spare)
        landmarks = landmarker.step(picture)
        reply = PoseReply(seq=request.seq, people=len(landmarks), landmarks=landmarks.astype("<f4").tobytes())
        _send(replies, pack(reply))


def _take_standard_output() -> int:
    """Keep standard output for replies; whatever a library prints goes to standard error instead."""
    replies = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return replies


def _listen(requests: queue.Queue[PoseRequest]) -> None:
    unpacker = Unpacker()
    try:
        while data := os.read(sys.stdin.fileno(), 1 << 16):
            for message in unpacker.feed(data):
                if isinstance(message, PoseRequest):
                    requests.put(message)
    except ValueError as error:
        # Without this thread, the input's end would go unnoticed for ever.
        print(f"the pipeline's requests: {error}", file=sys.stderr, flush=True)
        os._exit(1)
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
