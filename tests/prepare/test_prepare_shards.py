"""Reading in shards: an interrupted run keeps its finished shards, and only these are reused."""

import functools
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import numpy as np
import pytest
from ntu_miniature import write_ntu_miniature
from patience import wait_until

from hitrs_live.data.dataset import INDEX, JOINTS, LABELS, open_prepared
from hitrs_live.errors import DataError
from hitrs_live.prepare.ntu import plan_ntu, read_ntu
from hitrs_live.prepare.reading import Findings, Plan, Reading
from hitrs_live.prepare.shards import drop_shards, load_shards, read_shards, shard_files
from hitrs_live.prepare.writer import REPORT, begin, finish, write_dataset

WRITTEN = (JOINTS, LABELS, INDEX, REPORT)


class Interrupting:
    """Count files, and interrupt after so many of them, as Ctrl-C does."""

    def __init__(self, after: int | None = None) -> None:
        self.files = 0
        self._after = after

    def __call__(self) -> None:
        self.files += 1
        if self.files == self._after:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("miniature")
    write_ntu_miniature(folder, subjects=(1, 3), actions=(1, 2, 50, 60), cameras=(1, 2, 3), frames=16)
    return folder


def prepare(plan: Plan, out: Path, *, workers: int = 1, after: int | None = None) -> tuple[Path, int]:
    """Prepare as the command does; return the folder, and how many files were read or reused."""
    count, findings = Interrupting(after), Findings()
    part = begin(out, overwrite=False)
    shards, _ = read_shards(plan, part, workers=workers, file_done=count)
    write_dataset(part, plan.index, load_shards(shards, findings), findings)
    drop_shards(part)
    finish(part, out)
    return out, count.files


def content(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in WRITTEN}


def read_counting(path: Path, *, counter: Path) -> Reading:
    with counter.open("a") as file:
        file.write(path.name + "\n")
    return read_ntu(path, splits=("xsub60", "xview60"))


@pytest.mark.slow
def test_an_interrupted_run_resumes_after_its_last_shard_and_gives_the_same_bytes(source: Path, tmp_path: Path) -> None:
    whole, files = prepare(plan_ntu(source, name="set"), tmp_path / "whole" / "set")
    assert files == 24
    assert shard_files(24) == 8
    plan = plan_ntu(source, name="set")
    counter = tmp_path / "counter"
    counted = Plan(
        folder=plan.folder, files=plan.files, index=plan.index, read=functools.partial(read_counting, counter=counter)
    )
    with pytest.raises(KeyboardInterrupt):
        prepare(counted, tmp_path / "set", after=11)
    assert not (tmp_path / "set").exists()
    assert [path.name for path in (tmp_path / "set.part" / "shards").glob("*.npz")] == ["00000.npz"]
    counter.unlink()
    again, files = prepare(counted, tmp_path / "set")
    assert files == 24
    assert len(counter.read_text().splitlines()) == 16, "the first shard's eight are not read again"
    assert content(again) == content(whole)
    assert sorted(path.name for path in again.iterdir()) == sorted(WRITTEN)
    assert not (tmp_path / "set.part").exists()


@pytest.mark.parametrize("change", ["a file", "the files", "the plan"])
def test_all_files_are_read_again_where_files_or_options_have_changed(
    source: Path, tmp_path: Path, change: str
) -> None:
    folder = tmp_path / "source"
    folder.mkdir()
    for path in sorted(source.iterdir())[:16]:
        (folder / path.name).write_bytes(path.read_bytes())
    with pytest.raises(KeyboardInterrupt):
        prepare(plan_ntu(folder, name="set"), tmp_path / "set", after=9)
    (tmp_path / "missing.txt").write_text("S001C001P001R001A060\n")
    if change == "a file":
        os.utime(sorted(folder.iterdir())[0], ns=(0, 0))
    if change == "the files":
        sorted(folder.iterdir())[0].unlink()
    missing = tmp_path / "missing.txt" if change == "the plan" else None
    counter = tmp_path / "counter"
    plan = plan_ntu(folder, name="set", missing=missing)
    counted = Plan(
        folder=folder, files=plan.files, index=plan.index, read=functools.partial(read_counting, counter=counter)
    )
    prepare(counted, tmp_path / "set")
    assert len(counter.read_text().splitlines()) == len(plan.files)


@pytest.mark.slow
def test_several_processes_give_the_same_bytes_as_one(source: Path, tmp_path: Path) -> None:
    plan = plan_ntu(source, name="set")
    one, _ = prepare(plan, tmp_path / "one" / "set")
    two, files = prepare(plan, tmp_path / "two" / "set", workers=2)
    assert files == 24
    assert content(one) == content(two)


def read_all_but_one(path: Path, *, endless: str) -> Reading:
    """Read as the command does, but never finish the file of this name."""
    if path.name == endless:
        threading.Event().wait()
    return read_ntu(path, splits=("xsub60", "xview60"))


