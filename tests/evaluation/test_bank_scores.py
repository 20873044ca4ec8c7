"""A detector's figures on a bank, from tokens alone, are those of the streaming path."""

import json
from pathlib import Path

import numpy as np
import pytest
from small_banks import bank_encoder, moving_body, with_punch, write_bank
from small_detector import checkpoint as checkpoint

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.cli import main
from hitrs_live.data.array_format import LabelledSequence
from hitrs_live.evaluation.bank_scores import bank_alarms, bank_logits, bank_streams, hardest_rows
from hitrs_live.evaluation.decode_streams import decode_streams
from hitrs_live.evaluation.run_model import run_model
from hitrs_live.negative_bank.bank import Bank

CLASSES = ("a", "b", "c")
MOTIONS = [with_punch(moving_body(200, 0), 90, 130), moving_body(150, 1), moving_body(90, 2)]


@pytest.fixture(params=[7, 1], ids=["clip", "frame"])
def bank(request: pytest.FixtureRequest, checkpoint: Checkpoint, tmp_path: Path) -> Bank:
    folder = write_bank(
        tmp_path / "bank", bank_encoder(checkpoint), [MOTIONS[:2], MOTIONS[2:]], step_frames=request.param,
        classes=CLASSES,
    )  # fmt: skip
    return Bank.open(folder)


def test_logits_and_events_from_tokens_are_those_of_the_stream(bank: Bank, checkpoint: Checkpoint) -> None:
    step = bank.info.step_frames
    sequences = [
        LabelledSequence(
            name=str(number), subject="", joints_m=one.joints_m, labels=one.labels, valid_mask=np.ones(25, bool)
        )
        for number, one in enumerate(MOTIONS)
    ]
    live = run_model(checkpoint, sequences, step_frames=step)
    logits = bank_logits(bank, checkpoint)
    kept = bank_streams(bank, logits, checkpoint.info.labels)
    for number, one in enumerate(sequences):
        (expected,) = [stream for stream in live if stream.sequence.name == one.name]
        np.testing.assert_array_equal(kept[number].ends, expected.ends)
        # Tokens are in half precision: about three decimal digits.
        np.testing.assert_allclose(kept[number].logits, expected.logits, atol=0.03)
        events = [
            [
                (action.label, action.onset_s)
                for action in decode_streams([s], checkpoint.info, step_frames=step)[0].detected
            ]
            for s in (kept[number], expected)
        ]
        assert events[0] == events[1]


def test_labels_of_frames_are_right_to_within_a_step(bank: Bank, checkpoint: Checkpoint) -> None:
    stream, *_ = bank_streams(bank, bank_logits(bank, checkpoint), checkpoint.info.labels)
    wrong = np.flatnonzero(stream.sequence.labels != MOTIONS[0].labels)
    assert all(min(abs(frame - 90), abs(frame - 130)) <= bank.info.step_frames for frame in wrong.tolist())


def test_false_alarms_are_counted_by_source(bank: Bank, checkpoint: Checkpoint) -> None:
    alarms = bank_alarms(bank, checkpoint, bank_logits(bank, checkpoint))
    assert list(alarms) == ["source 1", "source 2"]
    assert alarms["source 2"].false_alarms.hours == pytest.approx(90 / 30 / 3600)
    assert sum(alarms["source 1"].by_class.values()) == alarms["source 1"].false_alarms.count


def test_the_hardest_rows_have_the_highest_scores_of_a_wrong_class_and_lie_apart(bank: Bank) -> None:
    scores = np.zeros((len(bank), 5), np.float32)
    scores[:, 0] = 1
    rows = np.flatnonzero(bank.labels == 1)
    scores[rows, 1] = 0.99
    scores[3, 2], scores[-1, 4], scores[-2, 4] = 0.7, 0.9, 0.8
    assert hardest_rows(bank, scores, tuple("abcde"), 10).tolist() == [len(bank) - 1, 3]
    assert hardest_rows(bank, scores, tuple("abcde"), 1).tolist() == [len(bank) - 1]


def test_the_verb_lists_a_bank_and_writes_a_report(
    checkpoint: Checkpoint, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_bank(tmp_path / "bank", bank_encoder(checkpoint), [MOTIONS[:1]], classes=CLASSES)
    assert main(["bank", "show", str(folder), "--json", str(tmp_path / "report.json")]) == 0
    out = capsys.readouterr().out
    assert "source 1" in out
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["sources"]["source 1"]["rows"] == report["rows"] > 0


def test_alarms_of_a_detector_with_another_encoder_are_refused(
    checkpoint: Checkpoint, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_bank(tmp_path / "bank", bank_encoder(checkpoint), [MOTIONS[:1]], classes=CLASSES)
    assert main(["bank", "show", str(folder), "--alarms"]) == 2
    assert "tokens of the encoder small" in capsys.readouterr().err
