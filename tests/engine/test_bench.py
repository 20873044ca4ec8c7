"""The figures of `hitrs-live bench`."""

import msgspec
import pytest

from hitrs_live.bench import measure
from hitrs_live.checkpoint import Checkpoint


@pytest.mark.slow
def test_every_figure_is_there_and_no_engine_is_needed(checkpoint: Checkpoint) -> None:
    # Of no file, so that nothing built is found for it.
    report = measure(msgspec.structs.replace(checkpoint, fingerprint=""), turns=1)
    assert report.onnx_over_torch_batch1 is None
    assert set(report.persons_at_30fps) == set(report.stream_ms_per_frame) == {"torch fp32"}
    assert report.parity_max_abs == {"torch fp32": 0.0}
    assert report.speedup_over_recompute > 0
    assert 0 < report.matmul_share_batch16 < 1
