"""Synthetic streams: reproducible, labelled frame by frame, plausible, with the arms free."""

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from hitrs_live.cli import main
from hitrs_live.data.array_format import BACKGROUND, load_archive
from hitrs_live.data.labelled_motion import read_motions, write_motions
from hitrs_live.errors import ConfigError
from hitrs_live.skeleton import NTU25
from hitrs_live.synthesis.program import shipped_programs
from hitrs_live.synthesis.smoothing import smooth
from hitrs_live.synthesis.stream import MotionSynthesiser, StreamSettings

SHORT = StreamSettings(seconds=20)


def test_a_stream_is_the_same_whenever_it_is_drawn() -> None:
    first, second = (MotionSynthesiser(seed=7, settings=SHORT) for _ in range(2))
    one = list(islice(first.streams(), 3))[2]
    other = second.stream(2)
    np.testing.assert_array_equal(one.joints_m, other.joints_m)
    np.testing.assert_array_equal(one.labels, other.labels)
    assert not np.array_equal(one.joints_m[:60], MotionSynthesiser(seed=8, settings=SHORT).stream(2).joints_m[:60])


def test_streams_have_the_wanted_length_and_are_finite() -> None:
    for stream in islice(MotionSynthesiser(seed=1, settings=SHORT).streams(), 3):
        assert len(stream) == 600
        assert np.isfinite(stream.joints_m).all()


def test_people_may_begin_on_a_chair() -> None:
    programs = [one for one in shipped_programs() if one.name in ("stand_to_sit", "wave")]
    settings = StreamSettings(seconds=15, near_miss=0.0, background=0.0, begins="sitting")
    stream = MotionSynthesiser(["wave"], seed=4, settings=settings, programs=programs).stream(0)
    hips, knees = (stream.joints_m[-150:, [NTU25.index(f"{side}_{part}") for side in ("left", "right")], 1]
                   for part in ("hip", "knee"))  # fmt: skip
    assert np.median(hips - knees) < 0.25


@pytest.mark.slow
def test_labels_of_the_frames_agree_with_each_other() -> None:
    streams = list(islice(MotionSynthesiser(seed=2, settings=StreamSettings(seconds=40)).streams(), 6))
    labels, phase, repetition, onset, near = (
        np.concatenate([getattr(one, name) for one in streams])
        for name in ("labels", "phase", "repetition", "onset_mask", "near_miss")
    )
    acts = labels != BACKGROUND
    assert np.isfinite(phase[acts]).all()
    assert np.isnan(phase[~acts]).all()
    assert (repetition[acts] >= 1).all()
    assert (repetition[~acts] == 0).all()
    assert onset.any()
    assert acts[onset].all()
    assert (near[acts] == BACKGROUND).all()
    assert (near != BACKGROUND).any()
    # Every action begins with an onset, unless it was cut.
    for one in streams:
        starts = np.flatnonzero((one.labels[1:] != BACKGROUND) & (one.labels[:-1] == BACKGROUND)) + 1
        assert one.onset_mask[starts].all()


@pytest.mark.slow
def test_joints_stay_above_the_floor_and_below_the_speed_of_a_kick() -> None:
    for stream in islice(MotionSynthesiser(seed=3, settings=StreamSettings(seconds=40)).streams(), 6):
        assert stream.joints_m[..., 1].min() > -0.05
        speed = np.linalg.norm(np.diff(stream.joints_m, axis=0), axis=-1) * 30
        assert speed.max() < 22
        assert np.median(speed) < 1


@pytest.mark.slow
def test_arms_of_a_squat_are_anywhere() -> None:
    synthesiser = MotionSynthesiser(["squat"], seed=0)
    heights = []
    for index in range(40):
        squat = synthesiser.action("squat", index)
        pose = squat.joints_m[np.argmin(squat.joints_m[:, 0, 1])]
        trunk = np.linalg.norm(pose[NTU25.index("spine_shoulder")] - pose[0])
        heights.append((pose[NTU25.index("left_wrist"), 1] - pose[NTU25.index("left_shoulder"), 1]) / trunk)
    above = np.mean(np.array(heights) > 0)
    assert 0.1 < above < 0.7


@pytest.mark.slow
def test_a_walking_body_goes_where_it_faces_and_its_feet_stand() -> None:
    programs = [one for one in shipped_programs() if one.name == "walk"]
    synthesiser = MotionSynthesiser(["walk"], seed=1, programs=programs, settings=SHORT)
    ahead, slides = [], []
    for stream in islice(synthesiser.streams(), 3):
        joints = smooth(stream.joints_m.reshape(len(stream), -1), 0.03).reshape(stream.joints_m.shape)
        across = joints[:, NTU25.index("left_hip")] - joints[:, NTU25.index("right_hip")]
        facing = np.stack((-across[:, 2], across[:, 0]), axis=1)
        facing /= np.linalg.norm(facing, axis=1, keepdims=True)
        speed = np.gradient(joints[:, 0][:, [0, 2]], axis=0) * 30
        walks = np.linalg.norm(speed, axis=1) > 0.4
        ahead += ((speed * facing).sum(1) / np.linalg.norm(speed, axis=1))[walks].tolist()
        ball = joints[:, NTU25.index("left_foot")]
        stands = ball[:, 1] < np.percentile(ball[:, 1], 10) + 0.008
        slides += (np.linalg.norm(np.gradient(ball[:, [0, 2]], axis=0), axis=1) * 30)[stands].tolist()
    assert np.median(ahead) > 0.95
    assert np.percentile(slides, 90) < 0.12


