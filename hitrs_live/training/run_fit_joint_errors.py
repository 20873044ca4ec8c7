"""Run `hitrs-live fit-joint-errors`: from rendered views to the error model of live joints."""

import argparse
from collections.abc import Sequence

from hitrs_live.training.fit_joint_errors import fit_joint_errors
from hitrs_live.training.joint_error_sequences import FitSettings
from hitrs_live.training.people_left_out import split_people
from hitrs_live.training.threads import use_threads
from hitrs_live.virtual_camera.joint_errors.model import JointErrorModel
from hitrs_live.virtual_camera.joint_errors.pairs import JointPair
from hitrs_live.virtual_camera.joint_errors.rendered_pairs import read_pairs


def run_fit_joint_errors(
    options: argparse.Namespace,
) -> tuple[JointErrorModel, Sequence[JointPair], Sequence[JointPair]]:
    """Fit a model with the given flags and write it. Returns it, the pairs it was fitted on, and those left out."""
    use_threads(options.threads)
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
