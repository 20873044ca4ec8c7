"""Run the peer's step: the package eagerly, its step traced for ONNX Runtime, the step as matrix products."""

import io
import tempfile
from collections import deque
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from continual_stgcn import CHANNELS, JOINTS, PeerConfig, build_peer
from matrix_step import MatrixStep, depth_of
from numpy.typing import NDArray
from torch import Tensor, nn

from hitrs_live.inference.export import quiet_exporter

if TYPE_CHECKING:
    import onnxruntime

OPSET = 18


class PeerEngine(Protocol):
    """A peer over a stream; every window is full from the first step on."""

    name: str

    def step(self, joints: Tensor) -> Tensor | None:
        """Advance every row by a frame. joints: (M, 25, 3) -> logits (M, 60), or None between predictions."""


class EagerPeer:
    """The package as it is."""

    name = "torch, eager"

    def __init__(self, config: PeerConfig, rows: int) -> None:
        """Build a network and fill its windows."""
        self._network = build_peer(config).requires_grad_(False)
        self._state = _full_state(self._network, config, rows)

    @torch.inference_mode()
    def step(self, joints: Tensor) -> Tensor | None:
        """Advance, as `PeerEngine` does."""
        logits: Tensor | None
        logits, self._state = self._network._forward_step(joints.mT, self._state)
        return logits


class TracedPeer:
    """The package's step in ONNX Runtime, with the state as inputs and outputs.

    Which modules produce an output is decided in Python from the state, and fixed by tracing; so there is a graph for
    each frame of the strides.
    """

    name = "ONNX Runtime"

    def __init__(self, config: PeerConfig, rows: int) -> None:
        """Build a network, fill its windows and trace a step of each kind."""
        network = build_peer(config).requires_grad_(False)
        state = _full_state(network, config, rows)
        self._states = [each.clone().numpy() for each in _leaves(state)]
        self._names = [f"s{index}" for index in range(len(self._states))]
        self._sessions: list[onnxruntime.InferenceSession] = []
        for frame in range(config.frames_a_prediction):
            joints = random_joints(frame, rows).mT
            self._sessions.append(_open(_trace(network, joints, state)))
            _, state = network._forward_step(joints, state)
        self._frame = 0

    def step(self, joints: Tensor) -> Tensor | None:
        """Advance, as `PeerEngine` does."""
        session = self._sessions[self._frame % len(self._sessions)]
        self._frame += 1
        inputs = dict(zip(self._names, self._states, strict=True)) | {"joints": joints.mT.contiguous().numpy()}
        output = session.run(None, {each.name: inputs[each.name] for each in session.get_inputs()})
        self._states = output[-len(self._names) :]
        return torch.from_numpy(output[0]) if len(output) > len(self._names) else None


class MatrixPeer:
    """The step as matrix products in ONNX Runtime, with the state as inputs and outputs; any number of rows."""

    def __init__(self, config: PeerConfig, rows: int, *, int8: bool = False) -> None:
        """Build a network, export a step of each depth and start with zero windows, which cost what full ones do."""
        self.name = "matrix products, ONNX Runtime" + (", int8" if int8 else "")
        self._config, self._frame = config, 0
        steps = matrix_steps(config)
        self._sessions = [_open(graph) for graph in _graphs(config, int8=int8)]
        self._names = [[each.name for each in step.states] for step in steps]
        self._states = {each.name: np.zeros((rows, *each.shape), np.float32) for step in steps for each in step.states}
        self._ring = deque([self._states["oldest"]] * config.pool)

    def step(self, joints: Tensor) -> Tensor | None:
        """Advance, as `PeerEngine` does."""
        depth = depth_of(self._frame, self._config)
        self._frame += 1
        names, whole = self._names[depth], depth == len(self._names) - 1
        if whole:
            self._states["oldest"] = self._ring.popleft()
        inputs = {name: self._states[name] for name in names} | {"joints": joints.numpy()}
        output: list[NDArray[np.float32]] = self._sessions[depth].run(None, inputs)
        self._states.update(zip(names, output[-len(names) :], strict=True))
        if not whole:
            return None
        self._ring.append(self._states["oldest"])
        return torch.from_numpy(output[0])


