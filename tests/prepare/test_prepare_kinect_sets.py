"""Small sets that a Kinect recorded, read from tiny files in their publishers' formats."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from publishers import (
    twenty,
    write_kinder_gator,
    write_labanotation,
    write_msr,
    write_precog,
    write_ui_prmd,
    write_utkinect,
)

from hitrs_live.cli import main
from hitrs_live.data.array_format import load_archive
from hitrs_live.data.open_dataset import open_dataset
from hitrs_live.errors import DataError
from hitrs_live.prepare.kinder_gator import plan_kinder_gator, read_kinder_gator
from hitrs_live.prepare.labanotation import plan_labanotation, read_labanotation
from hitrs_live.prepare.msr_action3d import plan_msr_action3d, read_msr_action3d
from hitrs_live.prepare.precog import plan_precog, read_precog
from hitrs_live.prepare.readers import READERS
from hitrs_live.prepare.reading import Recorded
from hitrs_live.prepare.ui_prmd import plan_ui_prmd, read_ui_prmd
from hitrs_live.prepare.utkinect import plan_utkinect, read_actions, read_utkinect
from hitrs_live.skeleton import NTU25


def only(recorded: tuple[Recorded, ...]) -> Recorded:
    (one,) = recorded
    return one


def test_precog_has_a_class_on_every_frame_and_tests_on_its_last_people(tmp_path: Path) -> None:
    joints, actions = twenty(40), [0] * 10 + [3] * 20 + [8] * 10
    plan = plan_precog(write_precog(tmp_path, joints, actions).parent, name="precog16")
    one = only(plan.read(plan.files[0]).recorded)
    np.testing.assert_allclose(one.joints[:, :20], joints, atol=1e-5)
    np.testing.assert_array_equal(one.joints[:, NTU25.index("left_thumb")], one.joints[:, NTU25.index("left_hand")])
    assert one.labels.tolist() == actions
    assert (one.sample.name, one.sample.subject, one.sample.test_of) == ("seq2_9", "p9", ("held-out",))
    assert [plan.index.labels[label] for label in (0, 3, 8)] == ["background", "front_kick_right", "elbow_strike"]


def test_precog_frames_of_zeros_are_filled_and_long_ones_lose_their_label(tmp_path: Path) -> None:
    joints = twenty(100)
    joints[5:8] = 0
    joints[40:80] = 0
    reading = read_precog(write_precog(tmp_path, joints, [2] * 100))
    one = only(reading.recorded)
    assert np.flatnonzero(one.labels == -1).tolist() == list(range(40, 80))
    assert reading.findings.counts["frames without a body, filled"] == 43
    np.testing.assert_allclose(one.joints[6, 4], (joints[4, 4] + joints[8, 4]) / 2, atol=1e-5)


def test_utkinect_has_a_frame_a_number_and_its_list_of_actions(tmp_path: Path) -> None:
    joints, numbers = twenty(30), [100, 100, *range(104, 104 + 28 * 4, 4)]
    write_utkinect(tmp_path, joints, numbers)
    (tmp_path / "actionLabel.txt").write_text(
        "s05_e02\nwalk: 1 2\ns06_e01\nwalk: 110 120 \ncarry:  NaN NaN\npush: 150 160\n"
    )
    plan = plan_utkinect(tmp_path, name="utkinect_streams")
    reading = plan.read(plan.files[0])
    one = only(reading.recorded)
    assert len(one.joints) == 212 - 100 + 1
    np.testing.assert_allclose(one.joints[::4, :20], joints[[0, *range(2, 30)]], atol=1e-5)
    np.testing.assert_allclose(one.joints[2, 0], (joints[0, 0] + joints[2, 0]) / 2, atol=1e-5)
    assert np.flatnonzero(one.labels == 1).tolist() == list(range(10, 21)), "the last number is the action's"
    assert np.flatnonzero(one.labels == plan.index.labels.index("push")).tolist() == list(range(50, 61))
    assert (one.sample.subject, one.sample.test_of, plan.index.rate_hz) == ("s06", ("xsub",), 60.0)
    assert reading.findings.counts["lines of a number given before"] == 1
    assert plan.left_out == {}


def test_utkinect_actions_within_others_are_noted(tmp_path: Path) -> None:
    write_utkinect(tmp_path, twenty(60), range(0, 240, 4))
    (tmp_path / "actionLabel.txt").write_text("s06_e01\npush: 20 180\nthrow: 60 100\n")
    plan = plan_utkinect(tmp_path, name="made")
    reading = plan.read(plan.files[0])
    labels = only(reading.recorded).labels
    assert (labels == plan.index.labels.index("throw")).sum() == 41
    assert reading.findings.notes["joints_s06_e01.txt"] == "1 labels overlapped by others: push 20-181"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("walk: 1 2\n", "entry 1: got 'walk: 1 2'"),
        ("s01_e01\nfly: 1 2\n", "entry 2: got 'fly: 1 2', expected s01_e01 or such as walk: 252 390"),
        ("s01_e01\nwalk: 1\n", "entry 2"),
    ],
)
def test_a_broken_list_of_actions_is_named(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "actionLabel.txt").write_text(text)
    with pytest.raises(DataError, match=r"actionLabel\.txt") as caught:
        read_actions(tmp_path / "actionLabel.txt")
    assert words in str(caught.value)


def test_kinder_gator_is_brought_to_thirty_a_second_by_its_timestamps(tmp_path: Path) -> None:
    joints, times = twenty(31), 36868922.9 + np.arange(31) * 50.0
    times[10] = times[9]
    path = write_kinder_gator(tmp_path, joints, times)
    plan = plan_kinder_gator(tmp_path, name="kindergator")
    reading = plan.read(path)
    one = only(reading.recorded)
    assert len(one.joints) == 46, "one and a half seconds"
    np.testing.assert_allclose(one.joints[::3, :20][6:], joints[::2][6:], atol=1e-4)
    assert plan.index.labels == ("throw_a_ball",)
    assert (one.sample.name, one.sample.subject) == ("p565_53_throw_a_ball", "a565")
    assert reading.findings.counts["lines whose time did not rise"] == 1
    child = write_kinder_gator(tmp_path / "other", joints, times, adult=False)
    assert only(plan.read(child).recorded).sample.subject == "c565"


def test_labanotation_gestures_are_our_joints_already(tmp_path: Path) -> None:
    joints = np.random.default_rng(0).uniform(-1, 3, (4, 25, 3))
    path = write_labanotation(tmp_path, joints, [89810293609 + 666667 * frame for frame in range(4)])
    plan = plan_labanotation(tmp_path, name="made")
    one = only(plan.read(path).recorded)
    assert len(one.joints) == 7
    np.testing.assert_allclose(one.joints[::2], joints, atol=1e-4)
    assert (one.sample.name, plan.index.labels) == ("comehere", ("comehere",))


MSR_ROWS = {
    "left_shoulder": 0, "right_shoulder": 1, "spine_shoulder": 2, "spine_middle": 3, "left_hip": 4, "right_hip": 5,
    "spine_base": 6, "left_elbow": 7, "right_elbow": 8, "left_wrist": 9, "right_wrist": 10, "left_hand": 11,
    "right_hand": 12, "left_knee": 13, "right_knee": 14, "left_ankle": 15, "right_ankle": 16, "left_foot": 17,
    "right_foot": 18, "head": 19,
}  # fmt: skip


def test_msr_action3d_joints_are_put_in_order_and_brought_to_thirty_a_second(tmp_path: Path) -> None:
    joints = twenty(8)
    path = write_msr(tmp_path, joints)
    (tmp_path / "a13_s10_e03_skeleton.txt").write_text("pixels\n")
    plan = plan_msr_action3d(tmp_path, name="msr_action3d")
    one = only(plan.read(path).recorded)
    assert len(one.joints) == 15
    for name, row in MSR_ROWS.items():
        np.testing.assert_allclose(one.joints[::2, NTU25.index(name)], joints[:, row], atol=1e-5)
    assert (one.sample.name, one.sample.subject, one.sample.test_of) == ("a13_s10_e03", "s10", ("xsub",))
    assert {plan.index.labels[label] for label in one.labels} == {"bend"}
    assert list(plan.left_out) == ["a13_s10_e03_skeleton.txt"]
    path.write_text("\n".join(path.read_text().splitlines()[:-1]))
    with pytest.raises(DataError, match="159 lines, expected 20 a frame"):
        plan.read(path)


def ui_prmd_standing(frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Somebody upright: offsets in centimetres and angles, (T, 22, 3), no turns."""
    offsets = np.zeros((22, 3))
    offsets[0] = (10, 90, -200)
    offsets[[1, 2, 3, 4, 5], 1] = (27, 20, 8, 10, 10)
    offsets[[7, 8, 9], 0], offsets[[11, 12, 13], 0] = (15, 25, 25), (-15, -25, -25)
    offsets[[6, 10], 1] = 1
    offsets[14], offsets[18] = (9, 0, 0), (-9, 0, 0)
    offsets[[15, 16, 19, 20], 1] = -42
    offsets[[17, 21], 2] = 12
    return np.repeat(offsets[None], frames, 0), np.zeros((frames, 22, 3))


