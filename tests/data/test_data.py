"""Synthesised and augmented streams have the properties that they promise."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hitrs_live.data.array_format import BACKGROUND, IGNORE, LabelledSequence, load_archive
from hitrs_live.data.augment import AugmentConfig, Augmenter
from hitrs_live.data.formats.ui_prmd import keep_rising, trim_rest
from hitrs_live.data.interpolation import interpolate
from hitrs_live.data.open_dataset import open_dataset
from hitrs_live.data.shipped_classes import LABELS, SOURCES
from hitrs_live.data.stream_synthesis import ComposeConfig, Stream, StreamComposer, place_after
from hitrs_live.errors import DataError
from hitrs_live.skeleton import NTU25, mirrored_labels


def sequence(label: int, frames: int = 90, seed: int = 0) -> LabelledSequence:
    """A body that swings its joints once, standing still at both ends."""
    rng = np.random.default_rng(seed)
    body = rng.normal(0, 0.1, (25, 3)) + np.linspace(0, 1.5, 25)[:, None] * [0, 1, 0]
    for name, x in (("left", 0.2), ("right", -0.2)):
        for part in ("hip", "shoulder"):
            body[NTU25.index(f"{name}_{part}"), 0] += x
    swing = np.clip(np.sin(np.linspace(-0.6, np.pi + 0.6, frames)), 0, None)[:, None, None]
    joints = body + swing * rng.normal(0, 0.3, (25, 3))
    return LabelledSequence(
        name="x", subject="1", joints_m=joints.astype(np.float32), labels=np.full(frames, label),
        valid_mask=np.ones(25, bool),
    )  # fmt: skip


def composer() -> StreamComposer:
    sources = {name: [sequence(9), sequence(1, seed=1)] for name in SOURCES}
    return StreamComposer(sources, {"precog16": 2.0}, ComposeConfig())


def test_rest_before_and_after_a_repetition_is_background() -> None:
    trimmed = trim_rest(sequence(9))
    moving = np.flatnonzero(trimmed.labels == 9)
    assert trimmed.labels[0] == trimmed.labels[-1] == BACKGROUND
    assert 40 < len(moving) < 80
    assert np.array_equal(moving, np.arange(moving[0], moving[-1] + 1)), "in one piece"


def test_of_a_repetition_that_begins_with_sitting_down_only_the_rise_keeps_its_class() -> None:
    lowered_m = np.interp(np.arange(90), [10, 30, 60, 80], [0.0, 0.4, 0.4, 0.0])
    joints_m = np.zeros((90, 25, 3), np.float32)
    joints_m[:, NTU25.root, 1] = 0.8 - lowered_m
    labels = np.where((np.arange(90) >= 12) & (np.arange(90) < 78), 5, BACKGROUND)
    repetition = replace(sequence(5), joints_m=joints_m, labels=labels)
    kept = keep_rising(repetition, 5)
    assert (kept.labels[12:61] == IGNORE).all(), "sits down and sits"
    assert (kept.labels[63:78] == 5).all(), "rises"
    np.testing.assert_array_equal(kept.labels[[0, 11, 78, 89]], BACKGROUND)
    assert keep_rising(repetition, 6) is repetition


def test_streams_have_the_requested_length_and_synthetic_frames_are_background() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        stream = composer().draw(150, rng)
        assert stream.joints_m.shape == (150, 25, 3)
        assert set(np.unique(stream.labels)) <= {0, 1, 9}
        assert (stream.labels[~stream.real_mask] == BACKGROUND).all()


def test_joints_do_not_jump_where_pieces_are_joined() -> None:
    rng = np.random.default_rng(0)
    for _ in range(10):
        stream = composer().draw(200, rng)
        steps = np.linalg.norm(np.diff(stream.joints_m, axis=0), axis=-1).max(1)
        assert steps.max() < 0.25, "metres per frame; a transition of eight frames may cross a metre"


def test_a_piece_continues_the_last_pose_with_the_same_heading_and_floor() -> None:
    last, after = sequence(1).joints_m[40] + [1.0, 0.0, 2.0], sequence(9, seed=2).joints_m
    placed = place_after(after, last.astype(np.float32))
    np.testing.assert_allclose(placed[0, 0, [0, 2]], last[0, [0, 2]], atol=1e-5)
    assert placed[0, :, 1].min() == pytest.approx(last[:, 1].min(), abs=1e-4)

    def heading(pose: np.ndarray) -> float:
        across = sum(pose[NTU25.index(f"left_{p}")] - pose[NTU25.index(f"right_{p}")] for p in ("hip", "shoulder"))
        return float(np.arctan2(across[2], across[0]))

    assert np.cos(heading(placed[0]) - heading(last)) == pytest.approx(1.0, abs=1e-4)


def test_mirroring_labels_swaps_sides_and_twice_is_the_identity() -> None:
    mirrored = mirrored_labels(LABELS)
    assert mirrored[LABELS.index("punch_left")] == LABELS.index("punch_right")
    assert mirrored[LABELS.index("squat")] == LABELS.index("squat")
    assert np.array_equal(mirrored[mirrored], np.arange(len(LABELS)))


def test_a_class_without_its_other_side_is_ignored_when_mirrored() -> None:
    assert mirrored_labels(("background", "kick_left", "grab")).tolist() == [0, IGNORE, 2]


def test_augmented_streams_stay_finite_of_human_size_and_with_known_labels() -> None:
    augmenter, rng = Augmenter(AugmentConfig(), mirrored_labels(LABELS)), np.random.default_rng(0)
    for _ in range(30):
        stream = composer().draw(augmenter.frames_needed(100), rng)
        seen, clean = augmenter.apply(stream, 100, rng)
        assert seen.joints_m.shape == clean.shape == (100, 25, 3)
        assert np.isfinite(seen.joints_m).all()
        assert set(np.unique(seen.labels)) <= {0, 1, 2, 9}
        assert np.median(np.linalg.norm(seen.joints_m - clean, axis=-1)) < 0.1


def test_without_any_effect_a_stream_passes_unchanged() -> None:
    still = AugmentConfig(
        mirror_share=0, speed=(1.0, 1.0), haste=0, bone_scale=0, bone_turn_deg=0, joint_offset_m=0, tilt_deg=0,
        depth_scale=(1.0, 1.0), tremble_m=0, drift_m=0, depth_drift_m=0, missing_share=0, rate_share=0,
    )  # fmt: skip
    source = sequence(9)
    stream = Stream(joints_m=source.joints_m, labels=source.labels, real_mask=np.ones(90, bool))
    seen, clean = Augmenter(still, mirrored_labels(LABELS)).apply(stream, 80, np.random.default_rng(0))
    np.testing.assert_allclose(seen.joints_m, clean, atol=1e-6)
    # The camera may be anywhere around the body: only distances within the body stay.
    distances = np.linalg.norm(seen.joints_m[:, :, None] - seen.joints_m[:, None], axis=-1)
    expected = np.linalg.norm(source.joints_m[:80, :, None] - source.joints_m[:80, None], axis=-1)
    np.testing.assert_allclose(distances, expected, atol=1e-4)


def test_style_augmentation_scales_the_swing_of_limbs_and_keeps_bone_lengths() -> None:
    source = sequence(9).joints_m + np.random.default_rng(0).normal(0, 0.05, (90, 25, 3)).astype(np.float32)
    still = AugmentConfig(
        bone_scale=0, bone_turn_deg=0, joint_offset_m=0, tilt_deg=0, depth_scale=(1.0, 1.0), tremble_m=0, drift_m=0,
        depth_drift_m=0, missing_share=0, rate_share=0, amplitude=0.5,
    )  # fmt: skip
    _, styled = Augmenter(still, mirrored_labels(LABELS)).vary_view(source, np.random.default_rng(1))

    def bones(joints: np.ndarray) -> np.ndarray:
        return np.linalg.norm(joints - joints[:, list(NTU25.parents)], axis=-1)

    np.testing.assert_allclose(bones(styled), bones(source), atol=1e-4)
    hip, ankle = NTU25.index("left_hip"), NTU25.index("left_ankle")

    def bend(joints: np.ndarray) -> np.ndarray:
        return np.linalg.norm(joints[:, ankle] - joints[:, hip], axis=-1)

    assert np.abs(bend(styled) - bend(source)).max() > 0.01
    head, root = NTU25.index("head"), NTU25.root
    heights = [np.linalg.norm(joints[:, head] - joints[:, root], axis=-1) for joints in (styled, source)]
    np.testing.assert_allclose(*heights, atol=1e-4, err_msg="the trunk is no limb")


def test_interpolation_is_linear_between_frames_and_constant_beyond_the_ends() -> None:
    values = np.array([0.0, 10.0, 20.0], np.float32)
    np.testing.assert_allclose(interpolate(values, np.array([0.5, 1.25, 9.0])), [5.0, 12.5, 20.0])


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04broken"])
def test_a_damaged_array_file_is_an_error_with_its_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.npz: not in the array format"):
        load_archive(tmp_path / "a.npz")


def test_sequences_of_joints_that_are_not_finite_are_an_error(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "nan.npz", x=np.full((2, 25, 3), np.nan, np.float16), y=np.zeros(2, int), length=np.array([2]),
        subject=np.array(["a"]), seq=np.array(["b"]), meta=np.array("{}"),
    )  # fmt: skip
    with pytest.raises(DataError, match="100% of the joints of b are not finite"):
        load_archive(tmp_path / "nan.npz")


def test_a_joint_that_is_not_finite_is_interpolated_within_its_own_sequence(tmp_path: Path) -> None:
    x = np.random.default_rng(0).uniform(-1, 1, (6, 25, 3)).astype(np.float32)
    broken = x.copy()
    broken[1, 4, 0], broken[3, 7] = np.nan, np.inf
    np.savez(
        tmp_path / "a.npz", x=broken, y=np.ones(6, int), length=np.array([3, 3]),
        subject=np.array(["a", "a"]), seq=np.array(["b", "c"]), meta=np.array("{}"),
    )  # fmt: skip
    archive = load_archive(tmp_path / "a.npz")
    assert archive.bad_joints == 2
    np.testing.assert_allclose(archive.joints[1, 4], (x[0, 4] + x[2, 4]) / 2, atol=1e-6)
    np.testing.assert_array_equal(archive.joints[3, 7], x[4, 7], err_msg="not from the sequence before it")
    assert open_dataset(tmp_path / "a.npz").bad_joints == 2
