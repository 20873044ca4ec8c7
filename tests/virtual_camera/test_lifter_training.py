"""The temporal lifter's training: exact changes of views, and joints that get better on people not fitted on."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from view_files import make_view

from hitrs_live.cli import build_parser
from hitrs_live.commands.fit_lifter import run
from hitrs_live.errors import DataError
from hitrs_live.evaluation.lifter_measures import after_lifter, before_lifter, cause_figures, figures, lean_deg
from hitrs_live.skeleton import NTU25
from hitrs_live.temporal_lifting.lifting import view_turns
from hitrs_live.training.fit_lifter import LifterSettings, fit_lifter
from hitrs_live.training.lifter_changes import Changes, changed_sequence, slow_noise
from hitrs_live.training.lifter_motion import SeenMotion, motion_sequence
from hitrs_live.virtual_camera.lifter_sequences import LifterSequence, make_sequence
from hitrs_live.virtual_camera.views.rendered_view import RenderedView, write_view

EXACT = Changes(
    mirror_share=0.5, roll_deg=30.0, pan_deg=0.0, lens=0.0, default_lens_share=0.0, true_lens_share=1.0,
    image_noise=0.0, world_noise_m=0.0, world_turn_deg=0.0, world_size=0.0, depth_stretch=0.0, dropped_share=0.0,
    slower_share=0.0,
)  # fmt: skip
LEAN = 0.3
"""Metres that a point one metre above the hips is moved towards the camera."""


def leaning_view(name: str, subject: str) -> RenderedView:
    """A view whose world landmarks lean towards the camera; the landmarks in the picture are right."""
    view = make_view(name=name)
    landmarks = view.landmarks.copy()
    # y points down and z away: what is above the hips is nearer.
    landmarks[..., 4] += LEAN * landmarks[..., 3]
    return replace(view, landmarks=landmarks, subject=subject)


def lifted_error_m(one: LifterSequence) -> float:
    """How far lifted joints are from the targets, about the root in the person's own view."""
    joints = one.inputs.joints_m[0]
    root = joints[:, NTU25.root]
    body = (joints - root[:, None]) @ view_turns(torch, root).mT
    return float((body - one.joints_m).norm(dim=-1).mean())


def test_mirror_images_and_turned_cameras_are_lifted_onto_their_truth() -> None:
    view, rng = make_view(), np.random.default_rng(0)
    plain = make_sequence(view)
    assert plain is not None
    for _ in range(6):
        one = changed_sequence(view, EXACT, rng)
        assert one is not None
        assert lifted_error_m(one) < lifted_error_m(plain) + 0.005
        place = one.root[:, 2].exp() - one.inputs.joints_m[0, :, NTU25.root].norm(dim=-1)
        assert float(place.abs().max()) < 0.1


def test_noise_is_drawn_with_unit_variance_and_changes_slowly() -> None:
    noise = slow_noise(np.random.default_rng(0), (40, 500))
    assert np.std(noise) == pytest.approx(1.0, abs=0.1)
    assert np.std(np.diff(noise, axis=0)) < 1.0


def test_a_person_seen_in_few_frames_makes_no_sequence() -> None:
    view = make_view(frames=12, lost=tuple(range(6)))
    assert make_sequence(view) is None
    assert changed_sequence(view, EXACT, np.random.default_rng(0)) is None


def test_motion_without_pictures_becomes_a_sequence_with_its_truth() -> None:
    view = make_view()
    seen = SeenMotion(
        subject="set:p1", view="front", true_m=view.truth_m, live_m=view.truth_m,
        confidence=np.ones((30, 25), np.float32), times_s=np.arange(30) / 30, ratio=1.0,
    )  # fmt: skip
    one = motion_sequence(seen, EXACT, np.random.default_rng(0))
    assert one is not None
    assert one.visible is None
    # Landmarks have errors of about 2 cm, as on rendered views.
    assert lifted_error_m(one) < 0.07


def test_a_body_that_comes_out_too_large_is_reported_as_such() -> None:
    one = make_sequence(make_view(), true_lens=True)
    assert one is not None
    right = before_lifter(one)
    larger = replace(right, joints_m=right.true_m * 1.1)
    causes = cause_figures([larger])
    assert causes["size_percent"] == causes["distance_percent"] == pytest.approx(100 * np.log(1.1), abs=0.1)
    assert causes["scaled_mm"] < 0.1 < causes["turned_mm"] <= causes["error_mm"]
    assert causes["root_mm"] == pytest.approx(100 * np.linalg.norm(right.true_m[:, 0], axis=-1).mean(), rel=0.01)


@pytest.mark.slow
def test_joints_of_a_leaning_person_are_set_upright() -> None:
    torch.set_num_threads(1)
    views = [leaning_view(f"set.{n}.v0", f"p{n}") for n in range(10)]
    settings = LifterSettings(steps=60, batch=8, window=16, changes=replace(EXACT, roll_deg=3.0))
    network = fit_lifter(views[:-1], [], settings, lambda line: None)
    again = fit_lifter(views[:-1], [], settings, lambda line: None)
    for one, other in zip(network.parameters(), again.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)

    sequence = make_sequence(views[-1])
    assert sequence is not None
    before, after = before_lifter(sequence), after_lifter(sequence, network)
    assert figures([before])["lean_deg"] > 12
    assert abs(float(np.median(lean_deg(after.joints_m) - lean_deg(after.true_m)))) < 6
    assert figures([after])["error_mm"] < 0.6 * figures([before])["error_mm"]


def test_a_folder_without_views_is_refused(tmp_path: Path) -> None:
    options = build_parser().parse_line(["fit-lifter", "--pairs", str(tmp_path)])
    with pytest.raises(DataError, match="no rendered views"):
        run(options)


def test_too_few_views_are_refused(tmp_path: Path) -> None:
    write_view(tmp_path / "set.a.v0.npz", make_view())
    options = build_parser().parse_line(["fit-lifter", "--pairs", str(tmp_path), "--leave-out", "0"])
    with pytest.raises(DataError, match="expected at least"):
        run(options)
