"""Fitting the error model to pairs."""

from pathlib import Path

import numpy as np
import pytest

from hitrs_live.cli import build_parser
from hitrs_live.commands.fit_joint_errors import run
from hitrs_live.errors import DataError
from hitrs_live.skeleton import MEDIAPIPE33, NTU25
from hitrs_live.training.fit_joint_errors import fit_joint_errors
from hitrs_live.training.joint_error_sequences import FitSettings
from hitrs_live.training.people_left_out import split_people
from hitrs_live.virtual_camera.joint_errors.model import JointErrorModel
from hitrs_live.virtual_camera.joint_errors.pairs import JointPair

_QUICK = FitSettings(steps=40, batch=8, window=32, folds=2, library_frames=120)
_FRAMES = 40


def pair(subject: str, seed: int, offset_m: float = 0.2) -> JointPair:
    """Landmarks that move at random, as live joints; the true joints have their wrists elsewhere."""
    rng = np.random.default_rng(seed)
    start, sway = rng.normal(0, 0.3, (33, 3)), np.cumsum(rng.normal(0, 0.01, (_FRAMES, 33, 3)), axis=0)
    live = np.einsum("jl,tlc->tjc", MEDIAPIPE33.weights, start + sway + np.array((0, 0, 4))).astype(np.float32)
    true = live.copy()
    true[:, [NTU25.index("left_wrist"), NTU25.index("right_wrist")], 1] += offset_m
    live[3] = np.nan
    return JointPair(
        name=f"{subject}_{seed}", subject=subject, true_m=true, live_m=live,
        confidence=np.full((_FRAMES, 25), 0.9, np.float32), focal_ratio=1.0, rate_hz=30.0, view="front",
    )  # fmt: skip


def pairs(people: int) -> list[JointPair]:
    return [pair(f"set:{number % people}", number) for number in range(2 * people)]


def draw(model: JointErrorModel) -> np.ndarray:
    true = pair("set:9", 99).true_m
    one = np.ones(1)
    return model.apply_in_camera(true[None], np.random.default_rng(0), focal_ratio=one, rate_hz=30 * one)[0].joints_m


@pytest.mark.slow
def test_a_fit_is_repeated_by_its_seed() -> None:
    first, second = (fit_joint_errors(pairs(3), _QUICK, lambda line: None) for _ in range(2))
    np.testing.assert_allclose(draw(first), draw(second), atol=1e-5)


def test_no_more_errors_are_kept_than_asked_for_and_views_are_kept_whole() -> None:
    library = fit_joint_errors(pairs(3), _QUICK, lambda line: None).library
    assert len(library) == 3 * _FRAMES
    np.testing.assert_array_equal(library.remaining, np.tile(np.arange(_FRAMES)[::-1], 3))


def test_too_few_people_are_refused() -> None:
    with pytest.raises(DataError, match=r"2 people .* expected at least 3"):
        fit_joint_errors(pairs(2), _QUICK, lambda line: None)


def test_a_share_of_the_people_of_every_set_is_left_out() -> None:
    fitted, left_out = split_people(pairs(8), 0.25, 0, person_of=lambda pair: pair.subject)
    assert len({one.subject for one in left_out}) == 2
    assert not {one.subject for one in left_out} & {one.subject for one in fitted}
    assert split_people(pairs(8), 0.0, 0, person_of=lambda pair: pair.subject)[1] == []


def test_a_folder_without_views_is_refused(tmp_path: Path) -> None:
    options = build_parser().parse_line(["fit-joint-errors", "--pairs", str(tmp_path)])
    with pytest.raises(DataError, match="no rendered views"):
        run(options)
