"""The report of the temporal lifter: rendered people left out of the fit, before and after."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hitrs_live.errors import DataError
from hitrs_live.evaluation.lifter_measures import (
    MeasuredView,
    after_lifter,
    before_lifter,
    by_joint,
    by_view,
    cause_figures,
    confidence_figures,
    measured_sequences,
)
from hitrs_live.evaluation.reports.write import write_report
from hitrs_live.temporal_lifting.network import LifterNetwork
from hitrs_live.virtual_camera.lifter_sequences import LifterSequence
from hitrs_live.virtual_camera.views.rendered_view import RenderedView


def write_lifter_report(
    path: Path, network: LifterNetwork, views: Sequence[RenderedView], *, fitted: Sequence[RenderedView], seed: int
) -> None:
    """Measure a network on views of people left out and write the report. Raises DataError where there are none."""
    report = {
        "people": {
            "fitted": sorted({view.person_name for view in fitted}),
            "measured": sorted({view.person_name for view in views}),
        },
        "seed": seed,
        **lifter_report(network, views),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_report(path, report)
    for name, part in (("before", report["before"]), ("after", report["after"])):
        print(f"{name}: {part['views']['all']}; confidence {part['confidence']}; causes {part['causes']}", flush=True)


def lifter_report(network: LifterNetwork, views: Sequence[RenderedView]) -> dict[str, Any]:
    """Measure joints before and after a network: `views`, `joints` and `confidence` of each, without a calibration, and
    with the true lens the `causes` of errors.

    Raises DataError where no person can be seen in the views.
    """
    sequences, calibrated = measured_sequences(views), measured_sequences(views, true_lens=True)
    if not sequences:
        raise DataError(f"no person is seen in the {len(views)} views left out; render more, or change --leave-out")
    report = {}
    stages: dict[str, Callable[[LifterSequence], MeasuredView]] = {
        "before": before_lifter,
        "after": lambda one: after_lifter(one, network),
    }
    for name, stage in stages.items():
        measured = [stage(one) for one in sequences]
        report[name] = {
            "views": by_view(measured),
            "joints": by_joint(measured),
            "confidence": confidence_figures(measured),
            "causes": cause_figures([stage(one) for one in calibrated]),
        }
    return report