def test_ui_prmd_offsets_are_turned_and_laid_one_after_another(tmp_path: Path) -> None:
    offsets, angles = ui_prmd_standing(12)
    # The left forearm's own turn moves the hand alone; a quarter about z takes it from left to up.
    angles[6:, 8] = (0, 0, 90)
    plan = plan_ui_prmd(write_ui_prmd(tmp_path, offsets, angles).parents[2], name="ui_prmd_kinect")
    one = only(plan.read(plan.files[0]).recorded)
    at = {name: one.joints[:, NTU25.index(name)] for name in NTU25.joints}
    np.testing.assert_allclose(at["spine_shoulder"][0], (0.1, 1.37, -2.0), atol=1e-6)
    np.testing.assert_allclose(at["left_shoulder"][0], (0.25, 1.38, -2.0), atol=1e-6)
    np.testing.assert_allclose(at["left_hand"][0], (0.75, 1.38, -2.0), atol=1e-6)
    np.testing.assert_allclose(at["left_hand"][6], (0.50, 1.63, -2.0), atol=1e-6)
    np.testing.assert_allclose(at["left_elbow"][6], at["left_elbow"][0], atol=1e-6)
    np.testing.assert_allclose(at["right_foot"][0], (0.01, 0.06, -1.88), atol=1e-6)
    assert (one.sample.name, one.sample.subject, one.sample.test_of) == ("m03_s08_e02_ok", "s08", ("held-out",))
    assert plan.index.labels[one.labels[0]] == "m03"


