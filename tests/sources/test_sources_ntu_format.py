"""NTU RGB+D skeleton files: whole ones are read exactly, broken ones are named with their line."""

import itertools
import os
import re
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hitrs_live.errors import DataError
from hitrs_live.skeleton import NTU25
from hitrs_live.sources.ntu_format import NtuBody, NtuSequence, parse_skeleton, write_skeleton

DATA = Path(os.environ.get("HITRS_DATA", "../shared/data"))
REAL_FRAMES = {1: 103, 2: 158, 3: 104, 4: 99, 5: 54}

ids = st.integers(0, 2**64 - 1).map(str)
coordinates = st.floats(-9, 9, width=32)


@st.composite
def bodies(draw: st.DrawFn, body_id: str) -> NtuBody:
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    joints_m = rng.uniform(-5, 5, (25, 3)).astype(np.float32)
    joints_m[draw(st.integers(0, 24))] = draw(st.tuples(coordinates, coordinates, coordinates))
    confidence = rng.choice(np.array([0.0, 0.5, 1.0], np.float32), 25)
    return NtuBody(body_id=body_id, joints_m=joints_m, confidence=confidence)


@st.composite
def sequences(draw: st.DrawFn) -> list[list[NtuBody]]:
    """Frames with no, one or several bodies, which come, go and change places in the list."""
    everyone = draw(st.lists(ids, min_size=1, max_size=3, unique=True))
    present = st.lists(st.sampled_from(everyone), unique=True, max_size=3)
    return [[draw(bodies(body_id)) for body_id in draw(present)] for _ in range(draw(st.integers(0, 4)))]


