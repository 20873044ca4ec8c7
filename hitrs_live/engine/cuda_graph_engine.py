"""torch on a GPU through CUDA graphs: each piece recorded once a batch size, then replayed as one launch.

For GPUs without TensorRT. Written where there was no GPU to run it on: every recording is compared with the eager
piece before it is used, and a batch size whose recording fails runs eagerly.
"""

import logging
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hitrs_live.config import Precision
from hitrs_live.engine.base import Judgement
from hitrs_live.engine.export import example_inputs
from hitrs_live.engine.pieces import ClipPiece, FramePiece, JudgePiece, in_precision
from hitrs_live.engine.torch_engine import DTYPES
from hitrs_live.errors import EngineUnavailable
from hitrs_live.model.detector import DetectorConfig, HitrsDetector
from hitrs_live.model.hitrs import HiTRSConfig

_log = logging.getLogger(__name__)
_WARM_UPS = 3
_SAME = 1e-3


class CudaGraphEngine:
    """Run a detector's pieces on a GPU."""

    name = "cuda-graph"

    def __init__(self, model: HitrsDetector, precision: Precision = "fp32", *, max_rows: int = 16) -> None:
        """Copy the model to the GPU and record every piece. Raises EngineUnavailable where there is no GPU."""
        if precision not in DTYPES:
            raise EngineUnavailable(f"torch runs {', '.join(DTYPES)} on a GPU")
        if not torch.cuda.is_available():
            raise EngineUnavailable("no GPU that torch can use")
        self.config: DetectorConfig = model.config
        self.precision: Precision = precision
        on_gpu = HitrsDetector(model.config)
        on_gpu.load_state_dict(model.state_dict())
        on_gpu = in_precision(on_gpu.eval(), DTYPES[precision]).cuda()
        pieces: dict[str, nn.Module] = {
            "frame": FramePiece(on_gpu.encoder.frame_encoder),
            "clip": ClipPiece(on_gpu.encoder.clip_encoder),
            "judge": JudgePiece(on_gpu),
        }
        self._pieces = {name: _Piece(piece, name, model.config, max_rows) for name, piece in pieces.items()}

    @property
    def grid(self) -> HiTRSConfig:
        """Sizes of the encoders and the clip grid."""
        return self.config.encoder

    def encode_frames(self, joints: Tensor) -> Tensor:
        """Encode frames, as `Engine` has it."""
        return self._pieces["frame"].run(joints)[0]

    def encode_clips(self, tokens: Tensor) -> Tensor:
        """Encode clips, as `Engine` has it."""
        return self._pieces["clip"].run(tokens)[0]

    def judge(self, clips: Tensor, held: Tensor, recent: Tensor) -> Judgement:
        """Judge windows at their newest clip, as `Engine` has it."""
        return Judgement(*self._pieces["judge"].run(clips, held, recent))


@dataclass(frozen=True, kw_only=True)
class _Recording:
    """A piece at one batch size: where its inputs are put, and where its outputs then lie."""

    graph: torch.cuda.CUDAGraph
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]


class _Piece:
    """One piece and its recordings, at 1, 2, 4 ... rows."""

    def __init__(self, piece: nn.Module, name: str, config: DetectorConfig, max_rows: int) -> None:
        self._piece = piece
        self._recordings: dict[int, _Recording] = {}
        for rows in batch_sizes(max_rows):
            try:
                self._recordings[rows] = self._record(
                    tuple(value.cuda() for value in example_inputs(config, rows)[name])
                )
            except RuntimeError as error:
                _log.warning("CUDA graph of %s at %d rows: %s; runs eagerly", name, rows, str(error).splitlines()[0])

    @torch.inference_mode()
    def run(self, *inputs: Tensor) -> list[Tensor]:
        """Run on any number of rows: the smallest recording that holds them, the rest of it idle."""
        rows = len(inputs[0])
        recording = next((self._recordings[size] for size in sorted(self._recordings) if size >= rows), None)
        if recording is None:
            return [output.cpu() for output in self._eager(tuple(value.cuda() for value in inputs))]
        for place, value in zip(recording.inputs, inputs, strict=True):
            place[:rows].copy_(value, non_blocking=True)
        recording.graph.replay()
        return [output[:rows].cpu() for output in recording.outputs]

    @torch.inference_mode()
    def _record(self, inputs: tuple[Tensor, ...]) -> _Recording:
        """Record, then compare a replay with the eager piece. Raises RuntimeError where either fails."""
        aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(_WARM_UPS):
                self._eager(inputs)
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            outputs = self._eager(inputs)
        for value in inputs:
            if value.is_floating_point():
                value.normal_()
        graph.replay()
        for got, wanted in zip(outputs, self._eager(inputs), strict=True):
            if not torch.allclose(got, wanted, atol=_SAME, rtol=_SAME):
                raise RuntimeError("its replay differs from the eager run")
        return _Recording(graph=graph, inputs=inputs, outputs=outputs)

    def _eager(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        output = self._piece(*inputs)
        return output if isinstance(output, tuple) else (output,)


def batch_sizes(max_rows: int) -> tuple[int, ...]:
    """Choose the batch sizes to record: powers of two up to the most, and the most."""
    sizes = {max_rows}
    size = 1
    while size < max_rows:
        sizes.add(size)
        size *= 2
    return tuple(sorted(sizes))
