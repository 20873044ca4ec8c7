"""Data sets are opened wherever they lie, with their classes, splits and rates, and refused in one line."""

import itertools
import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ship_miniature import write_miniature

from hitrs_live.data.dataset import INDEX, JOINTS, LABELS, Body, Dataset, Index, Sample, open_prepared
from hitrs_live.data.open_dataset import check_classes, check_rates, open_dataset, open_datasets
from hitrs_live.data.protocols import NW_UCLA_RATE_HZ, nw_ucla_tests
from hitrs_live.errors import DataError


def write_npz(
    path: Path, *, labels: list[list[int]], meta: object = None, names: list[str] | None = None, **extra: object
) -> Path:
    """Write sequences of random joints, each with the given label a frame."""
    lengths = [len(one) for one in labels]
    arrays: dict[str, object] = {
        "x": np.random.default_rng(0).normal(0, 1, (sum(lengths), 25, 3)).astype(np.float16),
        "y": np.array(list(itertools.chain.from_iterable(labels)), np.int16),
        "length": np.array(lengths, np.int32),
        "subject": np.array([f"p{number % 2}" for number in range(len(labels))]),
        "seq": np.array(names or [f"seq{number}" for number in range(len(labels))]),
        "meta": meta if isinstance(meta, np.ndarray) else np.array(json.dumps(meta or {})),
    }  # fmt: skip
    np.savez(path, **(arrays | extra))  # type: ignore[arg-type]
    return path


def prepared(folder: Path, **changes: object) -> Path:
    """Write a prepared folder by hand: two sequences, the second with two bodies."""
    folder.mkdir()
    joints = np.random.default_rng(0).normal(0, 1, (30, 25, 3)).astype(np.float32)
    np.save(folder / JOINTS, joints)
    np.save(folder / LABELS, np.repeat([0, 1, 1], 10).astype(np.int16))
    samples = (
        Sample(name="a", subject="P1", bodies=(Body(0, 10),)),
        Sample(name="b", subject="P2", bodies=(Body(10, 10), Body(20, 10, 3)), test_of=("half",)),
    )
    index = Index(name="made", source="made", labels=("sit", "stand"), splits=("half",), samples=samples)
    (folder / INDEX).write_bytes(msgspec.json.encode(msgspec.structs.replace(index, **changes)))
    return folder


def test_classes_are_numbered_as_they_occur_and_named_by_the_file(tmp_path: Path) -> None:
    path = write_npz(
        tmp_path / "a.npz", labels=[[5] * 3, [2] * 4], meta={"labels": {"2": "sit", "5": "run", "9": "fly"}}
    )
    dataset = open_dataset(path)
    assert dataset.index.labels == ("sit", "run")
    assert dataset.labels.tolist() == [1, 1, 1, 0, 0, 0, 0]
    assert [dataset.label(sample) for sample in dataset.samples] == [1, 0]
    assert (dataset.index.background, dataset.index.splits, dataset.index.rate_hz) == (None, (), 30.0)


@pytest.mark.parametrize("names", [{"1": "sit"}, {"1": "sit", "0": "background"}])
def test_zero_is_background_beside_named_classes_whether_named_itself_or_not(tmp_path: Path, names: object) -> None:
    dataset = open_dataset(write_npz(tmp_path / "a.npz", labels=[[0, 0, 1]], meta={"labels": names}))
    assert dataset.index.labels == ("background", "sit")
    assert dataset.index.background == 0


