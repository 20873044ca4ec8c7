"""Output files that cannot be written are rejected before anything is opened."""

from pathlib import Path

from hitrs_live.files.output_files import is_one_of, why_unwritable


def test_a_new_file_and_an_existing_one_can_be_written(tmp_path: Path) -> None:
    there = tmp_path / "there.webm"
    there.touch()
    assert why_unwritable(there) is None
    assert why_unwritable(tmp_path / "new.webm") is None
    assert not (tmp_path / "new.webm").exists()


def test_a_folder_and_a_file_without_its_folder_cannot_be_written(tmp_path: Path) -> None:
    assert why_unwritable(tmp_path) == "is a folder, expected the name of a file"
    assert str(why_unwritable(tmp_path / "no" / "x.webm")).startswith(f"there is no folder {tmp_path / 'no'}")


def test_a_file_is_recognised_by_another_spelling_and_by_symbolic_and_hard_links(tmp_path: Path) -> None:
    film, other = tmp_path / "film.avi", tmp_path / "other.avi"
    film.write_bytes(b"film")
    other.write_bytes(b"film")
    (tmp_path / "symbolic.avi").symlink_to(film)
    (tmp_path / "hard.avi").hardlink_to(film)
    (tmp_path / "folder").mkdir()
    for name in ("film.avi", "folder/../film.avi", "symbolic.avi", "hard.avi"):
        assert is_one_of(tmp_path / name, [other, film]), name
    assert not is_one_of(film, [other, tmp_path / "not_there.avi"])


def test_a_replayed_folder_stands_for_its_skeleton_files_only(tmp_path: Path) -> None:
    for name in ("one.skeleton", "two.SKELETON", "old.mcap"):
        (tmp_path / name).touch()
    assert is_one_of(tmp_path / "one.skeleton", [tmp_path])
    assert is_one_of(tmp_path / "two.SKELETON", [tmp_path])
    assert not is_one_of(tmp_path / "old.mcap", [tmp_path])
