"""Start one pose process, send it requests, and report how it ended."""

import collections
import io
import os
import select
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import psutil
from numpy.typing import NDArray

import hitrs_live
from hitrs_live.pose.worker.landmarker import LandmarkerCall
from hitrs_live.pose.worker.protocol import LANDMARK_FIELDS, PoseReply, PoseRequest, Ready, Unpacker, pack
from hitrs_live.pose.worker.shared_frame import SharedPixels
from hitrs_live.pose.worker.starvation import cpu_time_s, waits_for_machine

_KEPT_LINES = 20
_LONGEST_LINE = 300
_CLOSE_WAIT_S = 1.0


class ProcessDied(Exception):
    """The process ended or stopped replying. `isolated` alone catches it, and starts another process."""


class PoseProcess:
    """Own one child process, its two pipes and the thread that reads its standard error."""

    def __init__(self, landmarker: LandmarkerCall, pixels: SharedPixels, *, points: int) -> None:
        """Start the process, which then loads its network (`wait_ready`). points: of each person."""
        self._pixels, self._points = pixels, points
        self._unpacker = Unpacker()
        self._last_words: collections.deque[str] = collections.deque(maxlen=_KEPT_LINES)
        self.ready_since: float | None = None
        """When it had loaded its network, monotonic seconds; None before that."""
        self.replies = 0
        """Pictures that it has replied to."""
        self.ready = False
        self.limits_people = False
        """Whether it can look for fewer people; known once it is ready."""
        self.notice = ""
        """What is not as it could be, in one line; known once it is ready."""
        command = [
            sys.executable, "-m", "hitrs_live.pose.worker", *landmarker.command_line(),
            "--pixels", str(pixels.descriptor),
        ]  # fmt: skip
        self._child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            pass_fds=(pixels.descriptor,),
            env=_environment(),
            # A group of its own, so that Ctrl-C in the terminal does not reach it even while it is starting.
            process_group=0,
        )
        self._stdin, self._stdout, self._stderr = (
            cast(BinaryIO, pipe) for pipe in (self._child.stdin, self._child.stdout, self._child.stderr)
        )
        self._poll = select.poll()
        self._poll.register(self._stdout, select.POLLIN)
        self._reader = threading.Thread(target=self._read_stderr, name="pose-stderr", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._child.pid

    def wait_ready(self, timeout_s: float) -> None:
        """Wait until the network is loaded. Raises ProcessDied where it is not within timeout_s."""
        if not self.ready:
            while not isinstance(reply := self._receive(timeout_s), Ready):
                pass
            self.ready, self.limits_people, self.notice = True, reply.limits_people, reply.notice
            self.ready_since = time.monotonic()

    def ask(
        self, seq: int, image: NDArray[np.uint8], timeout_s: float, *, most_people: int, spare: bool
    ) -> NDArray[np.float32]:
        """Send one picture and wait for the landmarks of its people.

        image: (height, width, 3) uint8, blue-green-red. most_people: look for at most so many; spare: whether there is
        time for work that can wait; where the landmarker obeys. Returns (P, points, LANDMARK_FIELDS) float32.
        Raises ProcessDied where no reply comes within timeout_s, unless the machine was too busy to run the process;
        then it may use as much processor time.
        """
        self._pixels.write(image)
        height, width = image.shape[:2]
        try:
            self._stdin.write(
                pack(PoseRequest(seq=seq, width=width, height=height, most_people=most_people, spare=spare))
            )
        except BrokenPipeError:
            raise ProcessDied(self._how_it_ended()) from None
        while True:
            reply = self._receive(timeout_s)
            # A reply to an earlier picture is one whose caller was interrupted.
            if isinstance(reply, PoseReply) and reply.seq == seq:
                landmarks = self._landmarks(reply)
                self.replies += 1
                return landmarks

    def _landmarks(self, reply: PoseReply) -> NDArray[np.float32]:
        try:
            return np.frombuffer(reply.landmarks, "<f4").reshape(reply.people, self._points, LANDMARK_FIELDS)
        except ValueError:
            raise ProcessDied(
                f"replied with {len(reply.landmarks)} bytes for {reply.people} people, "
                f"expected {self._points} points of {LANDMARK_FIELDS} numbers each"
            ) from None

    def memory_mb(self) -> float | None:
        """Return the resident memory in MiB, or None where the process has ended."""
        try:
            return float(psutil.Process(self._child.pid).memory_info().rss) / 2**20
        # OSError: without a free descriptor; the process is looked at again later.
        except (psutil.Error, OSError):
            return None

    def last_words(self) -> str:
        """Return the last line that the process wrote to standard error, or an empty string."""
        self._reader.join(timeout=0.2 if self._child.poll() is not None else 0)
        return self._last_words[-1] if self._last_words else ""

    def close(self, *, at_once: bool = False) -> None:
        """End the process: by closing its input and, after a second or at_once, by killing it."""
        self._stdin.close()
        if not at_once:
            try:
                self._child.wait(_CLOSE_WAIT_S)
            except subprocess.TimeoutExpired:
                at_once = True
        if at_once and self._child.poll() is None:
            self._child.kill()
        self._child.wait()
        self._reader.join()
        self._stdout.close()
        self._stderr.close()

    def _receive(self, timeout_s: float) -> Ready | PoseReply | PoseRequest:
        deadline, cpu_s = time.monotonic() + timeout_s, cpu_time_s(self.pid)
        while True:
            wait_ms = max(0.0, (deadline - time.monotonic()) * 1000)
            if not self._poll.poll(wait_ms):
                if cpu_time_s(self.pid) - cpu_s < timeout_s and waits_for_machine(self.pid):
                    deadline = time.monotonic() + timeout_s
                    continue
                raise ProcessDied(f"gave no answer within {timeout_s:.3g} s")
            data = os.read(self._stdout.fileno(), 1 << 20)
            if not data:
                raise ProcessDied(self._how_it_ended())
            try:
                messages = self._unpacker.feed(data)
            except ValueError as error:
                raise ProcessDied(str(error)) from None
            if messages:
                # One request is open at a time, so only the newest message can be its reply.
                return messages[-1]

    def _how_it_ended(self) -> str:
        try:
            code = self._child.wait(_CLOSE_WAIT_S)
        except subprocess.TimeoutExpired:
            return "closed its output"
        if code < 0:
            return f"was ended by {signal.Signals(-code).name}"
        return f"ended by itself with code {code}"

    def _read_stderr(self) -> None:
        for line in io.TextIOWrapper(cast(BinaryIO, _Unclosed(self._stderr.fileno())), errors="replace"):
            if line.strip():
                self._last_words.append(line.strip()[:_LONGEST_LINE])


class _Unclosed(io.RawIOBase):
    """Read a descriptor without ever closing it: its owner does."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        data = os.read(self._descriptor, len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _environment() -> dict[str, str]:
    """Let the child find this package wherever the parent found it."""
    home = str(Path(hitrs_live.__file__).parents[1])
    inherited = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": os.pathsep.join((home, inherited) if inherited else (home,))}
