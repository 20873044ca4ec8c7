"""Readers of the motion-prediction benchmarks, and how left and right are swapped on their skeletons."""

from pathlib import Path

import numpy as np
import pytest
from cmu_miniature import made_body, write_cmu_miniature
from hypothesis import given, settings
from hypothesis import strategies as st

from hitrs_live.data.formats.cmu_motion import read_cmu_motion
from hitrs_live.data.formats.h36m import ACTIONS, drawn_starts, joints_from_maps, read_h36m
from hitrs_live.errors import DataError
from hitrs_live.skeleton import CMU38, H36M32

KNEE, ANKLE, TOES = (H36M32.index(f"right_{name}") for name in ("knee", "ankle", "toe_base"))


def write_h36m(folder: Path, frames: int = 400, subjects: tuple[int, ...] = (5,)) -> Path:
    """Write made files of some subjects, in which the right hip swings."""
    for subject in subjects:
        (folder / f"S{subject}").mkdir(parents=True)
        for number, action in enumerate(ACTIONS):
            for take in (1, 2):
                numbers = np.zeros((frames, 99))
                numbers[:, :6] = 7.0
                numbers[:, 3 + 3 * 1] = np.sin(np.arange(frames) * 0.1 + number)
                np.savetxt(folder / f"S{subject}" / f"{action}_{take}.txt", numbers, delimiter=",", fmt="%.6f")
    return folder


def test_the_cmu_file_is_read_without_what_no_published_split_has(tmp_path: Path) -> None:
    motion = read_cmu_motion(write_cmu_miniature(tmp_path / "cmu.npz"))
    assert [recording.name for recording in motion.train] == ["jumping_1", "jumping_2", "walking_1", "walking_2"]
    assert motion.actions == ("jumping", "walking")
    assert motion.test[0].windows().shape == (60 - 34, 35, 38, 3)
    assert np.array_equal(motion.test[0].windows()[3, 5], motion.test[0].joints_mm[8])


def test_mirroring_keeps_every_bone_its_length_and_undoes_itself(tmp_path: Path) -> None:
    motion = read_cmu_motion(write_cmu_miniature(tmp_path / "cmu.npz"))
    body = made_body(50, 3)
    mirrored = motion.mirror(body)
    parents = list(CMU38.parents)
    assert np.linalg.norm(mirrored - mirrored[:, parents], axis=-1) == pytest.approx(
        np.linalg.norm(body - body[:, parents], axis=-1), abs=0.01
    )
    assert motion.mirror(mirrored) == pytest.approx(body, abs=0.01)
    wrist, elbow = CMU38.index("left_wrist"), CMU38.index("left_elbow")
    forearm = body[:, wrist] - body[:, elbow]
    other = mirrored[:, CMU38.mirror[wrist]] - mirrored[:, CMU38.mirror[elbow]]
    assert other / 200.0 == pytest.approx(forearm / 205.0 * (-1, 1, 1), abs=1e-4)


@pytest.mark.slow
def test_the_joints_of_the_real_cmu_file_mirror_without_leaving_the_skeleton(data: Path) -> None:
    files = sorted((data / "measure").glob("cmu_motion*"))
    if not files:
        pytest.skip("needs the CMU motion-prediction benchmark in measure/ of the data folder")
    motion = read_cmu_motion(files[0])
    body = motion.train[0].joints_mm
    mirrored = motion.mirror(body)
    assert motion.mirror(mirrored) == pytest.approx(body, abs=0.05)
    assert mirrored[:, list(motion.twins)] == pytest.approx(mirrored, abs=0.05)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda arrays: arrays.pop("parents"), "parents is missing"),
        (lambda arrays: arrays.update(scored_joints=np.arange(25)), "scored_joints is missing or not"),
        (lambda arrays: arrays.update({"test/walking/walking_1": np.zeros((60, 25, 3))}), "expected floats of shape"),
        (
            lambda arrays: arrays.update({"test/walking/walking_1": np.zeros((20, 38, 3))}),
            "20 frames, expected at least",
        ),
        (lambda arrays: arrays["test/walking/walking_1"].fill(np.nan), "not finite"),
    ],
)
def test_a_cmu_file_that_is_none_is_named(tmp_path: Path, change: object, told: str) -> None:
    with np.load(write_cmu_miniature(tmp_path / "cmu.npz")) as archive:
        arrays = dict(archive)
    change(arrays)  # type: ignore[operator]
    np.savez(tmp_path / "changed.npz", **arrays)
    with pytest.raises(DataError, match=rf"changed\.npz.*{told}"):
        read_cmu_motion(tmp_path / "changed.npz")


