"""Run under torchrun: the contrastive loss of this rank's share of a fixed batch, against that of the whole."""

import json
import sys

import torch
import torch.distributed as dist

from hitrs_live.training.distributed import join_processes
from hitrs_live.training.infonce import info_nce


def main() -> None:
    """Print, on the first rank, both losses and both gradients."""
    generator = torch.Generator().manual_seed(0)
    queries, targets = torch.randn(8, 4, generator=generator), torch.randn(8, 4, generator=generator)
    valid = torch.tensor([True] * 7 + [False])
    owners = torch.tensor([0, 0, 1, 2, 0, 0, 1, 2])
    apart = torch.tensor([0, 0, 1, 2, 3, 3, 4, 5])
    with join_processes("cpu") as processes:
        whole = queries.clone().requires_grad_()
        # A mean of means: weigh the shares as their valid rows count.
        total, _ = info_nce(whole, targets, apart, valid, 0.1, across_ranks=False)
        torch.autograd.backward(total)
        share = slice(4 * processes.rank, 4 * processes.rank + 4)
        mine = queries[share].clone().requires_grad_()
        loss, _ = info_nce(mine, targets[share], owners[share], valid[share], 0.1)
        weighted = loss * valid[share].sum() / valid.sum()
        torch.autograd.backward(weighted)
        assert whole.grad is not None
        assert mine.grad is not None
        difference = (mine.grad - whole.grad[share]).abs().max()
        summed = weighted.detach().clone()
        dist.all_reduce(summed)
        dist.all_reduce(difference, op=dist.ReduceOp.MAX)
        if processes.first:
            figures = {"whole": total.item(), "summed": summed.item(), "gradient_difference": difference.item()}
            sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
