"""Run the pipeline for long while faults are injected at random, and measure whether anything grows or is lost.

    python benchmarks/soak/soak.py --minutes 30 --seed 0 --json reports/soak.json

Two motion-JPEG cameras that show clips of the data folder in a loop (a moving square where there is none) and two
senders of joints feed `hitrs-live live`, which publishes and records in files of a minute. A reliable subscriber, a
slow one, one that never reads, an observer and a stranger who is a nuisance are connected; all are processes of their
own, but for the observer. About every `--every` seconds after the recovery from the fault before, the next of
`faults.FAULTS` is injected, in an order drawn from `--seed`; the same seed draws the same faults and pauses.

Memory, threads and descriptors are read every few seconds. A drift is the slope of a line through the medians of half
a minute, of calm times alone, with its standard error. "latency" is the time from a camera's picture to the receipt of
a prediction or action of it. A fault is recovered from when every source gives frames again and the reliable
subscriber has all events; statuses come twice a second, so this is known to a second. The program ends with code 1 if
a promise was broken: the pipeline ended, an event was lost or repeated, a fault was not recovered from or not counted.
"""

import argparse
import signal
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path

import psutil
from cameras import Camera
from faults import FAULTS, Fault, Scene
from joints_senders import JointsSender
from pipeline_process import PipelineProcess
from report import SLOWEST_RECOVERY_S, Injected, Outcome, Sample, report, show
from schedule import drawn
from subscribers import Observer, ReliableSubscriber, end, start_others

from hitrs_live.data.array_format import data_folder
from hitrs_live.evaluation.reports.write import write_report

CLIPS = ("pose2sim_single_cam01.mp4", "sports2d_demo.mp4")
CAMERAS, SENDERS = ("door", "hall"), ("left", "right")
START_S = 300.0
"""The longest that the pipeline may take until all sources are up."""
SAMPLE_EVERY_S = 3.0
SETTINGS: dict[str, object] = {
    "publish.status_every_s": 0.5, "record.rotate_s": 60.0, "record.reserve_mb": 50.0, "camera.retry_max_s": 3.0,
    # Full soon: what grows afterwards is a leak.
    "keep.minutes": 0.5,
}  # fmt: skip


class PipelineEnded(Exception):
    """The pipeline ended, or did not start."""


class Soak:
    """A run: watch the scene, inject faults, and note what is measured."""

    def __init__(self, scene: Scene, observer: Observer, outcome: Outcome) -> None:
        """Take a scene in which all sources are up."""
        self._scene, self._observer, self._outcome = scene, observer, outcome
        self._began_s = self._sampled_s = time.monotonic()
        self._calm = True

    def run(self, minutes: float, faults: Iterator[tuple[float, Fault]]) -> None:
        """Inject faults until the time is over. Raises PipelineEnded."""
        ends_s = self._began_s + 60 * minutes
        while True:
            pause_s, fault = next(faults)
            if time.monotonic() + pause_s + fault.lasts_s > ends_s:
                break
            self._watch(pause_s)
            self._inject(fault)
        self._watch(max(0.0, ends_s - time.monotonic()))

    def _inject(self, fault: Fault) -> None:
        at_s, before = time.monotonic() - self._began_s, self._counts()
        print(f"{at_s:6.0f} s  {fault.name}", flush=True)
        self._observer.states.clear()
        self._calm = False
        with fault.inject(self._scene):
            self._watch(fault.lasts_s)
        lasted_s = time.monotonic() - self._began_s - at_s
        late_s = self._watch(SLOWEST_RECOVERY_S, self._recovery())
        self._calm = late_s < SLOWEST_RECOVERY_S
        grown = [key for key, count in self._counts().items() if count > before[key]]
        seen = (*sorted(grown), *sorted(self._observer.states - {"up"}))
        self._outcome.injected.append(
            Injected(
                name=fault.name, at_s=at_s, lasted_s=lasted_s, recovered_s=late_s if self._calm else None,
                seen=seen, wanted=fault.seen,
            )
        )  # fmt: skip

    def _watch(self, seconds: float, done: Callable[[], bool] = lambda: False) -> float:
        """Sample until something is done or the time is over; return the seconds passed. Raises PipelineEnded."""
        began_s = time.monotonic()
        while (passed_s := time.monotonic() - began_s) < seconds and not done():
            if self._scene.pipeline.has_ended():
                raise PipelineEnded("; ".join(self._scene.pipeline.last_lines))
            if time.monotonic() >= self._sampled_s:
                self._sampled_s = time.monotonic() + SAMPLE_EVERY_S
                self._sample()
            time.sleep(0.1)
        return passed_s

    def _sample(self) -> None:
        try:
            use = self._scene.pipeline.use()
        except psutil.Error as error:
            raise PipelineEnded(str(error)) from None
        self._outcome.samples.append(
            Sample(
                time_s=time.monotonic() - self._began_s, use=use, calm=self._calm,
                latency_ms=tuple(self._observer.take_latencies_ms()),
            )
        )  # fmt: skip

    def _recovery(self) -> Callable[[], bool]:
        """Return a check whether all is well again since now: two statuses of each source, with frames between them."""
        seen, first = dict(self._observer.statuses_seen), dict[str, int]()
        newest = self._observer.newest_number

        def recovered() -> bool:
            well = True
            for name, status in list(self._observer.statuses.items()):
                if self._observer.statuses_seen[name] > seen[name]:
                    first.setdefault(name, status.frames)
                well &= status.state == "up" and name in first and status.frames > first[name]
            return well and max(self._scene.reliable.numbers(), default=-1) >= newest

        return recovered

    def _counts(self) -> Counter[str]:
        counts: Counter[str] = Counter()
        for status in list(self._observer.statuses.values()):
            counts.update(status.drops)
            counts.update(pose_restarts=status.pose_restarts, slow_steps=status.slow_steps)
        return counts