@pytest.mark.slow
def test_no_joint_jumps_between_items() -> None:
    for stream in islice(MotionSynthesiser(seed=3, settings=StreamSettings(seconds=40)).streams(), 4):
        trunk = np.linalg.norm(np.diff(stream.joints_m[:, :3], axis=0), axis=-1).max(1)
        around = np.maximum(np.roll(trunk, 1), np.roll(trunk, -1))
        assert not ((trunk > 0.05) & (trunk > 2.2 * around))[1:-1].any()


def test_classes_that_are_not_wanted_become_background() -> None:
    synthesiser = MotionSynthesiser(["squat", "wave"], seed=1, settings=SHORT)
    assert synthesiser.classes == ("background", "squat", "wave")
    labels = np.concatenate([one.labels for one in islice(synthesiser.streams(), 4)])
    assert set(np.unique(labels)) <= {0, 1, 2}


def test_an_unknown_class_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(ConfigError, match=r"moonwalk.*squat"):
        MotionSynthesiser(["moonwalk"])


def test_motions_are_read_as_they_were_written(tmp_path: Path) -> None:
    synthesiser = MotionSynthesiser(seed=4, settings=StreamSettings(seconds=10))
    motions = list(islice(synthesiser.streams(), 2))
    write_motions(tmp_path / "some.npz", motions, synthesiser.classes, {"seed": 4})
    read, classes = read_motions(tmp_path / "some.npz")
    assert classes == synthesiser.classes
    for one, other in zip(motions, read, strict=True):
        np.testing.assert_allclose(other.joints_m, one.joints_m, atol=0.02, rtol=1e-3)
        for name in ("labels", "repetition", "onset_mask", "near_miss"):
            np.testing.assert_array_equal(getattr(other, name), getattr(one, name))
    assert load_archive(tmp_path / "some.npz").meta["seed"] == 4


@pytest.mark.slow
def test_the_verb_writes_hours_and_goes_on_where_it_stopped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["synthesise", "--out", str(tmp_path), "--hours", "0.27", "--seconds", "300", "--seed", "5"]
    assert main(command) == 0
    files = sorted(tmp_path.glob("*.npz"))
    assert len(files) == 1
    before = files[0].read_bytes()
    assert main(command) == 0
    assert files[0].read_bytes() == before
    assert sum(load_archive(path).lengths.sum() for path in files) == 3 * 300 * 30


def test_the_verb_lists_classes_and_refuses_what_it_does_not_know(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["synthesise", "--list"]) == 0
    assert "squat" in capsys.readouterr().out.split()
    assert main(["synthesise", "--out", "x", "--classes", "moonwalk"]) == 2
    assert "moonwalk" in capsys.readouterr().err
    assert main(["synthesise"]) == 2
    assert "--out" in capsys.readouterr().err


def test_the_verb_refuses_a_folder_of_another_seed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["synthesise", "--out", str(tmp_path), "--hours", "0.001", "--seconds", "5"]
    assert main([*command, "--seed", "1"]) == 0
    capsys.readouterr()
    assert main([*command, "--seed", "2"]) == 2
    said = capsys.readouterr().err
    assert "seed 1, now seed 2" in said
    assert said.count("\n") == 1
    assert main([*command, "--seed", "1", "--classes", "squat"]) == 2
    assert "classes" in capsys.readouterr().err
    (tmp_path / "settings.json").write_text("{")
    assert main([*command, "--seed", "1"]) == 2


def test_the_verb_writes_again_what_is_damaged_or_too_short(tmp_path: Path) -> None:
    command = ["synthesise", "--out", str(tmp_path), "--seconds", "5", "--hours"]
    assert main([*command, "0.001"]) == 0
    assert main([*command, "0.003"]) == 0
    file = tmp_path / "synthetic_0000.npz"
    assert len(load_archive(file).lengths) == 2
    before = read_motions(file)[0]
    file.write_bytes(file.read_bytes()[:1000])
    assert main([*command, "0.003"]) == 0
    np.testing.assert_array_equal(read_motions(file)[0][1].joints_m, before[1].joints_m)


def test_the_verb_names_a_folder_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["synthesise", "--out", str(tmp_path / "file"), "--hours", "0.001"]) == 2
    assert "another --out" in capsys.readouterr().err


@pytest.mark.slow
def test_a_stream_may_end_in_a_fall_that_continues_the_motion() -> None:
    pytest.importorskip("mujoco", reason="simulated falls need MuJoCo: pip install 'hitrs-live[physics]'")
    settings = StreamSettings(seconds=20, falls=1.0, idle=1.0, near_miss=0.0, background=0.0)
    synthesiser = MotionSynthesiser(seed=0, settings=settings)
    streams = list(islice(synthesiser.streams(), 4))
    fallen = [one for one in streams if synthesiser.classes[one.labels.max()].startswith("fall_")]
    assert fallen
    for one in fallen:
        landed = int(np.flatnonzero(one.labels == one.labels.max())[-1])
        assert one.joints_m[landed:, 0, 1].max() < 0.6 * one.joints_m[0, 0, 1]
        speed = np.linalg.norm(np.diff(one.joints_m[: landed + 1], axis=0), axis=-1) * 30
        assert speed.max() < 14
