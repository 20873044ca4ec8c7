"""Actions of two people are scored on pairs, in files as live: on the mean of two people who are near each other."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from replay_files import bench, make_detector, play, run, write_file

from hitrs_live.checkpoint import load_checkpoint, save_checkpoint
from hitrs_live.config import Config
from hitrs_live.evaluation.batch_replay import FileScores
from hitrs_live.messages import ActionEvent
from hitrs_live.prepare.ntu_classes import ACTIONS
from hitrs_live.streaming.decoder import ActionDecoder
from hitrs_live.streaming.hitrs_stream import HitrsStream
from hitrs_live.streaming.pair_decoder import PairDecoder
from hitrs_live.streaming.predictor import Predictor

pytestmark = pytest.mark.slow

PUNCH, KICK = ACTIONS[49], ACTIONS[50]
LABELS = ("background", ACTIONS[0], PUNCH, ACTIONS[1], KICK)
OF_TWO = [2, 4]
NEAR_M, FAR_M = 0.8, 3.0


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A detector for which everything is an action."""
    place = tmp_path_factory.mktemp("pairs")
    made = make_detector(place / "made.safetensors", LABELS, pair_labels=(PUNCH, KICK))
    return bias(made, place / "biased.safetensors", label=0, by=-10.0)


def bias(detector: Path, out: Path, *, label: int, by: float) -> Path:
    """Write a detector whose logit of a class is raised or lowered by a constant."""
    checkpoint = load_checkpoint(detector)
    with torch.no_grad():
        checkpoint.model.action_head[1].bias[label] += by
    save_checkpoint(out, checkpoint)
    return out


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files of one person, of two near each other, of two far apart, of three, and of two with a short visitor."""
    place = tmp_path / "ntu"
    place.mkdir()
    write_file(place / "S001C001P001R001A050.skeleton", 1, 60)
    write_file(place / "S001C001P002R001A050.skeleton", 2, 75, people=2, apart_m=NEAR_M)
    write_file(place / "S001C001P003R001A051.skeleton", 3, 66, people=2, apart_m=FAR_M)
    write_file(place / "S001C001P004R001A051.skeleton", 4, 51, people=3, apart_m=NEAR_M)
    write_file(place / "S001C001P005R001A050.skeleton", 5, 120, people=2, apart_m=NEAR_M, others=range(17, 70))
    return place


def live(detector: Path, file: Path) -> tuple[int, np.ndarray, list[str]]:
    """Step the live stages over a file. Returns the number of pair predictions, their summed logits, and detections."""
    checkpoint, config = load_checkpoint(detector), Config()
    rows, step_frames = 2, 1
    stream = HitrsStream(checkpoint, step_frames=step_frames)
    predictor = Predictor(stream, rows=rows, min_joint_confidence=config.pose.min_joint_confidence)
    single = ActionDecoder(stream.description, config.action, source_id="live", rows=rows)
    pairs = PairDecoder(stream.description, config, source_id="live", rows=rows, thresholds=None)
    predictions, logits_sum, events = 0, np.zeros(len(LABELS)), []
    for joint_frame in play(file).joint_frames:
        for prediction in predictor.step(joint_frame):
            events += [*single.step(prediction), *pairs.step(prediction)]
            assert pairs.predicted is not None
            predictions += int(pairs.predicted.has_output.sum())
            logits_sum += pairs.predicted.logits[pairs.predicted.has_output].sum(axis=0)
    detected = [event.label for event in events if isinstance(event, ActionEvent) and event.state == "start"]
    return predictions, logits_sum, detected


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_a_files_pairs_get_the_predictions_and_detections_that_they_get_live(
    folder: Path, detector: Path, rows: int
) -> None:
    files = sorted(folder.iterdir())
    ever_detected = set()
    for file, scores in zip(files, run(detector, files, rows), strict=True):
        predictions, logits_sum, detected = live(detector, file)
        assert scores.pair_predictions == predictions
        np.testing.assert_allclose(scores.pair_logits_sum, logits_sum, atol=1e-4)
        assert sorted(scores.detected) == sorted(detected)
        ever_detected |= set(detected)
    assert {PUNCH, KICK} & ever_detected
    assert ever_detected - {PUNCH, KICK}


def test_the_logit_of_an_action_of_two_is_the_mean_over_two_bodies(folder: Path, detector: Path) -> None:
    (scores,) = run(detector, [folder / "S001C001P002R001A050.skeleton"], 4)
    # Both are near each other from the first frame to the last: each prediction of one has one of the other.
    assert scores.predictions == 2 * scores.pair_predictions > 10
    assert scores.logits is not None
    np.testing.assert_allclose(scores.logits, scores.logits_sum / scores.predictions, atol=1e-5)


@pytest.mark.parametrize("name", ["S001C001P001R001A050", "S001C001P003R001A051"])
def test_one_person_alone_gets_no_action_of_two(folder: Path, detector: Path, name: str) -> None:
    (scores,) = run(detector, [folder / f"{name}.skeleton"], 4)
    assert scores.pair_predictions == 0
    assert scores.logits is not None
    assert np.isneginf(scores.logits[OF_TWO]).all()
    assert not {PUNCH, KICK} & set(scores.detected)


def test_accuracy_counts_files_of_two_by_their_pair(
    folder: Path, detector: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = bench(capsys, folder, bias(detector, tmp_path / "sure.safetensors", label=LABELS.index(PUNCH), by=1000.0))
    answers: dict[str, dict[str, Any]] = {Path(path).stem: one for path, one in report["answers"].items()}
    paired = {name for name, one in answers.items() if one["pair_judgements"]}
    assert paired == {"S001C001P002R001A050", "S001C001P004R001A051", "S001C001P005R001A050"}
    assert {name for name, one in answers.items() if one["answer"] == PUNCH} == paired
    assert {name for name, one in answers.items() if PUNCH in one["told"]} == paired
    assert report["accuracy"]["top1"] == 0.4, "of five only the second and the last are punches and have a pair"
    assert report["pair_judgements"] == sum(one["pair_judgements"] for one in answers.values())
    assert f"predictions and {report['pair_judgements']} of pairs, " in capsys.readouterr().out


def test_without_actions_of_two_distance_changes_nothing(folder: Path, tmp_path: Path) -> None:
    plain = make_detector(tmp_path / "plain.safetensors", LABELS)
    scores: list[FileScores] = run(plain, sorted(folder.iterdir()), 4)
    for one in scores:
        assert one.pair_predictions == 0
        assert one.logits is not None
        np.testing.assert_array_equal(one.logits, one.logits_sum / one.predictions)


def test_a_model_of_actions_of_two_only_has_no_prediction_for_one_person(folder: Path, tmp_path: Path) -> None:
    labels = ("background", PUNCH, KICK)
    of_two = make_detector(tmp_path / "two.safetensors", labels, pair_labels=labels[1:])
    alone, near, *_ = run(of_two, sorted(folder.iterdir()), 4)
    assert alone.predictions
    assert alone.logits is None
    assert near.logits is not None
