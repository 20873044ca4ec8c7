"""Give every reader of bytes and text new random input for a time each, and print what failed.

    python benchmarks/soak/fuzz.py --seconds-each 300 --corpus runs/fuzz

These are the suite's own property tests, repeated with new examples, more of them in each round. What failed is kept in
the corpus (Hypothesis' database), reduced, and is tried first in the next run. `--only` chooses readers by name. With
`--coverage`, atheris mutates the input by the branches that it reaches, and its inputs are kept in the corpus as well;
tests that need another fixture than a folder are left out. `pip install atheris` first: it has wheels for Linux, and is
no dependency of the project. Ends with code 1 if anything failed.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
EXAMPLES = 500
"""In each round of a test that takes the number from `FUZZ_EXAMPLES`."""
ANY, FILES, CODEC = "tests/faults/test_any_bytes.py", "tests/faults/test_damaged_files.py", "tests/wire/test_codec.py"
SETS, MODELS = "tests/faults/test_any_data_set.py", "tests/faults/test_any_model_and_bank.py"
READERS: dict[str, tuple[str, ...]] = {
    "codec": (
        f"{CODEC}::test_random_bytes_raise_message_malformed_and_no_other_error",
        f"{CODEC}::test_a_damaged_message_decodes_or_raises_message_malformed",
        f"{CODEC}::test_random_lines_raise_message_malformed_and_no_other_error",
    ),
    "joints messages": (f"{ANY}::test_any_joints_are_tracked_with_finite_positions_or_malformed",),
    "recovery": (
        f"{ANY}::test_any_request_reply_or_event_is_read_or_malformed",
        "tests/faults/test_hostile_last_minutes.py::"
        "test_any_request_reply_or_block_of_the_last_minutes_is_read_or_malformed",
        f"{ANY}::test_any_position_is_read_back_as_it_was_written_or_refused",
    ),
    "NTU text": (
        "tests/sources/test_sources_ntu_format.py::test_a_damaged_file_gives_a_result_or_a_data_error_and_nothing_else",
        "tests/sources/test_sources_ntu_format.py::test_arbitrary_bytes_give_a_result_or_a_data_error_and_nothing_else",
    ),
    "PKU text": (
        "tests/prepare/test_prepare_pku_mmd.py::test_arbitrary_bytes_are_read_or_a_data_error_that_names_the_file",
    ),
    "MCAP reader": (
        f"{FILES}::test_a_recording_damaged_anywhere_is_read_or_refused",
        "tests/sources/test_sources_recording.py::test_noise_over_a_recording_raises_our_own_errors_and_nothing_worse",
    ),
    "JPEG splitter": (
        "tests/sources/test_sources_jpeg_splitter.py::"
        "test_any_bytes_give_only_pieces_that_begin_and_end_as_pictures_do",
        "tests/faults/test_hostile_pictures.py::"
        "test_damage_anywhere_never_makes_the_header_reader_or_the_splitter_fail",
    ),
    "TOML and calibration": (f"{FILES}::test_any_bytes_are_read_or_refused_as_toml",),
    "thresholds": (
        "tests/streaming/test_thresholds.py::test_random_files_are_refused_in_one_line_and_nothing_worse",
        "tests/streaming/test_thresholds.py::test_a_damaged_file_is_thresholds_or_refused",
    ),
    "checkpoint": (f"{FILES}::test_a_checkpoint_damaged_anywhere_is_read_or_refused",),
    "manifest": (
        f"{ANY}::test_any_manifest_of_an_engine_is_refused",
        f"{ANY}::test_a_manifest_that_names_any_files_is_not_followed_to_them",
    ),
    "HTTP": (f"{ANY}::test_an_http_camera_that_sends_any_bytes_is_read_or_refused",),
    "RTSP": (f"{ANY}::test_any_rtsp_stream_passes_or_is_cut_with_a_reason",),
    "masks": (f"{ANY}::test_any_mask_is_polygons_in_the_picture_or_refused",),
    "addresses": (
        f"{ANY}::test_any_file_of_a_cameras_address_is_one_printable_line_or_refused",
        "tests/wire/test_addresses.py::test_the_shown_address_does_not_depend_on_the_password",
    ),
    "data sets": (
        f"{SETS}::test_a_data_set_damaged_anywhere_gives_finite_joints_or_a_short_line",
        f"{SETS}::test_a_data_set_of_any_bytes_gives_finite_joints_or_a_short_line",
        f"{SETS}::test_labels_of_recordings_damaged_anywhere_are_intervals_or_a_short_line",
    ),
    "users' models": (
        f"{MODELS}::test_any_value_in_the_description_of_a_users_model_is_refused_or_fits",
        f"{MODELS}::test_any_text_as_the_description_of_a_users_model_is_refused",
        f"{MODELS}::test_a_users_model_damaged_anywhere_is_refused_or_runs",
    ),
    "banks": (
        f"{MODELS}::test_any_value_in_the_description_of_a_bank_is_refused_or_fits",
        f"{MODELS}::test_any_value_in_the_description_of_a_part_is_ignored_or_fits",
        f"{MODELS}::test_any_bytes_in_a_file_of_a_bank_are_refused",
        f"{MODELS}::test_any_number_in_the_rows_of_a_bank_is_refused_or_fits",
    ),
    "text files": ("tests/files/test_text_file.py::test_any_bytes_are_decoded_or_rejected",),
}
"""The tests of each reader, by name."""


def main() -> int:
    """Run the tests of each reader; return 1 if one failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds-each", type=float, default=300.0, help="time for each test")
    parser.add_argument("--corpus", type=Path, default=ROOT / "runs" / "fuzz", help="folder of what is kept")
    parser.add_argument("--only", nargs="+", choices=sorted(READERS), default=sorted(READERS), metavar="READER")
    parser.add_argument("--coverage", action="store_true", help="use atheris")
    options = parser.parse_args()
    options.corpus.mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ,
        "FUZZ_EXAMPLES": str(EXAMPLES),
        "HYPOTHESIS_STORAGE_DIRECTORY": str(options.corpus.resolve()),
        "PYTHONPATH": os.pathsep.join([str(HERE), str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }
    failed = [name for name in options.only if not _runs(name, options, environment)]
    print(f"failed: {', '.join(failed) or 'none'} of {len(options.only)} readers", flush=True)
    return 1 if failed else 0


def _runs(name: str, options: argparse.Namespace, environment: dict[str, str]) -> bool:
    """Run the tests of a reader; return whether all passed."""
    print(f"== {name}", flush=True)
    if options.coverage:
        return all(
            subprocess.run(
                [
                    sys.executable, str(HERE / "coverage_guided.py"), test, str(options.seconds_each),
                    str(options.corpus / "inputs" / test.partition("::")[2]),
                ],
                cwd=ROOT, env=environment, check=False,
            ).returncode == 0
            for test in READERS[name]
        )  # fmt: skip
    command = [sys.executable, "-m", "pytest", "-q", "-p", "fuzz_rounds", "-p", "no:cacheprovider", "--no-header"]
    command += ["--fuzz-seconds", str(options.seconds_each), "--timeout", "0", *READERS[name]]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
