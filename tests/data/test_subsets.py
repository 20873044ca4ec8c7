"""A subset of the labels is drawn the same everywhere, and a file of names that do not fit is told of."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitrs_live.data.dataset import Body, Dataset, Index, Sample
from hitrs_live.data.subsets import draw_subset, read_subset, save_subset
from hitrs_live.errors import DataError


def dataset(counts: dict[str, int], *, backwards: bool = False) -> Dataset:
    """One frame a sequence, so many sequences a class, named class_number."""
    names = [(f"{label}_{n:03d}", k) for k, (label, count) in enumerate(counts.items()) for n in range(count)]
    if backwards:
        names.reverse()
    samples = tuple(Sample(name=name, bodies=(Body(row, 1),)) for row, (name, _) in enumerate(names))
    return Dataset(
        path=Path("made"), index=Index(name="made", source="", labels=tuple(counts), samples=samples),
        joints=np.zeros((len(names), 25, 3), np.float32), labels=np.array([k for _, k in names], np.int16),
    )  # fmt: skip


def test_every_class_gives_its_share_and_at_least_one() -> None:
    drawn = draw_subset(dataset({"a": 100, "b": 20, "c": 1}), 0.1, seed=0)
    assert [sum(name.startswith(label) for name in drawn) for label in "abc"] == [10, 2, 1]
    assert len(set(drawn)) == len(drawn)


def test_the_draw_depends_on_the_seed_and_not_on_the_order_of_the_file() -> None:
    counts = {"a": 100, "b": 20}
    drawn = draw_subset(dataset(counts), 0.1, seed=0)
    assert drawn == draw_subset(dataset(counts, backwards=True), 0.1, seed=0)
    assert drawn != draw_subset(dataset(counts), 0.1, seed=1)


def test_the_whole_is_a_subset_too() -> None:
    assert len(draw_subset(dataset({"a": 7, "b": 3}), 1.0, seed=0)) == 10


@pytest.mark.parametrize("share", [0.0, -0.1, 1.1, float("nan")])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="expected above 0 and at most 1"):
        draw_subset(dataset({"a": 7}), share, seed=0)


def test_a_saved_subset_reads_back_and_says_how_it_was_drawn(tmp_path: Path) -> None:
    data = dataset({"a": 30, "b": 20})
    names = draw_subset(data, 0.1, seed=3)
    save_subset(tmp_path / "new" / "ten.txt", names, share=0.1, seed=3, data="made")
    assert read_subset(tmp_path / "new" / "ten.txt", data) == names
    assert (tmp_path / "new" / "ten.txt").read_text().splitlines()[0] == "# share 0.1, seed 3, made"
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["ten.txt"]


def test_a_name_that_the_data_set_has_not_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("a_000\nz_000\n")
    with pytest.raises(DataError, match=r"x\.txt: 1 of 2 names .* training sequences of made, the first is 'z_000'"):
        read_subset(tmp_path / "x.txt", dataset({"a": 3}))


def test_a_file_that_is_missing_or_names_nothing_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.txt: cannot be read"):
        read_subset(tmp_path / "none.txt", dataset({"a": 3}))
    (tmp_path / "empty.txt").write_text("# share 0.1\n\n")
    with pytest.raises(DataError, match=r"empty\.txt: names no sequence"):
        read_subset(tmp_path / "empty.txt", dataset({"a": 3}))


@given(content=st.binary(max_size=60))
def test_any_bytes_give_names_of_the_data_set_or_one_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    file = tmp_path_factory.mktemp("fuzz") / "x.txt"
    file.write_bytes(content)
    names: tuple[str, ...] = ()
    told = ""
    try:
        names = read_subset(file, dataset({"a": 3}))
    except DataError as error:
        told = str(error)
    assert bool(names) != bool(told)
    assert set(names) <= {"a_000", "a_001", "a_002"}
    assert "\n" not in told
