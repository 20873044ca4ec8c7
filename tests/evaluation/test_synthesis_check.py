"""Synthetic motion is compared with real motion: ranges, and classifiers trained on one and tested on the other."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from posed_bodies import labelled, posed, swings

from hitrs_live.cli import main
from hitrs_live.data.labelled_motion import write_motions
from hitrs_live.evaluation.synthesis.coverage import compare, distance
from hitrs_live.evaluation.synthesis.features import FEATURES, features_of
from hitrs_live.evaluation.synthesis.repetitions import Repetition
from hitrs_live.evaluation.synthesis.time_warping import nearest_class, warped_distances
from hitrs_live.evaluation.synthesis.transfer import TransferConfig, measure_transfer
from hitrs_live.evaluation.synthesis.window_classifier import WindowTraining, predict, train_classifier
from hitrs_live.evaluation.synthesis.windows import CHANNELS, FRAMES, WindowAugmenter, encode
from hitrs_live.transforms import mirror

ACTIONS = {
    "squat": lambda course: {"squat_deg": 110 * course},
    "leg_raise": lambda course: {"thigh_deg": 80 * course},
    "shoulder_abduction": lambda course: {"side_deg": 150 * course},
}


def repetition(label: str, *, frames: int = 40, size: float = 1.0, person: str = "a", source: str = "x") -> Repetition:
    course = size * swings(1, frames, rest=2)
    return Repetition(
        label=label, source=source, subject=person, name=f"{label}{frames}{size}",
        joints_m=posed(len(course), **ACTIONS[label](course)),
    )  # fmt: skip


def several(seed: int, each: int, people: str = "ab") -> list[Repetition]:
    rng = np.random.default_rng(seed)
    return [
        repetition(label, frames=int(rng.integers(25, 70)), size=rng.uniform(0.7, 1.0), person=people[i % len(people)])
        for label in ACTIONS
        for i in range(each)
    ]


def test_a_repetition_is_described_by_its_extremes_and_duration() -> None:
    features = dict(zip(FEATURES, features_of(repetition("squat", frames=60)), strict=True))
    assert features["knee_flexion_deg higher max"] == pytest.approx(110, abs=3)
    assert features["knee_flexion_deg lower max"] == pytest.approx(110, abs=3)
    assert features["hip_height min"] == pytest.approx(np.cos(np.radians(55)), abs=0.02)
    assert features["duration_s"] == pytest.approx(64 / 30)
    assert features["shoulder_elevation_deg higher max"] == pytest.approx(0, abs=0.1)


def test_a_mirrored_repetition_has_the_same_description() -> None:
    one = repetition("leg_raise")
    other = mirror(torch.from_numpy(one.joints_m)).numpy()
    mirrored = Repetition(label="leg_raise", source="x", subject="a", name="m", joints_m=other)
    np.testing.assert_allclose(features_of(one), features_of(mirrored), atol=1e-3)


def test_what_synthetic_motion_does_not_cover_is_flagged_with_its_direction() -> None:
    real = [repetition("squat", size=size) for size in np.linspace(0.5, 1.0, 11)]
    shallow = [repetition("squat", size=size) for size in np.linspace(0.4, 0.75, 20)]
    report = compare([*real, repetition("leg_raise")], shallow)
    assert report["leg_raise"] == {"real": 1, "people": 1, "sources": ["x"], "synthetic": 0}
    knee = report["squat"]["features"]["knee_flexion_deg higher max"]
    assert knee["covered"] == pytest.approx(6 / 11, abs=0.1)
    assert (knee["below"], knee["above"]) == (0.0, pytest.approx(5 / 11, abs=0.1))
    assert "knee_flexion_deg higher max" in report["squat"]["flagged"]
    assert "elbow_flexion_deg higher max" not in report["squat"]["flagged"]
    assert knee["real"][1] == pytest.approx(0.75 * 110, abs=3)


def test_alike_samples_have_no_distance_and_distinct_ones_a_large_one() -> None:
    sample = np.linspace(0, 1, 50)
    assert distance(sample, sample) == 0
    assert distance(sample, sample + 100) == pytest.approx(2, rel=0.01)


def test_inputs_do_not_depend_on_place_and_duration_but_keep_the_speed() -> None:
    slow, fast = repetition("squat", frames=90), repetition("squat", frames=30)
    inputs = encode(slow.joints_m), encode(fast.joints_m)
    assert inputs[0].shape == (FRAMES, CHANNELS)
    half = CHANNELS // 2
    np.testing.assert_allclose(encode(slow.joints_m + np.float32(1.0)), inputs[0], atol=1e-3)
    speeds = [np.abs(one[:, half:]).max() for one in inputs]
    assert speeds[1] / speeds[0] == pytest.approx(90 / 30, rel=0.35)


def test_a_mirror_changes_the_class_where_the_class_has_a_side() -> None:
    augmenter = WindowAugmenter(("punch_left", "punch_right", "squat"))
    joints = repetition("squat").joints_m
    rng = np.random.default_rng(0)
    assert {augmenter.draw(joints, 0, rng)[1] for _ in range(12)} == {0, 1}
    assert {augmenter.draw(joints, 2, rng)[1] for _ in range(6)} == {2}


def test_warping_ignores_when_things_happen() -> None:
    early, late = (np.interp(np.arange(24), at, (0, 0, 1, 0, 0)) for at in ((0, 2, 6, 10, 23), (0, 12, 16, 20, 23)))
    low = 0.3 * early
    examples = np.stack([late, low])[..., None].astype(np.float32)
    distances = warped_distances(early[:, None].astype(np.float32), examples)
    # The arithmetic is in float32: the root of its rounding, over a path of some forty frames.
    assert distances[0] == pytest.approx(0, abs=0.02)
    assert distances[1] > 1
    assert nearest_class(early[None, :, None].astype(np.float32), examples, np.array([5, 7])).tolist() == [5]


@pytest.mark.slow
def test_a_classifier_learns_what_it_is_shown_and_the_same_seed_gives_the_same_weights() -> None:
    inputs = torch.randn(60, FRAMES, CHANNELS, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(60) % 2
    inputs[labels == 1, :, 3] += 2.0
    config = WindowTraining(width=8, epochs=6, batch=16)
    models = [train_classifier(inputs, labels, 2, seed=4, config=config) for _ in range(2)]
    assert (predict(models[0], inputs) == labels).float().mean() > 0.9
    assert all(torch.equal(*pair) for pair in zip(*(m.state_dict().values() for m in models), strict=True))


@pytest.mark.slow
def test_actions_are_recognised_by_classifiers_trained_on_others_of_them() -> None:
    config = TransferConfig(seeds=1, variants=24, training=WindowTraining(width=16, epochs=8, batch=16))
    report = measure_transfer(several(0, 6, "abc"), several(1, 6), config)
    assert report["classes"] == sorted(ACTIONS)
    assert report["synthetic"]["top1"] >= 0.8, "a guess is right in a third"
    assert report["warping"]["top1"] >= 0.9
    assert np.sum(report["synthetic"]["confusion"]) == 18
    for key in ("real", "both"):
        assert report[key]["top1"] >= 0.6
        assert sum(one["repetitions"] for one in report[key]["per_class"].values()) == 18


def write_folders(folder: Path) -> tuple[Path, Path]:
    """A folder of synthetic motion, and a data folder whose files stand in for the real ones."""
    synthetic, ship = folder / "synthetic", folder / "data" / "ship"
    synthetic.mkdir()
    ship.mkdir(parents=True)
    classes = ("background", *ACTIONS)
    made = [labelled(one.joints_m, [(0, len(one), classes.index(one.label))]) for one in several(0, 4)]
    write_motions(synthetic / "streams.npz", made, classes, {})
    numbers = {"squat": 1, "leg_raise": 6, "shoulder_abduction": 7}
    real = several(1, 4)
    for name in (
        "ui_prmd_kinect",
        "precog16",
        "mars_kinect",
        "cmu_mocap6",
        "cmu_bvh_01_14",
        "cmu_bvh_more",
        "cmu_amc_more",
    ):
        shown = real if name == "ui_prmd_kinect" else real[:1]
        np.savez(
            ship / f"{name}.npz", x=np.concatenate([one.joints_m for one in shown]).astype(np.float16),
            y=np.concatenate([np.full(len(one), numbers[one.label]) for one in shown]),
            length=[len(one) for one in shown], subject=[f"s0{i % 3 + 1}" for i in range(len(shown))],
            seq=[f"m{numbers[one.label]:02d}_s01_e{i:02d}_ok" for i, one in enumerate(shown)],
            meta=json.dumps({"labels": {number: f"m{number:02d}" for number in numbers.values()}}),
        )  # fmt: skip
    return synthetic, folder / "data"


@pytest.mark.slow
def test_the_verb_prints_tables_and_writes_a_report_and_a_plot(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    synthetic, real = write_folders(tmp_path)
    out = tmp_path / "out.json"
    command = ["evaluate", "synthesis", "--data", str(synthetic), "--real", str(real), "--threads", "1"]
    assert main([*command, "--seeds", "1", "--variants", "20", "--no-real-people", "--json", str(out)]) == 0
    report = json.loads(out.read_text())
    assert set(report) == {"data", "coverage", "transfer"}
    assert {label: one["real"] for label, one in report["coverage"].items()} == dict.fromkeys(ACTIONS, 4)
    assert report["transfer"]["synthetic"]["per_class"].keys() == ACTIONS.keys()
    assert "real" not in report["transfer"]
    printed = capsys.readouterr().out
    assert "trained on synthetic: top-1" in printed
    assert [a < b for a, b in pairwise([printed.index("ranges"), printed.index("trained on synthetic")])] == [True]


@pytest.mark.slow
def test_the_plot_has_a_panel_for_each_class(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="plots need the extra `plots`, which is not installed")
    synthetic, real = write_folders(tmp_path)
    plot = tmp_path / "plot.svg"
    command = ["evaluate", "synthesis", "--data", str(synthetic), "--real", str(real), "--threads", "1"]
    assert main([*command, "--seeds", "0", "--plot", str(plot)]) == 0
    drawn = plot.read_text(encoding="utf-8")
    assert all(f"<!-- {label}: " in drawn for label in ACTIONS)


def test_mistakes_of_a_user_are_reported_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["evaluate", "synthesis", "--data", str(tmp_path)]
    assert main(command) == 2
    assert "expected the folder that `hitrs-live synthesise --out` wrote" in capsys.readouterr().err
    if pytest.importorskip("matplotlib", reason="plots need the extra `plots`, which is not installed"):
        assert main([*command, "--plot", str(tmp_path / "plot.txt")]) == 2
        assert "expected .png, .svg or .pdf" in capsys.readouterr().err
