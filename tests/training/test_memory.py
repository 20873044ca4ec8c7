"""Free memory of the C library's heap goes back to the system between steps."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from hitrs_live.training.memory import HeapTrimmer

needs_glibc = pytest.mark.skipif(HeapTrimmer().free_bytes() == 0, reason="the C library is not glibc")
_BLOCK = 65_536
"""Below what glibc asks the system for block by block."""


@needs_glibc
def test_what_lies_free_between_blocks_in_use_goes_back() -> None:
    heap = HeapTrimmer(every=3, least_free=0)
    blocks = [bytearray(b"x" * _BLOCK) for _ in range(2000)]
    full = psutil.Process().memory_info().rss
    del blocks[::2]
    assert not heap.after_step()
    assert not heap.after_step()
    assert psutil.Process().memory_info().rss > full - 30_000_000
    assert heap.after_step()
    assert psutil.Process().memory_info().rss < full - 40_000_000
    assert not heap.after_step()
    assert blocks[0] == b"x" * _BLOCK


def test_a_little_that_lies_free_is_left_alone() -> None:
    heap = HeapTrimmer(every=1, least_free=1 << 50)
    assert not heap.after_step()


@pytest.mark.slow
def test_a_training_command_asks_for_huge_pages_before_torch_is_there_and_leaves_a_users_choice(tmp_path: Path) -> None:
    program = (
        "import os, sys; from hitrs_live.cli import main; assert 'torch' not in sys.modules; "
        f"main(['pretrain', '--data', {str(tmp_path / 'none.npz')!r}]); print(os.environ['THP_MEM_ALLOC_ENABLE'])"
    )
    for given, expected in ((None, "1"), ("0", "0")):
        environment = {key: value for key, value in os.environ.items() if key != "THP_MEM_ALLOC_ENABLE"}
        if given is not None:
            environment["THP_MEM_ALLOC_ENABLE"] = given
        run = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
        assert run.stdout.strip() == expected, run.stderr