KILLED = """
import functools, sys
from pathlib import Path
sys.path[:0] = sys.argv[3:]
from test_prepare_shards import Plan, plan_ntu, prepare, read_all_but_one
plan = plan_ntu(Path(sys.argv[1]), name="set")
read = functools.partial(read_all_but_one, endless=plan.files[-1].name)
prepare(Plan(folder=plan.folder, files=plan.files, index=plan.index, read=read), Path(sys.argv[2]), workers=2)
"""


@pytest.mark.slow
def test_a_killed_run_resumes_when_the_command_is_repeated(tmp_path: Path) -> None:
    source, out = tmp_path / "source", tmp_path / "set"
    write_ntu_miniature(source, subjects=(1, 3, 5, 7), actions=(1, 2, 50, 60), cameras=(1, 2, 3), frames=90)
    command = [sys.executable, "-m", "hitrs_live.cli", "prepare", "ntu", str(source), "--out", str(out)]
    running = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(source), str(out), *sys.path],
        start_new_session=True,
    )
    shards = tmp_path / "set.part" / "shards"
    # All but the shard with the file that is never read.
    wait_until(lambda: running.poll() is not None or len(list(shards.glob("*.npz"))) == 5, "five shards")
    assert running.poll() is None
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    assert not out.exists()
    ended = subprocess.run([*command, "--workers", "1"], capture_output=True, text=True, check=True)
    assert "48/48 files" in ended.stdout
    assert re.search(r"\b8 files read in", ended.stdout)
    whole, _ = prepare(plan_ntu(source, name="set"), tmp_path / "whole" / "set")
    assert content(out) == content(whole)


@pytest.mark.slow
def test_the_mapped_arrays_equal_the_contents_of_the_files(source: Path, tmp_path: Path) -> None:
    plan = plan_ntu(source, name="set")
    dataset = open_prepared(prepare(plan, tmp_path / "set")[0])
    assert isinstance(dataset.joints, np.memmap)
    assert [sample.name for sample in dataset.samples] == [path.stem for path in plan.files]
    for sample, path in zip(dataset.samples, plan.files, strict=True):
        (one,) = plan.read(path).recorded
        assert len(one.sample.bodies) == len(sample.bodies)
        for body, there in zip(sample.bodies, one.sample.bodies, strict=True):
            rows = slice(there.first_row, there.first_row + there.frames)
            np.testing.assert_array_equal(dataset.joints_m(body), one.joints[rows])
            np.testing.assert_array_equal(dataset.labels_of(body), one.labels[rows])


def test_damaged_files_are_named_and_skipped(source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "source"
    (folder / "deep").mkdir(parents=True)
    paths = sorted(source.iterdir())[:10]
    for path in paths:
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / paths[3].name).write_text("many\n")
    (folder / paths[5].name).rename(folder / "deep" / paths[5].name)
    (folder / "deep" / paths[5].name).write_bytes(b"\xff" * 100)
    out, _ = prepare(plan_ntu(folder, name="set"), tmp_path / "set")
    report = msgspec.json.decode((out / REPORT).read_bytes(), type=Findings)
    assert sorted(report.broken) == sorted([paths[3].name, f"deep/{paths[5].name}"])
    assert "line 1: got 'many'" in report.broken[paths[3].name]
    assert len(open_prepared(out).samples) == 8


def test_where_every_file_is_damaged_nothing_is_left_behind(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "S001C001P001R001A001.skeleton").write_text("many\n")
    with pytest.raises(DataError, match="no sequence in 1 files, the first of them: S001C001P001R001A001"):
        prepare(plan_ntu(tmp_path / "source", name="set"), tmp_path / "set")
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_a_damaged_shard_is_removed_and_its_files_are_read_again(source: Path, tmp_path: Path) -> None:
    plan = plan_ntu(source, name="set")
    part = begin(tmp_path / "set", overwrite=False)
    shards, _ = read_shards(plan, part, workers=1, file_done=Interrupting())
    shards[1].write_bytes(shards[1].read_bytes()[:1000])
    with pytest.raises(DataError, match=r"00001\.npz: damaged"):
        list(load_shards(shards, Findings()))
    _, files = prepare(plan, tmp_path / "set")
    assert files == 24


def die(path: Path) -> Reading:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError(path)


@pytest.mark.slow
def test_a_reading_process_that_dies_is_an_error_of_one_line(source: Path, tmp_path: Path) -> None:
    plan = plan_ntu(source, name="set")
    deadly = Plan(folder=plan.folder, files=plan.files, index=plan.index, read=die)
    with pytest.raises(DataError, match=r"a reading process died.*finished shards are kept"):
        prepare(deadly, tmp_path / "set", workers=2)


def test_a_shard_has_the_same_files_whatever_the_number_of_workers_and_500_at_most() -> None:
    assert [shard_files(files) for files in (1, 24, 300, 1076, 56880)] == [8, 8, 10, 34, 500]