def test_zero_with_a_name_of_its_own_is_an_action_and_zero_alone_no_label_at_all(tmp_path: Path) -> None:
    named = open_dataset(write_npz(tmp_path / "a.npz", labels=[[0, 1]], meta={"labels": {"0": "sit", "1": "run"}}))
    assert (named.index.labels, named.index.background) == (("sit", "run"), None)
    alone = open_dataset(write_npz(tmp_path / "b.npz", labels=[[0, 0]]))
    assert (alone.index.labels, alone.labels.tolist()) == ((), [-1, -1])


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1..10 = m01..m10", ("m02", "m10")), ("2..10 = a1..a9", ("a1", "a9")), ("no such text", ("2", "10"))],
)
def test_classes_told_as_a_range_are_named_by_it_and_by_their_numbers_where_nothing_else_is_told(
    tmp_path: Path, text: str, expected: tuple[str, ...]
) -> None:
    assert (
        open_dataset(write_npz(tmp_path / "a.npz", labels=[[10], [2]], meta={"labels": text})).index.labels == expected
    )


def test_an_array_file_gives_the_joints_that_are_in_it_and_a_frame_without_label_stays_so(tmp_path: Path) -> None:
    path = write_npz(tmp_path / "a.npz", labels=[[1, -1], [1, 1, 1]], meta={"rate_hz": 60, "valid": [False] * 25})
    dataset = open_dataset(path)
    with np.load(path, allow_pickle=False) as archive:
        np.testing.assert_array_equal(dataset.joints_m(dataset.samples[1].bodies[0]), archive["x"][2:])
    assert dataset.labels.tolist() == [0, -1, 0, 0, 0]
    assert (dataset.index.rate_hz, any(dataset.index.valid)) == (60.0, False)


def test_views_and_subjects_of_nw_ucla_are_read_from_the_names(tmp_path: Path) -> None:
    names = ["a01_s01_e00_v01", "a01_s01_e00_v03", "a12_s10_e00_v02", "a12_s10_e00_v03"]
    dataset = open_dataset(write_npz(tmp_path / "any.npz", labels=[[1], [1], [2], [2]], names=names))
    assert dataset.index.labels == ("pick up with one hand", "carry")
    train, test = dataset.split()
    assert [sample.name for sample in test.samples] == [names[1], names[3]]
    assert [sample.name for sample in dataset.split("xsub")[0].samples] == names[:2]
    assert len(train.samples) == 2
    assert dataset.index.rate_hz == NW_UCLA_RATE_HZ
    with pytest.raises(ValueError, match="expected one such as"):
        nw_ucla_tests("a1")


def test_a_file_that_is_silent_about_its_rate_has_the_one_known_of_its_data_set(tmp_path: Path) -> None:
    path = tmp_path / "utkinect_streams.npz"
    assert open_dataset(write_npz(path, labels=[[1]])).index.rate_hz == 60.0
    assert open_dataset(write_npz(path, labels=[[1]], meta={"rate_hz": 25})).index.rate_hz == 25.0


def test_the_shipping_files_are_opened_as_a_folder_with_their_test_subjects(tmp_path: Path) -> None:
    datasets = open_datasets([write_miniature(tmp_path) / "ship"])
    assert [dataset.index.name for dataset in datasets] == [
        "cmu_bvh_01_14", "cmu_mocap6", "precog16", "ui_prmd_kinect",
    ]  # fmt: skip
    for dataset in datasets:
        train, test = dataset.split("held-out")
        assert {sample.subject for sample in train.samples}.isdisjoint(sample.subject for sample in test.samples)
        check_classes(train, test)


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ({"x": np.zeros((4, 17, 3), np.float16)}, r"x has shape \(4, 17, 3\), expected \(frames, 25, 3\)"),
        ({"x": np.zeros((4, 25, 3), np.int16)}, "x is int16, expected floats"),
        ({"y": np.zeros(3, np.int16)}, "expected the same number"),
        ({"y": np.zeros(4, np.float32)}, "y is float32, expected integers"),
        ({"length": np.array([4, 0])}, "no sequence without a frame"),
        ({"length": np.array([5, -1])}, "no sequence without a frame"),
        ({"seq": np.array(["a"])}, "expected as many of each"),
        ({"y": np.array([-7, 0, 0, 0])}, "label -7"),
        ({"meta": np.array("[1")}, "not in the array format"),
        ({"meta": np.array(json.dumps({"labels": {"one": "a"}}))}, "meta's labels"),
        ({"meta": np.array(json.dumps({"rate_hz": "fast"}))}, "rate_hz is 'fast'"),
        ({"meta": np.array(json.dumps({"valid": [True]}))}, "meta's valid"),
        ({"meta": np.array({"a": 1}, object)}, "not in the array format"),
    ],
)
def test_a_broken_array_file_is_told_of_by_name_and_by_what_is_wrong(
    tmp_path: Path, extra: dict[str, object], words: str
) -> None:
    path = write_npz(tmp_path / "bad.npz", labels=[[1, 1], [1, 1]], **extra)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=rf"bad\.npz: .*{words}"):
        open_dataset(path)


