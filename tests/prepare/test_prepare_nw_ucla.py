"""Northwestern-UCLA's JSON files: twenty joints of a Kinect v1 among NTU's twenty-five."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hitrs_live.data.open_dataset import open_dataset
from hitrs_live.errors import DataError
from hitrs_live.prepare.arrays import copied
from hitrs_live.prepare.nw_ucla import plan_nw_ucla, read_nw_ucla
from hitrs_live.prepare.reading import Findings
from hitrs_live.skeleton import NTU25

NAME = "a08_s03_e01_v03"


def write_json(folder: Path, *, name: str = NAME, joints: np.ndarray | None = None, **changes: object) -> Path:
    joints = np.random.default_rng(0).uniform(-1, 3, (6, 20, 3)) if joints is None else joints
    path = folder / f"{name}.json"
    path.write_text(json.dumps({"file_name": name, "skeletons": joints.tolist(), "label": 7} | changes))
    return path


def test_joints_go_where_they_belong_and_missing_ones_stand_where_a_neighbour_is(tmp_path: Path) -> None:
    joints = np.random.default_rng(0).uniform(-1, 3, (6, 20, 3))
    path = write_json(tmp_path, joints=joints)
    plan = plan_nw_ucla(tmp_path, name="made")
    (one,) = plan.read(path).recorded
    # Six frames of a twelfth of a second are thirteen of a thirtieth: 0 to 5, every 0.4.
    assert len(one.joints) == 13
    np.testing.assert_allclose(one.joints[::5, :20], joints[::2], atol=1e-6)
    np.testing.assert_allclose(one.joints[1, :20], 0.6 * joints[0] + 0.4 * joints[1], atol=1e-6)
    for copy, of in (
        ("spine_shoulder", "neck"),
        ("left_thumb", "left_hand"),
        ("left_hand_tip", "left_hand"),
        ("right_thumb", "right_hand"),
        ("right_hand_tip", "right_hand"),
    ):
        np.testing.assert_array_equal(one.joints[:, NTU25.index(copy)], one.joints[:, NTU25.index(of)])
    missing = {joint for joint, valid in zip(NTU25.joints, plan.index.valid, strict=True) if not valid}
    assert missing == {"neck", "left_hand_tip", "left_thumb", "right_hand_tip", "right_thumb"}


def test_class_subject_and_view_are_those_of_the_name(tmp_path: Path) -> None:
    plan = plan_nw_ucla(write_json(tmp_path).parent, name="made")
    (one,) = plan.read(plan.files[0]).recorded
    assert {plan.index.labels[label] for label in one.labels} == {"donning"}
    assert (one.sample.subject, one.sample.camera, one.sample.test_of) == ("s03", "v03", ("xview",))


def test_a_label_that_contradicts_the_name_is_noted_and_the_name_believed(tmp_path: Path) -> None:
    reading = read_nw_ucla(write_json(tmp_path, label=2))
    assert set(reading.recorded[0].labels.tolist()) == {6}
    assert reading.findings.notes == {f"{NAME}.json": "label 2, its name says 7; the name is believed"}


@pytest.mark.parametrize(
    "changes",
    [
        {"skeletons": [[[0, 0, 0]] * 25]},
        {"skeletons": []},
        {"skeletons": [[[0, 0]] * 20]},
        {"skeletons": [[[0, 0, 0]] * 20, [[0, 0, 0]] * 19]},
        {"label": "seven"},
    ],
)
def test_a_broken_file_is_named_with_what_was_wanted(tmp_path: Path, changes: dict[str, object]) -> None:
    with pytest.raises(DataError, match=rf"{NAME}\.json: .*expected .*\(T, 20, 3\)"):
        read_nw_ucla(write_json(tmp_path, **changes))


@pytest.mark.parametrize("value", [1e9, None])
def test_a_file_most_of_whose_joints_are_no_positions_is_refused(tmp_path: Path, value: float | None) -> None:
    with pytest.raises(DataError, match=rf"{NAME}\.json: 25 of 25 joints without a position, expected metres"):
        read_nw_ucla(write_json(tmp_path, skeletons=[[[0, 0, value]] * 20]))


@pytest.mark.parametrize("word", ["NaN", "-Infinity", "null", "1e9", "nan"])
def test_one_joint_that_is_no_number_is_filled_from_the_frames_around_it(tmp_path: Path, word: str) -> None:
    joints = np.random.default_rng(0).uniform(-1, 3, (6, 20, 3))
    joints[2, 5, 1] = 7777.5
    path = write_json(tmp_path, joints=joints)
    path.write_text(path.read_text().replace("7777.5", word))
    reading = read_nw_ucla(path)
    (one,) = reading.recorded
    assert np.isfinite(one.joints).all()
    assert reading.findings.counts["joints without a position"] == 1
    np.testing.assert_allclose(one.joints[5, 5], (joints[1, 5] + joints[3, 5]) / 2, atol=1e-6)
    np.testing.assert_allclose(one.joints[5, 6], joints[2, 6], atol=1e-6)


def test_frames_of_zeros_are_nobody_and_are_filled(tmp_path: Path) -> None:
    joints = np.random.default_rng(0).uniform(-1, 3, (6, 20, 3))
    holes = joints.copy()
    holes[[0, 3]] = 0
    reading = read_nw_ucla(write_json(tmp_path, joints=holes))
    (one,) = reading.recorded
    assert reading.findings.counts["frames without a body, filled"] == 2
    np.testing.assert_allclose(one.joints[0, :20], joints[1], atol=1e-6, err_msg="before the first there is a copy")
    with pytest.raises(DataError, match="somebody in 2 of 6 frames, expected most of them"):
        read_nw_ucla(write_json(tmp_path, joints=joints * np.array([1, 1, 0, 0, 0, 0])[:, None, None]))


def test_names_of_other_data_are_left_out_or_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no JSON file with a name such as"):
        plan_nw_ucla(tmp_path, name="made")
    write_json(tmp_path)
    (tmp_path / "splits.json").write_text("{}")
    assert list(plan_nw_ucla(tmp_path, name="made").left_out) == ["splits.json"]
    with pytest.raises(DataError, match="one of the ten actions"):
        read_nw_ucla(write_json(tmp_path, name="a07_s01_e00_v01"))


@settings(max_examples=60, deadline=None)
@given(
    st.binary(max_size=100)
    | st.recursive(st.none() | st.floats() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=4)).map(
        lambda some: json.dumps({"file_name": "a", "skeletons": some, "label": 1}).encode()
    )
)
def test_arbitrary_content_is_a_data_error_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("fuzz") / f"{NAME}.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match=NAME):
        read_nw_ucla(path)


def test_the_real_sequences_come_back_as_those_of_the_array_file_at_the_rate_of_the_model(
    data: Path, tmp_path: Path
) -> None:
    real = open_dataset(data / "measure" / "nw_ucla.npz")
    samples = real.samples[::150]
    expected = list(copied(real.only(samples), Findings(), rate_hz=30))
    for sample in samples:
        joints, label = real.joints_m(sample.bodies[0])[:, :20], real.label(sample) + 1
        write_json(tmp_path, name=sample.name, joints=joints.astype(np.float64), label=label)
    plan = plan_nw_ucla(tmp_path, name="real")
    assert (plan.index.labels, plan.index.valid) == (real.index.labels, real.index.valid)
    for path, from_array in zip(plan.files, expected, strict=True):
        reading = plan.read(path)
        (one,) = reading.recorded
        np.testing.assert_array_equal(one.joints, from_array.joints)
        np.testing.assert_array_equal(one.labels, from_array.labels)
        assert (one.sample.subject, one.sample.test_of) == (from_array.sample.subject, from_array.sample.test_of)
        assert not reading.findings.notes


def test_the_real_people_stand_upright_and_have_their_left_on_the_left(data: Path) -> None:
    real = open_dataset(data / "measure" / "nw_ucla.npz")
    joints = np.concatenate([real.joints_m(sample.bodies[0]) for sample in real.samples[::10]])
    place = {name: joints[:, NTU25.index(name)] for name in NTU25.joints}
    assert 0.4 < np.median(place["head"][:, 1] - place["spine_base"][:, 1]) < 0.8
    toes = sum(place[f"{side}_foot"] - place[f"{side}_ankle"] for side in ("left", "right"))
    faces_camera = toes[:, 2] < -0.05
    left = place["left_shoulder"][:, 0] - place["right_shoulder"][:, 0]
    assert faces_camera.mean() > 0.3
    assert (left[faces_camera] < 0).mean() > 0.99
