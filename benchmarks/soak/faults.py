"""What is done to the pipeline while it runs, for how long, and what must be counted or published then."""

import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from typing import Protocol

from cameras import Camera, Pictures
from joints_senders import Joints, JointsSender
from pipeline_process import PipelineProcess
from subscribers import ReliableSubscriber, end, stranger


@dataclass(frozen=True, kw_only=True)
class Scene:
    """All that takes part."""

    pipeline: PipelineProcess
    address: str
    recovery: str
    """The addresses at which it publishes, and at which it is asked for missed events."""
    camera: Camera
    """One of the two; the other one shows whether a fault of one source harms another."""
    sender: JointsSender
    """Likewise."""
    reliable: ReliableSubscriber
    first_number: int
    """From this event on it must have each: before it, it began with the current state."""


class Injection(Protocol):
    """Inject a fault for as long as the context lasts."""

    def __call__(self, scene: Scene) -> AbstractContextManager[None]: ...


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A fault and what must be seen of it."""

    name: str
    inject: Injection
    lasts_s: float
    seen: tuple[str, ...] = ()
    """Any of these must grow or come: causes of `Status.drops`, its numbers such as pose_restarts, states of sources.
    Empty where a fault leaves no trace on a machine that is fast enough."""


@contextmanager
def _pose_process_killed(scene: Scene) -> Iterator[None]:
    for process in scene.pipeline.pose_processes()[:1]:
        os.kill(process, signal.SIGKILL)
    yield


@contextmanager
def _pose_process_stopped(scene: Scene) -> Iterator[None]:
    stopped = scene.pipeline.pose_processes()[:1]
    for process in stopped:
        os.kill(process, signal.SIGSTOP)
    yield
    # It has been replaced.
    for process in stopped:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGCONT)


def _signalled(who: str) -> Injection:
    @contextmanager
    def inject(scene: Scene) -> Iterator[None]:
        getattr(scene, who).send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            getattr(scene, who).send_signal(signal.SIGCONT)

    return inject


def _killed(who: str) -> Injection:
    @contextmanager
    def inject(scene: Scene) -> Iterator[None]:
        getattr(scene, who).kill()
        try:
            yield
        finally:
            getattr(scene, who).start()

    return inject


def _stranger(kind: str, *, at: str = "address") -> Injection:
    @contextmanager
    def inject(scene: Scene) -> Iterator[None]:
        process = stranger(kind, getattr(scene, at))
        try:
            yield
        finally:
            end(process)

    return inject


def _pictures(kind: Pictures) -> Injection:
    @contextmanager
    def inject(scene: Scene) -> Iterator[None]:
        scene.camera.send(kind)
        try:
            yield
        finally:
            scene.camera.send(Pictures.GOOD)

    return inject


def _joints(kind: Joints) -> Injection:
    @contextmanager
    def inject(scene: Scene) -> Iterator[None]:
        scene.sender.send(kind)
        try:
            yield
        finally:
            scene.sender.send(Joints.GOOD)

    return inject


@contextmanager
def _folder_removed(scene: Scene) -> Iterator[None]:
    shutil.rmtree(scene.pipeline.recordings)
    try:
        yield
    finally:
        scene.pipeline.recordings.mkdir()


@contextmanager
def _files_full(scene: Scene) -> Iterator[None]:
    scene.pipeline.limit(resource.RLIMIT_FSIZE, 4096)
    try:
        yield
    finally:
        scene.pipeline.unlimit(resource.RLIMIT_FSIZE)


@contextmanager
def _no_descriptors(scene: Scene) -> Iterator[None]:
    scene.pipeline.limit(resource.RLIMIT_NOFILE, scene.pipeline.use().descriptors)
    process = stranger("idle_connections", scene.address)
    try:
        yield
    finally:
        end(process)
        scene.pipeline.unlimit(resource.RLIMIT_NOFILE)


@contextmanager
def _output_unread(scene: Scene) -> Iterator[None]:
    scene.pipeline.stop_reading()
    try:
        yield
    finally:
        scene.pipeline.read_on()


@contextmanager
def _processors_busy(_scene: Scene) -> Iterator[None]:
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for each in busy:
            end(each)


FAULTS: tuple[Fault, ...] = (
    Fault(name="pose process killed", inject=_pose_process_killed, lasts_s=2, seen=("pose_restarts",)),
    Fault(name="pose process stopped", inject=_pose_process_stopped, lasts_s=12, seen=("pose_restarts",)),
    Fault(name="processors busy", inject=_processors_busy, lasts_s=10),
    Fault(name="pipeline stopped and continued", inject=_signalled("pipeline"), lasts_s=4),
    Fault(name="flood of tiny messages", inject=_stranger("tiny_messages"), lasts_s=30, seen=("peers",)),
    Fault(name="flood of subscriptions", inject=_stranger("subscriptions"), lasts_s=5, seen=("peers",)),
    Fault(name="message without end", inject=_stranger("endless_message"), lasts_s=5, seen=("peers",)),
    Fault(name="idle connections", inject=_stranger("idle_connections"), lasts_s=8, seen=("peers",)),
    Fault(name="flood of requests", inject=_stranger("requests", at="recovery"), lasts_s=5, seen=("recovery",)),
    Fault(name="descriptors at their limit", inject=_no_descriptors, lasts_s=6),
    Fault(name="camera stopped", inject=_signalled("camera"), lasts_s=6, seen=("stalled", "lost")),
    Fault(name="camera killed", inject=_killed("camera"), lasts_s=4, seen=("stalled", "lost", "connecting")),
    Fault(name="camera silent", inject=_pictures(Pictures.SILENT), lasts_s=6, seen=("stalled", "lost")),
    Fault(
        name="camera redirects", inject=_pictures(Pictures.REDIRECT), lasts_s=5, seen=("stalled", "lost", "connecting")
    ),
    Fault(name="pictures that claim 900 million pixels", inject=_pictures(Pictures.HUGE), lasts_s=5, seen=("corrupt",)),
    Fault(name="damaged pictures", inject=_pictures(Pictures.DAMAGED), lasts_s=5),
    Fault(name="sender of joints stopped", inject=_signalled("sender"), lasts_s=6, seen=("stalled", "lost")),
    Fault(name="sender of joints killed", inject=_killed("sender"), lasts_s=4, seen=("stalled", "lost", "connecting")),
    Fault(name="joints that are garbage", inject=_joints(Joints.GARBAGE), lasts_s=5, seen=("malformed",)),
    Fault(name="3,000 people in a frame", inject=_joints(Joints.CROWD), lasts_s=5, seen=("people",)),
    Fault(name="joints at 1e38 m", inject=_joints(Joints.FAR), lasts_s=5, seen=("bad_joints",)),
    Fault(name="capture times of 2^63 - 1", inject=_joints(Joints.LATE_TIMES), lasts_s=5, seen=("malformed", "clock")),
    Fault(name="clock of the sender set back", inject=_joints(Joints.CLOCK_BACK), lasts_s=5),
    Fault(name="flood of joints", inject=_joints(Joints.FLOOD), lasts_s=5, seen=("replayed", "stale")),
    Fault(name="joints that are replayed", inject=_joints(Joints.REPLAYED), lasts_s=5, seen=("replayed",)),
    Fault(name="folder of the recordings removed", inject=_folder_removed, lasts_s=6, seen=("record",)),
    Fault(name="files that cannot grow", inject=_files_full, lasts_s=6, seen=("record",)),
    Fault(name="output that is not read", inject=_output_unread, lasts_s=8),
    Fault(name="reliable subscriber stopped", inject=_signalled("reliable"), lasts_s=8),
    Fault(name="reliable subscriber killed", inject=_killed("reliable"), lasts_s=4),
)
