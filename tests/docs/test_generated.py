"""The documents have the figures of the reports and the fields of the messages, and a page that has others is named."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from patience import PATIENCE_S

from hitrs_live.config import Config
from hitrs_live.messages import AnyMessage
from hitrs_live.wire.json_codec import from_json, to_json

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGE = """# A page

Before.

<!-- table: soak -->

| after | resident memory |
|---|---|
| 10 s | 366.1 MB |

<!-- end table -->

After.
"""


class Generator:
    """Runs docs/generate.py over a folder, and keeps what it printed."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root, self._capsys = root, capsys
        self.page = root / "docs" / "PAGE.md"
        self.out = self.err = ""

    def run(self, *flags: str) -> int:
        from generate import main

        code = main(["--root", str(self.root), *flags])
        self.out, self.err = self._capsys.readouterr()
        return code


@pytest.fixture(autouse=True)
def _generator_is_importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the generator's modules where Python looks, as they are for `python docs/generate.py`."""
    monkeypatch.syspath_prepend(str(DOCS))


@pytest.fixture
def copied(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Generator:
    """The repository's pages and reports in another folder, with a report of its own and one page more, generated."""
    (tmp_path / "docs").mkdir()
    shutil.copytree(ROOT / "reports", tmp_path / "reports")
    (tmp_path / "reports" / "soak.json").write_text(json.dumps({"frames": 9, "memory_mb": [[10, 366.1], [180, 367.0]]}))
    shutil.copy(ROOT / "README.md", tmp_path)
    for page in DOCS.glob("*.md"):
        shutil.copy(page, tmp_path / "docs")
    generator = Generator(tmp_path, capsys)
    generator.page.write_text(PAGE)
    assert generator.run() == 0
    return generator


def test_every_generated_part_of_the_documents_is_what_the_generator_makes() -> None:
    command = [sys.executable, str(DOCS / "generate.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_what_stands_around_a_table_stays(copied: Generator) -> None:
    lines = ["| after | resident memory |", "|---|---|", "| 10 s | 366.1 MB |", "| 180 s | 367.0 MB |"]
    assert copied.page.read_text() == PAGE.replace(
        PAGE[PAGE.index("| after") : PAGE.index("\n\n<!-- end")], "\n".join(lines)
    )
    assert copied.run("--check") == 0


def test_an_altered_number_of_a_page_is_reported_with_page_and_table(copied: Generator) -> None:
    copied.page.write_text(copied.page.read_text().replace("366.1", "365.1"))
    assert copied.run("--check") == 1
    assert "docs/PAGE.md: table soak differs" in copied.out
    assert "365.1" in copied.out
    assert "365.1" in copied.page.read_text(), "--check must not write"
    assert copied.run() == 0
    assert "365.1" not in copied.page.read_text()


def test_an_altered_report_is_reported_with_page_and_table(copied: Generator) -> None:
    (copied.root / "reports" / "soak.json").write_text(json.dumps({"frames": 9, "memory_mb": [[10, 512.25]]}))
    assert copied.run("--check") == 1
    assert "docs/PAGE.md: table soak differs" in copied.out
    assert "| 10 s | 512.2 MB |" in copied.out


def test_an_altered_page_of_messages_is_reported(copied: Generator) -> None:
    page = copied.root / "docs" / "MESSAGES.md"
    page.write_text(page.read_text().replace("`track_id`", "`person_id`", 1))
    assert copied.run("--check") == 1
    assert "docs/MESSAGES.md: the page differs" in copied.out


@pytest.mark.parametrize(
    ("old", "new", "reported"),
    [
        ("table: soak", "table: sock", "docs/PAGE.md, line 5: no table 'sock'"),
        ("<!-- end table -->\n", "", "docs/PAGE.md, line 5: table soak has no <!-- end table -->"),
        ("<!-- table: soak -->\n", "", "docs/PAGE.md, line 11: <!-- end table --> without"),
        ("<!-- end table -->", "<!-- table: soak -->", "docs/PAGE.md, line 5: table soak has no <!-- end table -->"),
    ],
)
@pytest.mark.parametrize("flags", [(), ("--check",)])
def test_markers_that_cannot_be_followed_are_refused_in_one_line(
    copied: Generator, old: str, new: str, reported: str, flags: tuple[str, ...]
) -> None:
    copied.page.write_text(copied.page.read_text().replace(old, new))
    before = copied.page.read_text()
    assert copied.run(*flags) == 2
    assert copied.err.count("\n") == 1
    assert reported in copied.err
    assert copied.page.read_text() == before


@pytest.mark.parametrize("content", [None, "{", "{}"])
def test_a_report_that_is_missing_or_broken_is_named(copied: Generator, content: str | None) -> None:
    report = copied.root / "reports" / "soak.json"
    report.unlink()
    if content is not None:
        report.write_text(content)
    assert copied.run("--check") == 2
    assert copied.err.count("\n") == 1
    assert "soak" in copied.err


def test_markers_within_a_block_of_code_are_text(copied: Generator) -> None:
    copied.page.write_text("# Markers\n\n```\n<!-- table: NAME -->\n<!-- end table -->\n```\n")
    assert copied.run("--check") == 0


def test_every_table_can_be_made_of_the_reports() -> None:
    from report_tables import TABLES
    from report_tables.reports import Reports

    for name, make in TABLES.items():
        heads, rule, *rows = make(Reports(ROOT / "reports")).splitlines()
        assert rows, name
        for line in (rule, *rows):
            assert line.count("|") == heads.count("|"), f"{name}: {line}"


def test_the_table_of_classes_has_every_class_of_the_shipped_model_once() -> None:
    from report_tables import TABLES
    from report_tables.models import shipped_labels
    from report_tables.reports import Reports

    named = re.findall(r"`(\w+)`", TABLES["classes"](Reports(ROOT / "reports")))
    assert sorted(named) == sorted(shipped_labels()[1:])


def test_a_table_names_the_model_that_its_report_is_of() -> None:
    from report_tables.models import model_of

    for name, model in {
        "hitrs_tiny": "hitrs_tiny 9",
        "hitrs_tiny_8": "hitrs_tiny 8",
        "hitrs_tiny_3": "hitrs_tiny 3",
    }.items():
        weights = ROOT / "hitrs_live" / "weights" / f"{name}.safetensors"
        sha256 = hashlib.sha256(weights.read_bytes()).hexdigest()
        assert model_of({"checkpoint": {"sha256": sha256}}) == model
    assert model_of({"checkpoint": {"sha256": "0" * 64}}) == "other weights (00000000)"


def test_a_column_of_fractions_has_to_say_how_it_is_rounded() -> None:
    from report_tables.markdown import Column, Spread, table

    assert table([Column("s", lambda row: row, ".1f", " s")], [0.25, None]) == "| s |\n|---|\n| 0.2 s |\n| - |"
    assert table([Column("mAP", Spread, ".2f")], [[0.5], [0.5, 0.75]]).endswith("| 0.50 |\n| 0.62 ± 0.18 |")
    with pytest.raises(ValueError, match="wants a format"):
        table([Column("s", lambda row: row)], [0.25])


def test_every_kind_of_message_is_shown_and_every_field_explained() -> None:
    from message_examples import EXAMPLES
    from message_page import undocumented

    assert {type(example) for example in EXAMPLES} == set(AnyMessage.__args__)
    assert undocumented() == []


def test_the_messages_shown_can_be_read_back() -> None:
    from message_examples import EXAMPLES

    for example in EXAMPLES:
        assert from_json(to_json(example)) == example


def test_the_settings_that_the_page_of_messages_names_exist() -> None:
    page = (DOCS / "MESSAGES.md").read_text(encoding="utf-8")
    named = re.findall(rf"`({'|'.join(Config.__struct_fields__)})\.(\w+)`", page)
    assert len(named) > 10
    for section, name in named:
        assert hasattr(getattr(Config(), section), name), f"{section}.{name}"


def test_the_shipped_model_card_has_the_figures_of_the_reports(tmp_path: Path) -> None:
    shipped = ROOT / "hitrs_live" / "weights" / "MODEL_CARD.md"
    card = shutil.copy(shipped, tmp_path)
    command = [sys.executable, str(ROOT / "benchmarks" / "card" / "model_card.py"), "--card", str(card)]
    subprocess.run(command, check=True, cwd=ROOT, timeout=PATIENCE_S)
    assert Path(card).read_text(encoding="utf-8") == shipped.read_text(encoding="utf-8")