def random_joints(frame: int, rows: int) -> Tensor:
    """Generate a frame of random joints, (M, 25, 3): equal in every row and for every engine."""
    one = torch.randn(1, JOINTS, CHANNELS, generator=torch.Generator().manual_seed(frame))
    return one.expand(rows, -1, -1).contiguous()


def frames_until_full(config: PeerConfig) -> int:
    """Count the frames until every window is full and the next frame is the first of a stride."""
    frames = config.reach + config.pool * config.frames_a_prediction
    return frames + -frames % config.frames_a_prediction


@torch.no_grad()
def _full_state(network: nn.Module, config: PeerConfig, rows: int) -> Any:
    """Step one row until its windows are full, then repeat its state for all rows."""
    state: Any = None
    for frame in range(frames_until_full(config)):
        _, state = network._forward_step(random_joints(frame, 1).mT, state)
    # Buffers are (slots, M, ...); the rest are indices.
    wide = (leaf.repeat_interleave(rows, 1) if leaf.ndim else leaf for leaf in _leaves(state))
    return _fill(state, wide)


class _Flat(nn.Module):
    """The package's step with its nested state as a flat list of tensors."""

    def __init__(self, network: nn.Module, like: Any) -> None:
        super().__init__()
        self.network, self._like = network, like

    def forward(self, joints: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        # Cloned, since the package writes into its inputs.
        nested = _fill(self._like, iter([state.clone() for state in states]))
        logits, after = self.network._forward_step(joints, nested)
        return (*(() if logits is None else (logits,)), *_leaves(after))


def _trace(network: nn.Module, joints: Tensor, state: Any) -> bytes:
    """Export the step that follows a state with the older exporter; the newer one rejects control flow on the state."""
    leaves = [each.clone() for each in _leaves(state)]
    names, file = [f"s{index}" for index in range(len(leaves))], io.BytesIO()
    with quiet_exporter():
        torch.onnx.export(
            _Flat(network, state).eval(), (joints, *leaves), file, dynamo=False, opset_version=OPSET,
            input_names=["joints", *names],
        )  # fmt: skip
    return file.getvalue()


def matrix_steps(config: PeerConfig) -> list[MatrixStep]:
    """Build the steps of every depth from one network."""
    network = build_peer(config).requires_grad_(False)
    depths = sum(stride > 1 for stride in config.strides) + 1
    return [MatrixStep(network, config, depth=depth).eval() for depth in range(depths)]


@cache
def _graphs(config: PeerConfig, *, int8: bool) -> list[bytes]:
    """Export the steps of every depth, for any number of rows; int8: with per-channel scales of the weights."""
    return [_export(step, int8=int8) for step in matrix_steps(config)]


def _export(step: MatrixStep, *, int8: bool) -> bytes:
    rows = torch.export.Dim("rows")
    states = [torch.zeros(3, *each.shape) for each in step.states]
    with tempfile.TemporaryDirectory() as folder, quiet_exporter(), torch.no_grad():
        path = Path(folder) / "step.onnx"
        program = torch.onnx.export(
            step, (torch.zeros(3, JOINTS, CHANNELS), *states), dynamo=True, opset_version=OPSET,
            dynamic_shapes=({0: rows}, tuple({0: rows} for _ in states)), verbose=False,
            input_names=["joints", *(each.name for each in step.states)],
        )  # fmt: skip
        assert program is not None
        program.save(path, external_data=False)
        if int8:
            from onnxruntime.quantization import quantize_dynamic

            quantize_dynamic(path, path, per_channel=True, op_types_to_quantize=["MatMul"])
        return path.read_bytes()


def _open(graph: bytes) -> "onnxruntime.InferenceSession":
    # Only now: hitrs_live, imported above, has turned its telemetry off.
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def _leaves(state: Any) -> list[Tensor]:
    if isinstance(state, Tensor):
        return [state]
    return [] if state is None else [leaf for part in state for leaf in _leaves(part)]


def _fill(like: Any, leaves: Iterator[Tensor]) -> Any:
    if isinstance(like, Tensor):
        return next(leaves)
    if like is None:
        return None
    filled: Sequence[Any] = [_fill(part, leaves) for part in like]
    return tuple(filled) if isinstance(like, tuple) else filled
