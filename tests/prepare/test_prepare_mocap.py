"""Motion capture in BVH and Acclaim files: forward kinematics by hand, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from publishers import write_amc, write_asf, write_bvh

from hitrs_live.errors import DataError
from hitrs_live.prepare.acclaim import read_motion, read_skeleton
from hitrs_live.prepare.bvh import read_bvh
from hitrs_live.prepare.mocap import plan_acclaim, plan_bvh, read_texts
from hitrs_live.prepare.rotations import turn, turns
from hitrs_live.skeleton import NTU25

UNIT_M = 0.0254 / 0.45
ARM = [
    ("upper", "root", (0, 2, 0), 3.0, (0, 0, 0), "rx ry rz"),
    ("lower", "upper", (1, 0, 0), 2.0, (0, 0, 90), "rz"),
]


def test_turns_are_right_handed_and_the_first_is_outermost() -> None:
    quarter = np.array([90.0])
    for axis, start, end in (("X", (0, 1, 0), (0, 0, 1)), ("Y", (0, 0, 1), (1, 0, 0)), ("Z", (1, 0, 0), (0, 1, 0))):
        np.testing.assert_allclose(turn(axis, quarter)[0] @ start, end, atol=1e-12)
    whole = turns("ZX", np.array([[90.0, 90.0]]))[0]
    np.testing.assert_allclose(whole @ (0, 1, 0), (0, 0, 1), atol=1e-12, err_msg="about x first, then about z")
    np.testing.assert_allclose(whole @ (1, 0, 0), (0, 1, 0), atol=1e-12)


def test_bones_lie_end_to_end_and_turn_with_those_before(tmp_path: Path) -> None:
    skeleton = read_skeleton(write_asf(tmp_path / "a.asf", ARM))
    rest = {"root": (1, 2, 3, 0, 0, 0), "upper": (0, 0, 0), "lower": (0,)}
    bent = {**rest, "lower": (90,)}
    turned = {**rest, "root": (1, 2, 3, 0, 0, 90)}
    ends = read_motion(write_amc(tmp_path / "a_01.amc", [rest, bent, turned]), skeleton)
    in_units = {name: places / UNIT_M for name, places in ends.items()}
    np.testing.assert_allclose(in_units["root"], [(1, 2, 3)] * 3)
    np.testing.assert_allclose(in_units["upper"][0], (1, 8, 3), err_msg="direction times length, as it is written")
    np.testing.assert_allclose(in_units["lower"][0], (3, 8, 3))
    # About the bone's own z, which a turn of its axes about z leaves.
    np.testing.assert_allclose(in_units["lower"][1], (1, 10, 3), atol=1e-9)
    np.testing.assert_allclose(in_units["lower"][2], (-5, 4, 3), atol=1e-9)


def test_a_bones_own_axes_say_about_what_it_turns(tmp_path: Path) -> None:
    # Its x axis lies along the world's y: a turn about it takes z to x.
    skeleton = read_skeleton(write_asf(tmp_path / "a.asf", [("arm", "root", (0, 0, 1), 1.0, (0, 0, 90), "rx")]))
    ends = read_motion(write_amc(tmp_path / "a_01.amc", [{"root": (0,) * 6, "arm": (90,)}]), skeleton)
    np.testing.assert_allclose(ends["arm"][0] / UNIT_M, (1, 0, 0), atol=1e-9)


CMU_BONES = [
    ("lhipjoint", "root"), ("lfemur", "lhipjoint"), ("ltibia", "lfemur"), ("lfoot", "ltibia"), ("ltoes", "lfoot"),
    ("rhipjoint", "root"), ("rfemur", "rhipjoint"), ("rtibia", "rfemur"), ("rfoot", "rtibia"), ("rtoes", "rfoot"),
    ("lowerback", "root"), ("upperback", "lowerback"), ("thorax", "upperback"), ("lowerneck", "thorax"),
    ("upperneck", "lowerneck"), ("head", "upperneck"),
    *((f"{s}{name}", f"{s}{parent}" if parent != "thorax" else parent) for s in "lr" for name, parent in (
        ("clavicle", "thorax"), ("humerus", "clavicle"), ("radius", "humerus"), ("wrist", "radius"), ("hand", "wrist"),
        ("fingers", "hand"), ("thumb", "wrist"),
    )),
]  # fmt: skip


def write_cmu(folder: Path, frames: int = 9, stem: str = "07_02") -> Path:
    rng = np.random.default_rng(0)
    bones = [(name, parent, rng.uniform(-1, 1, 3).tolist(), 3.0, (0, 0, 20), "rx") for name, parent in CMU_BONES]
    write_asf(folder / "07.asf", bones)
    rows = [
        {"root": (0.1 * number, 17, 0, 0, 0, 0), **{name: (rng.uniform(-20, 20),) for name, *_ in bones}}
        for number in range(frames)
    ]
    return write_amc(folder / f"{stem}.amc", rows)


def test_cmu_recordings_become_our_joints_at_thirty_a_second_with_their_texts(tmp_path: Path) -> None:
    path = write_cmu(tmp_path)
    (tmp_path / "index.txt").write_text("Motions of subject 7\n07_02\twalk, veer left\n07_03 run\n")
    plan = plan_acclaim(tmp_path, name="made", texts=tmp_path / "index.txt")
    (one,) = plan.read(path).recorded
    ends = read_motion(path, read_skeleton(tmp_path / "07.asf"))
    assert len(one.joints) == 3, "9 frames at 120 Hz"
    for joint, bone in (
        ("spine_base", "root"), ("left_hip", "lhipjoint"), ("right_elbow", "rhumerus"), ("head", "head"),
        ("spine_middle", "upperback"), ("neck", "upperneck"), ("left_foot", "ltoes"), ("right_thumb", "rthumb"),
    ):  # fmt: skip
        np.testing.assert_allclose(one.joints[:, NTU25.index(joint)], ends[bone][::4], atol=1e-5)
    assert (one.sample.subject, plan.index.labels) == ("07", ("walk, veer left",))
    assert set(one.labels.tolist()) == {0}
    assert set(plan_acclaim(tmp_path, name="made").read(path).recorded[0].labels.tolist()) == {-1}
    assert len(plan_acclaim(tmp_path, name="made", rate_hz=60.0).read(path).recorded[0].joints) == 5


def test_the_skeleton_is_the_one_with_the_longest_fitting_name(tmp_path: Path) -> None:
    path = write_cmu(tmp_path, stem="HDM_bd_walk_001_120")
    (tmp_path / "07.asf").rename(tmp_path / "HDM_bd.asf")
    write_asf(tmp_path / "HDM.asf", ARM)
    (one,) = plan_acclaim(tmp_path, name="made").read(path).recorded
    assert one.sample.subject == "bd"
    (tmp_path / "HDM_bd.asf").unlink()
    (tmp_path / "HDM.asf").rename(tmp_path / "other.asf")
    with pytest.raises(DataError, match=r"HDM_bd_walk_001_120\.amc: no skeleton for it"):
        plan_acclaim(tmp_path, name="made")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("length 0.45", "length zero", "no length in :units"),
        ("angle deg", "angle rad", "expected degrees"),
        ("order TX TY TZ RX RY RZ", "order TX TY TZ RZ RY RX", "root order"),
        ("    upper lower", "    lower lower", "does not hang from the root"),
        ("direction 1 0 0", "direction 1 0", "expected three numbers"),
        ("length 2.0", "length two", "bone 2 is broken"),
        ("dof rz", "dof rq", "of rx ry rz"),
        ("name lower", "name root", "none of them root"),
    ],
)
def test_a_broken_skeleton_is_named_with_what_was_wanted(tmp_path: Path, old: str, new: str, words: str) -> None:
    path = write_asf(tmp_path / "a.asf", ARM)
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(DataError, match=r"a\.asf") as caught:
        read_skeleton(path)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no frame in it"),
        ("root 1 2 3 4 5 6\n", "frame 0: got 'root 1 2 3 4 5 6'"),
        ("1\nroot 1 2 3\n", "frame 1: got 'root 1 2 3'"),
        ("1\nroot 0 0 0 0 0 0\nupper 0 0 0\n", "frame 1: no line for lower"),
        ("1\nroot 0 0 0 0 0 0\nupper 0 0 x\nlower 0\n", "could not convert"),
        ("1\nroot 0 0 nan 0 0 0\nupper 0 0 0\nlower 0\n", "expected finite numbers"),
        ("1\nroot 0 0 0 0 0 0\nupper 0 0 0\nlower 0\ntail 1\n", "frame 1: got 'tail 1'"),
    ],
)
def test_a_broken_recording_is_named_by_frame(tmp_path: Path, text: str, words: str) -> None:
    skeleton = read_skeleton(write_asf(tmp_path / "a.asf", ARM))
    (tmp_path / "a_01.amc").write_text(text)
    with pytest.raises(DataError, match=r"a_01\.amc") as caught:
        read_motion(tmp_path / "a_01.amc", skeleton)
    assert words in str(caught.value)


TREE = ("hips", (0, 0, 0), [("knee", (0, -4, 0), [("ankle", (0, -5, 0), [])])])


@pytest.mark.parametrize("order", ["ZYX", "XYZ"])
def test_bvh_joints_turn_in_the_order_of_their_channels(tmp_path: Path, order: str) -> None:
    root = {"X": 90.0, "Y": 0.0, "Z": 90.0}
    rows = [[7, 8, 9, *[0] * 9], [0, 0, 0, *(root[axis] for axis in order), *[0] * 6]]
    places, rate_hz = read_bvh(write_bvh(tmp_path / "a.bvh", TREE, rows, step_s=0.04, order=order))
    assert rate_hz == pytest.approx(25)
    np.testing.assert_allclose(places["ankle"][0], (7, -1, 9))
    np.testing.assert_allclose(places["ankle end"][0], (7, 0, 9))
    # Down is -y. With z outermost, x first takes it to -z, which z leaves; with x outermost, z takes it to x.
    np.testing.assert_allclose(places["knee"][1], (0, 0, -4) if order == "ZYX" else (4, 0, 0), atol=1e-9)


def cmu_tree() -> tuple:
    def leg(side: str, x: float) -> tuple:
        toes = (f"{side}ToeBase", (0, 0, 2), [])
        foot = (f"{side}Foot", (0, -7, 0), [toes])
        return (f"{side[0]}HipJoint", (0, 0, 0), [(f"{side}UpLeg", (x, -2, 0), [(f"{side}Leg", (0, -7, 0), [foot])])])

    def arm(side: str, x: float) -> tuple:
        fingers = (f"{side}FingerBase", (x, 0, 0), [(f"{side}HandIndex1", (x, 0, 0), [])])
        hand = (f"{side}Hand", (3 * x, 0, 0), [fingers, (f"{side[0]}Thumb", (x, 0, 0), [])])
        return (
            f"{side}Shoulder",
            (0, 0, 0),
            [(f"{side}Arm", (3 * x, 0, 0), [(f"{side}ForeArm", (5 * x, 0, 0), [hand])])],
        )

    neck = ("Neck", (0, 2, 0), [("Neck1", (0, 1, 0), [("Head", (0, 1, 0), [])])])
    chest = ("Spine1", (0, 2, 0), [neck, arm("Left", 1), arm("Right", -1)])
    back = ("LowerBack", (0, 0, 0), [("Spine", (0, 2, 0), [chest])])
    return ("Hips", (0, 0, 0), [leg("Left", 2), leg("Right", -2), back])


def channels(tree: tuple) -> int:
    return 3 + sum(channels(child) for child in tree[2])


def test_bvh_files_with_cmus_names_become_our_joints_in_metres(tmp_path: Path) -> None:
    tree = cmu_tree()
    rows = np.zeros((8, 3 + channels(tree)))
    rows[:, 1] = 17
    path = write_bvh(tmp_path / "16_03.bvh", tree, rows.tolist())
    (one,) = plan_bvh(tmp_path, name="made").read(path).recorded
    assert len(one.joints) == 2
    at = {name: one.joints[0, NTU25.index(name)] / UNIT_M for name in NTU25.joints}
    np.testing.assert_allclose(at["spine_base"], (0, 17, 0), atol=1e-4)
    np.testing.assert_allclose(at["left_ankle"], (2, 1, 0), atol=1e-4)
    np.testing.assert_allclose(at["left_foot"], (2, 2, 2), atol=1e-4, err_msg="the end site of the toes")
    np.testing.assert_allclose(at["right_wrist"], (-11, 21, 0), atol=1e-4)
    np.testing.assert_allclose(at["head"], (0, 26, 0), atol=1e-4)
    assert one.sample.subject == "16"
    (in_metres,) = plan_bvh(tmp_path, name="made", unit_m=0.1).read(path).recorded
    np.testing.assert_allclose(in_metres.joints[0, 0], (0, 1.7, 0), atol=1e-6)


def test_bvh_files_with_other_names_say_which_are_missing(tmp_path: Path) -> None:
    path = write_bvh(tmp_path / "a_1.bvh", TREE, [[0] * 12])
    with pytest.raises(DataError, match=r"a_1\.bvh: joints named neither as in CMU's nor in Daz's BVH files"):
        plan_bvh(tmp_path, name="made").read(path)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("HIERARCHY", "hello", "expected HIERARCHY"),
        ("OFFSET 0 -4 0", "OFFSET 0 -4", "expected OFFSET and three numbers"),
        ("OFFSET 0 -4 0", "", "'knee' has no OFFSET"),
        ("CHANNELS 3 Z", "CHANNELS 4 Z", "expected CHANNELS, their count"),
        ("CHANNELS 3 Zrotation", "CHANNELS 3 Qrotation", "expected CHANNELS, their count"),
        ("JOINT ankle", "JOINT knee", "two joints of the name 'knee'"),
        ("JOINT ankle", "ROOT ankle", "expected one ROOT"),
        ("Frames: 1", "Frames: 2", "its heading says 2"),
        ("Frame Time: 0.0083333", "Frame Time: soon", "expected a count in Frames:"),
        ("MOTION", "", "expected"),
        ("0.000000 0.000000\n", "0.000000\n", "expected 12"),
        ("0.000000 0.000000\n", "0.000000 nan\n", "no numbers, expected none"),
    ],
)
def test_a_broken_bvh_is_named_with_what_was_wanted(tmp_path: Path, old: str, new: str, words: str) -> None:
    path = write_bvh(tmp_path / "a.bvh", TREE, [[0] * 12])
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(DataError, match=r"a\.bvh") as caught:
        read_bvh(path)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_list_of_texts_without_a_recording_is_refused(tmp_path: Path) -> None:
    (tmp_path / "index.txt").write_text("nothing here\n")
    with pytest.raises(DataError, match=r"--texts .*index\.txt: no line such as 01_02 walk"):
        read_texts(tmp_path / "index.txt")


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(["bvh", "asf", "amc"]), st.data())
def test_damaged_files_are_read_or_refused_by_name_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, kind: str, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    write_asf(folder / "a.asf", ARM)
    write_amc(folder / "a_1.amc", [{"root": (0,) * 6, "upper": (0, 0, 0), "lower": (0,)}] * 2)
    write_bvh(folder / "a_1.bvh", TREE, [[0] * 12] * 2)
    path = folder / ("a.asf" if kind == "asf" else f"a_1.{kind}")
    raw = path.read_bytes()
    start = data.draw(st.integers(0, len(raw)))
    noise = data.draw(
        st.sampled_from([b"", b"nan", b"1e999", b"x", b"\xff", b"\n", b"-", b" ", b"}", b"{", b":", b"9" * 30])
    )
    path.write_bytes(raw[:start] + noise + raw[start + data.draw(st.integers(0, 60)) :])
    try:
        places = (
            read_bvh(path)[0] if kind == "bvh" else read_motion(folder / "a_1.amc", read_skeleton(folder / "a.asf"))
        )
    except DataError as error:
        assert str(folder) in str(error)  # noqa: PT017
        assert "\n" not in str(error)  # noqa: PT017
    else:
        assert all(places_of.ndim == 2 for places_of in places.values())
