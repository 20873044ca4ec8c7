"""A user's own action model: an ONNX graph over a window of frames, as a `StreamModel`.

What the graph must be
----------------------
Input, one, of any name: joints (N, W, 25, 3) float32, metres, in the camera's axes, oldest frame first, skeleton NTU25;
N is dynamic. The graph does its own normalisation, for instance subtracting the root joint.
Outputs: `logits` (N, K) float32, before the softmax. With a horizon of F > 0 frames also `future_joints_m`
(N, F, 25, 3), metres, in the camera's axes, and `scales_m` (N, F, 25), metres, the scale of each joint's error: half of
the true joints should lie within 2.674 scales (`hitrs_live.model.motion_head.RANGES`).

What it must say of itself
--------------------------
A JSON object in the graph's metadata under the key `hitrs_live_stream`, written for example with
`onnx.helper.set_model_props`:

    {"labels": ["background", "wave", "fall"], "rate_hz": 30, "window_frames": 60, "step_frames": 6,
     "label_lag_frames": 0, "horizon_frames": 0}

`labels` are in the order of the logits, the background first. `rate_hz` is the frame rate that the model was trained
at, `window_frames` is W, `step_frames` the frames between two outputs on a person, `label_lag_frames` how many frames
before the window's last one the logits describe. Optional: `horizon_frames` (0), `pair_labels` (none), `temperature`
(1). There is no output before W frames of a person were seen.

How to run it
-------------
    model = WindowedOnnx(Path("my_model.onnx"))
    Pipeline([InputStream(source=source)], model=Preloaded(model), config=Config(), sink=sink).run()

`docs/ARCHITECTURE.md` has this as a whole program, with its imports. `hitrs-live live` has no flag for it.

With `model.mirror` (the default) each person is also run as a mirror image, and labels that end in `_left` and
`_right` are exchanged; turn it off for a model that was not trained on mirrored data.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np
import onnxruntime
import torch
from msgspec import Meta
from numpy.typing import NDArray
from torch import Tensor

from hitrs_live.errors import CheckpointMismatch
from hitrs_live.inference.onnx_engine import session_options
from hitrs_live.settings_check import find_fault
from hitrs_live.skeleton import NTU25
from hitrs_live.streaming.stream_model import ModelOutput, StreamDescription

METADATA_KEY = "hitrs_live_stream"
"""Of the description among the graph's metadata."""
_PROBE_ROWS = 2
_MOST_BYTES = 2**31
"""The largest file of protocol buffers, and so of ONNX."""
_LONGEST_REASON = 200
_Frames = Annotated[int, Meta(ge=1, le=10_000)]
_FramesOrNone = Annotated[int, Meta(ge=0, le=10_000)]


