"""`hitrs-live render` chooses people, goes on where it ended, refuses other settings, and renders what it says."""

from pathlib import Path

import numpy as np
import pytest
from view_files import make_view, write_archive

from hitrs_live.cli import main
from hitrs_live.config import PoseConfig
from hitrs_live.errors import PoseModelMissing
from hitrs_live.pose.mediapipe.models import find_pose_model
from hitrs_live.virtual_camera.body import Body
from hitrs_live.virtual_camera.render_jobs import RenderPlan, list_jobs, unfinished
from hitrs_live.virtual_camera.render_jobs import make_view as render
from hitrs_live.virtual_camera.rendered_view import RenderedView, read_view, true_fractions, write_view
from hitrs_live.virtual_camera.renderer import Renderer
from hitrs_live.virtual_camera.source_streams import choose_sequences, load_stream
from hitrs_live.virtual_camera.view_rendering import RendererPool

_SIZE = (320, 240)


def test_the_held_out_people_are_in_the_test_split_alone(tmp_path: Path) -> None:
    file = write_archive(tmp_path / "precog16.npz", subjects=("p1", "p2", "p9"))

    def people(split: str) -> set[str]:
        return {load_stream(file, number).subject for number in choose_sequences(file, split=split)}  # type: ignore[arg-type]

    assert people("train") == {"p1", "p2"}
    assert people("test") == {"p9"}
    assert people("all") == {"p1", "p2", "p9"}


def test_a_small_choice_is_spread_over_classes_and_a_larger_one_adds_to_it(tmp_path: Path) -> None:
    file = write_archive(tmp_path / "set.npz", subjects=("a", "b", "c", "d"))

    two, four = (choose_sequences(file, most=most, seed=3) for most in (2, 4))

    assert {int(load_stream(file, number).labels["labels"][0]) for number in two} == {0, 1}
    assert four[:2] == two


def test_views_that_are_there_are_not_rendered_again(tmp_path: Path) -> None:
    plan = RenderPlan(files=(write_archive(tmp_path / "set.npz"),), views=2)
    jobs = list_jobs(plan)
    (tmp_path / "views").mkdir()
    write_view(tmp_path / "views" / f"{jobs[0].name}.npz", make_view(name=jobs[0].name))

    assert [job.name for job in unfinished(jobs, tmp_path / "views")] == [job.name for job in jobs[1:]]
    assert len(jobs) == 8
    assert [job.view for job in jobs] == [0] * 4 + [1] * 4


def test_a_finished_folder_only_gets_its_sets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write_archive(tmp_path / "set.npz", subjects=("p1",), classes=1)
    (job,) = list_jobs(RenderPlan(files=(file,), views=1))
    write_view(tmp_path / "out" / "views" / f"{job.name}.npz", make_view(name=job.name))
    command = ["render", "--data", str(file), "--views", "1", "--out", str(tmp_path / "out")]

    assert main(command) == 0
    assert "1 of 1 views are in" in capsys.readouterr().out
    assert (tmp_path / "out" / "arrays" / "set.npz").exists()
    assert main([*command, "--seed", "5"]) == 2
    assert "made with another seed (0, now 5); give another --out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--out", "o", "--subjects", "nobody"], "no sequence of the chosen people"),
        ([], "neither --out FOLDER nor --film FILE"),
    ],
)
def test_mistakes_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: list[str], message: str
) -> None:
    file = write_archive(tmp_path / "set.npz")

    assert main(["render", "--data", str(file), *flags]) == 2

    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_size_that_is_none_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_info:
        main(["render", "--data", "x.npz", "--out", str(tmp_path), "--size", "640"])

    assert exit_info.value.code == 2
    assert "expected width and height" in capsys.readouterr().err


@pytest.fixture(scope="module")
def rendered(
    tmp_path_factory: pytest.TempPathFactory, body: Body, renderer: Renderer
) -> tuple[RenderedView, RenderedView]:
    """One view rendered twice, three frames, without the pose network."""
    file = write_archive(tmp_path_factory.mktemp("render") / "set.npz", frames=5)
    plan = RenderPlan(files=(file,), views=1, seconds=0.1, sizes=(_SIZE,), pose=None)
    job = list_jobs(plan)[0]
    renderers = RendererPool()
    try:
        return render(job, plan, renderers), render(job, plan, renderers)
    finally:
        renderers.close()


@pytest.mark.slow
def test_a_seed_gives_the_same_view_again(rendered: tuple[RenderedView, RenderedView]) -> None:
    first, second = rendered

    np.testing.assert_array_equal(first.truth_m, second.truth_m)
    np.testing.assert_array_equal(first.visible, second.visible)
    assert first.meta == second.meta


@pytest.mark.slow
def test_the_truth_is_in_the_picture_where_it_says_so(rendered: tuple[RenderedView, RenderedView]) -> None:
    view, _ = rendered

    fractions = true_fractions(view)
    np.testing.assert_array_equal(((fractions >= 0) & (fractions < 1)).all(axis=-1), view.inside)
    assert not (view.visible & ~view.inside).any()
    assert view.visible.mean() > 0.3
    assert (view.truth_m[..., 2] > 0.5).all()


@pytest.mark.slow
def test_the_pose_network_finds_a_rendered_person(tmp_path: Path, body: Body, renderer: Renderer) -> None:
    pytest.importorskip("mediapipe", reason="needs MediaPipe")
    try:
        find_pose_model(PoseConfig().model)
    except PoseModelMissing as error:
        pytest.skip(str(error))
    file = write_archive(tmp_path / "set.npz", subjects=("p1",), classes=1, frames=5)
    out = tmp_path / "out"
    command = ["render", "--data", str(file), "--views", "1", "--seconds", "0.1", "--size", "640x480"]

    assert main([*command, "--workers", "1", "--seed", "2", "--out", str(out)]) == 0

    (path,) = (out / "views").glob("*.npz")
    view = read_view(path)
    assert (view.person >= 0).all()
    assert (out / "views" / "labels.json").exists()
