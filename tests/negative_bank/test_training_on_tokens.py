"""A head is trained on windows of a bank: no joints, and no frame or clip level."""

from pathlib import Path

import numpy as np
import pytest
import torch
from small_banks import bank_encoder, moving_body, with_punch, write_bank
from torch.nn import functional as F

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.inference.submodules import HeadSubmodule
from hitrs_live.model.detector import HitrsDetector
from hitrs_live.model.encoder_fingerprint import encoder_fingerprint
from hitrs_live.negative_bank.bank import Bank


@pytest.mark.slow
def test_a_head_learns_from_windows_alone_and_the_bank_stays_valid(checkpoint: Checkpoint, tmp_path: Path) -> None:
    motions = [with_punch(moving_body(150, seed), 60, 110) for seed in range(3)]
    bank = Bank.open(write_bank(tmp_path, bank_encoder(checkpoint), [motions]))
    model = HitrsDetector(checkpoint.info.detector)
    model.load_state_dict(checkpoint.model.state_dict())
    head = HeadSubmodule(model)
    trained = [*model.encoder.video_encoder.parameters(), *model.action_head.parameters()]
    optimiser = torch.optim.AdamW(trained, lr=3e-3)
    rng, losses = np.random.default_rng(0), []
    for _ in range(60):
        windows = bank.windows(rng, 32)
        output = head.read(torch.from_numpy(windows.clips).float(), torch.from_numpy(windows.valid_clips))
        loss = F.cross_entropy(head.action_head(output), torch.from_numpy(windows.labels))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert np.mean(losses[-10:]) < 0.3 * losses[0]
    # The tokens are still those of the trained model, so the bank serves the next round of training too.
    Bank.open(tmp_path, bank_encoder(checkpoint).description)
    before = encoder_fingerprint(checkpoint.model.encoder, checkpoint.info.normaliser)
    assert encoder_fingerprint(model.encoder, checkpoint.info.normaliser) == before
