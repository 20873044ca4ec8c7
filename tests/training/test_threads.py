"""Training takes numbers too small for a normal float32 for zero, in all of torch's threads."""

import subprocess
import sys

import pytest

PROGRAM = """
import torch
from hitrs_live.training.threads import use_threads
{prepare}
small = torch.full((2**20,), 1e-39)
print(torch.get_num_threads(), int((small * 1.0 != 0).sum()))
"""


def count_small(prepare: str) -> list[str]:
    """Return the number of threads, and how many of a million subnormal numbers are left after a multiplication."""
    program = PROGRAM.format(prepare=prepare)
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.parametrize("threads", ["1", "2"])
def test_subnormal_numbers_become_zero_in_each_thread(threads: str) -> None:
    assert count_small(f"use_threads({threads})") == [threads, "0"]


def test_they_are_kept_elsewhere() -> None:
    assert count_small("torch.set_num_threads(2)") == ["2", str(2**20)]
