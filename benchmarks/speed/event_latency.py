"""Measure the latency from a camera's frame to its events at a subscriber, through the whole live pipeline.

    python benchmarks/speed/event_latency.py ../shared/data/video/pose2sim_multi_cam0?.mp4 --rate 30 60 --json FILE

Each clip is served as a motion-JPEG camera on this machine, forwards and backwards at its own rate or every second
picture of it; `hitrs-live live` reads it, estimates poses in its pose process and publishes; this program subscribes.
All are processes of their own, and nothing is dropped but what a live camera drops.

"latency" is the time from the arrival of a frame's last byte to the last message that it led to (action, motion
prediction or scores), received here and decoded. Predictions and scores are published after every frame that leads to
some (`publish.predictions_every_s` is 0), which is more than by default. The parts are those of the pipeline's own
Status over its newest 512 frames; "wait" has the decoding of the JPEG; "transport" is from the publisher's stamp to
this subscriber. "cores" is the CPU time a second of the pipeline with its pose process. Before each run, the other
processes that want the CPUs are counted, with the share of the CPUs that they use and how much of it is niced.
"""

import argparse
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import cycle
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import psutil
from rich.console import Console
from rich.table import Table

from hitrs_live.config import Config, override, render_config
from hitrs_live.evaluation.reports.write import write_report
from hitrs_live.messages import ActionEvent, AnyMessage, MotionPrediction, PoseEvent, ScoreEvent, Status
from hitrs_live.transport.subscriber import Subscription, subscribe

PORT = 5598
URL = f"tcp://127.0.0.1:{PORT}"
ROOT = Path(__file__).parents[2]
START_S = 60.0
"""The longest that the pipeline may take to start and to stop."""
SHORTEST_S = 3.0
"""Of a run, beside what is left out at its start."""
JPEG_QUALITY = 90
BACKENDS = ("blazepose", "mediapipe")
PARTS = ("wait", "pose", "track", "person_check", "lift", "level", "model", "publish")


class Arrivals:
    """Find out how long after its frame each prediction arrives.

    A frame's messages are published together, its poses last. So a prediction is of the frame whose pose comes next.
    """

    def __init__(self) -> None:
        self.latency_ms: dict[int, float] = {}
        """By the time of the frame; those without a prediction are left out."""
        self.transport_ms: list[float] = []
        self.frames = 0
        self._frame_ns = -1
        self._predicted_ns: int | None = None

    def take(self, message: AnyMessage, received_ns: int) -> None:
        """Take one message, in the order of arrival."""
        if isinstance(message, ActionEvent | MotionPrediction | ScoreEvent):
            self._predicted_ns = received_ns
            self.transport_ms.append((received_ns - message.publish_time_ns) / 1e6)
        elif isinstance(message, PoseEvent) and message.capture_time_ns != self._frame_ns:
            self._frame_ns = message.capture_time_ns
            self.frames += 1
            if self._predicted_ns is not None:
                self.latency_ms[self._frame_ns] = (self._predicted_ns - self._frame_ns) / 1e6
            self._predicted_ns = None

    def after(self, seconds: float) -> list[float]:
        """Return the latencies without those of the first seconds."""
        first_ns = min(self.latency_ms, default=0) + seconds * 1e9
        return [each for time_ns, each in self.latency_ms.items() if time_ns >= first_ns]


def rate_of(clip: Path) -> float:
    """Return a clip's pictures a second. Raises SystemExit where it is none."""
    video = cv2.VideoCapture(str(clip))
    rate_hz = video.get(cv2.CAP_PROP_FPS)
    if not video.isOpened() or not rate_hz > 0:
        print(f"event_latency: {clip} is no video that can be read; give clips with people in them", file=sys.stderr)
        raise SystemExit(2)
    return float(rate_hz)


