"""Sequences get the same scores offline and as streams, and the report names what was measured."""

from dataclasses import replace
from pathlib import Path
from typing import get_args

import msgspec
import numpy as np
import pytest
import torch
from synthetic_actions import CLASSES, GRID, save_encoder, save_recogniser, two_people

from hitrs_live.checkpoint import load_encoder, load_recogniser
from hitrs_live.data.clips import pack_samples
from hitrs_live.data.dataset import Body, Dataset, Sample
from hitrs_live.errors import CheckpointMismatch, ConfigError, DataError
from hitrs_live.evaluation.classifiers import open_head
from hitrs_live.evaluation.embeddings import SHARES
from hitrs_live.evaluation.reports.recognition import (
    SequenceScores,
    evaluate_recognition,
    fuse,
    observe,
    recognise,
    summarise,
)
from hitrs_live.model.recogniser import Readout, read_out
from hitrs_live.transforms import MODALITIES

pytestmark = pytest.mark.slow


def cut(dataset: Dataset, share: int) -> Dataset:
    """Keep the first frames of every sequence, rounded up, and the people who came in them."""

    def kept(sample: Sample) -> Sample:
        frames = max(body.first_frame + body.frames for body in sample.bodies)
        seen = int(np.ceil(frames * share / 100 - 1e-9))
        bodies = [
            Body(body.first_row, min(body.frames, seen - body.first_frame), body.first_frame)
            for body in sample.bodies
            if body.first_frame < seen
        ]
        return msgspec.structs.replace(sample, bodies=tuple(bodies))

    return dataset.only([kept(sample) for sample in dataset.samples])


@pytest.mark.parametrize("readout", get_args(Readout))
def test_batches_give_what_each_sequence_gives_alone_in_the_order_of_the_file(readout: Readout, tmp_path: Path) -> None:
    file, dataset = save_recogniser(tmp_path / "r.safetensors", readout=readout), two_people(each=40)
    scores, labels = recognise(open_head(file, dataset), dataset)
    checkpoint = load_recogniser(file)
    with torch.no_grad():
        for number, sample in enumerate(dataset.samples):
            bodies = [dataset.joints_m(body) for body in sample.bodies]
            alone = checkpoint.model(*pack_samples([bodies], GRID, checkpoint.info.normaliser, "joint"))
            np.testing.assert_allclose(scores[number], alone.softmax(-1)[0].numpy(), atol=1e-5)
    assert scores.dtype == np.float32
    assert labels.tolist() == [int(sample.name[1]) for sample in dataset.samples]


@pytest.mark.parametrize("readout", get_args(Readout))
@pytest.mark.parametrize("modality", MODALITIES)
def test_a_stream_that_saw_a_share_gives_the_offline_scores_of_those_frames(
    modality: str, readout: Readout, tmp_path: Path
) -> None:
    dataset = two_people(each=6)
    file = save_recogniser(tmp_path / "r.safetensors", modality=modality, readout=readout)
    classifier = open_head(file, dataset)
    observed = observe(classifier, dataset)
    # Scores, and logits up to the constant that a softmax takes away.
    for point, share in enumerate(SHARES):
        expected, _ = recognise(classifier, cut(dataset, share))
        np.testing.assert_allclose(np.log(observed[:, point]), np.log(expected), atol=1e-5)
    whole, _ = recognise(classifier, dataset)
    np.testing.assert_array_equal(observed[:, -1].argmax(1), whole.argmax(1))