def test_a_sequence_half_of_whose_joints_are_not_finite_is_refused_by_name(tmp_path: Path) -> None:
    joints = np.zeros((6, 25, 3), np.float16)
    joints[4:, 5:, 1] = np.nan
    path = write_npz(tmp_path / "nan.npz", labels=[[1, 1, 1], [1, 1, 1]], x=joints)
    with pytest.raises(DataError, match=r"nan\.npz: 53% of the joints of seq1 are not finite; drop or fill them first"):
        open_dataset(path)


def open_or_refuse(path: Path) -> Dataset | str:
    try:
        return open_dataset(path)
    except DataError as error:
        return str(error)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 3000))
def test_a_damaged_array_file_is_a_data_error_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes, at: int
) -> None:
    path = write_npz(tmp_path_factory.mktemp("fuzz") / "a.npz", labels=[[1, 1], [2]])
    content = bytearray(path.read_bytes())
    content[at : at + len(noise)] = noise
    path.write_bytes(content)
    outcome = open_or_refuse(path)
    assert str(path) in outcome if isinstance(outcome, str) else outcome.joints.shape[1:] == (25, 3)


def test_a_path_with_nothing_to_open_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        open_dataset(tmp_path / "none.npz")
    with pytest.raises(DataError, match="make one with hitrs-live prepare"):
        open_dataset(tmp_path)
    with pytest.raises(DataError, match=r"without any \.npz and not prepared"):
        open_datasets([tmp_path])


def test_a_prepared_folder_is_mapped_not_read_and_found_within_a_folder_of_several(tmp_path: Path) -> None:
    folder = prepared(tmp_path / "one")
    write_npz(tmp_path / "two.npz", labels=[[1]])
    second, first = open_datasets([tmp_path])
    assert (first.path, second.path) == (tmp_path / "two.npz", folder)
    assert isinstance(second.joints, np.memmap)
    body = second.samples[1].bodies[1]
    np.testing.assert_array_equal(second.joints_m(body), np.load(folder / JOINTS)[20:30])
    assert (body.first_frame, second.label(second.samples[1])) == (3, 1)


def test_a_prepared_folder_that_was_cut_off_or_edited_is_refused_by_name(tmp_path: Path) -> None:
    samples = (Sample(name="a", bodies=(Body(25, 10),)),)
    for number, (changes, words) in enumerate(
        (
            ({"samples": samples}, "wants 35 rows"),
            ({"samples": (Sample(name="a", bodies=()),)}, "expected one or more"),
            ({"samples": (Sample(name="a", bodies=(Body(-5, 10),)),)}, "each with a frame or more"),
            ({"labels": ("sit",)}, "names 1 classes"),
            ({"layout": "coco17"}, "layout 'coco17'"),
            ({"format": 9}, "format 9, expected 1"),
        )
    ):
        folder = prepared(tmp_path / str(number), **changes)
        with pytest.raises(DataError, match=words) as caught:
            open_prepared(folder)
        assert str(folder) in str(caught.value)
    folder = prepared(tmp_path / "cut")
    (folder / JOINTS).write_bytes((folder / JOINTS).read_bytes()[:-4])
    with pytest.raises(DataError, match="not a prepared data set"):
        open_prepared(folder)


