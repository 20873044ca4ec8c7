"""What users write type-checks strictly: the documents' Python, the examples, and each topic's class of messages."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

TOPICS = """
from typing import assert_type

import hitrs_live
from hitrs_live import (
    ActionEvent, AnyMessage, JointsEvent, MotionPrediction, PoseEvent, ScoreEvent, SourceEvent, Status, subscribe,
)
from hitrs_live.transport.subscriber import Subscription

url = "tcp://127.0.0.1:5556"
for event in subscribe(url, topics="action"):
    assert_type(event, ActionEvent)
assert_type(subscribe(url, "motion"), Subscription[MotionPrediction])
assert_type(subscribe(url, "scores"), Subscription[ScoreEvent])
assert_type(subscribe(url, "pose"), Subscription[PoseEvent])
assert_type(subscribe(url, "joints", 5.0), Subscription[JointsEvent])
assert_type(subscribe(topics="source"), Subscription[SourceEvent])
assert_type(subscribe(topics="status", on_gap=print), Subscription[Status])
assert_type(subscribe(url, topics=("action",)), Subscription[ActionEvent])
assert_type(subscribe(), Subscription[AnyMessage])
assert_type(subscribe(url, ["action", "source"]), Subscription[AnyMessage])
assert_type(subscribe(url, "action.cam", kind=ActionEvent), Subscription[ActionEvent])
assert_type(hitrs_live.subscribe(kind=hitrs_live.PoseEvent), Subscription[hitrs_live.PoseEvent])
"""


def _check(request: pytest.FixtureRequest, *files: Path) -> subprocess.CompletedProcess[str]:
    cache = request.config.cache
    assert cache is not None
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(cache.mkdir("mypy_of_examples"))]
    return subprocess.run([*command, *map(str, files)], cwd=ROOT, capture_output=True, text=True)


@pytest.mark.slow
def test_the_documents_python_the_examples_and_typed_topics_pass_mypy_strict(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    for file in (ROOT / "README.md", ROOT / "docs" / "OPERATING.md"):
        blocks = re.findall(r"```python\n(.*?)```", file.read_text(encoding="utf-8"), re.DOTALL)
        assert blocks
        for number, code in enumerate(blocks):
            (tmp_path / f"{file.stem.lower()}_{number}.py").write_text(code, encoding="utf-8")
    (tmp_path / "typed_topics.py").write_text(TOPICS, encoding="utf-8")
    found = _check(request, *sorted(tmp_path.glob("*.py")), *sorted((ROOT / "examples").glob("*.py")))
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.slow
def test_a_wrong_use_of_a_typed_topic_does_not_pass(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    wrong = "import hitrs_live\nfor event in hitrs_live.subscribe(topics='source'):\n    print(event.label)\n"
    (tmp_path / "wrong.py").write_text(wrong, encoding="utf-8")
    found = _check(request, tmp_path / "wrong.py")
    assert found.returncode == 1
    assert '"SourceEvent" has no attribute "label"' in found.stdout
