"""Data classes of the report of `hitrs-live bench`. Engines are named by backend and precision, such as "onnx int8".

The field names are the keys of the JSON file. A hop in them is one clip stride of one person: 7 frames, one clip, one
prediction. A crowd is the number of people that an engine can process in real time.
"""

import msgspec

FRAME_MS = 1000 / 30
"""Time available for a frame at 30 frames a second."""


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """Percentiles of the timed frames, milliseconds."""

    p50_ms: float
    p95_ms: float
    p99_ms: float


class StepTimes(Latency, frozen=True, kw_only=True):
    """Duration of one frame of all people, from joints in metres to logits."""

    persons: int
    frames: int
    """Number of frames that were timed."""
    mean_ms: float


class Capacity(msgspec.Struct, frozen=True, kw_only=True):
    """The largest number of people for which the p99 of a frame is under 33.3 ms."""

    persons: int
    """0 where a single person exceeds it."""
    p99_ms: float | None
    """With that number; None where it is 0."""


class Recomputing(msgspec.Struct, frozen=True, kw_only=True):
    """Cost of one person's whole window, recomputed from scratch with the same weights, by engine.

    "model" is the model as it is trained, in torch, which predicts at every clip; engines predict at the newest clip
    only.
    """

    window_ms: dict[str, float]
    """Duration of one recomputation: the cost of a frame where every frame recomputes the window."""
    every_clip_ms_per_frame: dict[str, float]
    """Cost a frame where the window is recomputed only when a clip ends."""
    over_stream: dict[str, float]
    """Each engine's window over its own step of the stream."""


class Arithmetic(msgspec.Struct, frozen=True, kw_only=True):
    """Speed of arithmetic; a multiplication and an addition count as one operation each."""

    hop_mflop_per_person: float
    """Matrix products and attention of one stride, of the submodules that a step runs."""
    product_size: int
    """Rows and columns of the matrices of the reference product."""
    product_gflops: dict[str, float]
    """Of a fp32 product of two square matrices, by library."""
    hop_gflops: dict[str, float]
    """By engine, of the fp32 engines on the CPU."""
    hop_over_product: dict[str, float]
    """Ratio to the fastest of the products."""


class HistoryCost(msgspec.Struct, frozen=True, kw_only=True):
    """Cost of one person by length of the window, all in torch."""

    clips: int
    stream_ms_per_frame: float
    recompute_every_frame_ms: float
    recompute_every_clip_ms_per_frame: float


class PipelineLatency(Latency, frozen=True, kw_only=True):
    """Wall-clock time from a frame's capture to its last message handed to ZeroMQ, without a pose stage."""

    engine: str
    persons: int
    frames: int
    cpu_ms_per_frame: float
    """CPU time of the whole process per frame; unlike the latencies, hardly affected by other processes."""


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """Resident memory of this process, MB, and the size of a stream's state."""

    loaded_mb: float
    """With the packages and the model loaded."""
    engines_mb: float
    """With every engine open."""
    peak_mb: float
    """Maximum over the run."""
    state_kb_per_person: float
    """Stream state of one person."""


class BenchReport(msgspec.Struct, frozen=True, kw_only=True):
    """All measurements. CPU figures are CPU time of one thread; GPU figures are wall-clock time."""

    checkpoint: str
    weights: str
    """trained or random; engines with random weights are built without the parity gate, to measure speed only."""
    parameters: int
    window_clips: int
    quick: bool
    machine: dict[str, str]
    notices: tuple[str, ...]
    """Why an engine was not measured, or would be refused."""
    speedup_over_recompute: float
    """Whole window recomputed at every frame over the stream's step, one person, both in torch."""
    speedup_over_recompute_best: float
    """The same window in torch over the fastest engine's step: the gain of streaming and engine together."""
    onnx_over_torch_batch1: float | None
    """Torch's time over that of ONNX Runtime in fp32, for the calls of one stride; None without that engine."""
    persons_at_30fps: dict[str, int]
    """By precision, the best engine on one CPU core: people who appeared at different times, so that a seventh of them
    ends a clip in each frame."""
    persons_at_30fps_at_once: dict[str, int]
    """The worst case: all appeared in one frame, so that all end their clips in the same one of seven frames."""
    persons_at_30fps_gpu: dict[str, int] | None
    """As `persons_at_30fps`, on one GPU; None without one."""
    matmul_share_batch16: float
    """FLOP/s of a stride of 16 people in the best fp32 engine over those of the fastest square product."""
    stream_ms_per_frame: dict[str, float]
    """One person, from joints in metres to logits, a prediction every clip."""
    recomputing: Recomputing
    arithmetic: Arithmetic
    crowds: dict[str, Capacity]
    """By engine, people as in `persons_at_30fps`."""
    crowds_at_once: dict[str, Capacity]
    """By engine, people as in `persons_at_30fps_at_once`."""
    steps: dict[str, tuple[StepTimes, ...]]
    """By engine, for growing numbers of people, as in `persons_at_30fps`."""
    history: tuple[HistoryCost, ...]
    pipeline: PipelineLatency | None
    """None where no frame was published in the given time."""
    memory: Memory
    parity_max_abs: dict[str, float]
    """Largest difference of any logit from torch's in fp32."""
