"""Join the processes that torchrun starts: rank, device and process group. One process without torchrun."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist

from hitrs_live.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Processes:
    """This process's place among those that train together."""

    rank: int
    count: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes and reports."""
        return self.rank == 0


@contextmanager
def join_processes(device: str = "auto") -> Iterator[Processes]:
    """Join the process group that torchrun started, if any, and leave it at the end.

    device: `auto` takes a GPU where there is one; each process of a machine takes its own. Raises ConfigError where
    `cuda` is requested and there is no GPU.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError(
            "--device cuda: this torch sees no CUDA GPU; install a CUDA build of torch, or leave --device"
        )
    on_gpu = device == "cuda" or (device == "auto" and torch.cuda.is_available())
    count = int(os.environ.get("WORLD_SIZE", "1"))
    local = int(os.environ.get("LOCAL_RANK", "0"))
    chosen = torch.device("cuda", local) if on_gpu else torch.device("cpu")
    if on_gpu:
        torch.cuda.set_device(chosen)
    if count == 1:
        yield Processes(rank=0, count=1, device=chosen)
        return
    dist.init_process_group("nccl" if on_gpu else "gloo")
    try:
        yield Processes(rank=dist.get_rank(), count=count, device=chosen)
    finally:
        dist.destroy_process_group()
