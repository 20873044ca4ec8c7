"""Whatever is in the files of a data set, each reader of `prepare` returns finite joints or one short line."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prepare.publishers import (
    twenty,
    write_amc,
    write_asf,
    write_bvh,
    write_kinder_gator,
    write_labanotation,
    write_msr,
    write_precog,
    write_ui_prmd,
    write_utkinect,
)

from hitrs_live.errors import DataError
from hitrs_live.prepare.mocap import _ACCLAIM, _BVH_DAZ
from hitrs_live.prepare.readers import READERS
from hitrs_live.prepare.recordings import read_labels
from hitrs_live.sources.ntu_format import NtuBody, write_skeleton

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "25"))
FILES = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
MOST_M = 100.0
WORDS = st.sampled_from([
    "nan", "NaN", "-inf", "inf", "1e308", "-1e308", "1e39", "1e-320", "1e999", "99999999", "-1", "0", "9" * 5000, "1_0",
    "0x10", "٣", "-1.#IND", "null", "true", "[" * 20_000, "{" * 20_000, '"', "\x00", "é", "x" * 5000, "", ",", ";", ":",
    "}", "END Site", "begin",
])  # fmt: skip
"""What is no number, no number that a body, a time or a frame can have, or belongs elsewhere."""
DAMAGE = st.lists(
    st.tuples(st.sampled_from(["replace", "insert", "drop", "double", "cut"]), st.floats(0, 1), WORDS), max_size=4
)
SPEECH = st.lists(WORDS, max_size=40).map(" ".join).map(str.encode)
Damage = list[tuple[str, float, str]]


def damaged(text: str, damage: Damage) -> str:
    """Replace, insert, leave out and repeat words anywhere, and cut the text short."""
    for kind, place, word in damage:
        pieces = [piece for line in text.splitlines(keepends=True) for piece in line.replace(" ", " \0").split("\0")]
        at = min(int(place * len(pieces)), len(pieces) - 1)
        if not pieces:
            return text
        ending = pieces[at][len(pieces[at].rstrip()) :]
        replacements = {
            "replace": word + ending, "insert": f"{word} {pieces[at]}", "drop": "", "double": 2 * pieces[at],
            "cut": pieces[at][: len(pieces[at]) // 2],
        }  # fmt: skip
        # A separator other than a blank: one of its values is replaced.
        separator = next((one for one in (",", ";") if one in pieces[at]), "")
        if kind == "replace" and separator:
            values = pieces[at].split(separator)
            values[int(place * 7919) % len(values)] = word
            replacements["replace"] = separator.join(values)
        pieces[at] = replacements[kind]
        text = "".join(pieces[: at + 1] if kind == "cut" else pieces)
    return text


def daz_tree() -> tuple:
    """A chain of all the joints that Daz' files have, an end site below each foot."""
    names = [name for name in dict.fromkeys(_BVH_DAZ) if not name.endswith(" end")]
    children = [(name, (0.1 * number, 10.0, 0.0), []) for number, name in enumerate(names[1:], start=1)]
    return names[0], (0.0, 90.0, 0.0), children


def channel_count(tree: tuple) -> int:
    return 6 + 3 * len(tree[2])


def ntu(folder: Path) -> Path:
    joints = np.random.default_rng(0).uniform(0, 2, (25, 3)).astype(np.float32)
    body = NtuBody(body_id="7", joints_m=joints, confidence=np.ones(25, np.float32))
    path = folder / "S001C001P001R001A001.skeleton"
    write_skeleton(path, [[body]] * 12)
    return path


def pku_mmd(folder: Path) -> Path:
    for name in ("Data", "Label", "Split"):
        (folder / name).mkdir(exist_ok=True)
    people = np.random.default_rng(0).uniform(-1, 2, (20, 150))
    np.savetxt(folder / "Data" / "0007-M.txt", people, fmt="%.6f")
    (folder / "Label" / "0007-M.txt").write_text("1,0,5,1\n3,7,12,2\n")
    (folder / "Split" / "cross-subject.txt").write_text("Training videos:\n0007-M\nValidataion videos:\n0008-M\n")
    return folder / "Data" / "0007-M.txt"


def nw_ucla(folder: Path) -> Path:
    path = folder / "a08_s03_e01_v03.json"
    path.write_text(json.dumps({"file_name": "a", "skeletons": twenty(6).tolist(), "label": 7}, indent=1))
    return path


def acclaim(folder: Path) -> Path:
    names = [name for name in dict.fromkeys(_ACCLAIM) if name != "root"]
    bones = [(name, "root", (0.0, 1.0, 0.1 * number), 5.0, (0, 0, 9), "rx") for number, name in enumerate(names)]
    write_asf(folder / "07.asf", bones)
    return write_amc(
        folder / "07_02.amc", [{"root": (0,) * 6, **dict.fromkeys(names, (number,))} for number in range(8)]
    )


def ui_prmd(folder: Path) -> Path:
    return write_ui_prmd(folder, np.tile((1.0, 25.0, 2.0), (12, 22, 1)), np.zeros((12, 22, 3)))


