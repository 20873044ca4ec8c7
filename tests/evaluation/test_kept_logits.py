"""Logits are kept in a file and read back only for the joints that they are of."""

from pathlib import Path

import numpy as np

from hitrs_live.data.array_format import LabelledSequence
from hitrs_live.evaluation.kept_logits import logits_file, read_logits, write_logits
from hitrs_live.evaluation.kept_streams import KeptStream


def stream(frames: int, height_m: float) -> KeptStream:
    sequence = LabelledSequence(
        name="one", subject="a", joints_m=np.full((frames, 25, 3), height_m, np.float32),
        labels=np.zeros(frames, np.int64), valid_mask=np.ones(25, bool),
    )  # fmt: skip
    ends = np.arange(2, frames)
    return KeptStream(sequence=sequence, ends=ends, logits=np.full((len(ends), 3), height_m, np.float32))


def test_logits_are_read_back_as_written(tmp_path: Path) -> None:
    # The second is too short for any prediction.
    written = [stream(9, 1.0), stream(2, 1.5), stream(5, 2.0)]
    file = logits_file(tmp_path / "new", "set", fingerprint="ab" * 32, update="frame", mirror=True)
    write_logits(file, written)
    read = read_logits(file, [one.sequence for one in written])
    assert read is not None
    for one, other in zip(read, written, strict=True):
        np.testing.assert_array_equal(one.logits, other.logits)
        np.testing.assert_array_equal(one.ends, other.ends)
        assert one.sequence is other.sequence


def test_logits_of_other_joints_and_damaged_files_are_not_read(tmp_path: Path) -> None:
    file = tmp_path / "set.npz"
    assert read_logits(file, [stream(9, 1.0).sequence]) is None
    write_logits(file, [stream(9, 1.0)])
    assert read_logits(file, [stream(9, 1.1).sequence]) is None
    file.write_bytes(file.read_bytes()[:100])
    assert read_logits(file, [stream(9, 1.0).sequence]) is None


def test_each_model_and_way_of_predicting_has_a_file_of_its_own(tmp_path: Path) -> None:
    files = {
        logits_file(tmp_path, "set", fingerprint=fingerprint, update=update, mirror=mirror)
        for fingerprint in ("a" * 64, "b" * 64)
        for update in ("clip", "frame")
        for mirror in (True, False)
    }
    assert len(files) == 8
