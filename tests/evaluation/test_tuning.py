"""Thresholds are tuned to an allowed rate of false alarms, and what is not known is reported."""

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from synthetic_actions import move

from hitrs_live.checkpoint import Checkpoint, CheckpointInfo, load_checkpoint, save_checkpoint
from hitrs_live.cli import build_parser, main
from hitrs_live.config import ActionConfig
from hitrs_live.data.array_format import LabelledSequence
from hitrs_live.evaluation.kept_streams import DetectedAction, KeptStream, StreamResult
from hitrs_live.evaluation.recorded_streams import run_on_recording
from hitrs_live.evaluation.temperatures import fit_temperatures, predicted_labels
from hitrs_live.evaluation.tuning import Tuner, choose_energy_thresholds, find_labelled, match_labelled
from hitrs_live.messages import Pose, PoseFrame
from hitrs_live.model.detector import DetectorConfig, HitrsDetector
from hitrs_live.model.hitrs import HiTRSConfig
from hitrs_live.streaming.scores import energy
from hitrs_live.streaming.thresholds import load_thresholds, recall_key
from hitrs_live.transforms import NormaliserConfig
from hitrs_live.transport.recorder import Recorder
from hitrs_live.wire.codec import joints_event

pytestmark = pytest.mark.slow

TINY = HiTRSConfig(
    frame_width=8, frame_hidden=8, clip_width=8, clip_hidden=8, video_width=8, video_hidden=8, layers=1, heads=2,
    head_width=4, max_clips=8,
)  # fmt: skip
DETECTOR = DetectorConfig(encoder=TINY, classes=3, window_clips=4)
INFO = CheckpointInfo(
    name="tiny", labels=("background", "jump", "squat"), detector=DETECTOR, normaliser=NormaliserConfig(),
    label_lag_frames=3,
)  # fmt: skip
CHECKPOINT = Checkpoint(info=INFO, model=HitrsDetector(DETECTOR), fingerprint="a" * 64)
CONFIG = ActionConfig()


def logits_of(scores: np.ndarray) -> np.ndarray:
    return np.log(scores).astype(np.float32)


def sequence(labels: np.ndarray, subject: str = "a") -> LabelledSequence:
    joints_m = np.zeros((len(labels), 25, 3), np.float32)
    return LabelledSequence(
        name="made", subject=subject, joints_m=joints_m, labels=labels, valid_mask=np.ones(25, bool)
    )


def stream(scores: list[tuple[float, float, float]], label: int | list[int] = 0, source: str = "a") -> KeptStream:
    """A prediction every seven frames from the thirteenth on; `label` by prediction, or one for all."""
    ends = 12 + 7 * np.arange(len(scores))
    labels = np.zeros(int(ends[-1]) + 1, np.int64)
    labels_of = [label] * len(scores) if isinstance(label, int) else label
    for end, one in zip(ends, labels_of, strict=True):
        labels[max(0, end - 6) : end + 1] = one
    return KeptStream(sequence=sequence(labels, source), ends=ends, logits=logits_of(np.array(scores)))


QUIET = (0.98, 0.01, 0.01)


def alarm(number: int, score: float) -> list[tuple[float, float, float]]:
    """Two predictions of a class, between predictions of background."""
    rest = (1 - score) / 2
    scores = [rest, rest, rest]
    scores[number] = score
    return [QUIET] * 3 + [(scores[0], scores[1], scores[2])] * 2 + [QUIET] * 3


def test_only_the_classes_that_draw_false_alarms_are_raised_and_no_further_than_needed() -> None:
    tuner = Tuner(CHECKPOINT, CONFIG, negative=[stream(alarm(1, 0.8)), stream([QUIET] * 200)])
    tuned = tuner.tune(per_hour=1.0)
    on = tuned.classes["jump"].on or 0.0
    # The step before the first one above 0.8 would have let it pass.
    assert 0.8 < on < 1 / (1 + math.exp(-math.log(0.8 / 0.2) - 0.2))
    assert tuned.classes["jump"].off == pytest.approx(on * 0.35 / 0.6, abs=1e-4)
    assert (tuned.classes["squat"].on, tuned.classes["squat"].off) == (0.6, 0.35)
    assert (tuner.measure(tuner.untuned()).alarms.by_class, tuner.measure(tuned).alarms.count) == ({1: 1}, 0)


