"""The preview of the next model is in the package."""

from pathlib import Path

import numpy as np

import hitrs_live
from hitrs_live.checkpoint import load_checkpoint
from hitrs_live.data.shipped_classes import LABELS

PREVIEW = Path(hitrs_live.__file__).parent / "weights" / "hitrs_tiny_4_preview.safetensors"


def test_the_preview_is_a_detector_of_independent_classes_of_the_same_size_with_the_shipped_classes() -> None:
    preview, shipped = load_checkpoint(PREVIEW), load_checkpoint()
    assert preview.info.independent
    assert set(LABELS) <= set(preview.info.labels)
    assert preview.info.detector.encoder == shipped.info.detector.encoder
    assert all(np.isfinite(weight.numpy()).all() for weight in preview.model.state_dict().values())
