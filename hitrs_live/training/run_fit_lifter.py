"""Run `hitrs-live fit-lifter`: from rendered views and recorded motion to the weights of the temporal lifter."""

import argparse
from collections.abc import Sequence

import torch

from hitrs_live.temporal_lifting.network import LifterNetwork
from hitrs_live.temporal_lifting.weights import read_weights, write_weights
from hitrs_live.training.fit_lifter import LifterSettings, fit_lifter
from hitrs_live.training.lifter_motion import see_motion
from hitrs_live.training.people_left_out import split_people
from hitrs_live.virtual_camera.views.rendered_sets import view_files
from hitrs_live.virtual_camera.views.rendered_view import RenderedView, read_view

_PIECE_S = 4.0


def run_fit_lifter(
    options: argparse.Namespace,
) -> tuple[LifterNetwork, Sequence[RenderedView], Sequence[RenderedView]]:
    """Fit a network with the given flags and write it.

    Returns it as written, in half precision, the views that it was fitted on, and those of the people left out.
    Raises DataError where there are too few views.
    """
    torch.set_num_threads(options.threads)
    views = [read_view(path) for path in view_files(options.pairs)]
    fitted, left_out = split_people(views, options.leave_out, options.seed, person_of=lambda view: view.person_name)
    print(f"{len(fitted)} views to fit on, {len(left_out)} of other people to measure on", flush=True)
    outside = frozenset(view.person_name for view in left_out)
    motions = (
        see_motion(
            options.motion,
            pieces=options.pieces,
            seconds=_PIECE_S,
            seed=options.seed,
            leave_out=outside,
            report=_report,
        )
        if options.motion
        else []
    )
    network = fit_lifter(fitted, motions, LifterSettings(seed=options.seed, steps=options.steps), _report)
    people = sorted({view.person_name for view in fitted} | {one.subject for one in motions})
    options.out.parent.mkdir(parents=True, exist_ok=True)
    write_weights(
        options.out, network.tensors,
        f"seed {options.seed}, {options.steps} steps, {len(fitted)} rendered views of {sum(map(len, fitted))} frames, "
        f"{len(motions)} pieces of motion through the model of joint errors; people: {', '.join(people)}",
    )  # fmt: skip
    print(f"wrote {options.out}, {options.out.stat().st_size / 1e6:.2f} MB")
    return LifterNetwork.of(read_weights(options.out)), fitted, left_out


def _report(line: str) -> None:
    print(line, flush=True)