@pytest.mark.parametrize(
    ("allowed", "left"), [(0.5, {}), (1.5, {1: 1}), (2.5, {1: 1, 2: 1}), (3.5, {1: 2, 2: 1})]
)  # fmt: skip
def test_alarms_that_are_allowed_are_left_and_shared_evenly(allowed: float, left: dict[int, int]) -> None:
    tuner = Tuner(CHECKPOINT, CONFIG, negative=[stream(alarm(1, 0.8) + alarm(1, 0.9) + alarm(2, 0.7))])
    outcome = tuner.measure(tuner.tune(per_hour=allowed / tuner.hours))
    assert dict(outcome.alarms.by_class) == left


def test_a_class_that_is_always_certain_stops_at_the_highest_value() -> None:
    tuner = Tuner(CHECKPOINT, CONFIG, negative=[stream([(1e-6, 1 - 2e-6, 1e-6)] * 9)])
    outcome = tuner.measure(tuner.tune(per_hour=1.0))
    assert outcome.thresholds.classes["jump"].on == 0.999
    assert outcome.alarms.count == 1


def test_only_background_half_a_second_from_any_action_counts() -> None:
    labels = [0] * 4 + [1] * 4 + [-1] * 3 + [0] * 6
    predictions = [QUIET] * 3 + [(0.1, 0.8, 0.1)] * 9 + [QUIET] * 5
    tuner = Tuner(CHECKPOINT, CONFIG, negative=[stream(predictions, labels)])
    # The first prediction comes with frame 12, the first action with 34, what is not known ends with 82, the stream
    # with 124: frames 12 ... 18 and 98 ... 124 have nothing but background up to fifteen frames from them.
    assert tuner.hours * 3600 * 30 == pytest.approx(7 + 27)
    assert tuner.measure(tuner.untuned()).alarms.count == 0


def test_data_without_background_is_refused() -> None:
    with pytest.raises(ValueError, match="no frame of background"):
        Tuner(CHECKPOINT, CONFIG, negative=[stream([QUIET] * 5, label=1)])


def test_without_labels_temperatures_and_energy_stay() -> None:
    tuned = Tuner(CHECKPOINT, CONFIG, negative=[stream([QUIET] * 20)]).tune(per_hour=1.0)
    assert {own.temperature for own in tuned.classes.values()} == {1.0}
    assert all(own.least_energy is None for own in tuned.classes.values())
    assert fit_temperatures([], label_lag_frames=3) is None
    assert fit_temperatures([stream([QUIET] * 5, label=-1)], label_lag_frames=3) is None


def overconfident(number: int, runs: int, right: float, rng: np.random.Generator) -> list[KeptStream]:
    """Short runs of a class predicted with a score of 0.994, which is right in some cases only."""
    logits = np.zeros((2, 3), np.float32)
    logits[:, number] = 5.8
    return [
        replace(stream([QUIET] * 2, label=number if rng.random() < right else 0), logits=logits) for _ in range(runs)
    ]


def test_overconfident_scores_get_a_temperature_above_one_and_a_class_of_its_own_only_with_evidence() -> None:
    rng = np.random.default_rng(0)
    much = [*overconfident(1, 300, 0.6, rng), *overconfident(2, 300, 0.994, rng)]
    shared = fit_temperatures(much, label_lag_frames=3)
    assert shared is not None
    assert shared[1] > shared[2] + 0.1
    few = [*overconfident(1, 300, 0.6, rng), *overconfident(2, 2, 1.0, rng)]
    fitted = fit_temperatures(few, label_lag_frames=3)
    assert fitted is not None
    assert (fitted > 1.3).all()
    # Two runs of the second class are little evidence: it stays nearer to the shared one than with three hundred.
    assert abs(math.log(fitted[2] / fitted[1])) < abs(math.log(shared[2] / shared[1]))


def test_a_run_of_one_label_counts_as_one_however_long() -> None:
    rng = np.random.default_rng(1)
    short = overconfident(1, 40, 0.6, rng)
    long = [
        KeptStream(
            sequence=sequence(np.full(12 + 7 * 20, s.sequence.labels[-1])),
            ends=12 + 7 * np.arange(18),
            logits=np.repeat(s.logits[:1], 18, 0),
        )
        for s in short
    ]
    fitted, of_long = (fit_temperatures(streams, label_lag_frames=0) for streams in (short, long))
    assert fitted is not None
    assert of_long is not None
    np.testing.assert_allclose(of_long, fitted, rtol=1e-3)