def test_ui_prmd_turns_about_x_come_first_and_legs_turn_with_the_waist(tmp_path: Path) -> None:
    offsets, angles = ui_prmd_standing(12)
    angles[:, 0] = (90, 0, 90)
    one = only(read_ui_prmd(write_ui_prmd(tmp_path, offsets, angles, wrong=True)).recorded)
    waist = np.array((0.1, 0.9, -2.0))
    # About x: down becomes back (-z); about z after that, x becomes y.
    np.testing.assert_allclose(one.joints[0, NTU25.index("left_hip")] - waist, (0, 0.09, 0), atol=1e-6)
    np.testing.assert_allclose(one.joints[0, NTU25.index("left_knee")] - waist, (0, 0.09, -0.42), atol=1e-6)
    assert one.sample.name == "m03_s08_e02_inc"


def test_a_ui_prmd_angle_that_is_no_number_loses_the_joints_after_it_in_that_frame_alone(tmp_path: Path) -> None:
    offsets, angles = ui_prmd_standing(12)
    angles[5, 8, 1] = np.nan
    reading = read_ui_prmd(write_ui_prmd(tmp_path, offsets, angles))
    one = only(reading.recorded)
    np.testing.assert_allclose(one.joints[5], one.joints[4], atol=1e-6)
    assert reading.findings.counts["joints without a position"] == 4, "the hand, and what stands where it is"


def test_ui_prmd_in_another_unit_without_angles_or_of_the_vicon_is_not_taken(tmp_path: Path) -> None:
    offsets, angles = ui_prmd_standing(12)
    with pytest.raises(DataError, match=r"somebody of .* m if these are centimetres, expected 0.8 to 2.5"):
        read_ui_prmd(write_ui_prmd(tmp_path / "mm", offsets * 10, angles))
    path = write_ui_prmd(tmp_path / "a", offsets, angles)
    (path.parents[1] / "Angles" / "m03_s08_e02_angles.txt").unlink()
    with pytest.raises(DataError, match=r"m03_s08_e02_angles\.txt: cannot be read"):
        read_ui_prmd(path)
    path.parents[1].rename(path.parents[2] / "Vicon")
    with pytest.raises(
        DataError, match=r"no file in it with a name such as Kinect/Positions/m01_s01_e01_positions\.txt"
    ):
        plan_ui_prmd(tmp_path / "a", name="made")