def test_what_comes_later_does_not_change_what_was_seen_before(tmp_path: Path) -> None:
    dataset = two_people(each=4)
    classifier = open_head(save_recogniser(tmp_path / "r.safetensors"), dataset)
    joints = dataset.joints.copy()
    for sample in dataset.samples:
        seen = -(-6 * sample.bodies[0].frames // 10)
        for body in sample.bodies:
            joints[body.first_row + max(0, seen - body.first_frame) : body.first_row + body.frames] *= 1.5
    before, after = (observe(classifier, data) for data in (dataset, replace(dataset, joints=joints)))
    long = [number for number, sample in enumerate(dataset.samples) if sample.bodies[0].frames >= 20]
    assert long
    assert np.array_equal(before[long, :6], after[long, :6])
    assert (np.abs(before[long, 9] - after[long, 9]).max(1) > 1e-5).all()


def test_a_person_who_comes_late_has_no_part_before(tmp_path: Path) -> None:
    dataset = two_people(each=6)
    classifier = open_head(save_recogniser(tmp_path / "r.safetensors"), dataset)
    late = [s for s in dataset.samples if len(s.bodies) == 2 and s.bodies[1].first_frame > 3]
    alone = [msgspec.structs.replace(sample, bodies=sample.bodies[:1]) for sample in late]
    both, one = (observe(classifier, dataset.only(samples)) for samples in (late, alone))
    assert late
    np.testing.assert_allclose(both[:, :3], one[:, :3], atol=1e-6)
    assert not np.allclose(both[:, -1], one[:, -1], atol=1e-4)


def test_outputs_are_matched_by_name_to_the_classes_that_are_not_background(tmp_path: Path) -> None:
    dataset = two_people(background=1)
    plain = open_head(save_recogniser(tmp_path / "a.safetensors", labels=("wave", "bow", "turn")), dataset)
    scores, labels = recognise(plain, dataset)
    assert sorted(set(labels.tolist())) == [0, 1, 2], "bow, turn, wave"
    checkpoint = load_recogniser(tmp_path / "a.safetensors")
    first = [dataset.joints_m(body) for body in dataset.samples[0].bodies]
    with torch.no_grad():
        logits = checkpoint.model(*pack_samples([first], GRID, checkpoint.info.normaliser, "joint"))[0]
    np.testing.assert_allclose(scores[0], logits[[1, 2, 0]].softmax(-1).numpy(), atol=1e-5)


def test_a_recogniser_of_other_classes_is_refused_with_what_differs(tmp_path: Path) -> None:
    file = save_recogniser(tmp_path / "r.safetensors", labels=("bow", "jump", "turn", "clap"))
    with pytest.raises(CheckpointMismatch, match=r"r\.safetensors.* of made, it lacks 'wave' and also has 'clap'"):
        open_head(file, two_people())


def test_joints_that_are_not_finite_are_reported_with_their_sequence(tmp_path: Path) -> None:
    dataset = two_people()
    joints = dataset.joints.copy()
    joints[dataset.samples[0].bodies[0].first_row, 3, 1] = np.nan
    broken = replace(dataset, joints=joints)
    classifier = open_head(save_recogniser(tmp_path / "r.safetensors"), dataset)
    for measure in (recognise, observe):
        with pytest.raises(DataError, match="made: joints of s0_0 are not finite"):
            measure(classifier, broken)


def test_fused_scores_are_the_mean() -> None:
    one, two = np.array([[0.9, 0.1]], np.float32), np.array([[0.2, 0.8]], np.float32)
    fused = fuse([SequenceScores(whole=one, observed=one[:, None]), SequenceScores(whole=two, observed=two[:, None])])
    np.testing.assert_allclose(fused.whole, [[0.55, 0.45]])
    np.testing.assert_allclose(fused.observed, [[[0.55, 0.45]]])


def test_a_summary_counts_by_hand() -> None:
    whole = np.eye(3, dtype=np.float32)[[0, 1, 1, 1]]
    labels = np.array([0, 1, 0, 1])
    # The second sequence is known from the first tenth on, the others only at their end.
    observed = np.zeros((4, 10, 3), np.float32)
    observed[:, :9, 2] = 1
    observed[1, :9] = [0, 1, 0]
    observed[:, 9] = whole
    figures = summarise(SequenceScores(whole=whole, observed=observed), labels, ("bow", "jump", "turn"))
    assert figures["top1"] == 0.75
    assert figures["top5"] == 1.0
    assert figures["samples"] == 4
    assert figures["per_class"] == {
        "bow": {"samples": 2, "recall": 0.5, "mistaken_for": "jump"},
        "jump": {"samples": 2, "recall": 1.0, "mistaken_for": None},
        "turn": {"samples": 0, "recall": None, "mistaken_for": None},
    }
    assert figures["observed"] == {**{str(share): 0.25 for share in SHARES[:9]}, "100": 0.75}


def test_several_checkpoints_are_reported_alone_and_fused(tmp_path: Path) -> None:
    files = [
        save_recogniser(tmp_path / f"{name}.safetensors", modality=name, seed=seed)
        for seed, name in enumerate(MODALITIES)
    ]
    dataset = two_people()
    report = evaluate_recognition(dataset, files)
    _, test = dataset.split()
    mean = np.mean([recognise(open_head(file, dataset), test)[0] for file in files], axis=0)
    assert report["top1"] == np.mean(mean.argmax(1) == [0, 1, 2, 3])
    assert [each["modality"] for each in report["checkpoints"]] == list(MODALITIES)
    assert report["protocol"] == "head"
    assert "probe" not in report


def test_an_encoder_is_probed_and_so_is_a_recogniser_beside_it(tmp_path: Path) -> None:
    files = [save_encoder(tmp_path / "e.safetensors"), save_recogniser(tmp_path / "r.safetensors")]
    report = evaluate_recognition(two_people(each=8), files)
    assert report["protocol"] == "linear"
    assert report["probe"] == {"samples": 28, "subset": None, "seed": 0}
    assert all(each["weight_decay"] > 0 for each in report["checkpoints"])
    assert report["top1"] == report["observed"]["100"]


def test_a_subset_limits_what_a_probe_learns_from_and_must_have_every_class(tmp_path: Path) -> None:
    encoder, dataset = save_encoder(tmp_path / "e.safetensors"), two_people(each=8)
    subset = tmp_path / "few.txt"
    subset.write_text("# by hand\n" + "\n".join(f"s{number}_{turn}" for number in range(4) for turn in (2, 5)))
    report = evaluate_recognition(dataset, [encoder], protocol="knn", subset=subset)
    assert report["probe"] == {"samples": 8, "subset": str(subset), "seed": 0}
    subset.write_text("s0_2\ns1_2\ns3_2\n")
    with pytest.raises(DataError, match=r"few\.txt: has no sequence of 'turn'"):
        evaluate_recognition(dataset, [encoder], protocol="knn", subset=subset)
    subset.write_text("s0_0\n")
    with pytest.raises(DataError, match="'s0_0'"):
        evaluate_recognition(dataset, [encoder], protocol="knn", subset=subset)


def test_a_head_takes_no_subset(tmp_path: Path) -> None:
    file = save_recogniser(tmp_path / "r.safetensors")
    with pytest.raises(ConfigError, match="trains nothing"):
        evaluate_recognition(two_people(), [file], subset=tmp_path / "few.txt")


def test_a_stream_of_many_actions_is_cut_into_them(tmp_path: Path) -> None:
    dataset = two_people(each=2)
    stream = Sample(name="stream", bodies=(Body(0, len(dataset.joints)),), test_of=("half",))
    report = evaluate_recognition(dataset.only([stream]), [save_recogniser(tmp_path / "r.safetensors")])
    assert report["samples"] == 4, "sequences of one class lie beside each other"
    assert report["classes"] == list(CLASSES)


def test_a_readout_by_the_largest_is_that_of_the_clips_and_what_is_padded_has_no_part(tmp_path: Path) -> None:
    encoder = load_encoder(save_encoder(tmp_path / "e.safetensors")).model
    clips = torch.randn(2, 4, GRID.clip_width, generator=torch.Generator().manual_seed(0))
    valid_mask = torch.arange(4) < torch.tensor([[3], [4]])
    with torch.no_grad():
        outputs = encoder.video_encoder(clips, valid_mask)[1]
        read = read_out(encoder, clips, valid_mask, "max")
    torch.testing.assert_close(read, torch.stack([outputs[0, :3].amax(0), outputs[1].amax(0)]))


def test_probes_use_the_readout_asked_for_and_the_report_names_it(tmp_path: Path) -> None:
    file = save_encoder(tmp_path / "e.safetensors")
    for readout in get_args(Readout):
        report = evaluate_recognition(two_people(each=8), [file], readout=readout)
        assert [each["readout"] for each in report["checkpoints"]] == [readout]
        assert report["top1"] == report["observed"]["100"]
