"""Fixtures shared with other folders, and the shipped model."""

import pytest
from pictures import show as show

from hitrs_live.checkpoint import Checkpoint, load_checkpoint


@pytest.fixture(scope="session")
def checkpoint() -> Checkpoint:
    """The shipped checkpoint."""
    return load_checkpoint()


@pytest.fixture(scope="session")
def version_3() -> Checkpoint:
    """Load version 3, whose detections of the demo's figure do not change with the shipped weights."""
    return load_checkpoint("hitrs_tiny_3")
