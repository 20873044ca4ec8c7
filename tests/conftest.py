"""What all tests share: the data folder, a recording, and torch on one thread, as it runs live."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from demo_recording import FRAMES, record_demo
from hypothesis import HealthCheck, settings
from key_folders import Keys

from hitrs_live.data.array_format import data_folder

torch.set_num_threads(1)

# A shell that runs the suite in its background ignores Ctrl-C for it, and so would every process that a test starts.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes depends on the machine.
settings.register_profile("any_speed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any_speed")


@pytest.fixture(autouse=True)
def subnormal_numbers_stay() -> Iterator[None]:
    """Undo what training sets for the whole process: numbers too small for a normal float32 are no longer zero."""
    yield
    torch.set_flush_denormal(False)


@pytest.fixture(scope="session")
def data() -> Path:
    """The data folder; tests that need it are skipped where it is not."""
    folder = data_folder()
    if not folder.is_dir():
        pytest.skip(f"needs the data folder, looked for at {folder}; set HITRS_DATA to it")
    return folder


@pytest.fixture(scope="session")
def demo_recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The joints of the demo figure, as `live --record` keeps them."""
    return record_demo(tmp_path_factory.mktemp("recordings") / "demo.mcap", frames=FRAMES)


@pytest.fixture(scope="session")
def short_recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds of it: enough for scores and predictions."""
    return record_demo(tmp_path_factory.mktemp("recordings") / "short.mcap", frames=90)


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    """Keys of a test's own, in files."""
    return Keys(tmp_path)
