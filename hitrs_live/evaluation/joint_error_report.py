"""Compare modelled errors of live joints with those that the pose stage made on rendered pictures."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hitrs_live.data.interpolation import interpolate
from hitrs_live.data.labelled_motion import RATE_HZ
from hitrs_live.errors import DataError
from hitrs_live.evaluation.joint_error_discriminator import DISCRIMINATORS, JointStream, balanced_accuracy
from hitrs_live.evaluation.lifter_measures import lean_deg
from hitrs_live.files.atomic_write import whole_file
from hitrs_live.skeleton import NTU25
from hitrs_live.virtual_camera.joint_errors.model import JointErrorModel, bridge
from hitrs_live.virtual_camera.joint_errors.pairs import JointPair
from hitrs_live.virtual_camera.pictures.camera_placement import VIEW_CLASSES

Floats = NDArray[np.float32]
_MOST_LOST = 0.5
_DRAWS = 4
"""Of the model for each view, for its figures."""
_LEAST_S = 1.5
_SPEED_ROWS, _SPEED_FRAMES = 4, 3000


def write_joint_error_report(
    path: Path, model: JointErrorModel, fitted: Sequence[JointPair], left_out: Sequence[JointPair], *, seed: int
) -> None:
    """Measure a model on the people left out and write the report as JSON."""
    report = joint_error_report(model, fitted, left_out, seed=seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as unfinished:
        unfinished.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(json.dumps({key: report[key] for key in ("discriminator", "frames_per_second")}, indent=2))


def joint_error_report(
    model: JointErrorModel, fitted: Sequence[JointPair], left_out: Sequence[JointPair], *, seed: int
) -> dict[str, Any]:
    """Measure a model.

    - `views`: by class of view, for rendered and for modelled joints: by joint the mean distance from the true joint
      about the root (`error_mm`), the length of the mean difference (`bias_mm`), the deviation from each stream's own
      mean (`noise_mm`) and the change of the difference from frame to frame (`jitter_mm`); how far the trunk leans
      towards the camera; the shares of lost frames and of unseen joints.
    - `discriminator`: balanced accuracy of two classifiers, given true and live joints or live joints alone, on people
      whom neither the model nor the classifier has seen.
    - `frames_per_second`: of one core.
    """
    kept = [pair for pair in left_out if _usable(pair)]
    if len({pair.subject for pair in kept}) < 2:
        raise DataError(
            "fewer than 2 people left out with a view of 1.5 s; expected more views, or a larger --leave-out"
        )
    return {
        "people": {
            "fitted": sorted({pair.subject for pair in fitted}), "left_out": sorted({pair.subject for pair in kept})
        },
        "frames": {"fitted": sum(len(one.true_m) for one in fitted), "left_out": sum(len(one.true_m) for one in kept)},
        "library_frames": len(model.library),
        "views": {view: _figures(model, [one for one in kept if one.view == view], seed) for view in VIEW_CLASSES},
        "discriminator": _tell_apart(model, [one for one in fitted if _usable(one)], kept, seed),
        "frames_per_second": round(frames_per_second(model, kept)),
    }  # fmt: skip


def rendered_stream(pair: JointPair) -> JointStream:
    """Return what the pose stage made of a view, at 30 Hz."""
    live_m = bridge(np.nan_to_num(pair.live_m), pair.lost_mask)
    return JointStream(
        person=pair.subject, true_m=_at_rate(pair.true_m, pair), live_m=_at_rate(live_m, pair), modelled=False
    )


def modelled_stream(model: JointErrorModel, pair: JointPair, rng: np.random.Generator) -> JointStream:
    """Return what the model makes of a view's truth, at 30 Hz."""
    live = _model(model, pair, rng)
    return JointStream(
        person=pair.subject, true_m=_at_rate(pair.true_m, pair), live_m=_at_rate(live.joints_m, pair), modelled=True
    )