def serve(clip: Path, rate_hz: float, every: int, port: Connection) -> None:
    """Serve every `every`-th picture of a clip as a motion-JPEG camera, forwards and backwards; send its port first."""
    video, pictures = cv2.VideoCapture(str(clip)), []
    while (got := video.read())[0]:
        pictures.append(cv2.imencode(".jpg", got[1], (cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY))[1].tobytes())
    pictures = pictures[::every]

    class Camera(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=picture")
            self.end_headers()
            due_s = time.monotonic()
            # It ends with the connection.
            with suppress(OSError):
                for picture in cycle(pictures + pictures[-2:0:-1]):
                    head = b"--picture\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(picture)
                    self.wfile.write(head + picture + b"\r\n")
                    due_s += 1 / rate_hz
                    time.sleep(max(0.0, due_s - time.monotonic()))

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    with HTTPServer(("127.0.0.1", 0), Camera) as server:
        port.send(server.server_address[1])
        server.serve_forever()


@contextmanager
def camera(clip: Path, rate_hz: float, every: int) -> Iterator[str]:
    """Run a camera in a process of its own; yield its address."""
    context = multiprocessing.get_context("spawn")
    ours, its = context.Pipe()
    process = context.Process(target=serve, args=(clip, rate_hz, every, its), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}/"
    finally:
        process.terminate()
        process.join()


@contextmanager
def pipeline(address: str, settings: dict[str, Any], seconds: float) -> Iterator[subprocess.Popen[bytes]]:
    """Run the live pipeline on a camera, which starts once it has a subscriber and ends by itself."""
    config = override(Config(), {"publish.pose": True, "publish.predictions_every_s": 0.0, **settings})
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "live.toml"
        file.write_text(render_config(config), encoding="utf-8")
        command = [
            sys.executable, str(ROOT / "run_live.py"), "--camera", address, "--config", str(file), "--plain",
            "--bind", URL, "--wait-subscriber", "30", "--duration", str(seconds),
        ]  # fmt: skip
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(START_S)


def cpu_s(processes: Sequence[psutil.Process]) -> float:
    """Return the CPU time of processes, seconds."""
    times = [each.cpu_times() for each in processes]
    return float(sum(each.user + each.system for each in times))


def follow(
    process: subprocess.Popen[bytes], subscription: Subscription[Any], options: argparse.Namespace
) -> tuple[Arrivals, Status, float]:
    """Take a pipeline's messages until it ends; return what arrived, the last status, and the cores used."""
    arrivals, last = Arrivals(), None
    used: list[tuple[float, float]] = []
    processes: list[psutil.Process] = []
    give_up_s = time.monotonic() + options.seconds + START_S
    while process.poll() is None and time.monotonic() < give_up_s:
        for message in subscription.read(0.1):
            arrivals.take(message, time.monotonic_ns())
            if isinstance(message, Status):
                last = message
                # The last status comes when the processes are gone.
                if message.uptime_s >= options.warm_up and process.poll() is None:
                    with suppress(psutil.NoSuchProcess):
                        # Listed once: it takes long, and meanwhile nothing is received.
                        parent = psutil.Process(process.pid)
                        processes = processes or [parent, *parent.children(recursive=True)]
                        used.append((time.monotonic(), cpu_s(processes)))
    if process.poll():
        raise SystemExit(f"event_latency: the pipeline ended with code {process.poll()}; its errors stand above")
    predicted = len(arrivals.after(options.warm_up))
    if last is None or len(used) < 2 or not predicted:
        raise SystemExit(
            f"event_latency: got {predicted} predictions and {len(used)} statuses after --warm-up, expected 1 and 2 "
            "or more; make --seconds longer, or give the machine less other work"
        )
    (began_s, before_s), (end_s, after_s) = used[0], used[-1]
    return arrivals, last, (after_s - before_s) / (end_s - began_s)


def others_load() -> dict[str, float]:
    """Return how many processes want to run, and the shares of all CPUs in use, in all and by niced processes."""
    time.sleep(1.0)
    wanting = sum(process.info["status"] == psutil.STATUS_RUNNING for process in psutil.process_iter(["status"])) - 1
    times = psutil.cpu_times_percent(interval=2.0)
    return {
        "running": wanting, "busy_percent": round(100 - times.idle, 1),
        "niced_percent": round(getattr(times, "nice", 0.0), 1),
    }  # fmt: skip


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """Return the 50th, 95th and 99th, milliseconds."""
    return {f"p{share}_ms": round(float(np.percentile(values, share)), 2) for share in (50, 95, 99)}


def summary(runs: Sequence[dict[str, Any]], latency_ms: Sequence[float], transport_ms: Sequence[float]) -> Any:
    """Join the runs of one setting over the clips: latency over all frames; the parts as means over the clips."""

    def mean_ms(part: str, key: str) -> float:
        return round(float(np.mean([run["stages"][part][key] for run in runs])), 2)

    known = [part for part in (*PARTS, "frame_to_event") if part in runs[0]["stages"]]
    parts: dict[str, Any] = {part: {key: mean_ms(part, key) for key in ("p50_ms", "p99_ms")} for part in known}
    return {
        "frames": len(latency_ms),
        "fps": round(float(np.mean([run["fps"] for run in runs])), 1),
        "cores": round(float(np.mean([run["cores"] for run in runs])), 2),
        "dropped_share": round(sum(run["dropped"] for run in runs) / sum(run["sent"] for run in runs), 3),
        **percentiles(latency_ms),
        "parts": {**parts, "transport": percentiles(transport_ms)},
    }


def measure(clips: Sequence[Path], rates_hz: Sequence[float], options: argparse.Namespace) -> list[dict[str, Any]]:
    """Measure all settings, in turns on each clip."""
    settings = [(backend, refine) for backend in options.backend for refine in (True, False)]
    runs: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    latency_ms: dict[Any, list[float]] = defaultdict(list)
    transport_ms: dict[Any, list[float]] = defaultdict(list)
    for clip in clips:
        for wanted_hz in rates_hz or [rate_of(clip)]:
            every = max(1, round(rate_of(clip) / wanted_hz))
            rate_hz = rate_of(clip) / every
            for backend, refine in settings:
                others = others_load()
                chosen = {"pose.backend": backend, "pose.refine": refine}
                with (
                    camera(clip, rate_hz, every) as address,
                    subscribe(URL) as subscription,
                    pipeline(address, chosen, options.seconds) as process,
                ):
                    arrivals, status, cores = follow(process, subscription, options)
                key, late_ms = (rate_hz, backend, refine), arrivals.after(options.warm_up)
                latency_ms[key] += late_ms
                transport_ms[key] += arrivals.transport_ms
                dropped = sum(status.drops.get(cause, 0) for cause in ("camera", "stale"))
                runs[key].append(
                    {
                        "clip": clip.name, "others": others, "frames": status.frames,
                        "frames_with_people": arrivals.frames, "fps": status.frames / status.uptime_s, "cores": cores,
                        "dropped": dropped, "sent": status.frames + dropped, "drops": status.drops,
                        **percentiles(late_ms), "stages": msgspec.to_builtins(status.stages),
                    }
                )  # fmt: skip
                print(
                    f"{clip.name} {rate_hz:g} Hz {backend} refine {refine}: {percentiles(late_ms)}, others {others}",
                    flush=True,
                )
    return [
        {
            "rate_hz": key[0], "backend": key[1], "refine": key[2],
            **summary(runs[key], latency_ms[key], transport_ms[key]), "runs": runs[key],
        }
        for key in sorted(runs, key=lambda key: (key[0], options.backend.index(key[1]), not key[2]))
    ]  # fmt: skip


def main() -> None:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="+", help="videos with two people in them")
    parser.add_argument(
        "--rate", type=float, nargs="+", default=(), metavar="HZ",
        help="pictures a second, by leaving pictures out (default: the clip's own)",
    )  # fmt: skip
    parser.add_argument("--backend", nargs="+", choices=BACKENDS, default=BACKENDS, help="default: both, in turns")
    parser.add_argument("--seconds", type=float, default=15.0, help="of each run (default: 15)")
    parser.add_argument("--warm-up", type=float, default=3.0, help="seconds left out of each run (default: 3)")
    parser.add_argument("--json", type=Path, help="write the numbers here")
    options = parser.parse_args()
    if options.seconds < options.warm_up + SHORTEST_S:
        parser.error(
            f"--seconds {options.seconds:g}: expected {options.warm_up + SHORTEST_S:g} or more, which is --warm-up and "
            f"{SHORTEST_S:g} s; make the runs longer"
        )
    rows = measure(options.clips, options.rate, options)
    table = Table("Hz", "backend", "refine", "fps", "dropped", "cores", "p50 ms", "p95", "p99", *PARTS, "transport")
    for row in rows:
        parts = (row["parts"].get(part) for part in (*PARTS, "transport"))
        table.add_row(
            f"{row['rate_hz']:g}", row["backend"], "on" if row["refine"] else "off", f"{row['fps']:.1f}",
            f"{row['dropped_share']:.0%}", f"{row['cores']:.2f}",
            *(f"{row[key]:.1f}" for key in ("p50_ms", "p95_ms", "p99_ms")),
            *("-" if part is None else f"{part['p50_ms']:.1f}" for part in parts),
        )  # fmt: skip
    Console(width=160).print(table)
    if options.json:
        write_report(options.json, {"cpus": os.cpu_count(), "seconds": options.seconds, "rows": rows})


if __name__ == "__main__":
    main()
