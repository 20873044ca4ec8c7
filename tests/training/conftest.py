"""The miniature of the ship data, written once for all tests of training, and what a detector learns of it."""

from pathlib import Path

import pytest
from ship_miniature import write_miniature

from hitrs_live.data.class_map import read_ship
from hitrs_live.data.shipped_classes import LABELS, SOURCE_WEIGHTS
from hitrs_live.skeleton import mirrored_labels
from hitrs_live.training.train_detector import TrainingStreams


@pytest.fixture(scope="session")
def miniature(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_miniature(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="session")
def streams_data(miniature: Path) -> TrainingStreams:
    return TrainingStreams(
        sources=read_ship(miniature, test=False), weights=SOURCE_WEIGHTS, mirrored=mirrored_labels(LABELS)
    )
