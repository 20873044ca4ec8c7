"""What is wrong with a bank is ignored with a line, or refused with one."""

from pathlib import Path

import numpy as np
import pytest
import torch
from small_banks import bank_encoder, moving_body, write_bank

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.errors import CheckpointMismatch, DataError
from hitrs_live.model.detector import HitrsDetector
from hitrs_live.model.encoder_fingerprint import encoder_fingerprint
from hitrs_live.negative_bank.bank import Bank
from hitrs_live.negative_bank.recordings import add_recordings


@pytest.fixture
def folder(checkpoint: Checkpoint, tmp_path: Path) -> Path:
    return write_bank(tmp_path, bank_encoder(checkpoint), [[moving_body(60, 0)], [moving_body(70, 1)]])


def test_an_unfinished_part_is_ignored_with_a_line(folder: Path) -> None:
    (folder / "part-00002").rename(folder / "part-00002.unfinished")
    bank = Bank.open(folder)
    assert len(bank.streams) == 1
    assert len(bank.ignored) == 1
    assert "part-00002.unfinished" in bank.ignored[0]


@pytest.mark.parametrize("file", ["tokens.f16", "rows.npy", "part.json"])
def test_a_part_whose_file_is_cut_short_is_ignored_with_a_line(folder: Path, file: str) -> None:
    path = folder / "part-00001" / file
    path.write_bytes(path.read_bytes()[:-7])
    bank = Bank.open(folder)
    assert len(bank.streams) == 1
    assert "part-00001" in bank.ignored[0]


def test_rows_of_a_stream_that_is_not_listed_are_not_read(folder: Path) -> None:
    path = folder / "part-00001" / "rows.npy"
    rows = np.load(path)
    rows["stream"] += 1
    np.save(path, rows)
    assert "rows of other streams or classes" in Bank.open(folder).ignored[0]


def test_a_pickle_is_never_loaded(folder: Path) -> None:
    path = folder / "part-00001" / "rows.npy"
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    assert "part-00001" in Bank.open(folder).ignored[0]


def test_a_folder_that_is_no_bank_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected a bank; make one with hitrs-live bank build"):
        Bank.open(tmp_path)


def test_a_bank_without_a_row_is_refused(checkpoint: Checkpoint, tmp_path: Path) -> None:
    write_bank(tmp_path, bank_encoder(checkpoint), [])
    with pytest.raises(DataError, match="without a row"):
        Bank.open(tmp_path)


def test_a_bank_of_another_encoder_is_refused(folder: Path, checkpoint: Checkpoint) -> None:
    torch.manual_seed(7)
    other = bank_encoder(Checkpoint(info=checkpoint.info, model=HitrsDetector(checkpoint.info.detector).eval()))
    with pytest.raises(CheckpointMismatch, match="tokens of the encoder small"):
        Bank.open(folder, other.description)
    with pytest.raises(CheckpointMismatch, match="tokens of the encoder small"):
        add_recordings(folder, [], other)
    Bank.open(folder, bank_encoder(checkpoint).description)


def test_training_the_video_level_and_the_heads_keeps_the_fingerprint(checkpoint: Checkpoint) -> None:
    encoder, normaliser = checkpoint.model.encoder, checkpoint.info.normaliser
    before = encoder_fingerprint(encoder, normaliser)
    other = HitrsDetector(checkpoint.info.detector)
    other.load_state_dict(checkpoint.model.state_dict())
    with torch.no_grad():
        other.encoder.video_encoder.token.add_(1.0)
    assert encoder_fingerprint(other.encoder, normaliser) == before
    with torch.no_grad():
        other.encoder.clip_encoder.token.add_(1.0)
    assert encoder_fingerprint(other.encoder, normaliser) != before


def test_adding_rewrites_nothing(folder: Path, checkpoint: Checkpoint, short_recording: Path) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    encoder = bank_encoder(checkpoint)
    add_recordings(folder, [short_recording], encoder)
    add_recordings(folder, [short_recording], encoder, label="wave")
    assert all(path.read_bytes() == content for path, content in before.items())
    bank = Bank.open(folder)
    assert {path.name for path in folder.iterdir()} == {
        "bank.json", "part-00001", "part-00002", "added-00001", "added-00002",
    }  # fmt: skip
    own = bank.sources()["own recordings"]
    assert own.streams == 2
    assert own.by_label["wave"] == own.by_label["background"]


def test_a_file_that_is_no_recording_is_refused(folder: Path, checkpoint: Checkpoint) -> None:
    with pytest.raises(DataError, match="is no MCAP file"):
        add_recordings(folder, [folder / "part-00001" / "rows.npy"], bank_encoder(checkpoint))
    assert not list(folder.glob("added*"))