def test_the_energy_threshold_is_below_that_of_most_clips_of_its_class() -> None:
    rng = np.random.default_rng(2)

    def clips(number: int, count: int, middle: float) -> KeptStream:
        logits = np.full((count, 3), -9.0, np.float32)
        logits[:, number] = middle + rng.normal(0, 1, count)
        return replace(stream([QUIET] * count, label=number), logits=logits)

    many, rare, few = clips(1, 2000, 8.0), clips(2, 100, 5.0), clips(2, 10, 1.0)
    least = choose_energy_thresholds([many, rare], 3, None)
    for number, kept in ((1, many), (2, rare)):
        assert 0.84 <= (energy(kept.logits) >= least[number]).mean() <= 0.86
    assert choose_energy_thresholds([many, few], 3, None) == {1: least[1]}, "ten clips are too few to decide"


def test_with_an_energy_threshold_on_and_off_are_lowered_and_on_by_less() -> None:
    shown = [stream([QUIET] * 30 + [(0.02, 0.96, 0.02)] * 30, label=[0] * 30 + [1] * 30)]
    tuned = Tuner(CHECKPOINT, CONFIG, negative=[stream([QUIET] * 20)], labelled=shown).tune(per_hour=1.0)
    jump, squat = tuned.classes["jump"], tuned.classes["squat"]
    assert jump.least_energy is not None
    assert (jump.on, jump.off) == (pytest.approx(0.825 * 0.6), pytest.approx(0.75 * 0.35, abs=1e-4))
    assert (squat.on, squat.off) == (jump.on, jump.off)


def test_a_class_without_labelled_clips_has_the_smallest_energy_threshold_of_the_others() -> None:
    def shown(number: int, energy_of: float) -> KeptStream:
        kept = stream([QUIET] * 30, label=number)
        kept.logits[:, number] = energy_of
        return kept

    quiet = [stream([QUIET] * 20)]
    alone = Tuner(CHECKPOINT, CONFIG, negative=quiet, labelled=[shown(1, 8.0)]).tune(per_hour=1.0).classes
    both = Tuner(CHECKPOINT, CONFIG, negative=quiet, labelled=[shown(1, 8.0), shown(2, 5.0)]).tune(per_hour=1.0).classes
    assert alone["squat"].least_energy == alone["jump"].least_energy == both["jump"].least_energy
    assert both["squat"].least_energy == pytest.approx(5.0, abs=0.1)


def test_a_prediction_refers_to_the_frame_a_label_lag_before() -> None:
    one = stream([QUIET] * 3, label=[0, 1, 2])
    assert predicted_labels(one, 0).tolist() == [0, 1, 2]
    assert predicted_labels(one, 7).tolist() == [0, 0, 1]


def test_starts_are_matched_by_class_and_what_is_not_known_is_left_out() -> None:
    labels = np.array([0] * 30 + [1] * 30 + [-1] * 60 + [2] * 30)
    detected = tuple(
        DetectedAction(label=label, onset_s=onset_s, detected_s=onset_s + 0.4, end_s=onset_s + 1.0, score=0.9)
        for label, onset_s in (("jump", 1.2), ("jump", 1.9), ("squat", 1.2), ("squat", 3.0))
    )
    scores = np.zeros((1, 3), np.float32)
    one = StreamResult(sequence=sequence(labels), ends=np.array([12]), logits=scores, scores=scores, detected=detected)
    matches = match_labelled([one], INFO.labels, rate_hz=30.0)
    assert {k: (m.right, m.detected, m.true) for k, m in matches.items()} == {1: (1, 2, 1), 2: (0, 1, 1)}


def test_what_was_tuned_on_half_of_the_people_is_counted_on_the_others() -> None:
    def person(name: str, number: int) -> KeptStream:
        return stream(alarm(number, 0.8), source=name)

    same = Tuner(CHECKPOINT, CONFIG, negative=[person("p1", 1), person("p2", 1)]).cross_check(1.0)
    other = Tuner(CHECKPOINT, CONFIG, negative=[person("p1", 1), person("p2", 2)]).cross_check(1.0)
    assert same is not None
    assert other is not None
    assert (same.count, other.count) == (0, 2)
    assert Tuner(CHECKPOINT, CONFIG, negative=[person("p1", 1), person("p1", 1)]).cross_check(1.0) is None


