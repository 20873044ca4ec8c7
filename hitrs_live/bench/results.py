"""What `hitrs-live bench` reports. Engines are named by back-end and precision, such as "onnx int8"."""

import msgspec

FRAME_MS = 1000 / 30
"""What a frame may take at 30 a second."""


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """Percentiles of what was timed, milliseconds."""

    p50_ms: float
    p95_ms: float
    p99_ms: float


class StepTimes(Latency, frozen=True, kw_only=True):
    """One frame of everybody, from metres to logits."""

    persons: int
    frames: int
    """How many were timed."""
    mean_ms: float


class Crowd(msgspec.Struct, frozen=True, kw_only=True):
    """The most people whose frames stay under 33.3 ms at their p99."""

    persons: int
    """0 where one is too many."""
    p99_ms: float | None
    """With so many; None for nobody."""


class Recomputing(msgspec.Struct, frozen=True, kw_only=True):
    """One person's whole window computed anew, with the same weights, by engine.

    "model" is the model as it is trained, in torch, which judges every clip; engines judge the newest clip alone.
    """

    window_ms: dict[str, float]
    """What a frame costs that recomputes it."""
    every_clip_ms_per_frame: dict[str, float]
    """The same a frame, where it is recomputed only when a clip ends."""
    over_stream: dict[str, float]
    """Each engine's window over its own step of the stream."""


class Arithmetic(msgspec.Struct, frozen=True, kw_only=True):
    """How fast multiplications and additions are done, each counted as one. A hop: 7 frames, a clip, a judgement."""

    hop_mflop_per_person: float
    """Products and attention, of the parts that a step runs."""
    product_size: int
    product_gflops: dict[str, float]
    """A fp32 product of two square matrices, by library."""
    hop_gflops: dict[str, float]
    """By engine, of those in fp32 on the CPU."""
    hop_over_product: dict[str, float]
    """Over the fastest of the products."""


class HistoryCost(msgspec.Struct, frozen=True, kw_only=True):
    """What one person costs by how much is looked back on, all in torch."""

    clips: int
    stream_ms_per_frame: float
    recompute_every_frame_ms: float
    recompute_every_clip_ms_per_frame: float


class PipelineLatency(Latency, frozen=True, kw_only=True):
    """From a frame's capture to its last message handed to ZeroMQ, by the clock on the wall; without a pose stage."""

    engine: str
    persons: int
    frames: int
    cpu_ms_per_frame: float
    """What the whole process computes for a frame: unlike the times, hardly touched by others on the machine."""


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """Resident memory of this process, MB, and what a stream remembers."""

    loaded_mb: float
    """With the packages and the model."""
    engines_mb: float
    """With every engine open."""
    peak_mb: float
    """The most of the whole run."""
    state_kb_per_person: float


class BenchReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured. CPU figures are CPU time of one thread; those of GPUs are by the clock on the wall."""

    checkpoint: str
    weights: str
    """trained or random; random ones are for speed alone and pass no gate."""
    parameters: int
    window_clips: int
    quick: bool
    machine: dict[str, str]
    notices: tuple[str, ...]
    """Why an engine is not among those measured, or would not be let run."""
    speedup_over_recompute: float
    """A stream's step against the whole window recomputed at every frame, one person, both in torch."""
    speedup_over_recompute_best: float
    """The same window in torch over the fastest engine's step: what stream and engine give together."""
    onnx_over_torch_batch1: float | None
    """Torch's time over that of ONNX Runtime in fp32, for the calls of one hop; None where that cannot be had."""
    persons_at_30fps: dict[str, int]
    """By precision, the best engine on one CPU core: people who came one after another, so that a seventh of them ends
    a clip in each frame."""
    persons_at_30fps_at_once: dict[str, int]
    """The worst case: all came in one frame, so that all end their clips in the same one of seven frames."""
    persons_at_30fps_gpu: dict[str, int] | None
    """As `persons_at_30fps`, one GPU; None without one."""
    matmul_share_batch16: float
    """FLOP/s of 16 people's hop in the best fp32 engine over those of the fastest square product."""
    stream_ms_per_frame: dict[str, float]
    """One person, everything from metres to logits, an answer every clip."""
    recomputing: Recomputing
    arithmetic: Arithmetic
    crowds: dict[str, Crowd]
    """By engine, spread as in `persons_at_30fps`."""
    crowds_at_once: dict[str, Crowd]
    steps: dict[str, tuple[StepTimes, ...]]
    """By engine, for growing numbers of people, spread likewise."""
    history: tuple[HistoryCost, ...]
    pipeline: PipelineLatency | None
    """None where no frame came through in the time that was given."""
    memory: Memory
    parity_max_abs: dict[str, float]
    """Largest difference of any logit from torch's in fp32."""