def test_an_array_file_holds_what_was_read_and_opens_as_a_data_set(tmp_path: Path) -> None:
    joints = twenty(40)
    (tmp_path / "source").mkdir()
    write_precog(tmp_path / "source", joints, [0] * 20 + [5] * 20)
    write_precog(tmp_path / "source", joints[:10], [1] * 10, name="Seq1_1.csv")
    (tmp_path / "source" / "Seq1_2.csv").write_text("broken\n")
    out = tmp_path / "precog16.npz"
    command = ["prepare", "precog", str(tmp_path / "source"), "--out", str(out), "--workers", "1"]
    assert main(command) == 0
    archive = load_archive(out)
    assert archive.joints.dtype == np.float16
    assert (archive.names, archive.subjects, archive.lengths.tolist()) == (("seq1_1", "seq2_9"), ("p1", "p9"), [10, 40])
    assert archive.labels.tolist() == [1] * 10 + [0] * 20 + [5] * 20
    assert archive.meta["rate_hz"] == 30.0
    np.testing.assert_allclose(archive.joints[10:, :20], joints, atol=2e-3)
    dataset = open_dataset(out)
    assert [len(half.samples) for half in dataset.split("held-out")] == [1, 1]
    assert dataset.index.labels == ("background", "right_punch", "side_kick_right")
    assert "Seq1_2.csv" in json.loads((tmp_path / "precog16.report.json").read_text())["broken"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["precog16.npz", "precog16.report.json", "source"]
    assert main(command) == 2, "it exists"
    assert main([*command, "--overwrite"]) == 0


def test_classes_without_a_background_are_numbered_from_one_in_an_array_file(tmp_path: Path) -> None:
    offsets, angles = ui_prmd_standing(12)
    write_ui_prmd(tmp_path / "source", offsets, angles)
    assert (
        main(["prepare", "ui-prmd", str(tmp_path / "source"), "--out", str(tmp_path / "a.npz"), "--workers", "1"]) == 0
    )
    assert set(load_archive(tmp_path / "a.npz").labels.tolist()) == {3}
    assert open_dataset(tmp_path / "a.npz").index.labels == ("m03",)


@pytest.mark.parametrize("kind", READERS)
def test_every_kind_says_in_one_line_that_a_folder_has_nothing_for_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    (tmp_path / "source").mkdir()
    assert main(["prepare", kind, str(tmp_path / "source"), "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err.strip()
    assert str(tmp_path / "source") in error
    assert "\n" not in error


@pytest.mark.parametrize("kind", [*READERS, "arrays"])
def test_every_kind_is_in_the_document_about_data(kind: str) -> None:
    document = Path(__file__).parents[2] / "docs" / "DATA.md"
    assert f"\n| `{kind}` | " in document.read_text(encoding="utf-8")


BROKEN = {
    "Seq1_1.csv": read_precog,
    "joints_s01_e01.txt": lambda path: read_utkinect(path, actions={}),
    "POSE-p565_05-Bow-1469182474370.csv": lambda path: read_kinder_gator(path, labels=("bow",)),
    "m01_s01_e01_positions.txt": read_ui_prmd,
    "a13_s10_e03_skeleton3D.txt": read_msr_action3d,
    "Ges04_comehere.csv": lambda path: read_labanotation(path, labels=("comehere",)),
}


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(sorted(BROKEN)), st.data())
def test_damaged_files_are_read_or_refused_by_name_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    if name.startswith("Seq"):
        raw = write_precog(folder, twenty(3), [0, 1, 2], name=name).read_bytes()
    elif name.startswith("joints"):
        raw = write_utkinect(folder, twenty(3), [4, 5, 9], "s01_e01").read_bytes()
    elif name.startswith("POSE"):
        raw = write_kinder_gator(folder, twenty(3), [0, 33, 66], name=name).read_bytes()
    elif name.startswith("Ges"):
        raw = write_labanotation(
            folder, np.concatenate([twenty(3), twenty(3)[:, :5] + 1], 1), [1, 333, 999]
        ).read_bytes()
    elif name.startswith("a13"):
        raw = write_msr(folder, twenty(3)).read_bytes()
    else:
        raw = write_ui_prmd(folder, *ui_prmd_standing(3), name=name[:11]).read_bytes()
    start = data.draw(st.integers(0, len(raw)))
    noise = data.draw(st.sampled_from([b"", b"nan", b"1e999", b"x", b"\xff", b"\n", b"-", b" ", b";,", b"9" * 30]))
    path = next(folder.rglob(name))
    path.write_bytes(raw[:start] + noise + raw[start + data.draw(st.integers(0, 40)) :])
    try:
        reading = BROKEN[name](path)
    except DataError as error:
        assert str(folder) in str(error)  # noqa: PT017
        assert "\n" not in str(error)  # noqa: PT017
    else:
        assert all(np.isfinite(one.joints).all() for one in reading.recorded)