# -- the command ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained detector with large logits for the synthetic actions."""
    torch.manual_seed(3)
    model = HitrsDetector(DETECTOR).eval()
    with torch.no_grad():
        for parameter in model.action_head.parameters():
            parameter *= 4
    file = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_checkpoint(file, Checkpoint(info=INFO, model=model))
    return file


def write_streams(path: Path, labels: dict[int, str], people: int = 4) -> Path:
    """Write streams of the labels one after the other, in the array format."""
    path.parent.mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    parts = [(person, number, 45) for person in range(people) for number in (0, *labels, 0)]
    per_person = len(parts) // people
    np.savez(
        path,
        x=np.concatenate([move(number, frames, rng) for _, number, frames in parts]).astype(np.float16),
        y=np.concatenate([np.full(frames, number, np.int16) for _, number, frames in parts]),
        length=np.full(people, 45 * per_person, np.int32),
        subject=np.array([f"p{person}" for person in range(people)]),
        seq=np.array([f"stream{person}" for person in range(people)]),
        meta=np.array(json.dumps({"labels": labels, "valid": [True] * 25})),
    )
    return path


def record(path: Path, seconds: float) -> Path:
    joints = move(1, round(30 * seconds), np.random.default_rng(5)) + np.array([0, 0, 3], np.float32)
    recorder = Recorder(path, session_id="s", source_id="hall")
    for index, pose in enumerate(joints):
        frame = PoseFrame(
            index=index, capture_time_ns=round(index / 30 * 1e9), received_ns=0,
            poses=(Pose(joints_m=pose, confidence=np.ones(25, np.float32)),),
        )  # fmt: skip
        recorder.publish(joints_event(frame, "hall"))
    recorder.close()
    return path


