"""What all tests share: the data folder, and torch on one thread, as it runs live."""

from pathlib import Path

import pytest
import torch

from hitrs_live.data.arrays import data_folder

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def data() -> Path:
    """The data folder; tests that need it are skipped where it is not."""
    folder = data_folder()
    if not folder.is_dir():
        pytest.skip(f"needs the data folder, looked for at {folder}; set HITRS_DATA to it")
    return folder
