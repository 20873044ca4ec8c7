"""Text from any editor is read; text that is not UTF-8 is reported with a remedy."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitrs_live.config import load_config
from hitrs_live.data.subsets import read_subset
from hitrs_live.errors import ConfigError, DataError
from hitrs_live.files.text_file import TextUnreadable, decode_text, read_text, with_plain_nan
from hitrs_live.pose.intrinsics import load_intrinsics
from hitrs_live.prepare.ntu_file_names import read_missing
from hitrs_live.prepare.nw_ucla import read_nw_ucla
from hitrs_live.prepare.pku_mmd import frame_labels, plan_pku_mmd, read_skeletons, read_split
from hitrs_live.prepare.recordings import read_labels

MARK = b"\xef\xbb\xbf"
LENS = "width = 4\nheight = 3\nfx = 4\nfy = 4\ncx = 2\ncy = 1.5\n"
ROW = " ".join(f"{value:.3f}" for value in np.random.default_rng(0).uniform(-1, 1, 150))
SKELETONS = f'{{"file_name": "a", "label": 1, "skeletons": [{[[j / 20, 1.0, 3.0] for j in range(20)]}]}}'

READERS = {
    "config.toml": (lambda path: load_config(path), 'source_id = "door"\n'),
    "lens.toml": (lambda path: load_intrinsics(path), LENS),
    "labels.csv": (lambda path: read_labels(path), "recording,track,start_s,end_s,label\nhall,,0,1,wave\n"),
    "missing.txt": (lambda path: read_missing(path), "S001C002P005R002A008\n"),
    "pku_labels.txt": (lambda path: frame_labels(path, 20).tolist(), "3,2,5,1\n"),
    "pku_skeletons.txt": (lambda path: read_skeletons(path).tolist(), f"{ROW}\n{ROW}\n"),
    "cross-view.txt": (lambda path: read_split(path), "Training videos:\n0001-L\nValidation videos:\n0002-L\n"),
    "a01_s01_e00_v01.json": (lambda path: read_nw_ucla(path).recorded[0].joints.tolist(), SKELETONS),
}


@pytest.mark.parametrize("name", READERS)
def test_every_reader_accepts_byte_order_marks_any_line_end_and_trailing_blank_lines(tmp_path: Path, name: str) -> None:
    read, text = READERS[name]
    (tmp_path / name).write_text(text)
    plain = read(tmp_path / name)
    for raw in (MARK + text.encode(), text.replace("\n", "\r\n").encode(), (text + "\n \n\n").encode()):
        (tmp_path / name).write_bytes(raw)
        assert read(tmp_path / name) == plain


@pytest.mark.parametrize("name", READERS)
def test_every_reader_reports_another_encoding_in_one_line(tmp_path: Path, name: str) -> None:
    read, text = READERS[name]
    for raw in (text.encode("utf-16"), text.encode("utf-16-le"), "# caf\xe9\n".encode("latin-1") + text.encode()):
        (tmp_path / name).write_bytes(raw)
        with pytest.raises((ConfigError, DataError), match=name.replace(".", r"\.")) as caught:
            read(tmp_path / name)
        assert "UTF-8" in str(caught.value)
        assert "\n" not in str(caught.value)


def test_an_error_for_a_latin_1_csv_names_the_line_and_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_bytes("recording,track,start_s,end_s,label\nhall,,0,1,caf\xe9\n".encode("latin-1"))
    with pytest.raises(DataError, match="line 2: byte 0xe9 is not UTF-8, perhaps Latin-1; save the file as UTF-8"):
        read_labels(tmp_path / "l.csv")


def test_empty_rows_of_a_spreadsheet_are_skipped(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text("recording,track,start_s,end_s,label\n,,,,\nhall,,0,1,wave\n,,,,\n")
    assert len(read_labels(tmp_path / "l.csv")["hall"]) == 1


def test_a_subset_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    (tmp_path / "subset.txt").write_bytes("\u00e9".encode("latin-1"))
    with pytest.raises(DataError, match=r"subset\.txt: cannot be read .*UTF-8"):
        read_subset(tmp_path / "subset.txt", None)


def test_pku_files_with_byte_order_marks_are_distinguished_by_content(tmp_path: Path) -> None:
    (tmp_path / "Data").mkdir()
    (tmp_path / "Label").mkdir()
    (tmp_path / "Data" / "0001-L.txt").write_bytes(MARK + f"\r\n{ROW}\r\n".encode())
    (tmp_path / "Label" / "0001-L.txt").write_bytes(MARK + b"\r\n3,0,1,1\r\n")
    plan = plan_pku_mmd(tmp_path, name="made")
    (one,) = plan.read(plan.files[0]).recorded
    assert one.labels.tolist() == [3]


def test_a_file_that_is_too_large_is_rejected_before_it_is_decoded(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"x" * 11)
    assert read_text(tmp_path / "a.txt", most_bytes=11) == "x" * 11
    with pytest.raises(TextUnreadable, match="more than 10 bytes"):
        read_text(tmp_path / "a.txt", most_bytes=10)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 -1.#IND 2", "1 nan 2"),
        ("1.#QNAN00,3", "nan,3"),
        ("-nan(ind) 1.#INF", "nan nan"),
        ("nan(0x7ff) a.b", "nan a.b"),
        ("21.#IND", "21.#IND"),
        ("banana(1) #1", "banana(1) #1"),
    ],
)
def test_spellings_of_nan_and_infinity_by_c_libraries_become_nan(text: str, expected: str) -> None:
    assert with_plain_nan(text) == expected


@given(st.binary(max_size=60))
def test_any_bytes_are_decoded_or_rejected(raw: bytes) -> None:
    try:
        text = decode_text(raw)
    except TextUnreadable as error:
        assert "UTF-8" in str(error)  # noqa: PT017
    else:
        assert "\r" not in text
        assert "\0" not in text
