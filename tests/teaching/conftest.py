"""What tests of teaching share: a taught folder, a background and a fit of it with the shipped encoder."""

import numpy as np
import pytest
import torch
from seen_people import SeenPeople, people, see
from taught_folder import Taught
from taught_joints import lift, quiet, raised_arm, standing

from hitrs_live.checkpoint import Checkpoint, load_checkpoint
from hitrs_live.inference.torch_engine import TorchEngine
from hitrs_live.model.encoder_fingerprint import encoder_fingerprint
from hitrs_live.teaching.background import Background
from hitrs_live.teaching.examples import save_example, save_quiet
from hitrs_live.teaching.fit import fit
from hitrs_live.teaching.taught_set import read_taught
from hitrs_live.teaching.tokens import TokenEncoder


@pytest.fixture(scope="session")
def checkpoint() -> Checkpoint:
    """The shipped model."""
    return load_checkpoint()


@pytest.fixture(scope="session")
def encoder(checkpoint: Checkpoint) -> TokenEncoder:
    """Its encoder."""
    return TokenEncoder(TorchEngine(checkpoint.model), checkpoint.info.normaliser)


@pytest.fixture(scope="session")
def background(encoder: TokenEncoder) -> Background:
    """Six minutes of people who stand, and of people who raise the left arm to the front."""
    rng = np.random.default_rng(11)
    streams, labels = [], []
    for number in range(4):
        joints_m, label = standing(2700, rng), np.zeros(2700, np.int64)
        if number % 2:
            for start in range(100, 2500, 150):
                lift(joints_m, "left", start, start + 45, forward=True)
                label[start : start + 45] = 1
        streams.append((joints_m, np.ones(joints_m.shape[:2], np.float32)))
        labels.append(label)
    tokens = encoder.tokens_of(streams)
    return Background(
        streams=tuple(tokens),
        labels=tuple(label[one.frames] for label, one in zip(labels, tokens, strict=True)),
        classes=("background", "left_forward"),
    )


@pytest.fixture(scope="session")
def seen(checkpoint: Checkpoint) -> SeenPeople:
    """People who raise an arm, hold it out, stand, and so on, as the shipped model sees them."""
    torch.set_num_threads(1)
    return see(checkpoint, people())


@pytest.fixture(scope="session")
def taught(
    tmp_path_factory: pytest.TempPathFactory, checkpoint: Checkpoint, encoder: TokenEncoder, background: Background
) -> Taught:
    """Two people raise the right arm to the side, and to the front, three times each."""
    folder, rng = tmp_path_factory.mktemp("actions"), np.random.default_rng(7)
    for person in ("anna", "ben"):
        for _ in range(3):
            save_example(folder, raised_arm(rng, person=person))
            save_example(folder, raised_arm(rng, person=person, action="forward", forward=True))
    save_quiet(folder, quiet(rng, 1800))
    fingerprint = encoder_fingerprint(checkpoint.model.encoder, checkpoint.info.normaliser)
    fitted = fit(read_taught(folder), encoder, background, fingerprint=fingerprint, encoder_name="hitrs_tiny")
    return Taught(folder=folder, fitted=fitted)