@given(damage=st.binary(max_size=300))
@settings(max_examples=30)
def test_bytes_that_are_no_file_are_refused(tmp_path_factory: pytest.TempPathFactory, damage: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "damaged.npz"
    file.write_bytes(damage)
    with pytest.raises(DataError, match=r"damaged\.npz"):
        read_cmu_motion(file)


def test_without_rotation_the_h36m_skeleton_stands_as_its_offsets_say() -> None:
    joints = joints_from_maps(np.zeros((1, 32, 3)))[0]
    assert joints[KNEE] == pytest.approx((-132.948591, -442.894612, 0), abs=1e-3)
    assert joints[H36M32.index("head")] == pytest.approx((0, 0.1 + 233.383263 + 257.077681 + 121.134938, 0), abs=1e-3)


def test_a_quarter_turn_of_the_hip_lays_the_leg_forwards_and_one_of_the_knee_raises_it_again() -> None:
    maps = np.zeros((2, 32, 3))
    maps[:, H36M32.index("right_hip")] = (np.pi / 2, 0, 0)
    maps[1, KNEE] = (-np.pi / 2, 0, 0)
    straight, bent = joints_from_maps(maps)
    assert straight[KNEE] == pytest.approx((-132.948591, 0, 442.894612), abs=1e-3)
    assert straight[ANKLE] == pytest.approx((-132.948591, 0, 442.894612 + 454.206447), abs=1e-3)
    assert bent[ANKLE] == pytest.approx((-132.948591, -454.206447, 442.894612), abs=1e-3)
    assert bent[TOES] == pytest.approx((-132.948591, -454.206447, 442.894612 + 162.767078), abs=1e-3)


@given(st.integers(0, 2**31))
@settings(max_examples=20)
def test_no_rotation_changes_a_bone_and_the_root_never_turns(seed: int) -> None:
    maps = np.random.default_rng(seed).normal(0, 2, (3, 32, 3))
    joints, parents = joints_from_maps(maps), list(H36M32.parents)
    rest = joints_from_maps(np.zeros((1, 32, 3)))
    assert np.linalg.norm(joints - joints[:, parents], axis=-1) == pytest.approx(
        np.broadcast_to(np.linalg.norm(rest - rest[:, parents], axis=-1), (3, 32)), abs=0.01
    )
    maps[:, 0] = 0
    assert np.array_equal(joints, joints_from_maps(maps))


@pytest.mark.slow
def test_h36m_is_read_at_25_hz_with_the_windows_of_publications(tmp_path: Path) -> None:
    motion = read_h36m(write_h36m(tmp_path), samples=8)
    assert len(motion.scored) == 22
    assert motion.actions == ACTIONS
    assert len(motion.test) == 30
    first = motion.test[0]
    assert first.joints_mm.shape == (200, 32, 3)
    assert first.windows().shape == (4, 35, 32, 3)
    swing = np.sin(np.arange(0, 400, 2) * 0.1)
    assert first.joints_mm[:, KNEE, 1] == pytest.approx(-442.894612 * np.cos(swing), abs=0.01)
    assert np.ptp(first.joints_mm[:, list(motion.twins)] - first.joints_mm) == 0.0
    everything = read_h36m(tmp_path, samples=None)
    assert len(everything.test[0].starts) == 200 - 34


@pytest.mark.slow
def test_h36m_files_with_a_mark_and_other_line_ends_are_read(tmp_path: Path) -> None:
    plain = read_h36m(write_h36m(tmp_path), samples=8)
    for path in tmp_path.rglob("*.txt"):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    marked = read_h36m(tmp_path, samples=8)
    for one, other in zip(plain.test, marked.test, strict=True):
        np.testing.assert_array_equal(one.joints_mm, other.joints_mm)


def test_windows_are_drawn_in_turn_from_both_recordings() -> None:
    first, second = drawn_starts((1000, 300), 256)
    assert len(first) == len(second) == 128
    rng = np.random.RandomState(1234567890)
    assert (first[0], second[0]) == (rng.randint(16, 850) + 40, rng.randint(16, 150) + 40)
    assert np.array_equal(drawn_starts((1000, 300), 8)[0], first[:4])
    assert first.max() + 35 <= 1000
    assert second.max() + 35 <= 300


@pytest.mark.slow
def test_an_h36m_folder_that_lacks_something_is_named(tmp_path: Path) -> None:
    folder = write_h36m(tmp_path)
    with pytest.raises(DataError, match=r"S1/walking_1\.txt: cannot be read"):
        read_h36m(folder, training=True)
    (folder / "S5" / "eating_2.txt").write_text("1,2,3\n" * 200)
    with pytest.raises(DataError, match=r"eating_2\.txt.*expected \(frames, 99\)"):
        read_h36m(folder)
    (folder / "S5" / "eating_1.txt").write_text("walking\n")
    with pytest.raises(DataError, match=r"eating_1\.txt: cannot be read"):
        read_h36m(folder)
    (folder / "S5" / "walking_2.txt").write_text("")
    with pytest.raises(DataError, match=r"walking_2\.txt"):
        read_h36m(folder)
    short = write_h36m(tmp_path / "short", frames=200)
    with pytest.raises(DataError, match="expected more than 166"):
        read_h36m(short)
