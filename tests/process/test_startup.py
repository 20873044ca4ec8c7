"""A start imports what it needs and nothing else, and looks for no garbage among what stays."""

import gc
import subprocess
import sys

import pytest

from hitrs_live.process.garbage_collection import collection_paused

ASKED = """
import sys
import hitrs_live.pipeline.app
print(*sorted(set(sys.modules) & {"torch", "rich", "mcap", "onnx", "onnxscript", "mediapipe"}))
"""


@pytest.mark.slow
def test_the_live_verb_is_loaded_without_what_only_some_runs_need() -> None:
    run = subprocess.run([sys.executable, "-c", ASKED], capture_output=True, text=True, timeout=120, check=True)
    assert run.stdout.split() == []


def test_nothing_is_collected_while_modules_are_imported_and_what_stays_is_left_alone_after() -> None:
    gc.unfreeze()
    try:
        with collection_paused():
            assert not gc.isenabled()
        assert gc.isenabled()
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()


def test_collection_goes_on_after_an_import_that_fails() -> None:
    try:
        with pytest.raises(ImportError), collection_paused():
            raise ImportError
        assert gc.isenabled()
    finally:
        gc.unfreeze()


def test_who_collects_by_hand_goes_on_doing_so() -> None:
    gc.disable()
    try:
        with collection_paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
        gc.unfreeze()
