"""Where a network runs: on a GPU where ONNX Runtime has one and its answers are those of the CPU, else on the CPU.

As the engine room does for the model: candidates in order, each behind a parity gate, the next one where one is not
available, and the reason in one line. The CPU is the reference. TensorRT is no candidate: it would build an engine for
minutes at every start of the pose process.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

Run = Callable[[NDArray[np.uint8]], list[NDArray[np.float32]]]
"""Pictures (N, size, size, 3) uint8 to the network's outputs, each (N, ...) float32."""

LARGEST_ERROR: Final = 1e-3
"""Of any output, relative to its largest value: a quarter of a pixel of a landmark at most."""
CPU: Final = "cpu"
_PROBES: Final = 3
"""Pictures in a batch, so that batches are checked as well."""
_ERRORS_ONLY: Final = 3
_ON_GPU: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    # TF32 rounds to ten bits, which the gate would refuse.
    "cuda": ("CUDAExecutionProvider", {"use_tf32": "0"})
}
"""By our name: ONNX Runtime's, and its options."""


class Unavailable(Exception):
    """A provider cannot run the network; `choose` alone catches it, and takes the next one."""


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """What runs a network."""

    run: Run
    name: str
    """Our name of the provider."""
    notice: str = ""
    """Why one that ONNX Runtime has does not run it, in one line."""

    @property
    def batches(self) -> bool:
        """Whether several pictures in one call are faster than one by one. On a CPU they are not."""
        return self.name != CPU


def open_network(file: Path, *, size: int, threads: int) -> Chosen:
    """Load an ONNX file whose input is (N, size, size, 3) uint8. threads: on the CPU."""
    # `hitrs_live.telemetry` sets an environment variable, which Windows' event tracing does not read.
    onnxruntime.disable_telemetry_events()
    there = onnxruntime.get_available_providers()
    candidates = {
        name: partial(_open, file, provider, options, threads=threads)
        for name, (provider, options) in _ON_GPU.items()
        if provider in there
    }
    probe = np.random.default_rng(0).integers(0, 256, (_PROBES, size, size, 3), np.uint8)
    return choose(_open(file, "CPUExecutionProvider", {}, threads=threads), candidates, probe)


def choose(reference: Run, candidates: Mapping[str, Callable[[], Run]], probe: NDArray[np.uint8]) -> Chosen:
    """Return the first candidate that can be opened and answers as the reference does, else the reference.

    candidates: by name, in order; each opens one or raises Unavailable. probe: (N, size, size, 3), what they are
    compared on.
    """
    failed: list[str] = []
    expected = reference(probe) if candidates else []
    for name, opened in candidates.items():
        try:
            run = opened()
            _check(run(probe), expected)
        except Unavailable as error:
            failed.append(f"the pose networks do not run on {name}: {error}")
            continue
        return Chosen(run=run, name=name, notice="; ".join(failed))
    return Chosen(run=reference, name=CPU, notice="; ".join(failed))


def _check(outputs: list[NDArray[np.float32]], expected: list[NDArray[np.float32]]) -> None:
    for output, right in zip(outputs, expected, strict=True):
        error = float(np.abs(output - right).max() / max(float(np.abs(right).max()), 1e-6))
        if not error <= LARGEST_ERROR:
            raise Unavailable(f"its outputs differ from the CPU's by {error:.1e}, expected {LARGEST_ERROR:g} or less")


def _open(file: Path, provider: str, provider_options: Mapping[str, Any], *, threads: int) -> Run:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = _ERRORS_ONLY
    # Planned memory takes 9 MiB more and saves no time here.
    options.enable_mem_pattern = False
    try:
        session = onnxruntime.InferenceSession(str(file), options, providers=[(provider, dict(provider_options))])
    except Exception as error:  # The run-time has a dozen kinds, none of which is exported.
        raise Unavailable(str(error).splitlines()[0]) from None
    if session.get_providers()[0] != provider:
        raise Unavailable(f"ONNX Runtime has {provider} but took {session.get_providers()[0]}; is its driver there?")

    def run(pictures: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        result: list[NDArray[np.float32]] = session.run(None, {"picture": pictures})
        return result

    return run
