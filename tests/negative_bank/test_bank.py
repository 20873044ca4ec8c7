"""Windows of a bank, and what is known of them."""

from pathlib import Path

import numpy as np
import pytest
from small_banks import bank_encoder, moving_body, with_punch, write_bank

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.negative_bank.bank import Bank


@pytest.fixture(scope="module")
def bank(checkpoint: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> Bank:
    parts = [
        [moving_body(90, 0), moving_body(8, 1), with_punch(moving_body(120, 2), 50, 80)],
        [moving_body(70, 3)],
    ]
    return Bank.open(write_bank(tmp_path_factory.mktemp("bank"), bank_encoder(checkpoint), parts))


def test_the_hours_are_those_of_all_streams(bank: Bank) -> None:
    assert bank.hours == pytest.approx((90 + 8 + 120 + 70) / 30 / 3600)
    assert {name: one.streams for name, one in bank.sources().items()} == {"source 1": 3, "source 2": 1}
    assert sum(one.rows for one in bank.sources().values()) == len(bank)


def test_a_window_ends_at_its_row_and_never_crosses_into_another_stream(bank: Bank) -> None:
    rows = np.arange(len(bank))
    windows = bank.windows_at(rows, clips=4)
    for row, clips, valid in zip(rows, windows.clips, windows.valid_clips, strict=True):
        first = bank.stream_rows(int(bank.stream[row])).start
        begin = max(first, row - 3)
        assert valid == row - begin + 1
        np.testing.assert_array_equal(clips[:valid], bank.tokens(np.arange(begin, row + 1)))
        assert not clips[valid:].any()


def test_at_every_frame_a_window_holds_the_clips_of_one_phase(checkpoint: Checkpoint, tmp_path: Path) -> None:
    encoder, motion = bank_encoder(checkpoint), moving_body(80, 5)
    every_clip = Bank.open(write_bank(tmp_path / "clip", encoder, [[motion]]))
    every_frame = Bank.open(write_bank(tmp_path / "frame", encoder, [[motion]], step_frames=1))
    same = np.searchsorted(every_frame.frame, every_clip.frame)
    one, other = every_clip.windows_at(np.arange(len(every_clip))), every_frame.windows_at(same)
    np.testing.assert_array_equal(one.valid_clips, other.valid_clips)
    np.testing.assert_allclose(one.clips, other.clips, rtol=2**-10, atol=1e-4)


def test_draws_depend_on_the_seed_alone(bank: Bank) -> None:
    one, same, other = (bank.windows(np.random.default_rng(seed), 20, mirror_share=0.5) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.clips, same.clips)
    assert (one.rows != other.rows).any()


def test_mirror_images_have_the_labels_of_the_other_side(bank: Bank) -> None:
    left, right = bank.classes.index("punch_left"), bank.classes.index("punch_right")
    rows = np.flatnonzero(bank.labels == left)
    assert len(rows)
    assert (bank.windows_at(rows, view=1).labels == right).all()
    drawn = bank.windows(np.random.default_rng(0), 200, rows=rows, mirror_share=0.5)
    assert 60 < (drawn.labels == right).sum() < 140
    of_right = drawn.labels == right
    np.testing.assert_array_equal(drawn.clips[of_right], bank.windows_at(drawn.rows[of_right], view=1).clips)
    np.testing.assert_array_equal(drawn.clips[~of_right], bank.windows_at(drawn.rows[~of_right]).clips)


def test_shortened_windows_hold_the_newest_clips_alone(bank: Bank) -> None:
    drawn = bank.windows(np.random.default_rng(0), 200, clips=4, shorten_share=0.5)
    whole = bank.windows_at(drawn.rows, clips=4)
    assert 40 < (drawn.valid_clips < whole.valid_clips).sum() < 120
    for clips, valid, row in zip(drawn.clips, drawn.valid_clips, drawn.rows, strict=True):
        np.testing.assert_array_equal(clips[:valid], bank.tokens(np.arange(row - valid + 1, row + 1)))
        assert not clips[valid:].any()


def test_mirror_images_that_are_not_kept_are_refused(checkpoint: Checkpoint, tmp_path: Path) -> None:
    bank = Bank.open(write_bank(tmp_path, bank_encoder(checkpoint), [[moving_body(40, 0)]], views=1))
    with pytest.raises(ValueError, match="--mirror"):
        bank.windows(np.random.default_rng(0), 5, mirror_share=0.5)


def test_tokens_stay_on_disk_until_they_are_read(bank: Bank) -> None:
    assert all(isinstance(part.tokens, np.memmap) for part in bank._parts)


def test_classes_of_parts_get_the_numbers_of_the_whole_bank(checkpoint: Checkpoint, tmp_path: Path) -> None:
    encoder, motion = bank_encoder(checkpoint), with_punch(moving_body(60, 0), 10, 60)
    write_bank(tmp_path, encoder, [[motion]], classes=("background", "wave"))
    write_bank(tmp_path / "other", encoder, [[], [motion]], classes=("background", "clap"))
    (tmp_path / "other" / "part-00002").rename(tmp_path / "part-00002")
    bank = Bank.open(tmp_path)
    assert bank.classes == ("background", "wave", "clap")
    assert {bank.classes[number] for number in bank.labels[bank.stream == 1]} == {"background", "clap"}
    assert bank.label_numbers(("background", "clap")).tolist() == [0, 0, 1]
