"""Run `hitrs-live fit-lifter`: from rendered views and recorded motion to the weights of the temporal lifter."""

import argparse
from collections.abc import Sequence

from hitrs_live.config import Config
from hitrs_live.temporal_lifting.network import LifterNetwork
from hitrs_live.temporal_lifting.weights import read_weights, write_weights
from hitrs_live.training.fit_joint_errors import fit_joint_errors
from hitrs_live.training.fit_lifter import LifterSettings, fit_lifter
from hitrs_live.training.joint_error_sequences import FitSettings
from hitrs_live.training.lifter_motion import SeenMotion, see_motion
from hitrs_live.training.people_left_out import split_people
from hitrs_live.training.threads import use_threads
from hitrs_live.virtual_camera.joint_errors.rendered_pairs import lifted_pair
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
    use_threads(options.threads)
    views = [read_view(path) for path in view_files(options.pairs)]
    fitted, left_out = split_people(views, options.leave_out, options.seed, person_of=lambda view: view.person_name)
    print(f"{len(fitted)} views to fit on, {len(left_out)} of other people to measure on", flush=True)
    motions = _see_motion(options, fitted, frozenset(view.person_name for view in left_out))
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


def _see_motion(
    options: argparse.Namespace, views: Sequence[RenderedView], left_out: frozenset[str]
) -> list[SeenMotion]:
    """See recorded motion through the errors that joints of the views have before the lifter.

    The packaged error model is of joints after it, so one is fitted here.
    """
    if not options.motion:
        return []
    config = Config()
    pairs = [lifted_pair(view, config) for view in views]
    model = fit_joint_errors(pairs, FitSettings(seed=options.seed), _report)
    return see_motion(
        options.motion, model, pieces=options.pieces, seconds=_PIECE_S, seed=options.seed, leave_out=left_out,
        report=_report,
    )  # fmt: skip


def _report(line: str) -> None:
    print(line, flush=True)
