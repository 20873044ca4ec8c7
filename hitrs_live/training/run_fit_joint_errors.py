"""Run `hitrs-live fit-joint-errors`: from rendered views to the error model of live joints."""

import argparse
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import torch

from hitrs_live.training.fit_joint_errors import fit_joint_errors
from hitrs_live.training.joint_error_sequences import FitSettings
from hitrs_live.virtual_camera.joint_errors.model import JointErrorModel
from hitrs_live.virtual_camera.joint_errors.pairs import JointPair
from hitrs_live.virtual_camera.joint_errors.rendered_pairs import read_pairs

_Item = TypeVar("_Item")


def run_fit_joint_errors(
    options: argparse.Namespace,
) -> tuple[JointErrorModel, Sequence[JointPair], Sequence[JointPair]]:
    """Fit a model with the given flags and write it. Returns it, the pairs it was fitted on, and those left out."""
    torch.set_num_threads(options.threads)
    pairs = read_pairs(options.pairs)
    fitted, left_out = split_people(pairs, options.leave_out, options.seed, person_of=lambda pair: pair.subject)
    print(f"{len(fitted)} views to fit on, {len(left_out)} of other people to measure on", flush=True)
    settings = FitSettings(seed=options.seed, steps=options.steps, library_frames=options.library_frames)
    model = fit_joint_errors(fitted, settings, lambda line: print(line, flush=True))
    people = sorted({pair.subject for pair in fitted})
    frames = sum(len(pair.true_m) for pair in fitted)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    model.save(
        options.out,
        f"seed {options.seed}, {options.steps} steps, {frames} rendered frames of {', '.join(people)}",
    )
    print(f"wrote {options.out}, {options.out.stat().st_size / 1e6:.2f} MB")
    return model, fitted, left_out


def split_people(
    views: Sequence[_Item], share: float, seed: int, *, person_of: Callable[[_Item], str]
) -> tuple[Sequence[_Item], Sequence[_Item]]:
    """Leave out a share of the people of every data set, at least one where a set has several.

    person_of: the person of a view, as "source:subject".
    """
    rng = np.random.default_rng(seed)
    left_out: set[str] = set()
    everyone = sorted({person_of(view) for view in views})
    for source in sorted({name.split(":")[0] for name in everyone}):
        people = [name for name in everyone if name.split(":")[0] == source]
        if len(people) > 1 and share > 0:
            left_out |= set(rng.permutation(people)[: max(1, round(share * len(people)))].tolist())
    return (
        [view for view in views if person_of(view) not in left_out],
        [view for view in views if person_of(view) in left_out],
    )