def frames_per_second(model: JointErrorModel, pairs: Sequence[JointPair]) -> float:
    """Measure the model's speed by the time that the process spends on a CPU, with one thread."""
    frames = np.concatenate([pair.true_m for pair in pairs])
    frames = np.tile(frames, (-(-_SPEED_FRAMES // len(frames)), 1, 1))[:_SPEED_FRAMES]
    batch = np.repeat(frames[None], _SPEED_ROWS, axis=0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    ones = np.ones(_SPEED_ROWS)
    try:
        start = 0.0
        for _ in range(2):  # The first call allocates.
            start = time.process_time()
            model.apply_in_camera(batch, np.random.default_rng(0), focal_ratio=ones, rate_hz=RATE_HZ * ones)
        return float(batch.shape[0] * batch.shape[1] / (time.process_time() - start))
    finally:
        torch.set_num_threads(threads)


def _usable(pair: JointPair) -> bool:
    return len(pair.true_m) / pair.rate_hz >= _LEAST_S and pair.lost_mask.mean() < _MOST_LOST


def _model(model: JointErrorModel, pair: JointPair, rng: np.random.Generator) -> Any:
    return model.apply_in_camera(
        pair.true_m[None], rng, focal_ratio=np.array([pair.focal_ratio]), rate_hz=np.array([pair.rate_hz])
    )[0]


def _at_rate(joints_m: Floats, pair: JointPair) -> Floats:
    """Resample a view to 30 Hz, as the live path does."""
    step = pair.rate_hz / RATE_HZ
    return interpolate(joints_m, np.arange(0, len(joints_m) - 1 + 1e-6, step))


def _tell_apart(
    model: JointErrorModel, fitted: Sequence[JointPair], left_out: Sequence[JointPair], seed: int
) -> dict[str, Any]:
    """Train classifiers on the fitted people and half of those left out; test on the other half, and the reverse."""
    rng = np.random.default_rng(seed + 1)
    known = [*map(rendered_stream, fitted)]
    # A model that copied a view's own errors to its motion would teach the classifiers that there is no difference.
    known += [modelled_stream(model.without({pair.subject}), pair, rng) for pair in fitted]
    others = [*map(rendered_stream, left_out), *(modelled_stream(model, pair, rng) for pair in left_out)]
    people = sorted({one.person for one in others})
    halves = (set(people[::2]), set(people[1::2]))
    figures: dict[str, Any] = {}
    for name, with_truth in (("truth_and_live", True), ("live_alone", False)):
        for kind in DISCRIMINATORS:
            each = [
                balanced_accuracy(
                    [*known, *(one for one in others if one.person not in half)],
                    [one for one in others if one.person in half],
                    kind=kind,
                    with_truth=with_truth,
                    seed=seed,
                )
                for half in halves
            ]
            figures.setdefault(name, {})[kind] = {
                "balanced_accuracy": round(float(np.mean(each)), 3),
                "halves": [round(one, 3) for one in each],
            }
    return figures


def _figures(model: JointErrorModel, pairs: Sequence[JointPair], seed: int) -> dict[str, Any] | None:
    if not pairs:
        return None
    rng = np.random.default_rng(seed + 2)
    drawn = [pair for pair in pairs for _ in range(_DRAWS)]
    modelled = [_model(model, pair, rng) for pair in drawn]
    rendered_live = [bridge(np.nan_to_num(pair.live_m), pair.lost_mask) for pair in pairs]
    return {
        "streams": len(pairs),
        "true_lean_deg": round(float(np.mean([np.median(lean_deg(pair.true_m)) for pair in pairs])), 1),
        "rendered": {
            **_compare(pairs, rendered_live),
            "lost": round(float(np.mean([pair.lost_mask.mean() for pair in pairs])), 4),
            "unseen": round(float(np.mean([(pair.confidence[~pair.lost_mask] == 0).mean() for pair in pairs])), 4),
        },
        "modelled": {
            **_compare(drawn, [one.joints_m for one in modelled]),
            "lost": round(float(np.mean([one.lost_mask.mean() for one in modelled])), 4),
            "unseen": round(float(np.mean([(~one.seen_mask).mean() for one in modelled])), 4),
        },
    }


def _compare(pairs: Sequence[JointPair], live: Sequence[Floats]) -> dict[str, Any]:
    """Measure differences from the true joints about the root, millimetres by joint."""
    errors = [
        1000 * ((one - one[:, :1]) - (pair.true_m - pair.true_m[:, :1])) for one, pair in zip(live, pairs, strict=True)
    ]
    whole = np.concatenate(errors)
    within = np.concatenate([error - error.mean(0) for error in errors])
    change = np.concatenate([np.diff(error, axis=0) for error in errors])
    return {
        "error_mm": _by_joint(np.linalg.norm(whole, axis=-1).mean(0)),
        "bias_mm": _by_joint(np.linalg.norm(whole.mean(0), axis=-1)),
        "noise_mm": _by_joint(np.sqrt((within**2).sum(-1).mean(0))),
        "jitter_mm": _by_joint(np.sqrt((change**2).sum(-1).mean(0))),
        "lean_deg": round(float(np.mean([np.median(lean_deg(one)) for one in live])), 1),
    }


def _by_joint(values: NDArray[np.floating]) -> dict[str, float]:
    return {name: round(float(value), 1) for name, value in zip(NTU25.joints, values, strict=True)}
