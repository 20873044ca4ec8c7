"""The interface between the pipeline and an action model: joints of R rows in, logits and future joints out.

The rest of the pipeline knows a model by `StreamModel` alone. Two implementations are here: `HitrsStream`, the Hi-TRS
detector as a stream, and `WindowedOnnx`, a user's own ONNX model over a window of frames. Both keep to one suite,
tests/contracts/test_stream_model_contract.py; a new one joins by a line in its CASES.

Shape letters: R rows (people), M rows with an output in this step, K classes, F frames ahead.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, runtime_checkable

from torch import Tensor

StateT = TypeVar("StateT")


@dataclass(frozen=True, kw_only=True)
class StreamDescription:
    """The numbers that the stages around a model need: predictor, decoders, resampler, motion scorer, compensator."""

    labels: tuple[str, ...]
    """Class names in the order of the logits; the first is the background."""
    pair_labels: tuple[str, ...] = ()
    """Those of them that take two people; they are detected on pairs alone."""
    rate_hz: float
    """Frames per second that the model was trained at; joints are resampled to it."""
    step_frames: int
    """Frames from one output on a row to the next."""
    span_frames: int
    """Frames of a row before its first output, the frame of that output included."""
    window_frames: int
    """Frames of history that an output rests on at most, its own frame included."""
    label_lag_frames: int
    """Logits describe the instant this many frames before the frame that they come with."""
    horizon_frames: int
    """Future frames that are predicted; 0 for a model that predicts no motion."""
    independent: bool = False
    """Whether each class has a sigmoid of its own; otherwise one softmax takes them all."""
    temperature: float = 1.0
    """Logits are divided by it before the softmax or sigmoid, where no thresholds file says otherwise."""
    on: Mapping[str, float] = field(default_factory=dict)
    """Onset threshold by class, where it differs from the setting."""
    off: Mapping[str, float] = field(default_factory=dict)
    """Offset threshold by class, where it differs from the setting."""
    name: str = ""
    """What errors call the model."""
    embedding_width: int = 0
    """C of `ModelOutput.embeddings`; 0 for a model that gives none."""

    def __post_init__(self) -> None:
        """Raise ValueError for numbers that no stream can have."""
        if not self.labels or len(set(self.labels)) != len(self.labels):
            raise ValueError(f"labels {', '.join(self.labels)}: expected the background and the classes, each once")
        if unknown := set(self.pair_labels) - set(self.labels[1:]):
            raise ValueError(f"pair_labels name no class: {', '.join(sorted(unknown))}")
        if not self.rate_hz > 0:
            raise ValueError(f"rate_hz {self.rate_hz}: expected more than 0")
        for name, least in (("step_frames", 1), ("span_frames", 1), ("label_lag_frames", 0), ("horizon_frames", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} {getattr(self, name)}: expected {least} or more")
        if self.window_frames < self.span_frames:
            raise ValueError(f"window_frames {self.window_frames}: expected at least span_frames, {self.span_frames}")

    def duration_ns(self, frames: int) -> int:
        """Convert frames to nanoseconds."""
        return round(frames * (1e9 / self.rate_hz))


@dataclass(frozen=True, kw_only=True)
class ModelOutput:
    """The outputs of one step: M of the R rows have one, M may be zero."""

    rows: Tensor
    """(M,) int64, ascending: which rows."""
    logits: Tensor
    """(M, K) float32, before the softmax."""
    future_joints_m: Tensor
    """(M, F, 25, 3) float32, metres, in the camera's axes: the next F frames."""
    scales_m: Tensor
    """(M, F, 25) float32, metres: the scale of each future joint's error, as `MotionHead.forecast` defines it."""
    embeddings: Tensor | None = None
    """(M, C) float32: what an encoder makes of the newest frames; taught actions are found by it. None without one."""


class StreamModel(Protocol[StateT]):
    """An action model that advances one frame at a time. It owns weights only; a stream's state is passed in and out.

    Rows are independent: an output of a row depends on the frames of that row since its reset, never on other rows or
    on later frames, and at most on the newest `window_frames` (plus slow averages of the past, for normalisation).
    """

    @property
    def description(self) -> StreamDescription:
        """The model's numbers; constant."""

    def empty_state(self, rows: int) -> StateT:
        """Return the state of rows that have seen nothing."""

    def reset(self, rows: Tensor, state: StateT) -> StateT:
        """Forget the past of some rows. rows: (R,) bool. The argument may be advanced in place; use the result."""

    def step(self, joints_m: Tensor, state: StateT, active: Tensor) -> tuple[ModelOutput, StateT]:
        """Advance the active rows by one frame; the others keep their state.

        joints_m: (R, 25, 3) float32, metres, in the camera's axes, what is in inactive rows is not read; active: (R,)
        bool. A row has an output with its `span_frames`-th frame and then every `step_frames` frames. The state may be
        advanced in place; use the result.
        """


@runtime_checkable
class SkipsOutputs(Protocol):
    """What a `StreamModel` may add: fewer outputs while the machine is too slow for all."""

    @property
    def can_skip(self) -> bool:
        """Whether it has outputs that can be left out."""

    def skip_outputs(self, *, clips_only: bool) -> None:
        """From the next step on, leave out all outputs but those at the end of a clip, or none; states stay valid."""


@dataclass(frozen=True, kw_only=True)
class LoadedModel:
    """A model ready to step, with what a run should report about it."""

    model: StreamModel[Any]
    notice: str = ""
    """One line for every status, where the model does not run as it was configured; empty otherwise."""
    information: str = ""
    """One line for every status on what the configuration costs; empty where there is nothing to say."""


class ModelLoader(Protocol):
    """Loads a model late: its description is known at once, what computes it may take seconds to start."""

    @property
    def description(self) -> StreamDescription:
        """The description that the loaded model will have."""

    def load(self, people: int) -> LoadedModel:
        """Load for at most that many people at once. Called in the thread that steps the model."""


class Preloaded:
    """A `ModelLoader` for a model that is loaded already, such as a `WindowedOnnx`."""

    def __init__(self, model: StreamModel[Any]) -> None:
        self._model = model

    @property
    def description(self) -> StreamDescription:
        """Return the model's description."""
        return self._model.description

    def load(self, people: int) -> LoadedModel:
        """Return the model; it takes any number of people."""
        del people
        return LoadedModel(model=self._model)