def utkinect(folder: Path) -> Path:
    (folder / "actionLabel.txt").write_text("s06_e01\nwalk: 100 120\npush: 121 130\n")
    return write_utkinect(folder, twenty(12), range(100, 148, 4))


WRITERS: dict[str, Callable[[Path], Path]] = {
    "ntu": ntu,
    "pku-mmd": pku_mmd,
    "nw-ucla": nw_ucla,
    "precog": lambda folder: write_precog(folder, twenty(12), [0] * 6 + [3] * 6),
    "ui-prmd": ui_prmd,
    "utkinect": utkinect,
    "msr-action3d": lambda folder: write_msr(folder, twenty(8)),
    "kinder-gator": lambda folder: write_kinder_gator(folder, twenty(12), [33.3 * number for number in range(12)]),
    "labanotation": lambda folder: write_labanotation(
        folder, np.random.default_rng(0).uniform(0, 2, (12, 25, 3)), range(0, 12 * 333_333, 333_333)
    ),
    "bvh": lambda folder: write_bvh(folder / "01_01.bvh", daz_tree(), [[0.5] * channel_count(daz_tree())] * 6),
    "acclaim": acclaim,
}  # fmt: skip
"""A small data set of each kind, as its publisher would write it, by the word of the command."""


def read_all(kind: str, folder: Path) -> int:
    """Plan and read a folder as the command does; return the number of sequences, all of which must be finite."""
    found = 0
    try:
        plan = READERS[kind].plan(folder, name="example")
    except DataError as error:
        refused(error)
        return 0
    for path in plan.files:
        try:
            reading = plan.read(path)
        except DataError as error:
            refused(error)
            continue
        for one in reading.recorded:
            assert one.joints.dtype == np.float32
            assert one.joints.shape == (len(one.labels), 25, 3)
            assert np.isfinite(one.joints).all()
            assert np.abs(one.joints).max() <= MOST_M
            assert one.labels.min() >= -1
            assert one.labels.max() < max(1, len(plan.index.labels))
            found += 1
        assert all("\n" not in note for note in reading.findings.notes.values())
    return found


def refused(error: DataError) -> None:
    assert "\n" not in str(error)
    assert len(str(error)) < 1000


def test_every_reader_of_files_is_attacked() -> None:
    # Recordings are MCAP files, whose reader has tests of its own.
    assert WRITERS.keys() == READERS.keys() - {"recordings"}


@pytest.mark.slow
@pytest.mark.parametrize("kind", WRITERS)
def test_what_is_attacked_is_read_where_it_is_whole(tmp_path: Path, kind: str) -> None:
    WRITERS[kind](tmp_path)
    assert read_all(kind, tmp_path) == 1


@pytest.mark.slow
@pytest.mark.parametrize("kind", WRITERS)
@FILES
@given(damage=DAMAGE, which=st.integers(0, 3))
def test_a_data_set_damaged_anywhere_gives_finite_joints_or_a_short_line(
    tmp_path_factory: pytest.TempPathFactory, kind: str, damage: Damage, which: int
) -> None:
    folder = tmp_path_factory.mktemp("set")
    WRITERS[kind](folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    path = files[which % len(files)]
    path.write_text(damaged(path.read_text(), damage))
    read_all(kind, folder)


@pytest.mark.slow
@pytest.mark.parametrize("kind", WRITERS)
@FILES
@given(
    content=st.binary(max_size=400) | st.lists(WORDS, max_size=40).map(" ".join).map(str.encode),
    which=st.integers(0, 3),
)
def test_a_data_set_of_any_bytes_gives_finite_joints_or_a_short_line(
    tmp_path_factory: pytest.TempPathFactory, kind: str, content: bytes, which: int
) -> None:
    folder = tmp_path_factory.mktemp("set")
    WRITERS[kind](folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    files[which % len(files)].write_bytes(content)
    read_all(kind, folder)


@FILES
@given(damage=DAMAGE)
def test_labels_of_recordings_damaged_anywhere_are_intervals_or_a_short_line(tmp_path: Path, damage: Damage) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(damaged("recording,track,start_s,end_s,label\nanna,1,2.7,4.6,squat\nben,,0.5,1.5,wave\n", damage))
    try:
        intervals = read_labels(path)
    except DataError as error:
        refused(error)
        return
    for one in (one for some in intervals.values() for one in some):
        assert 0 <= one.start_s < one.end_s


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("kind", WRITERS)
def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(tmp_path: Path, kind: str) -> None:
    WRITERS[kind](tmp_path)
    for path in sorted(path for path in tmp_path.rglob("*") if path.is_file()):
        content = path.read_bytes()
        path.unlink()
        os.mkfifo(path)
        read_all(kind, tmp_path)
        path.unlink()
        path.write_bytes(content)


@pytest.mark.slow
@pytest.mark.parametrize("kind", WRITERS)
def test_a_file_of_a_terabyte_is_refused_without_being_read(tmp_path: Path, kind: str) -> None:
    WRITERS[kind](tmp_path)
    for path in sorted(path for path in tmp_path.rglob("*") if path.is_file()):
        content = path.read_bytes()
        # It takes no room on the disk.
        os.truncate(path, 2**40)
        read_all(kind, tmp_path)
        path.write_bytes(content)
