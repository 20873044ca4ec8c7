"""Run a script in a process of its own that can be stopped, killed, started again, and asked to misbehave."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path


class ControlledProcess:
    """A process of a script that reads what it is to do, a number a line, from its standard input."""

    def __init__(self, script: str, arguments: Sequence[str]) -> None:
        """Start it. script: a file of this folder."""
        self._command = [sys.executable, str(Path(__file__).with_name(script)), *arguments]
        self.start()

    def start(self) -> None:
        """Start the process, at first or after `kill`; return when it has begun."""
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        self._process.stdout.readline()

    def send(self, wanted: int) -> None:
        """Change what it does from its next step on."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"%d\n" % wanted)
        self._process.stdin.flush()

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal, such as SIGSTOP."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """End the process without a word to those connected."""
        self._process.kill()
        self._process.communicate()


class Wanted:
    """The side of the process: what it is to do now. It ends with the program that started it."""

    def __init__(self) -> None:
        """Follow the standard input, and report the beginning."""
        self.value = 0
        threading.Thread(target=self._follow, daemon=True).start()
        print("begun", flush=True)

    def _follow(self) -> None:
        for line in sys.stdin:
            self.value = int(line)
        os._exit(0)
