"""Set up torch's threads for training."""

import torch


def use_threads(count: int) -> None:
    """Compute with so many threads, and take numbers too small for a normal float32 (below 1.2e-38) for zero.

    Gradients of saturated activations fall below that as training goes on, and a processor computes with such numbers
    many times slower: steps of convolutions grew from 0.5 to 1.5 s within a thousand. The setting is one of each thread
    and is inherited, so this comes first: before a tensor is large enough to start torch's threads.
    """
    torch.set_flush_denormal(True)
    torch.set_num_threads(count)