def test_the_command_writes_thresholds_of_its_checkpoint_and_prints_their_outcome(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    negative = write_streams(tmp_path / "hall.npz", {1: "read", 2: "write"})
    labelled = write_streams(tmp_path / "acts.npz", {1: "jump", 2: "squat"})
    out = tmp_path / "calibration" / "tiny.toml"
    flags = [
        "tune-thresholds", "--checkpoint", str(weights), "--data", str(negative), "--labelled", str(labelled),
        "--subjects", "p0,p1", "--false-alarms-per-hour", "2", "--out", str(out), "--threads", "1",
    ]  # fmt: skip
    assert main(flags) == 0
    printed = capsys.readouterr().out
    assert "hall: has no label of the classes, all of it counts as background" in printed
    assert "is too short to verify a rate of 2 an hour" in printed
    assert "1.5 h without any would suffice" in printed
    assert "4 labelled starts" in printed
    assert "the other half gave" in printed
    thresholds = load_thresholds(out, load_checkpoint(weights))
    assert thresholds.provenance["labelled"] == "acts.npz"
    assert thresholds.provenance["subjects"] == "p0, p1"
    by_class = [re.fullmatch(r"(\d+) of (\d+)", thresholds.provenance[recall_key(name)]) for name in ("jump", "squat")]
    assert sum(int(found[2]) for found in by_class if found) == 4
    assert str(tmp_path) not in out.read_text()
    assert set(thresholds.classes) == set(INFO.labels)

    assert main(flags) == 2
    assert "exists already; replace it with --overwrite" in capsys.readouterr().err
    assert main([*flags, "--overwrite"]) == 0


def test_a_second_run_reads_the_logits_that_the_first_kept_and_gives_the_same_thresholds(
    weights: Path, tmp_path: Path
) -> None:
    labelled = write_streams(tmp_path / "acts.npz", {1: "jump", 2: "squat"})
    # The model runs over the longest first, and the first is the shortest.
    with np.load(labelled) as archive:
        arrays = dict(archive)
    arrays["length"][0] -= 30
    for name in ("x", "y"):
        arrays[name] = np.delete(arrays[name], np.arange(30), axis=0)
    np.savez(labelled, **arrays)
    flags = [
        "tune-thresholds", "--checkpoint", str(weights), "--data", str(labelled), "--labelled", str(labelled),
        "--threads", "1", "--work", str(tmp_path / "work"),
    ]  # fmt: skip
    assert main([*flags, "--out", str(tmp_path / "first.toml")]) == 0
    (kept,) = (tmp_path / "work").iterdir()
    written = kept.stat().st_mtime_ns
    assert main([*flags, "--out", str(tmp_path / "second.toml")]) == 0
    assert kept.stat().st_mtime_ns == written
    assert (tmp_path / "first.toml").read_text() == (tmp_path / "second.toml").read_text()


def test_of_labelled_material_only_the_background_counts_and_of_a_recording_all(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labelled = write_streams(tmp_path / "acts.npz", {1: "jump"})
    recording = record(tmp_path / "evening.mcap", 6.0)
    out = tmp_path / "t.toml"
    flags = ["--checkpoint", str(weights), "--data", str(labelled), str(recording), "--out", str(out), "--threads", "1"]
    assert main(["tune-thresholds", *flags]) == 0
    printed = capsys.readouterr().out
    assert "acts: frames labelled background count as background" in printed
    assert "evening.mcap: all of it counts as background" in printed
    assert "no labelled data (--labelled): temperatures stay as they are" in printed


def test_people_who_are_left_out_have_no_influence_and_the_file_names_them(weights: Path, tmp_path: Path) -> None:
    both = write_streams(tmp_path / "hall.npz", {1: "read"}, people=2)
    alone = write_streams(tmp_path / "alone" / "hall.npz", {1: "read"}, people=1)
    out = tmp_path / "t.toml"
    flags = ["tune-thresholds", "--checkpoint", str(weights), "--out", str(out), "--threads", "1", "--overwrite"]
    written = []
    for data in (["--data", str(both), "--leave-out", "p1"], ["--data", str(alone)]):
        assert main([*flags, *data]) == 0
        written.append(load_thresholds(out, load_checkpoint(weights)))
    assert written[0].classes == written[1].classes
    assert written[0].provenance["false_alarms"] == written[1].provenance["false_alarms"]
    assert written[0].provenance["negative"].startswith("hall, without p1: ")


def test_a_recording_gets_a_prediction_every_clip_or_every_frame(weights: Path, tmp_path: Path) -> None:
    checkpoint = load_checkpoint(weights)
    recording = record(tmp_path / "evening.mcap", 4.0)
    (seldom,) = run_on_recording(checkpoint, recording)
    (often,) = run_on_recording(checkpoint, recording, step_frames=1)
    # The tracker takes 0.06 s to confirm a person, then thirteen frames make a clip.
    frames = len(seldom.sequence.labels)
    assert seldom.sequence.subject == "evening"
    assert seldom.ends.tolist() == list(range(12, frames, 7))
    assert often.ends.tolist() == list(range(12, frames))
    np.testing.assert_allclose(often.logits[::7], seldom.logits, atol=1e-4)
    assert frames >= 4.0 * 30 - 4


def test_thresholds_are_tuned_with_the_requested_number_of_threads(weights: Path, tmp_path: Path) -> None:
    quiet = write_streams(tmp_path / "hall.npz", {1: "read"}, people=1)
    flags = ["--checkpoint", str(weights), "--data", str(quiet), "--out", str(tmp_path / "t.toml")]
    assert build_parser().parse_args(["tune-thresholds", *flags]).threads == 2
    torch.set_num_threads(2)
    assert main(["tune-thresholds", *flags, "--threads", "1"]) == 0
    assert torch.get_num_threads() == 1


@pytest.mark.parametrize(
    ("flags", "found"),
    [
        (["--data", "none.npz"], "none.npz: no such file"),
        (["--data", "hall.npz", "--labelled", "hall.npz"], "hall.npz: has no label of the classes"),
        (["--data", "hall.npz", "--labelled", "acts.npz", "--subjects", "p0,ann"], "no subject ann"),
        (["--data", "hall.npz", "--checkpoint", "hall.npz"], "checkpoint hall.npz: cannot be read"),
        (["--data", "only.npz"], "no frame of background"),
        (["--data", "empty"], "empty: a folder without any .npz"),
        (["--data", "hall.npz", "--leave-out", "ann"], "no subject ann in the data"),
        (["--data", "hall.npz", "--classes", "jump"], "--classes: needs --together"),
    ],
)
def test_a_users_mistake_is_one_line_and_leaves_no_file(
    weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    flags: list[str],
    found: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_streams(tmp_path / "hall.npz", {1: "read"}, people=1)
    write_streams(tmp_path / "acts.npz", {1: "jump"}, people=1)
    only = dict(np.load(write_streams(tmp_path / "only.npz", {1: "jump"}, people=1), allow_pickle=False))
    only["y"] = np.ones_like(only["y"])
    np.savez(tmp_path / "only.npz", **only)
    (tmp_path / "empty").mkdir()
    assert main(["tune-thresholds", "--checkpoint", str(weights), "--threads", "1", *flags]) == 2
    printed = capsys.readouterr().err
    assert found in printed
    assert printed.count("\n") == 1
    assert not (tmp_path / "calibration").exists()


def test_labelled_data_is_checked_before_the_model_runs(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    quiet, none = (write_streams(tmp_path / name, {1: "read"}, people=1) for name in ("hall.npz", "none.npz"))
    work = tmp_path / "work"
    flags = ["--checkpoint", str(weights), "--data", str(quiet), "--labelled", str(none), "--work", str(work)]
    assert main(["tune-thresholds", *flags, "--threads", "1"]) == 2
    assert "none.npz: has no label of the classes" in capsys.readouterr().err
    assert not work.exists()


def sigmoids(scores: list[tuple[float, float]], label: int | list[int] = 0) -> KeptStream:
    """As `stream`, of a model of independent classes: the scores of jump and squat."""
    given = np.array(scores)
    kept = stream([QUIET] * len(scores), label)
    return replace(kept, logits=np.column_stack((np.zeros(len(given)), np.log(given / (1 - given)))).astype(np.float32))


INDEPENDENT = msgspec.structs.replace(CHECKPOINT, info=msgspec.structs.replace(INFO, independent=True))


def test_independent_classes_are_tuned_by_their_false_alarms_alone() -> None:
    both = sigmoids([(0.01, 0.01)] * 5 + [(0.8, 0.7)] * 3 + [(0.01, 0.01)] * 5)
    tuned = Tuner(INDEPENDENT, CONFIG, negative=[both], labelled=[sigmoids([(0.9, 0.1)] * 5, 1)]).tune(per_hour=1.0)
    assert {own.temperature for own in tuned.classes.values()} == {1.0}
    assert all(own.least_energy is None for own in tuned.classes.values())
    assert (tuned.classes["jump"].on or 0) > 0.8
    assert (tuned.classes["squat"].on or 0) > 0.7


def test_a_class_that_is_found_too_seldom_becomes_experimental_and_its_false_alarms_no_longer_count() -> None:
    quiet = [(0.01, 0.01)] * 5
    negative = [sigmoids(quiet + [(0.01, 0.95)] * 3 + quiet)]
    labelled = [
        sigmoids(quiet + [(0.95, 0.01)] * 4, [0] * 5 + [1] * 4),
        sigmoids(quiet + [(0.01, 0.2)] * 4, [0] * 5 + [2] * 4),
    ]
    tuner = Tuner(INDEPENDENT, CONFIG, negative=negative, labelled=labelled)
    outcome = tuner.measure(tuner.tune(per_hour=1.0, least_recall=0.8))
    assert outcome.thresholds.experimental == ("squat",)
    assert outcome.thresholds.classes["jump"].on == 0.6
    assert outcome.alarms.count == 0
    assert tuner.tune(per_hour=1.0).experimental == ()


def test_each_independent_class_begins_where_recall_and_precision_of_its_starts_are_balanced() -> None:
    quiet = [(0.01, 0.01)] * 5
    weak_jump = sigmoids(quiet + [(0.4, 0.01)] * 4 + quiet, [0] * 5 + [1] * 4 + [0] * 5)
    squat = sigmoids(quiet + [(0.01, 0.97)] * 4 + quiet, [0] * 5 + [2] * 4 + [0] * 5)
    # Jumps look like squats, but less so than squats do.
    confused = sigmoids(quiet + [(0.4, 0.8)] * 4 + quiet, [0] * 5 + [1] * 4 + [0] * 5)
    tuner = Tuner(INDEPENDENT, CONFIG, negative=[sigmoids(quiet * 4)], labelled=[weak_jump, squat, confused])
    tuned = tuner.tune(per_hour=1.0)
    assert (tuned.classes["jump"].on or 1) <= 0.4
    assert 0.8 < (tuned.classes["squat"].on or 0) <= 0.97
    outcome = tuner.measure(tuned)
    assert outcome.all_starts.recall == outcome.all_starts.precision == 1.0


def test_classes_moved_together_keep_their_thresholds_equal_however_different_their_false_alarms_are() -> None:
    quiet = [(0.01, 0.01)] * 5
    negative = [sigmoids(quiet + [(0.9, 0.01)] * 3 + quiet)]
    labelled = [
        sigmoids(quiet + [(0.97, 0.01)] * 4 + quiet + [(0.01, 0.97)] * 4, [0] * 5 + [1] * 4 + [0] * 5 + [2] * 4)
    ]
    tuner = Tuner(INDEPENDENT, CONFIG, negative=negative, labelled=labelled)
    outcome = tuner.measure(tuner.tune(per_hour=1.0, together=True))
    jump, squat = outcome.thresholds.classes["jump"], outcome.thresholds.classes["squat"]
    assert (jump.on, jump.off) == (squat.on, squat.off)
    assert 0.9 < (jump.on or 0) < 0.97
    assert (outcome.alarms.count, outcome.all_starts.recall) == (0, 1.0)
    # What is given up no longer decides: only the jump had false alarms, and no jump is labelled here.
    squats = Tuner(
        INDEPENDENT, CONFIG, negative=negative, labelled=[sigmoids(quiet + [(0.01, 0.7)] * 4, [0] * 5 + [2] * 4)]
    )
    assert squats.tune(per_hour=1.0, together=True).classes["squat"].on == jump.on
    given_up = squats.tune(per_hour=1.0, least_recall=0.1, together=True)
    assert given_up.experimental == ("jump", "squat")


def test_the_limit_is_for_the_classes_to_report_and_the_others_are_experimental() -> None:
    quiet = [(0.01, 0.01)] * 5
    negative = [sigmoids(quiet + [(0.9, 0.01)] * 3 + quiet + [(0.01, 0.7)] * 3 + quiet)]
    tuner = Tuner(INDEPENDENT, CONFIG, negative=negative)
    outcomes = {
        name: tuner.measure(tuner.tune(per_hour=1.0, together=True, reported={name})) for name in ("jump", "squat")
    }
    assert [one.alarms.count for one in outcomes.values()] == [0, 0]
    assert outcomes["jump"].thresholds.experimental == ("squat",)
    assert outcomes["squat"].thresholds.experimental == ("jump",)
    strict, lax = (outcomes[name].thresholds.classes["squat"].on or 0 for name in ("jump", "squat"))
    assert 0.7 < lax < 0.9 < strict
    assert tuner.tune(per_hour=1.0, together=True, reported={"jump", "squat"}).classes["squat"].on == strict


def test_classes_of_a_softmax_cannot_be_moved_together() -> None:
    tuner = Tuner(CHECKPOINT, CONFIG, negative=[stream([QUIET] * 20)])
    with pytest.raises(ValueError, match="a sigmoid of its own"):
        tuner.tune(per_hour=1.0, together=True)


def test_a_class_of_one_side_is_experimental_only_with_its_other_side() -> None:
    sides = msgspec.structs.replace(INFO, labels=("background", "punch_left", "punch_right"), independent=True)
    checkpoint = msgspec.structs.replace(CHECKPOINT, info=sides)
    quiet = [(0.01, 0.01)] * 5
    left = [sigmoids(quiet + [(0.95, 0.01)] * 4, [0] * 5 + [1] * 4)] * 3
    right = sigmoids(quiet + [(0.01, 0.01)] * 4, [0] * 5 + [2] * 4)
    tuner = Tuner(checkpoint, CONFIG, negative=[sigmoids(quiet * 4)], labelled=[*left, right])
    # Of the left ones all are found and of the right one none: three of four in all.
    assert tuner.tune(per_hour=1.0, least_recall=0.7).experimental == ()
    assert tuner.tune(per_hour=1.0, least_recall=0.8).experimental == ("punch_left", "punch_right")


def test_a_labelled_action_is_found_where_a_detected_one_of_its_class_overlaps_it_however_late() -> None:
    late = StreamResult(
        sequence=sequence(np.repeat([0, 1, 0, 1, 0], 60)), ends=np.array([12]), logits=np.zeros((1, 3), np.float32),
        scores=np.zeros((1, 3), np.float32),
        detected=[
            DetectedAction(label="jump", onset_s=3.5, detected_s=3.6, end_s=5.0, score=0.9),
            DetectedAction(label="squat", onset_s=6.5, detected_s=6.6, end_s=7.5, score=0.9),
        ],
    )  # fmt: skip
    found = find_labelled([late], INFO.labels, 30.0)
    assert (found[1].found, found[1].true) == (1, 2)
    assert 2 not in found