def test_a_class_that_is_only_trained_on_or_only_tested_on_is_named(tmp_path: Path) -> None:
    labels = [[1] * 3, [1] * 3, [2] * 3]
    dataset = open_dataset(write_npz(tmp_path / "a.npz", labels=labels, meta={"labels": {"1": "sit", "2": "run"}}))
    with pytest.raises(DataError, match=r"a\.npz: class 'run' has no test sequence"):
        check_classes(*dataset.with_test_subjects(frozenset({"p1"})).split())
    with pytest.raises(DataError, match="class 'run' has no training sequence"):
        check_classes(*dataset.with_test_subjects(frozenset({"p0"})).split())
    with pytest.raises(DataError, match="no subject p7"):
        dataset.with_test_subjects(frozenset({"p7"}))
    with pytest.raises(DataError, match="no split"):
        dataset.split("xsub")


def test_a_class_in_neither_half_passes_as_the_later_actions_of_ntu_120_do_in_the_splits_of_60(tmp_path: Path) -> None:
    folder = prepared(tmp_path / "a", labels=("sit", "stand", "juggle"))
    (folder / LABELS).unlink()
    np.save(folder / LABELS, np.zeros(30, np.int16))
    check_classes(*open_prepared(folder).split())


def test_a_mix_of_rates_is_refused_with_the_command_that_mends_it(tmp_path: Path) -> None:
    datasets = [
        open_dataset(write_npz(tmp_path / f"{rate}.npz", labels=[[1]], meta={"rate_hz": rate})) for rate in (30, 60)
    ]
    check_rates(datasets[:1], 30.0)
    with pytest.raises(DataError, match=r"60\.npz: 60 frames a second, expected 30; .*--rate-hz 30"):
        check_rates(datasets, 30.0)


def test_streams_are_cut_into_their_actions_for_every_body_at_once(tmp_path: Path) -> None:
    folder = prepared(
        tmp_path / "a",
        background=0,
        labels=("background", "sit", "run"),
        samples=(Sample(name="s", bodies=(Body(0, 20), Body(20, 10, 5))),),
    )
    (folder / LABELS).unlink()
    np.save(folder / LABELS, np.repeat([1, 0, 2, 1], [8, 4, 8, 10]).astype(np.int16))
    pieces = open_prepared(folder).segments().samples
    assert [piece.name for piece in pieces] == ["s#0", "s#2"]
    assert pieces[0].bodies == (Body(0, 8), Body(20, 3, 5))
    assert pieces[1].bodies == (Body(12, 8), Body(27, 3))
    assert open_prepared(folder).segments(min_frames=9).samples == ()


@pytest.mark.slow
def test_the_real_files_open_with_splits_in_which_nobody_is_on_both_sides(data: Path) -> None:
    datasets = {dataset.index.name: dataset for dataset in open_datasets([data / "ship"])}
    for name, sizes in {"precog16": (48, 24), "ui_prmd_kinect": (1400, 600), "cmu_amc_01_03": (28, 0)}.items():
        assert tuple(len(half.samples) for half in datasets[name].split("held-out")) == sizes
    assert set(np.unique(datasets["cmu_amc_01_03"].labels)) == {-1}
    assert datasets["precog16"].index.background == 0
    held_out = {sample.name for half in datasets["cmu_bvh_01_14"].split() for sample in half.samples}
    assert not {"13_30", "13_31"} & held_out


def test_the_real_nw_ucla_has_its_usual_split(data: Path) -> None:
    dataset: Dataset = open_dataset(data / "measure" / "nw_ucla.npz")
    train, test = dataset.split("xview")
    check_classes(train, test)
    assert (len(train.samples), len(test.samples), len(dataset.index.labels)) == (1020, 464, 10)
    assert [name for name, valid in zip(range(25), dataset.index.valid, strict=True) if not valid] == [
        2,
        21,
        22,
        23,
        24,
    ]
