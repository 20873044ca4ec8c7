"""PKU-MMD: streams with a label a frame, told by their content, and every way in which its files may be wrong."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pku_mmd_miniature import ACTIONS, INTERACTION, write_pku_mmd_miniature

from hitrs_live.errors import DataError
from hitrs_live.prepare.pku_mmd import LABELS, frame_labels, plan_pku_mmd, read_skeletons, read_split
from hitrs_live.prepare.tracks import LONGEST_PAUSE, SHORTEST_TRACK


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pku_mmd_miniature(tmp_path_factory.mktemp("pku") / "made")


def write_stream(folder: Path, people: np.ndarray, labels: str | None = "") -> Path:
    """Write one video by hand. people: (T, 2, 25, 3)."""
    (folder / "Data").mkdir(parents=True)
    path = folder / "Data" / "0007-M.txt"
    np.savetxt(path, people.reshape(len(people), 150), fmt="%.6f")
    if labels is not None:
        (folder / "Label").mkdir()
        (folder / "Label" / "0007-M.txt").write_text(labels or "1,0,2,1\n")
    return folder


def two_people(frames: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 3, (frames, 2, 25, 3))


def test_the_classes_are_background_and_the_authors_51() -> None:
    assert len(LABELS) == len(set(LABELS)) == 52
    assert (LABELS[0], LABELS[14], LABELS[51]) == ("background", "handshaking", "writing")


def test_files_are_told_by_content_and_splits_test_on_the_validation_videos(made: Path) -> None:
    plan = plan_pku_mmd(made, name="made")
    assert [path.stem for path in plan.files] == [f"{video:04}-{view}" for video in (1, 2, 3) for view in "LMR"]
    assert (plan.index.splits, plan.index.background) == (("xsub", "xview"), 0)
    tests = {path.stem: plan.read(path).recorded[0].sample.test_of for path in plan.files}
    assert {name for name, splits in tests.items() if "xsub" in splits} == {"0003-L", "0003-M", "0003-R"}
    assert {name for name, splits in tests.items() if "xview" in splits} == {"0001-L", "0002-L", "0003-L"}


def test_frames_have_the_class_that_is_going_on_and_background_between(made: Path) -> None:
    plan = plan_pku_mmd(made, name="made")
    path = plan.files[0]
    (one,) = plan.read(path).recorded
    people = read_skeletons(path)
    main, other = one.sample.bodies
    assert (main.first_row, main.first_frame, main.frames) == (0, 0, len(people))
    np.testing.assert_array_equal(one.joints[: main.frames], people[:, 0])
    labels = one.labels[: main.frames]
    assert set(labels.tolist()) == {0, *ACTIONS, INTERACTION}
    lines = (made / "Label" / path.name).read_text().split()
    for label, start, end, _ in (map(int, line.split(",")) for line in lines):
        assert set(labels[start:end].tolist()) == {label}
        assert labels[start - 1] == labels[end] == 0
    together = np.flatnonzero(labels == INTERACTION)
    assert (other.first_frame, other.frames) == (together[0], len(together))
    assert set(one.labels[other.first_row :].tolist()) == {INTERACTION}


def test_a_person_lost_for_long_is_interpolated_without_a_label_and_for_a_moment_with_one(tmp_path: Path) -> None:
    people = two_people(200)
    people[:, 1] = 0
    people[20:25, 0] = 0
    people[60 : 60 + LONGEST_PAUSE, 0] = 0
    plan = plan_pku_mmd(write_stream(tmp_path, people, "4,10,150,2\n"), name="made")
    reading = plan.read(plan.files[0])
    (one,) = reading.recorded
    assert one.labels[20:25].tolist() == [4] * 5
    assert np.flatnonzero(one.labels == -1).tolist() == list(range(60, 60 + LONGEST_PAUSE))
    assert reading.findings.counts["frames filled"] == 5 + LONGEST_PAUSE
    assert np.isfinite(one.joints).all()


def test_the_person_seen_most_comes_first_and_the_other_in_stretches(tmp_path: Path) -> None:
    people = two_people(150)
    people[:20, 1] = 0
    people[:, 0][[*range(30), *range(45, 100), *range(100 + SHORTEST_TRACK - 1, 150)]] = 0
    plan = plan_pku_mmd(write_stream(tmp_path, people), name="made")
    reading = plan.read(plan.files[0])
    (one,) = reading.recorded
    assert [(body.first_frame, body.frames) for body in one.sample.bodies] == [(20, 130), (30, 15)]
    assert reading.findings.counts["stretches dropped as too short"] == 1


def test_a_video_without_labels_or_without_people_is_noted(tmp_path: Path) -> None:
    plan = plan_pku_mmd(write_stream(tmp_path / "a", two_people(20), None), name="made")
    reading = plan.read(plan.files[0])
    assert set(reading.recorded[0].labels.tolist()) == {-1}
    assert reading.findings.notes == {"0007-M.txt": "no label file of that name"}
    plan = plan_pku_mmd(write_stream(tmp_path / "b", np.zeros((20, 2, 25, 3))), name="made")
    assert plan.read(plan.files[0]).findings.left_out == {"0007-M.txt": "nobody in it"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1,2,3,4\n1;2;3\n", "line 2: got '1;2;3', expected class,first frame,end frame,confidence"),
        ("52,0,5,2\n", "line 1: got class 52, expected 1 to 51"),
        ("0,0,5,2\n", "line 1: got class 0"),
        ("1,-3,5,2\n", "line 1: got '1,-3,5,2'"),
        ("1,2\n", "line 1"),
        ("\u0661,0,5,2\n", "line 1: got"),
    ],
)
def test_a_broken_label_line_is_named(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "labels.txt").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"labels\.txt") as caught:
        frame_labels(tmp_path / "labels.txt", 10)
    assert words in str(caught.value)


def test_an_action_whose_ends_are_exchanged_and_one_beyond_the_last_frame_are_read(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("3,5,2,1\n\n7,8,99,0\n")
    assert frame_labels(tmp_path / "labels.txt", 10).tolist() == [0, 0, 3, 3, 3, 0, 0, 0, 7, 7]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "0 lines of 0 numbers, expected 150 a line"),
        ("1 2 3\n", "1 lines of 3 numbers"),
        ("1 " * 150 + "\n" + "1 " * 149 + "\n", "expected lines of 150 numbers"),
        ("1 " * 149 + "x\n", "expected lines of 150 numbers"),
        (("nan " * 100 + "1 " * 50 + "\n") * 2, "68 of 100 joints without a position, expected metres up to 100"),
        ("2800 " * 150 + "\n", "50 of 50 joints without a position"),
        ("\xff" * 10, "expected lines of 150 numbers"),
    ],
)
def test_a_broken_skeleton_file_is_named(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "bad.txt").write_text(text, encoding="latin-1")
    with pytest.raises(DataError, match=r"bad\.txt") as caught:
        read_skeletons(tmp_path / "bad.txt")
    assert words in str(caught.value)


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=200) | st.text("0123456789,. -\n", max_size=200).map(str.encode))
def test_arbitrary_bytes_are_read_or_refused_by_name_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "any.txt"
    path.write_bytes(content)
    for read in (read_skeletons, lambda path: frame_labels(path, 20), read_split):
        try:
            read(path)
        except DataError as error:
            assert str(path) in str(error)  # noqa: PT017


def test_a_split_with_a_video_on_both_sides_or_without_its_heading_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Training videos:\n0001-L\nValidation videos:\n0001-L\n")
    with pytest.raises(DataError, match="1 in both"):
        read_split(tmp_path / "a.txt")
    (tmp_path / "b.txt").write_text("0001-L\n")
    with pytest.raises(DataError, match="expected `Training videos:`"):
        read_split(tmp_path / "b.txt")


def test_a_folder_without_skeletons_or_with_one_name_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "readme.txt").write_text("nothing here")
    with pytest.raises(DataError, match="no text file in it has lines of 150 numbers"):
        plan_pku_mmd(tmp_path, name="made")
    write_stream(tmp_path / "a", two_people(5))
    write_stream(tmp_path / "b", two_people(5))
    with pytest.raises(DataError, match="of one name twice"):
        plan_pku_mmd(tmp_path, name="made")


def test_one_bad_joint_is_filled_and_a_person_of_zeros_is_nobody(tmp_path: Path) -> None:
    people = two_people(20)
    people[:, 1] = 0
    folder = write_stream(tmp_path, people)
    path = folder / "Data" / "0007-M.txt"
    rows = path.read_text().split("\n")
    rows[4] = " ".join(["-1.#IND", *rows[4].split()[1:]])
    path.write_text("\n".join(rows))
    plan = plan_pku_mmd(folder, name="made")
    reading = plan.read(path)
    (one,) = reading.recorded
    assert len(one.sample.bodies) == 1
    assert reading.findings.counts["joints without a position"] == 1
    np.testing.assert_allclose(one.joints[4, 0], (people[3, 0, 0] + people[5, 0, 0]) / 2, atol=1e-6)
    np.testing.assert_allclose(one.joints[4, 1:], people[4, 0, 1:], atol=1e-6)


def test_nested_labels_are_noted_by_file_and_counted(tmp_path: Path) -> None:
    lines = ["8,10,90,2", "39,40,60,2", "3,900,950,1"]
    plan = plan_pku_mmd(write_stream(tmp_path, two_people(100), "\n".join(lines) + "\n"), name="made")
    reading = plan.read(plan.files[0])
    assert np.unique(reading.recorded[0].labels[:100]).tolist() == [-1, 0, 8, 39]
    note = reading.findings.notes["0007-M.txt"]
    assert "1 labels overlapped by others: " in note
    assert "1 labels outside the recording: " in note
    assert reading.findings.counts["labels overlapped by others"] == 1
