"""A start imports only what it needs, and garbage collection skips imported objects."""

import gc
import subprocess
import sys

import pytest

from hitrs_live.process.garbage_collection import collection_paused

PROGRAM = """
import sys
import hitrs_live.pipeline.app
print(*sorted(set(sys.modules) & {"torch", "rich", "mcap", "onnx", "onnxscript", "mediapipe"}))
"""


@pytest.mark.slow
def test_the_live_verb_loads_no_module_that_only_some_runs_need() -> None:
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=120, check=True)
    assert run.stdout.split() == []


def test_garbage_collection_pauses_during_imports_and_skips_their_objects_afterwards() -> None:
    gc.unfreeze()
    try:
        with collection_paused():
            assert not gc.isenabled()
        assert gc.isenabled()
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()


def test_garbage_collection_resumes_after_an_import_that_fails() -> None:
    try:
        with pytest.raises(ImportError), collection_paused():
            raise ImportError
        assert gc.isenabled()
    finally:
        gc.unfreeze()


def test_garbage_collection_that_was_disabled_stays_disabled() -> None:
    gc.disable()
    try:
        with collection_paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
        gc.unfreeze()