class _Metadata(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The JSON object in the graph's metadata."""

    labels: tuple[str, ...]
    rate_hz: Annotated[float, Meta(gt=0, le=1000)]
    window_frames: _Frames
    step_frames: _Frames
    label_lag_frames: _FramesOrNone
    horizon_frames: _FramesOrNone = 0
    pair_labels: tuple[str, ...] = ()
    temperature: Annotated[float, Meta(gt=0, le=100)] = 1.0


@dataclass(kw_only=True)
class WindowState:
    """The newest W frames of R rows. Advanced in place."""

    joints_m: Tensor
    """(R, W, 25, 3) float32, metres; a ring over the frames."""
    frame_count: Tensor
    """(R,) int64, frames since the row's reset."""


class WindowedOnnx:
    """Run a graph over the newest W frames of each row, in a ring buffer and one session of ONNX Runtime."""

    def __init__(self, path: Path, *, threads: int = 1) -> None:
        """Load a graph and check it against its own description, with one run on a moving body.

        threads: CPU threads of the session. Raises CheckpointMismatch, naming the file and what does not fit.
        """
        self._path = path
        onnxruntime.disable_telemetry_events()
        try:
            if path.exists() and not (path.is_file() and path.stat().st_size <= _MOST_BYTES):
                raise self._mismatch(f"is no file of at most {_MOST_BYTES} bytes; give a .onnx file")
            self._session = onnxruntime.InferenceSession(
                path.read_bytes(), session_options(threads), providers=["CPUExecutionProvider"]
            )
        except CheckpointMismatch:
            raise
        except OSError as error:
            raise self._mismatch(f"cannot be read ({error.strerror}); give a .onnx file") from None
        except Exception as error:  # The run-time has a dozen kinds, none of which is exported.
            raise self._mismatch(f"ONNX Runtime cannot load it ({_first_line(error)}); export it again") from None
        self.description = self._read_description(self._session.get_modelmeta().custom_metadata_map)
        self._check_graph()

    def empty_state(self, rows: int) -> WindowState:
        """Return the state of rows that have seen nothing, as `StreamModel` defines it."""
        return WindowState(
            joints_m=torch.zeros(rows, self.description.window_frames, len(NTU25), 3),
            frame_count=torch.zeros(rows, dtype=torch.int64),
        )

    def reset(self, rows: Tensor, state: WindowState) -> WindowState:
        """Forget the past of some rows, in place, as `StreamModel` defines it."""
        state.frame_count.masked_fill_(rows, 0)
        return state

    @torch.inference_mode()
    def step(self, joints_m: Tensor, state: WindowState, active: Tensor) -> tuple[ModelOutput, WindowState]:
        """Advance the active rows by one frame, in place, as `StreamModel` defines it."""
        window = self.description.window_frames
        rows = active.nonzero().squeeze(1)
        count = state.frame_count[rows]
        state.joints_m[rows, count % window] = joints_m[rows]
        count += 1
        state.frame_count[rows] = count
        since_first = count - self.description.span_frames
        due = rows[(since_first >= 0) & (since_first % self.description.step_frames == 0)]
        # The oldest frame is where the next one will be written.
        slots = (state.frame_count[due, None] + torch.arange(window)) % window
        return self._predict(due, state.joints_m[due[:, None], slots]), state

    def _predict(self, rows: Tensor, windows_m: Tensor) -> ModelOutput:
        """Run the graph. windows_m: (M, W, 25, 3), oldest first."""
        count, model = len(rows), self.description
        outputs: dict[str, NDArray[np.float32]] = {}
        if count:
            outputs = self._run(windows_m.numpy())
        horizon = model.horizon_frames
        # No rows: not every graph can run on none. No horizon: there are no such outputs.
        return ModelOutput(
            rows=rows,
            logits=_tensor(outputs, "logits", (count, len(model.labels))),
            future_joints_m=_tensor(outputs, "future_joints_m", (count, horizon, len(NTU25), 3)),
            scales_m=_tensor(outputs, "scales_m", (count, horizon, len(NTU25))),
        )

    def _run(self, windows_m: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        names = list(self._output_shapes(0))
        values = self._session.run(names, {self._session.get_inputs()[0].name: windows_m})
        return dict(zip(names, values, strict=True))

    def _output_shapes(self, rows: int) -> dict[str, tuple[int, ...]]:
        """Return the outputs that the graph must have, for so many rows."""
        model = self.description
        shapes: dict[str, tuple[int, ...]] = {"logits": (rows, len(model.labels))}
        if model.horizon_frames:
            shapes["future_joints_m"] = (rows, model.horizon_frames, len(NTU25), 3)
            shapes["scales_m"] = (rows, model.horizon_frames, len(NTU25))
        return shapes

    def _read_description(self, metadata: Mapping[str, str]) -> StreamDescription:
        if METADATA_KEY not in metadata:
            raise self._mismatch(f"has no metadata {METADATA_KEY!r}; set it with onnx.helper.set_model_props")
        try:
            tree = msgspec.json.decode(metadata[METADATA_KEY])
        except (msgspec.DecodeError, RecursionError) as error:
            raise self._mismatch(
                f"metadata {METADATA_KEY!r} is not JSON ({_first_line(error)}); write it with json.dumps"
            ) from None
        if fault := find_fault(tree, _Metadata):
            raise self._mismatch(f"metadata {METADATA_KEY!r}: {fault.text()}")
        own = msgspec.convert(tree, _Metadata)
        try:
            return StreamDescription(
                labels=own.labels, pair_labels=own.pair_labels, rate_hz=own.rate_hz, step_frames=own.step_frames,
                span_frames=own.window_frames, window_frames=own.window_frames, horizon_frames=own.horizon_frames,
                label_lag_frames=own.label_lag_frames, temperature=own.temperature,
                name=str(self._path),
            )  # fmt: skip
        except ValueError as error:
            raise self._mismatch(f"metadata {METADATA_KEY!r}: {_first_line(error)}") from None

    def _check_graph(self) -> None:
        """Compare names, and the shapes that a run gives, with the description. Raises CheckpointMismatch."""
        inputs, shape = self._session.get_inputs(), (_PROBE_ROWS, self.description.window_frames, len(NTU25), 3)
        if len(inputs) != 1 or inputs[0].type != "tensor(float)":
            given = ", ".join(f"{value.name} {value.type}" for value in inputs)
            raise self._mismatch(f"inputs {given}: expected one of tensor(float), the joints")
        expected = self._output_shapes(_PROBE_ROWS)
        there = [value.name for value in self._session.get_outputs()]
        if missing := [name for name in expected if name not in there]:
            raise self._mismatch(f"outputs {', '.join(there)}: {', '.join(missing)} is missing; name the outputs so")
        try:
            outputs = self._run(_probe_joints(shape))
        except Exception as error:  # As above.
            raise self._mismatch(
                f"cannot run on joints {shape} ({_first_line(error)}); export it for that window, with a dynamic batch"
            ) from None
        for name, value in outputs.items():
            if value.shape != expected[name] or value.dtype != np.float32:
                raise self._mismatch(
                    f"output {name} of {_PROBE_ROWS} windows is {value.shape} {value.dtype}, "
                    f"expected {expected[name]} float32, as labels and horizon_frames in its metadata demand"
                )

            if not np.isfinite(value).all():
                raise self._mismatch(f"output {name} of a moving body is not finite; train it or export it again")

    def _mismatch(self, reason: str) -> CheckpointMismatch:
        return CheckpointMismatch(f"model {self._path}: {reason}")


def _tensor(outputs: Mapping[str, NDArray[np.float32]], name: str, shape: tuple[int, ...]) -> Tensor:
    """Return an output of the graph, zeros where it was not run or has no such output."""
    return torch.from_numpy(outputs[name]) if name in outputs else torch.zeros(shape)


def _probe_joints(shape: tuple[int, int, int, int]) -> NDArray[np.float32]:
    """Return upright bodies that move at random, three metres away. shape: (N, W, 25, 3)."""
    rng = np.random.default_rng(0)
    body = rng.normal(0, 0.2, (1, 1, *shape[2:])) + np.array([0.0, 0.0, 3.0])
    body[..., 1] += np.linspace(-1, 1, shape[2])
    joints: NDArray[np.float32] = (body + 0.01 * rng.normal(size=shape).cumsum(axis=1)).astype(np.float32)
    return joints


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:_LONGEST_REASON] if str(error).strip() else type(error).__name__