def body(body_id: str = "7", seed: int = 0) -> NtuBody:
    joints_m = np.random.default_rng(seed).uniform(-2, 4, (25, 3)).astype(np.float32)
    return NtuBody(body_id=body_id, joints_m=joints_m, confidence=np.ones(25, np.float32))


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(sequences())
def test_what_was_written_is_read_back_exactly(frames: list[list[NtuBody]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.skeleton"
        write_skeleton(path, frames)
        read = parse_skeleton(path).frames
    assert len(read) == len(frames)
    for got, expected in zip(read, frames, strict=True):
        assert [one.body_id for one in got] == [one.body_id for one in expected]
        for one, other in zip(got, expected, strict=True):
            np.testing.assert_array_equal(one.joints_m, other.joints_m)
            np.testing.assert_array_equal(one.confidence, other.confidence)
            assert (one.joints_m.dtype, one.confidence.dtype) == (np.float32, np.float32)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_damaged_file_gives_a_result_or_a_data_error_and_nothing_else(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.skeleton"
        write_skeleton(path, [[body()], [], [body("7"), body("8")]])
        text = path.read_bytes()
        words = re.split(rb"(\s)", text)
        replacement = st.one_of(
            st.binary(max_size=20),
            st.sampled_from([b"nan", b"-inf", b"1e999", b"1e30", b"-1", b"99999999", b"9" * 5000, b"", b"\n", b"1_0"]),
        )
        for _ in range(data.draw(st.integers(0, 2))):
            words[data.draw(st.integers(0, len(words) - 1))] = data.draw(replacement)
        damaged = b"".join(words)
        path.write_bytes(damaged[: data.draw(st.integers(0, len(damaged)))])
        check_result_or_data_error(path)


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300) | st.text("0123456789 .\n-", max_size=300).map(str.encode))
def test_arbitrary_bytes_give_a_result_or_a_data_error_and_nothing_else(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.skeleton"
        path.write_bytes(content)
        check_result_or_data_error(path)


def check_result_or_data_error(path: Path) -> None:
    outcome = parse_or_refuse(path)
    if isinstance(outcome, str):
        assert re.fullmatch(r".*a\.skeleton, line \d+: got .*, expected .*", outcome)
        return
    for one in itertools.chain.from_iterable(outcome.frames):
        assert one.joints_m.shape == (25, 3)
        # A joint without a position is one as a whole, and not tracked.
        bad = ~np.isfinite(one.joints_m)
        assert (bad.all(axis=1) == bad.any(axis=1)).all()
        assert not one.confidence[bad.any(axis=1)].any()


def parse_or_refuse(path: Path) -> NtuSequence | str:
    try:
        return parse_skeleton(path)
    except DataError as error:
        return str(error)


def damage(tmp_path: Path, line: int, text: str) -> str:
    """Replace a line, counted from 1, of a file with one body in each of two frames; return the parser's error."""
    path = tmp_path / "a.skeleton"
    write_skeleton(path, [[body()], [body()]])
    lines = path.read_text().splitlines()
    lines[line - 1] = text
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(DataError) as caught:
        parse_skeleton(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


REST = " 0 0 0 0 0 0 0 0 2"


@pytest.mark.parametrize(
    ("line", "text", "words"),
    [
        (1, "many", "line 1: got 'many', expected the number of frames"),
        (1, "-3", "line 1: got '-3', expected the number of frames"),
        (1, "4000000000", "line 1: got '4000000000', expected the number of frames"),
        (1, "3", "line 58: got the end of the file, expected the number of bodies"),
        (1, "1", "line 30: got '1', expected the end of the file after 1 frames"),
        (2, "900000000", "line 2: got '900000000', expected the number of bodies, 0 to 16"),
        (3, "72057594037931101 0 1", "line 3: got '72057594037931101 0 1', expected a body's id and 9 numbers"),
        (3, "x7 0 1 1 1 1 0 0 0 2", "line 3: got 'x7', expected a body's id"),
        (4, "24", "line 4: got '24', expected 25 joints"),
        (5, "1 2", "line 5: got '1 2', expected a joint's 12 numbers"),
        (6, "1 2 three" + REST, "line 6: got 'three', expected a number"),
        (10, "1 2 3 0 0 0 0 0 0 0 0 3", "line 10: got '3', expected a tracking state"),
        (11, "\x00\x01\x02", "line 11: got '\\x00\\x01\\x02', expected a joint's 12 numbers"),
        (12, "1 " * 3000, "expected a joint's 12 numbers in a line of text"),
    ],
)
def test_a_broken_line_is_named_with_what_was_found_and_expected(
    tmp_path: Path, line: int, text: str, words: str
) -> None:
    assert words in damage(tmp_path, line, text)


@pytest.mark.parametrize(
    "word", ["NaN", "-1.#IND", "1.#QNAN", "-1.#IND00", "-nan(ind)", "nan(snan)", "-inf", "3e38", "101"]
)
def test_a_joint_without_a_position_counts_as_not_tracked_in_its_frame(tmp_path: Path, word: str) -> None:
    path = tmp_path / "a.skeleton"
    write_skeleton(path, [[body()]] * 3)
    lines = path.read_text().splitlines()
    line = 4 + 28 + 6
    lines[line] = " ".join([word, *lines[line].split()[1:]])
    path.write_text("\n".join(lines) + "\n")
    sequence = parse_skeleton(path)
    assert (len(sequence.frames), sequence.bad_joints) == (3, 1)
    for number, (one,) in enumerate(sequence.frames):
        bad = np.isnan(one.joints_m).any(axis=1)
        assert np.flatnonzero(bad).tolist() == ([6] if number == 1 else [])
        assert (one.confidence[bad] == 0).all()
        np.testing.assert_array_equal(one.joints_m[~bad], body().joints_m[~bad])


def test_a_file_half_of_whose_joints_have_no_position_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.skeleton"
    nowhere = NtuBody(body_id="8", joints_m=np.full((25, 3), np.nan, np.float32), confidence=np.ones(25, np.float32))
    write_skeleton(path, [[body(), nowhere]])
    with pytest.raises(
        DataError, match=r"a\.skeleton, line .*: got 25 of 50 joints without a position, expected metres"
    ):
        parse_skeleton(path)


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_a_byte_order_mark_and_any_line_ends_are_read(tmp_path: Path, ends: str) -> None:
    path = tmp_path / "a.skeleton"
    write_skeleton(path, [[body()]])
    path.write_bytes(b"\xef\xbb\xbf" + (path.read_text() + "\n\n").replace("\n", ends).encode())
    (((one,),),) = (parse_skeleton(path).frames,)
    np.testing.assert_array_equal(one.joints_m, body().joints_m)
    path.write_text("1\n0\n", encoding="utf-16")
    with pytest.raises(DataError, match=r"a\.skeleton, line 1: got .*UTF-16.*save it as UTF-8"):
        parse_skeleton(path)


def test_infinite_pixel_coordinates_are_read_over() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.skeleton"
        write_skeleton(path, [[body()]])
        path.write_text(path.read_text().replace(" 0 0 0 0 0 0 0 0 2", " 0 0 -Infinity NaN 0 0 0 0 2"))
        (((one,),),) = (parse_skeleton(path).frames,)
    np.testing.assert_array_equal(one.joints_m, body().joints_m)


def test_a_file_that_is_not_there_and_a_folder_are_data_errors(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no such file"):
        parse_skeleton(tmp_path / "none.skeleton")
    with pytest.raises(DataError, match="is no file"):
        parse_skeleton(tmp_path)


@pytest.mark.parametrize("action", REAL_FRAMES)
def test_a_real_file_is_read_and_its_axes_are_as_messages_says(action: int) -> None:
    path = DATA / "ntu" / f"S001C001P001R001A{action:03}.skeleton"
    if not path.is_file():
        pytest.skip(f"no {path}; set HITRS_DATA to the folder with the data")
    frames = parse_skeleton(path).frames
    assert len(frames) == REAL_FRAMES[action]
    assert all(len(frame) == 1 for frame in frames)
    joints_m = np.stack([one.joints_m for (one,) in frames])
    confidence = np.stack([one.confidence for (one,) in frames])
    mean_m = dict(zip(NTU25.joints, joints_m.mean(0), strict=True))
    # A standing adult, three to four metres away.
    assert 0.5 < mean_m["head"][1] - mean_m["spine_base"][1] < 0.8
    assert 3.0 < mean_m["spine_base"][2] < 4.2
    # Facing the camera: the feet point to it, and what the file calls left has the smaller x.
    assert mean_m["left_foot"][2] + mean_m["right_foot"][2] < mean_m["left_ankle"][2] + mean_m["right_ankle"][2]
    assert -0.4 < mean_m["left_shoulder"][0] - mean_m["right_shoulder"][0] < -0.15
    # 25 cm in a thirtieth of a second is 8 m/s, about what the fastest hand does.
    assert np.linalg.norm(np.diff(joints_m, axis=0), axis=-1).max() < 0.4
    assert 0.005 < np.linalg.norm(np.diff(joints_m, axis=0), axis=-1).mean() < 0.03
    assert set(np.unique(confidence)) <= {0.0, 0.5, 1.0}
    assert confidence.mean() > 0.8