def free_ports(count: int) -> list[int]:
    """Return ports of this machine that are free now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@contextmanager
def scene(folder: Path, rate_hz: float, outcome: Outcome) -> Iterator[tuple[Scene, Observer]]:
    """Start everything; yield once all sources are up. Raises PipelineEnded."""
    bind, *ports = (f"tcp://127.0.0.1:{port}" if number == 0 else port for number, port in enumerate(free_ports(5)))
    clips = [data_folder() / "video" / name for name in CLIPS]
    cameras = [
        Camera(clip if clip.exists() else None, rate_hz, port) for clip, port in zip(clips, ports[:2], strict=True)
    ]
    senders = [JointsSender(name, port, seed) for seed, (name, port) in enumerate(zip(SENDERS, ports[2:], strict=True))]
    shown = [clip.name if clip.exists() else "a moving square" for clip in clips]
    outcome.sources = dict(zip((*CAMERAS, *SENDERS), (*shown, "joints of the demo", "joints of the demo"), strict=True))
    flags = [part for each in cameras for part in ("--camera", each.address)]
    flags += [part for each in senders for part in ("--joints", each.address)]
    flags += ["--source-id", ",".join(outcome.sources)]
    with ExitStack() as stack:
        for each in (*cameras, *senders):
            stack.callback(each.kill)
        observer = Observer(bind, set(CAMERAS))
        stack.callback(observer.close)
        reliable = ReliableSubscriber(bind, folder / "reliable")
        stack.callback(reliable.kill)
        pipeline = PipelineProcess(flags, bind, folder, SETTINGS)
        stack.callback(pipeline.stop, 1.0)
        others = start_others(bind)
        for each in others:
            stack.callback(end, each)
        give_up_s = time.monotonic() + START_S
        while not (len(observer.statuses) == 4 and all(each.frames > 30 for each in list(observer.statuses.values()))):
            if pipeline.has_ended() or time.monotonic() > give_up_s:
                raise PipelineEnded("not all sources came up: " + "; ".join(pipeline.last_lines))
            time.sleep(0.1)
        first_number = observer.newest_number
        while max(reliable.numbers(), default=-1) < first_number:
            if time.monotonic() > give_up_s:
                raise PipelineEnded("the reliable subscriber did not begin")
            time.sleep(0.1)
        # The dead one never reads again.
        others[1].send_signal(signal.SIGSTOP)
        print(f"all sources are up; seed {outcome.seed}", flush=True)
        yield (
            Scene(
                pipeline=pipeline, address=bind, recovery=observer.recovery_address(), camera=cameras[0],
                sender=senders[0], reliable=reliable, first_number=first_number,
            ),
            observer,
        )  # fmt: skip


def settle(scene: Scene, observer: Observer, outcome: Outcome) -> None:
    """Let the reliable subscriber have all events, count them, and end the pipeline."""
    last = list(observer.statuses.values())
    for status in last:
        outcome.frames[status.source_id] = status.frames
    outcome.drops = {
        cause: count for cause in sorted({key for status in last for key in status.drops})
        if (count := max(status.drops.get(cause, 0) for status in last))
    }  # fmt: skip
    # Without a pipeline there is nothing to recover from: what it had published before its end is what must be there.
    newest = observer.newest_number
    give_up_s = time.monotonic() + SLOWEST_RECOVERY_S
    while max(scene.reliable.numbers(), default=-1) < newest and time.monotonic() < give_up_s:
        time.sleep(0.2)
    outcome.exit_code, outcome.stopped_s = scene.pipeline.stop(10.0)
    numbers = [number for number in scene.reliable.numbers() if number >= scene.first_number]
    every = range(scene.first_number, max([newest, *numbers]) + 1)
    outcome.events = {
        "received": len(numbers),
        "lost": len(set(every) - set(numbers)),
        "repeated": len(numbers) - len(set(numbers)),
        "out_of_order": sum(after < before for before, after in pairwise(numbers)),
        "gaps": len(scene.reliable.gaps()),
    }


def main() -> int:
    """Run the soak; return 1 if a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=0, help="of the order of faults and the pauses between them")
    parser.add_argument("--every", type=float, default=60.0, metavar="S", help="mean pause between faults")
    parser.add_argument("--only", nargs="+", metavar="FAULT", help="inject these alone, by their names", default=())
    parser.add_argument("--rate", type=float, default=10.0, help="pictures a second of each camera")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    faults = [fault for fault in FAULTS if not options.only or fault.name in options.only]
    if unknown := set(options.only) - {fault.name for fault in FAULTS}:
        parser.error(
            f"--only: no fault {', '.join(sorted(unknown))}; there are {', '.join(each.name for each in FAULTS)}"
        )
    outcome = Outcome(seed=options.seed, minutes=options.minutes, sources={})
    # So that all that was started is ended with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("soak: ended by SIGTERM"))
    with tempfile.TemporaryDirectory(prefix="hitrs-live-soak-") as folder:
        try:
            with scene(Path(folder), options.rate, outcome) as (on_stage, observer):
                try:
                    Soak(on_stage, observer, outcome).run(options.minutes, drawn(faults, options.seed, options.every))
                finally:
                    settle(on_stage, observer, outcome)
        except PipelineEnded as error:
            outcome.ended = str(error)
    written = report(outcome)
    show(written)
    if options.json:
        write_report(options.json, written)
    return 1 if outcome.broken() else 0


if __name__ == "__main__":
    sys.exit(main())
