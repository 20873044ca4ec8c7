"""What users rely on: exported names, verbs and flags, a quick start, a README whose commands exist."""

import argparse
import re
import subprocess
import sys
from pathlib import Path

import pytest

import hitrs_live
from hitrs_live.cli import build_parser
from hitrs_live.messages import ActionEvent, AnyMessage

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_exported_names_are_these() -> None:
    messages = {kind.__name__ for kind in AnyMessage.__args__} | {"AnyMessage", "Array", "Message"}
    others = {"LiveRun", "__version__", "hitrs_base", "hitrs_small", "load_checkpoint", "run", "subscribe"}
    assert set(hitrs_live.__all__) == messages | others
    assert hitrs_live.ActionEvent is ActionEvent
    for name in hitrs_live.__all__:
        assert getattr(hitrs_live, name) is not None


def test_the_base_model_has_its_three_encoders_by_name() -> None:
    model = hitrs_live.hitrs_base()
    for name in ("frame_encoder", "clip_encoder", "video_encoder"):
        assert hasattr(model, name)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = hitrs_live.nothing


@pytest.mark.slow
@pytest.mark.parametrize(
    "code", ["import hitrs_live.cli; hitrs_live.cli.build_parser()", "from hitrs_live import subscribe"]
)
def test_help_and_subscribers_load_neither_torch_nor_mediapipe_nor_opencv(code: str) -> None:
    heavy = "print([name for name in ('torch', 'mediapipe', 'cv2') if name in __import__('sys').modules])"
    out = subprocess.run([sys.executable, "-c", f"{code}; {heavy}"], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def commands() -> list[str]:
    """Find every command of ours in the running text and code of the README and the documents beside it."""
    texts = [README, *(path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").glob("*.md")))]
    found = re.findall(r"(?:python run_live\.py|hitrs-live) [^`\n#|)]*", "\n".join(texts))
    return sorted({command.strip() for command in found})


def subparsers(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Return a parser's verbs by name."""
    return {
        name: sub
        for action in parser._actions
        if isinstance(getattr(action, "choices", None), dict)
        for name, sub in action.choices.items()
    }


def test_every_flag_that_the_readme_and_the_documents_show_exists() -> None:
    verbs = subparsers(build_parser())
    assert commands()
    for command in commands():
        words = command.split()
        verb = "live" if words[0] == "python" else words[1]
        if not re.fullmatch(r"[a-z-]+", verb):
            continue
        assert verb in verbs, f"{command!r} names a verb that is not in {sorted(verbs)}"
        parser = verbs[verb]
        kinds = subparsers(parser)
        if len(words) > 2 and words[2] in kinds:
            parser = kinds[words[2]]
        for flag in re.findall(r"--[a-z-]+", command):
            assert flag in parser.format_help(), f"{command!r} has a flag that `{verb}` does not know"


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 200


def test_the_document_of_the_architecture_shows_every_room_and_module_at_the_top() -> None:
    text = (ROOT / "docs" / "ARCHITECTURE.md").read_text(encoding="utf-8")
    tree = text[text.index("```text\nhitrs_live/\n") :].split("```", 2)[1]
    shown = set(re.findall(r"^  (\w+(?:/|\.py)) ", tree, re.MULTILINE))
    there = {
        f"{path.name}/" if path.is_dir() else path.name
        for path in (ROOT / "hitrs_live").iterdir()
        if path.suffix == ".py" or path.name == "weights" or (path / "__init__.py").exists()
    }
    assert shown == there


def test_the_readme_shows_the_python_subscriber_as_it_is() -> None:
    code = (ROOT / "examples" / "subscriber.py").read_text(encoding="utf-8").split('"""', 2)[2].strip()
    assert code in README
